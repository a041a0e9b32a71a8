//! The store of private parts: opening damaged files ends with what is whole in them, and the store goes on.

use whampoa_core::journal::entry::{EntryDraft, Field, Sealed, seal};
use whampoa_core::journal::storage::{MemoryStorage, Storage};
use whampoa_core::private::PrivateStore;

const VALUES: &str = "values.wp";
const KEYS: &str = "keys.wk";
const FIELD: u16 = 0x1000;
const ENTRIES: u64 = 6;
const HEAD_BYTES: usize = 46;

/// Length of the keys 2 ‖ keys ‖ values; the sums of whole values are made right, so that what they guard is reached.
pub fn run(input: &[u8]) {
    let Some((length, rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_be_bytes(*length));
    let (keys, values) = rest.split_at(length.min(rest.len()));
    let mut values = values.to_vec();
    reseal(&mut values);
    let storage = MemoryStorage::default();
    for (name, bytes) in [(VALUES, &values[..]), (KEYS, keys)] {
        storage.create(name).expect("memory");
        storage.write_at(name, 0, bytes).expect("memory");
    }
    let store = open(&storage);
    for index in 0..ENTRIES {
        // A record whose seal does not fit its key is a fault of its own; no other kind of end.
        drop(store.open_field(index, FIELD));
    }
    store.put(&[entry(u64::MAX, 3, "later")]).expect("memory");
    let again = open(&storage);
    for one in [&store, &again] {
        let found = one.open_field(u64::MAX, FIELD).expect("it is whole");
        assert_eq!(found.map(|(value, _)| value), Some(b"later".to_vec()));
    }
}

fn open(storage: &MemoryStorage) -> PrivateStore {
    let mut next = 0_u8;
    let random = move |bytes: &mut [u8]| {
        next = next.wrapping_add(1);
        bytes.fill(next);
        Ok(())
    };
    PrivateStore::open(storage.clone(), Box::new(random)).expect("damage is no reason to refuse")
}

/// Makes the sums of the records right, as far as their lengths lead.
fn reseal(values: &mut [u8]) {
    let mut at = 0;
    while let Some(head) = values.get(at..at + HEAD_BYTES) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(record) = values.get_mut(at..at.saturating_add(length)) else {
            return;
        };
        if record.len() <= HEAD_BYTES || record[16..18] != FIELD.to_be_bytes() {
            return;
        }
        let sum = crc32c::crc32c(&record[8..]);
        record[4..8].copy_from_slice(&sum.to_be_bytes());
        at += length;
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

/// A store of a few subjects.
pub fn seeds() -> Vec<Vec<u8>> {
    let storage = MemoryStorage::default();
    let store = open(&storage);
    for index in 0..ENTRIES {
        let sealed = entry(index, (index % 3) as u8, &format!("value {index}"));
        store.put(&[sealed]).expect("memory");
    }
    store.drop_key([1; 16]).expect("memory");
    let file = |name: &str| {
        let length = storage.length(name).expect("memory");
        storage.read_at(name, 0, length as usize).expect("memory")
    };
    let (keys, values) = (file(KEYS), file(VALUES));
    vec![[&(keys.len() as u16).to_be_bytes()[..], &keys, &values].concat()]
}
