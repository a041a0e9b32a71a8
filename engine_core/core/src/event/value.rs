//! Values of fixed width, big-endian: what columns and fields are made of.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{Id, KeyDigest, Step};
use crate::money::Currency;

/// A value of fixed width, big-endian.
pub trait Wire: Sized {
    const WIDTH: usize;
    fn put(&self, out: &mut Vec<u8>);
    /// Reads from the first `WIDTH` bytes; `None` when they are no value of this type.
    fn get(bytes: &[u8]) -> Option<Self>;
    /// What kind of value it is, for docs/formats.md.
    fn describe() -> String;
}

macro_rules! integer_wire {
    ($($t:ty),*) => {$(
        impl Wire for $t {
            const WIDTH: usize = size_of::<$t>();
            fn put(&self, out: &mut Vec<u8>) { out.extend_from_slice(&self.to_be_bytes()); }
            fn get(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_be_bytes(bytes.get(..Self::WIDTH)?.try_into().ok()?))
            }
            fn describe() -> String { stringify!($t).to_owned() }
        }
    )*};
}
integer_wire!(u8, u16, u32, u64, i32, i64);

impl<const N: usize> Wire for [u8; N] {
    const WIDTH: usize = N;
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn get(bytes: &[u8]) -> Option<Self> {
        bytes.get(..N)?.try_into().ok()
    }
    fn describe() -> String {
        "bytes".to_owned()
    }
}

impl Wire for bool {
    const WIDTH: usize = 1;
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn get(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
    fn describe() -> String {
        "0 or 1".to_owned()
    }
}

/// Types that are one value under another name.
macro_rules! wrapper_wire {
    ($($t:ty: $inner:ty = $name:literal),* $(,)?) => {$(
        impl Wire for $t {
            const WIDTH: usize = <$inner>::WIDTH;
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }
            fn get(bytes: &[u8]) -> Option<Self> {
                Wire::get(bytes).map(Self)
            }
            fn describe() -> String {
                $name.to_owned()
            }
        }
    )*};
}
wrapper_wire!(Id: [u8; 16] = "id", KeyDigest: [u8; 16] = "digest", Currency: u16 = "currency");

/// u48 index ‖ u16 row.
impl Wire for Step {
    const WIDTH: usize = 8;
    fn put(&self, out: &mut Vec<u8>) {
        (self.index << 16 | u64::from(self.row)).put(out);
    }
    fn get(bytes: &[u8]) -> Option<Self> {
        let packed = u64::get(bytes)?;
        Some(Self {
            index: packed >> 16,
            row: packed as u16,
        })
    }
    fn describe() -> String {
        "step".to_owned()
    }
}

/// Text of at most `N` bytes, zero-padded; holds no zero byte itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<const N: usize>(pub [u8; N]);

impl<const N: usize> Text<N> {
    /// `None` when the text is longer than `N` bytes or holds a zero byte.
    pub fn new(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() > N || bytes.contains(&0) {
            return None;
        }
        let mut raw = [0; N];
        raw[..bytes.len()].copy_from_slice(bytes);
        Some(Self(raw))
    }

    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(N);
        std::str::from_utf8(&self.0[..end]).unwrap_or("")
    }

    pub fn is_empty(&self) -> bool {
        self.0.first().is_none_or(|byte| *byte == 0)
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> std::fmt::Debug for Text<N> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), out)
    }
}

/// In snapshots: the text alone.
impl<const N: usize> Serialize for Text<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        Self::new(text).ok_or_else(|| D::Error::custom("a text that is too long"))
    }
}

impl<const N: usize> Wire for Text<N> {
    const WIDTH: usize = N;
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn get(bytes: &[u8]) -> Option<Self> {
        let raw: [u8; N] = Wire::get(bytes)?;
        let end = raw.iter().position(|byte| *byte == 0).unwrap_or(N);
        let is_padded = raw[end..].iter().all(|byte| *byte == 0);
        (is_padded && std::str::from_utf8(&raw[..end]).is_ok()).then_some(Self(raw))
    }
    fn describe() -> String {
        "text".to_owned()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    const WIDTH: usize = A::WIDTH + B::WIDTH;
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
    fn get(bytes: &[u8]) -> Option<Self> {
        Some((A::get(bytes)?, B::get(bytes.get(A::WIDTH..)?)?))
    }
    fn describe() -> String {
        format!("{}, {}", A::describe(), B::describe())
    }
}
