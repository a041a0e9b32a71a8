//! Private parts, apart from the journal and encrypted under their subject's key; dropping the key erases them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};

use crate::journal::Fault;
use crate::journal::entry::Sealed;

mod scan;

/// Record head: length 4 ‖ crc32c 4 ‖ index 8 ‖ field 2 ‖ subject 16 ‖ nonce 12; then the ciphertext of value ‖ salt 16.
const HEAD_BYTES: usize = 46;
const SUBJECT_AT: usize = 18;
const NONCE_AT: usize = 34;
const NONCE_BYTES: usize = 12;
/// Key record: subject 16 ‖ key 32 ‖ crc32c 4. A key of zeros is a tombstone.
const KEY_BYTES: usize = 52;
const SALT_BYTES: usize = 16;

/// Value and salt of a private field.
pub type Opened = (Vec<u8>, [u8; SALT_BYTES]);

/// Records by index of the entry and id of the field.
type Places = BTreeMap<(u64, u16), Place>;

/// Keys by subject.
type Keys = BTreeMap<[u8; 16], [u8; 32]>;

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
    keys: Keys,
}

/// The private store of one data directory.
pub struct PrivateStore {
    inner: Mutex<Inner>,
    /// Places of the files where something rotted: what stood there reads as erased.
    pub damaged: u64,
}

