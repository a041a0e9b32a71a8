//! The manifest: what a backup holds. It is replaced as a whole, last, so a backup is always what its newest manifest says.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::refused;
use crate::evidence::hash::Hash;
use crate::journal::storage::Storage;
use crate::journal::{Fault, segment};

pub const NAME: &str = "manifest.json";
const UNFINISHED: &str = "manifest.json.new";
pub const FORMAT: &str = "whampoa backup v1";
/// The small files that a backup holds, by their paths in a data directory.
pub const CONFIG: &str = "config.toml";
pub const LOG_KEY: &str = "keys/log.key";
/// Indexes have 48 bits (docs/formats.md), and so has everything counted here.
const NUMBER_MAX: u64 = 1 << 48;

/// A hash, in JSON as hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex(pub Hash);

impl Hex {
    /// SHA-256 of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex {
            return Err(D::Error::custom("a hash has 64 hexadecimal digits"));
        }
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(D::Error::custom)?;
            *byte = u8::from_str_radix(digits, 16).map_err(D::Error::custom)?;
        }
        Ok(Self(hash))
    }
}

/// A file of the journal: so many of its bytes are in the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    pub file: String,
    pub bytes: u64,
    pub first_index: u64,
    pub entries: u64,
    /// Of every 64 MiB.
    pub sha256: Vec<Hex>,
}

impl Segment {
    /// Index behind its last entry.
    pub fn end(&self) -> u64 {
        self.first_index + self.entries
    }
}

/// Another file that only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grown {
    pub bytes: u64,
    pub sha256: Vec<Hex>,
}

/// The private parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Private {
    pub values: Grown,
    pub keys: Grown,
}

/// A small file, kept at the root of the backup under a name that says its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Small {
    /// Its path in a data directory.
    pub file: String,
    pub kept_as: String,
    pub bytes: u64,
    pub sha256: Hex,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: String,
    /// When it was made, Unix milliseconds.
    pub time_ms: u64,
    /// Empty while there is no entry.
    pub log: String,
    pub entries: u64,
    pub rows: u64,
    /// Leaf hash of the newest entry; zeros without one.
    pub link: Hex,
    /// Merkle root over all entries, and the roots of its perfect subtrees, from which it goes on.
    pub root: Hex,
    pub peaks: Vec<(u32, Hex)>,
    /// Known when the backup was replayed.
    pub state_hash: Option<Hex>,
    pub laws_hold: Option<bool>,
    pub segments: Vec<Segment>,
    /// None: the backup is made without private parts.
    pub private: Option<Private>,
    pub small: Vec<Small>,
    /// Of this object with zeros in place of this sum.
    pub sha256: Hex,
}

impl Manifest {
    /// Index of the newest entry, −1 when there is none.
    pub fn index(&self) -> i64 {
        self.entries as i64 - 1
    }

    fn sum(&self) -> Result<Hex, Fault> {
        let blank = Self {
            sha256: Hex([0; 32]),
            ..self.clone()
        };
        let bytes = serde_json::to_vec(&blank).map_err(std::io::Error::from)?;
        Ok(Hex::of(&bytes))
    }

