//! Ids of 16 bytes in UUIDv7 layout, positions in the log, and digests of business keys.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 16 bytes in UUIDv7 layout: 48 bits of Unix milliseconds, then version, variant and 74 free bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Id(pub [u8; 16]);

impl std::fmt::Debug for Id {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, out)
    }
}

/// How far the time of a new id may lie behind and ahead of engine time (DESIGN section 4.8).
pub const WINDOW_BEHIND_MS: u64 = 24 * 3_600_000;
pub const WINDOW_AHEAD_MS: u64 = 5 * 60_000;

impl Id {
    pub const ZERO: Self = Self([0; 16]);

    /// The id in `bytes`, when they are 16 bytes in UUIDv7 layout.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let raw: [u8; 16] = bytes.try_into().ok()?;
        (raw[6] >> 4 == 7 && raw[8] >> 6 == 0b10).then_some(Self(raw))
    }

    pub fn from_halves(high: u64, low: u64) -> Self {
        Self((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }

    pub fn time_ms(&self) -> u64 {
        self.0[..6]
            .iter()
            .fold(0, |time, byte| time << 8 | u64::from(*byte))
    }

    pub fn is_in_window(&self, now_ms: u64) -> bool {
        let time = self.time_ms();
        time + WINDOW_BEHIND_MS >= now_ms && time <= now_ms + WINDOW_AHEAD_MS
    }

    /// An id the engine gives: time of the entry, free bits from what names the subject.
    pub fn derive(time_ms: u64, kind: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new_with_prefix(kind.as_bytes());
        for part in parts {
            hash.update((part.len() as u32).to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut raw = [0; 16];
        raw[..6].copy_from_slice(&time_ms.to_be_bytes()[2..]);
        raw[6..].copy_from_slice(&digest[..10]);
        raw[6] = raw[6] & 0x0f | 0x70;
        raw[8] = raw[8] & 0x3f | 0x80;
        Self(raw)
    }
}

/// A row of an entry: where a step of a subject stands. All ones means "no step before".
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Step {
    pub index: u64,
    pub row: u16,
}

impl Step {
    pub const NONE: Self = Self {
        index: (1 << 48) - 1,
        row: u16::MAX,
    };

    pub fn is_some(&self) -> bool {
        *self != Self::NONE
    }
}

impl Default for Step {
    fn default() -> Self {
        Self::NONE
    }
}

/// Digest of a business key under the key of the log, so that order numbers never stand in public fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct KeyDigest(pub [u8; 16]);

impl std::fmt::Debug for KeyDigest {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&Id(self.0), out)
    }
}

/// Secret of the log from which business keys are digested; replay never needs it.
#[derive(Clone)]
pub struct LogKey(pub [u8; 32]);

impl LogKey {
    pub fn digest(&self, kind: &str, parts: &[&str]) -> KeyDigest {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length is a key");
        mac.update(kind.as_bytes());
        for part in parts {
            mac.update(&(part.len() as u32).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let full = mac.finalize().into_bytes();
        KeyDigest(full[..16].try_into().expect("16 of 32 bytes"))
    }
}