impl PrivateStore {
    /// Opens or makes the folder. A torn tail is dropped, it was never acknowledged; a record that rotted is passed over,
    /// and those behind it stay.
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
        let (keys, rotten_keys) = read_keys(&mut keys_file)?;
        let found = scan::scan(&values)?;
        values.set_len(found.end)?;
        let (places, end) = (found.places, found.end);
        Ok(Self {
            damaged: found.damaged + rotten_keys,
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
        let parts: usize = entries.iter().map(|entry| entry.private.len()).sum();
        let mut nonces = random(parts * NONCE_BYTES)?.into_iter();
        for entry in entries {
            for part in &entry.private {
                let key = inner.key(part.subject, &mut new_keys)?;
                let start = bytes.len();
                let mut plain = part.value.clone();
                plain.extend_from_slice(&part.salt);
                let cipher = ChaCha20Poly1305::new(Key::from_slice(&key));
                // Never of the index: an entry that was cut gives its index to another one.
                let nonce: Vec<u8> = nonces.by_ref().take(NONCE_BYTES).collect();
                let message = Payload {
                    msg: &plain,
                    aad: &aad(entry.index, part.field, &part.subject),
                };
                let sealed = cipher
                    .encrypt(Nonce::from_slice(&nonce), message)
                    .map_err(|_| Fault::Malformed {
                        what: "a private part cannot be encrypted".into(),
                    })?;
                bytes.extend_from_slice(&((HEAD_BYTES + sealed.len()) as u32).to_be_bytes());
                bytes.extend_from_slice(&[0; 4]);
                bytes.extend_from_slice(&entry.index.to_be_bytes());
                bytes.extend_from_slice(&part.field.to_be_bytes());
                bytes.extend_from_slice(&part.subject);
                bytes.extend_from_slice(&nonce);
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
        let Some(subject) = record.get(SUBJECT_AT..NONCE_AT) else {
            return Ok(None);
        };
        let Some(key) = inner.keys.get(subject).filter(|key| **key != [0; 32]) else {
            return Ok(None);
        };
        let cipher = ChaCha20Poly1305::new(Key::from_slice(key));
        let message = Payload {
            msg: &record[HEAD_BYTES..],
            aad: &aad(index, field, subject),
        };
        let plain = cipher.decrypt(Nonce::from_slice(&record[NONCE_AT..HEAD_BYTES]), message);
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
        key.copy_from_slice(&random(32)?);
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

/// What a ciphertext is bound to beside its key.
fn aad(index: u64, field: u16, subject: &[u8]) -> Vec<u8> {
    [&index.to_be_bytes()[..], &field.to_be_bytes(), subject].concat()
}

fn random(count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// All keys, and how many rotted. A torn tail is cut, so that the next record stands where it is looked for.
fn read_keys(file: &mut File) -> io::Result<(Keys, u64)> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let (mut keys, mut whole, mut seen) = (BTreeMap::new(), 0_u64, 0_u64);
    let mut end = 0;
    for (at, record) in bytes.chunks_exact(KEY_BYTES).enumerate() {
        let (subject, key) = (record[..16].try_into(), record[16..48].try_into());
        if let (Ok(subject), Ok(key)) = (subject, key)
            && crc32c::crc32c(&record[..48]).to_be_bytes() == record[48..]
        {
            keys.insert(subject, key);
            (whole, seen, end) = (whole + 1, at as u64 + 1, (at + 1) * KEY_BYTES);
        }
    }
    file.set_len(end as u64)?;
    file.seek(SeekFrom::Start(end as u64))?;
    Ok((keys, seen - whole))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::journal::entry::{EntryDraft, Field, seal};

    const FIELD: u16 = 0x1000;

    /// A folder that is removed with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("whampoa-{name}-{}", std::process::id()));
            drop(fs::remove_dir_all(&path));
            Self(path)
        }

        fn open(&self) -> PrivateStore {
            PrivateStore::open(&self.0).unwrap()
        }

        fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
            let path = self.0.join(name);
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(path, bytes).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn entry(index: u64, subject: u8, text: &str) -> Sealed {
        let draft = EntryDraft {
            event_type: 9,
            schema: 1,
            actor: 0,
            time_ms: 0,
            case_id: [0; 16],
            prev_of_case: 0,
            flags: 0,
            fields: vec![Field {
                id: FIELD,
                kind: 1,
                value: text.as_bytes().to_vec(),
                subject: Some([subject; 16]),
            }],
            row_sections: vec![],
        };
        seal(draft, index, [0; 32], [3; 32])
    }

    /// Five entries of three subjects.
    fn filled(folder: &Folder) {
        let store = folder.open();
        for index in 0..5_u64 {
            let text = format!("value {index}");
            store
                .put(&[entry(index, (index % 3) as u8, &text)])
                .unwrap();
        }
    }

    fn read(store: &PrivateStore) -> Vec<Option<String>> {
        (0..6)
            .map(|index| {
                let found = store.open_field(index, FIELD).unwrap();
                found.map(|(value, _)| String::from_utf8(value).unwrap())
            })
            .collect()
    }

    fn expected(missing: &[usize]) -> Vec<Option<String>> {
        let value = |at: usize| (at < 5 && !missing.contains(&at)).then(|| format!("value {at}"));
        (0..6).map(value).collect()
    }

    #[test]
    fn what_was_put_is_read_after_reopening_and_erased_with_its_key() {
        let folder = Folder::new("put");
        filled(&folder);
        let store = folder.open();
        assert_eq!((read(&store), store.damaged), (expected(&[]), 0));
        store.drop_key([1; 16]).unwrap();
        assert_eq!(read(&store), expected(&[1, 4]));
        assert_eq!(read(&folder.open()), expected(&[1, 4]));
    }

    #[test]
    fn a_rotten_record_loses_itself_alone() {
        for place in [0, 3, 5, 20, 50] {
            let folder = Folder::new(&format!("rot-{place}"));
            filled(&folder);
            let length = fs::metadata(folder.0.join("values.wp")).unwrap().len() as usize / 5;
            folder.damage("values.wp", |bytes| bytes[length + place] ^= 0x40);
            let store = folder.open();
            assert_eq!(
                (read(&store), store.damaged),
                (expected(&[1]), 1),
                "{place}"
            );
            store.put(&[entry(5, 0, "more")]).unwrap();
            assert_eq!(read(&folder.open())[5].as_deref(), Some("more"));
        }
    }

    #[test]
    fn a_torn_tail_is_cut_and_the_next_record_is_found() {
        for cut in [1, 30, 60] {
            let folder = Folder::new(&format!("torn-{cut}"));
            filled(&folder);
            folder.damage("values.wp", |bytes| bytes.truncate(bytes.len() - cut));
            folder.damage("keys.wk", |bytes| bytes.extend([7; 20]));
            let store = folder.open();
            assert_eq!((read(&store), store.damaged), (expected(&[4]), 0));
            store.put(&[entry(5, 200, "of a new subject")]).unwrap();
            let again = folder.open();
            assert_eq!(read(&again)[5].as_deref(), Some("of a new subject"));
            assert_eq!(again.damaged, 0);
        }
    }

    #[test]
    fn a_rotten_key_loses_its_subject_alone() {
        let folder = Folder::new("key");
        filled(&folder);
        folder.damage("keys.wk", |bytes| bytes[KEY_BYTES + 20] ^= 1);
        let store = folder.open();
        assert_eq!((read(&store), store.damaged), (expected(&[1, 4]), 1));
        store.put(&[entry(5, 200, "new")]).unwrap();
        assert_eq!(read(&folder.open())[5].as_deref(), Some("new"));
    }

    #[test]
    fn an_index_that_is_given_again_has_another_ciphertext() {
        let folder = Folder::new("again");
        let store = folder.open();
        store.put(&[entry(0, 1, "value 0")]).unwrap();
        let first = fs::read(folder.0.join("values.wp")).unwrap();
        store.put(&[entry(0, 1, "value 0")]).unwrap();
        let both = fs::read(folder.0.join("values.wp")).unwrap();
        assert_ne!(both[first.len() + HEAD_BYTES..], first[HEAD_BYTES..]);
        assert_eq!(read(&folder.open())[0].as_deref(), Some("value 0"));
    }
}