    /// Reads the manifest of a backup; `None` when the folder is empty, or was only begun.
    pub fn read(root: &dyn Storage) -> Result<Option<Self>, Fault> {
        let names = root.names()?;
        if !names.iter().any(|name| name == NAME) {
            // One that was begun has folders and a manifest that never got its name.
            let known = |name: &String| [UNFINISHED, "journal", "private"].contains(&&name[..]);
            return match names.iter().all(known) {
                true => Ok(None),
                false => refused("the target is not empty and holds no backup".into()),
            };
        }
        let bytes = root.read_at(NAME, 0, root.length(NAME)? as usize)?;
        let damaged = |what: String| Fault::Malformed {
            what: format!("{NAME}: {what}"),
        };
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|fault| damaged(fault.to_string()))?;
        if manifest.format != FORMAT {
            let told = &manifest.format;
            return Err(damaged(format!("format is {told:?}, not {FORMAT:?}")));
        }
        if manifest.sum()? != manifest.sha256 {
            return Err(damaged("it does not fit its own SHA-256".into()));
        }
        match manifest.stranger() {
            None => Ok(Some(manifest)),
            Some(what) => Err(damaged(format!("no backup says {what}"))),
        }
    }

    /// What no backup of this code says. Anybody can make the sum, and files are written under the names that stand here:
    /// a name with a path in it would be written where nobody asked.
    fn stranger(&self) -> Option<String> {
        for segment in &self.segments {
            let end = segment.first_index.checked_add(segment.entries);
            let is_in_bounds =
                end.is_some_and(|end| end <= NUMBER_MAX) && segment.bytes <= NUMBER_MAX;
            if segment.file != segment::name(segment.first_index) || !is_in_bounds {
                return Some(format!("segment {:?}", segment.file));
            }
        }
        for small in &self.small {
            let is_plain = small
                .kept_as
                .starts_with(|letter: char| letter.is_ascii_alphanumeric())
                && !small.kept_as.contains(['/', '\\', '\0']);
            if ![CONFIG, LOG_KEY].contains(&&small.file[..]) || !is_plain {
                return Some(format!("file {:?} as {:?}", small.file, small.kept_as));
            }
        }
        (self.entries > NUMBER_MAX).then(|| format!("{} entries", self.entries))
    }

    /// Puts it in place of the one before, durably.
    pub fn write(&mut self, root: &dyn Storage) -> Result<(), Fault> {
        self.sha256 = self.sum()?;
        let mut bytes = serde_json::to_vec_pretty(self).map_err(std::io::Error::from)?;
        bytes.push(b'\n');
        root.create(UNFINISHED)?;
        root.write_at(UNFINISHED, 0, &bytes)?;
        root.sync(UNFINISHED)?;
        root.place(UNFINISHED, NAME)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::storage::MemoryStorage;

    fn manifest() -> Manifest {
        let zeros = Hex([0; 32]);
        Manifest {
            format: FORMAT.to_owned(),
            time_ms: 0,
            log: "whampoa-1".to_owned(),
            entries: 2,
            rows: 0,
            link: zeros,
            root: zeros,
            peaks: Vec::new(),
            state_hash: None,
            laws_hold: None,
            segments: vec![Segment {
                file: segment::name(0),
                bytes: 512,
                first_index: 0,
                entries: 2,
                sha256: Vec::new(),
            }],
            private: None,
            small: vec![Small {
                file: LOG_KEY.to_owned(),
                kept_as: "0123456789abcdef-log.key".to_owned(),
                bytes: 32,
                sha256: zeros,
            }],
            sha256: zeros,
        }
    }

    /// What is said of a manifest whose sum is right.
    fn told(change: impl FnOnce(&mut Manifest)) -> String {
        let mut manifest = manifest();
        change(&mut manifest);
        let storage = MemoryStorage::default();
        manifest.write(&storage).unwrap();
        match Manifest::read(&storage) {
            Ok(_) => String::new(),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused_whatever_its_sum_says() {
        assert_eq!(told(|_| {}), "");
        let refused = [
            told(|it| it.segments[0].file = "../x.wj".into()),
            told(|it| it.segments[0].file = segment::name(1)),
            told(|it| it.segments[0].entries = u64::MAX),
            told(|it| it.segments[0].bytes = u64::MAX),
            told(|it| it.entries = u64::MAX),
            told(|it| it.small[0].file = "keys/../../x".into()),
            told(|it| it.small[0].kept_as = "../x".into()),
            told(|it| it.small[0].kept_as = "/x".into()),
            told(|it| it.small[0].kept_as = "..".into()),
        ];
        for told in refused {
            assert!(told.contains("no backup says "), "{told}");
        }
    }
}
