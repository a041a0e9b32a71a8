//! Private parts, apart from the journal and encrypted under their subject's key; dropping the key erases them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};

use crate::journal::Fault;
use crate::journal::entry::Sealed;

/// Record head: length 4 ‖ crc32c 4 ‖ index 8 ‖ field 2 ‖ subject 16; then the ciphertext of value ‖ salt 16.
const HEAD_BYTES: usize = 34;
/// Key record: subject 16 ‖ key 32 ‖ crc32c 4. A key of zeros is a tombstone.
const KEY_BYTES: usize = 52;
const SALT_BYTES: usize = 16;

/// Value and salt of a private field.
pub type Opened = (Vec<u8>, [u8; SALT_BYTES]);

/// Records by index of the entry and id of the field.
type Places = BTreeMap<(u64, u16), Place>;

#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    length: u32,
}

struct Inner {
    values: File,
    keys_file: File,
    end: u64,
    places: Places,
    keys: BTreeMap<[u8; 16], [u8; 32]>,
}

/// The private store of one data directory.
pub struct PrivateStore {
    inner: Mutex<Inner>,
}

impl PrivateStore {
    /// Opens or makes the folder; records behind a torn one are dropped, they were never acknowledged.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        fs::create_dir_all(folder)?;
        let open = |name: &str| {
            File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(folder.join(name))
        };
        let (values, mut keys_file) = (open("values.wp")?, open("keys.wk")?);
        File::open(folder)?.sync_all()?;
        let mut bytes = Vec::new();
        keys_file.read_to_end(&mut bytes)?;
        let mut keys = BTreeMap::new();
        for record in bytes.chunks_exact(KEY_BYTES) {
            let (subject, key) = (record[..16].try_into(), record[16..48].try_into());
            let (Ok(subject), Ok(key)) = (subject, key) else {
                break;
            };
            if crc32c::crc32c(&record[..48]).to_be_bytes() != record[48..] {
                break;
            }
            keys.insert(subject, key);
        }
        let (places, end) = scan(&values)?;
        values.set_len(end)?;
        Ok(Self {
            inner: Mutex::new(Inner {
                values,
                keys_file,
                end,
                places,
                keys,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the private parts of entries, durably.
    pub fn put(&self, entries: &[Sealed]) -> Result<(), Fault> {
        let mut inner = self.lock();
        let (mut bytes, mut new_keys, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            for part in &entry.private {
                let key = inner.key(part.subject, &mut new_keys)?;
                let start = bytes.len();
                let mut plain = part.value.clone();
                plain.extend_from_slice(&part.salt);
                let cipher = ChaCha20Poly1305::new(Key::from_slice(&key));
                let message = Payload {
                    msg: &plain,
                    aad: &part.subject,
                };
                let sealed = cipher
                    .encrypt(&nonce(entry.index, part.field), message)
                    .map_err(|_| Fault::Malformed {
                        what: "a private part cannot be encrypted".into(),
                    })?;
                bytes.extend_from_slice(&((HEAD_BYTES + sealed.len()) as u32).to_be_bytes());
                bytes.extend_from_slice(&[0; 4]);
                bytes.extend_from_slice(&entry.index.to_be_bytes());
                bytes.extend_from_slice(&part.field.to_be_bytes());
                bytes.extend_from_slice(&part.subject);
                bytes.extend_from_slice(&sealed);
                let crc = crc32c::crc32c(&bytes[start + 8..]);
                bytes[start + 4..start + 8].copy_from_slice(&crc.to_be_bytes());
                let place = Place {
                    offset: inner.end + start as u64,
                    length: (bytes.len() - start) as u32,
                };
                places.push(((entry.index, part.field), place));
            }
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if !new_keys.is_empty() {
            inner.keys_file.write_all(&new_keys)?;
            inner.keys_file.sync_data()?;
        }
        inner.values.write_all_at(&bytes, inner.end)?;
        inner.values.sync_data()?;
        inner.end += bytes.len() as u64;
        inner.places.extend(places);
        Ok(())
    }

    /// The value and salt of a private field; `None` when it was never kept here or its key was dropped.
    pub fn open_field(&self, index: u64, field: u16) -> Result<Option<Opened>, Fault> {
        let inner = self.lock();
        let Some(place) = inner.places.get(&(index, field)).copied() else {
            return Ok(None);
        };
        let mut record = vec![0; place.length as usize];
        inner.values.read_exact_at(&mut record, place.offset)?;
        let Some(subject) = record.get(18..HEAD_BYTES) else {
            return Ok(None);
        };
        let Some(key) = inner.keys.get(subject).filter(|key| **key != [0; 32]) else {
            return Ok(None);
        };
        let cipher = ChaCha20Poly1305::new(Key::from_slice(key));
        let message = Payload {
            msg: &record[HEAD_BYTES..],
            aad: subject,
        };
        let plain = cipher.decrypt(&nonce(index, field), message);
        let plain = plain.map_err(|_| Fault::Malformed {
            what: format!("private part of entry {index} is damaged"),
        })?;
        let (value, salt) = plain.split_at(plain.len().saturating_sub(SALT_BYTES));
        Ok(salt.try_into().ok().map(|salt| (value.to_vec(), salt)))
    }

    /// Erases all that is kept under a subject's key.
    pub fn drop_key(&self, subject: [u8; 16]) -> Result<(), Fault> {
        let mut inner = self.lock();
        inner.keys_file.write_all(&key_record(subject, [0; 32]))?;
        inner.keys_file.sync_data()?;
        inner.keys.insert(subject, [0; 32]);
        Ok(())
    }
}

impl Inner {
    fn key(&mut self, subject: [u8; 16], new_keys: &mut Vec<u8>) -> Result<[u8; 32], Fault> {
        if let Some(key) = self.keys.get(&subject) {
            return Ok(*key);
        }
        let mut key = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        new_keys.extend_from_slice(&key_record(subject, key));
        self.keys.insert(subject, key);
        Ok(key)
    }
}

fn key_record(subject: [u8; 16], key: [u8; 32]) -> Vec<u8> {
    let mut record = [&subject[..], &key[..]].concat();
    let crc = crc32c::crc32c(&record);
    record.extend_from_slice(&crc.to_be_bytes());
    record
}

/// Unique per key: an entry has each field once.
fn nonce(index: u64, field: u16) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&index.to_be_bytes());
    nonce[8..10].copy_from_slice(&field.to_be_bytes());
    nonce.into()
}

fn scan(values: &File) -> io::Result<(Places, u64)> {
    let mut bytes = Vec::new();
    (&*values).read_to_end(&mut bytes)?;
    let mut places = BTreeMap::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + HEAD_BYTES) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(record) = bytes
            .get(at..at + length)
            .filter(|record| record.len() > HEAD_BYTES)
        else {
            break;
        };
        if crc32c::crc32c(&record[8..]).to_be_bytes() != record[4..8] {
            break;
        }
        let index = head[8..16]
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        let field = u16::from_be_bytes([head[16], head[17]]);
        places.insert(
            (index, field),
            Place {
                offset: at as u64,
                length: length as u32,
            },
        );
        at += length;
    }
    Ok((places, at as u64))
}
