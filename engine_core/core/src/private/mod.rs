//! Private parts, apart from the journal and encrypted under their subject's key; dropping the key erases them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};

use crate::journal::Fault;
use crate::journal::entry::Sealed;
use crate::journal::storage::Storage;

pub mod check;
pub mod extent;
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
    storage: Box<dyn Storage>,
    random: Box<Random>,
    /// Where the next record and the next key go.
    values_end: u64,
    keys_end: u64,
    places: Places,
    keys: Keys,
}

/// Fills bytes that nobody can guess.
pub type Random = dyn FnMut(&mut [u8]) -> io::Result<()> + Send;

pub const VALUES: &str = "values.wp";
pub const KEYS: &str = "keys.wk";

/// The private store of one data directory.
pub struct PrivateStore {
    inner: Mutex<Inner>,
    /// Places of the files where something rotted: what stood there reads as erased.
    pub damaged: u64,
}

impl PrivateStore {
    /// Opens or makes the two files. A torn tail is dropped, it was never acknowledged; a record that rotted is passed over,
    /// and those behind it stay.
    pub fn open(storage: impl Storage + 'static, random: Box<Random>) -> Result<Self, Fault> {
        storage.ensure(VALUES)?;
        storage.ensure(KEYS)?;
        let keys = read_keys(&storage)?;
        storage.set_length(KEYS, keys.end)?;
        let found = scan::scan(&storage, VALUES)?;
        storage.set_length(VALUES, found.end)?;
        Ok(Self {
            damaged: (found.damaged.len() + keys.rotten.len()) as u64,
            inner: Mutex::new(Inner {
                storage: Box::new(storage),
                random,
                values_end: found.end,
                keys_end: keys.end,
                places: found.places,
                keys: keys.keys,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the private parts of entries, durably.
    pub fn put(&self, entries: &[Sealed]) -> Result<(), Fault> {
        let mut inner = self.lock();
        let (mut bytes, mut new_keys, mut places) = (Vec::new(), Keys::new(), Vec::new());
        let parts: usize = entries.iter().map(|entry| entry.private.len()).sum();
        let mut nonces = vec![0; parts * NONCE_BYTES];
        (inner.random)(&mut nonces)?;
        let mut nonces = nonces.into_iter();
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
                    offset: inner.values_end + start as u64,
                    length: (bytes.len() - start) as u32,
                };
                places.push(((entry.index, part.field), place));
            }
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if !new_keys.is_empty() {
            inner.write_keys(&new_keys)?;
        }
        let end = inner.values_end;
        inner.storage.write_at(VALUES, end, &bytes)?;
        inner.storage.sync(VALUES)?;
        inner.values_end += bytes.len() as u64;
        inner.places.extend(places);
        Ok(())
    }

    /// The value and salt of a private field; `None` when it was never kept here or its key was dropped.
    pub fn open_field(&self, index: u64, field: u16) -> Result<Option<Opened>, Fault> {
        let inner = self.lock();
        let Some(place) = inner.places.get(&(index, field)).copied() else {
            return Ok(None);
        };
        match kept(&*inner.storage, &inner.keys, place, index, field)? {
            Kept::Value(value, salt) => Ok(Some((value, salt))),
            Kept::Erased | Kept::NoKey => Ok(None),
            Kept::Damaged => Err(Fault::Malformed {
                what: format!("private part of entry {index} is damaged"),
            }),
        }
    }

    /// Erases all that is kept under a subject's key.
    pub fn drop_key(&self, subject: [u8; 16]) -> Result<(), Fault> {
        let mut inner = self.lock();
        inner.write_keys(&BTreeMap::from([(subject, [0; 32])]))
    }
}

impl Inner {
    /// The key of a subject, a new one where it has none; new ones count once they are durable.
    fn key(&mut self, subject: [u8; 16], new_keys: &mut Keys) -> Result<[u8; 32], Fault> {
        if let Some(key) = self.keys.get(&subject).or(new_keys.get(&subject)) {
            return Ok(*key);
        }
        let mut key = [0; 32];
        (self.random)(&mut key)?;
        new_keys.insert(subject, key);
        Ok(key)
    }

    fn write_keys(&mut self, new_keys: &Keys) -> Result<(), Fault> {
        let bytes: Vec<u8> = new_keys
            .iter()
            .flat_map(|(subject, key)| key_record(*subject, *key))
            .collect();
        self.storage.write_at(KEYS, self.keys_end, &bytes)?;
        self.storage.sync(KEYS)?;
        self.keys_end += bytes.len() as u64;
        self.keys.extend(new_keys);
        Ok(())
    }
}

/// What a record holds.
enum Kept {
    Value(Vec<u8>, [u8; SALT_BYTES]),
    /// Its key was dropped.
    Erased,
    NoKey,
    Damaged,
}

fn kept(
    storage: &dyn Storage,
    keys: &Keys,
    place: Place,
    index: u64,
    field: u16,
) -> io::Result<Kept> {
    let record = storage.read_at(VALUES, place.offset, place.length as usize)?;
    let Some(subject) = record.get(SUBJECT_AT..NONCE_AT) else {
        return Ok(Kept::Damaged);
    };
    let Some(key) = keys.get(subject) else {
        return Ok(Kept::NoKey);
    };
    if *key == [0; 32] {
        return Ok(Kept::Erased);
    }
    let cipher = ChaCha20Poly1305::new(Key::from_slice(key));
    let message = Payload {
        msg: &record[HEAD_BYTES..],
        aad: &aad(index, field, subject),
    };
    let plain = cipher.decrypt(Nonce::from_slice(&record[NONCE_AT..HEAD_BYTES]), message);
    let Ok(plain) = plain else {
        return Ok(Kept::Damaged);
    };
    let (value, salt) = plain.split_at(plain.len().saturating_sub(SALT_BYTES));
    Ok(salt
        .try_into()
        .map_or(Kept::Damaged, |salt| Kept::Value(value.to_vec(), salt)))
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

/// Random bytes of the machine.
pub fn machine_random() -> io::Result<Box<Random>> {
    let mut source = File::open("/dev/urandom")?;
    Ok(Box::new(move |bytes| source.read_exact(bytes)))
}

/// What the file of keys holds.
struct FoundKeys {
    keys: Keys,
    /// Where records stand that rotted.
    rotten: Vec<u64>,
    /// Where the next key goes. A torn tail is cut, so that it stands where it is looked for.
    end: u64,
}

fn read_keys(storage: &dyn Storage) -> io::Result<FoundKeys> {
    let bytes = storage.read_at(KEYS, 0, storage.length(KEYS)? as usize)?;
    let (mut keys, mut rotten, mut end) = (BTreeMap::new(), Vec::new(), 0);
    for (record, at) in bytes.chunks_exact(KEY_BYTES).zip((0..).step_by(KEY_BYTES)) {
        let (subject, key) = (record[..16].try_into(), record[16..48].try_into());
        match (subject, key) {
            (Ok(subject), Ok(key))
                if crc32c::crc32c(&record[..48]).to_be_bytes() == record[48..] =>
            {
                keys.insert(subject, key);
                end = at + KEY_BYTES as u64;
            }
            _ => rotten.push(at),
        }
    }
    // What no whole record follows was never fully written.
    rotten.retain(|at| *at < end);
    Ok(FoundKeys { keys, rotten, end })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::journal::entry::{EntryDraft, Field, seal};
    use crate::journal::storage::FileStorage;

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
            PrivateStore::open(
                FileStorage::open(&self.0).unwrap(),
                machine_random().unwrap(),
            )
            .unwrap()
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
