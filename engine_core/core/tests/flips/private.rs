//! Private parts: a flipped bit of a record or a key is found and located; what was erased is absent and no fault.

use whampoa_core::event::KINDS;
use whampoa_core::journal::entry::{Sealed, seal};
use whampoa_core::journal::storage::{MemoryStorage, Storage};
use whampoa_core::journal::view::EntryView;
use whampoa_core::private::PrivateStore;
use whampoa_core::private::check::{PrivateCheck, PrivateReport};

use crate::ground::put;
use crate::sample;
use whampoa_core::seeded::Random;

const VALUES: &str = "values.wp";
const KEYS: &str = "keys.wk";
const KEY_BYTES: u64 = 52;
const SUBJECTS: u8 = 3;

/// Entries with private parts of three subjects.
fn entries() -> Vec<Sealed> {
    let mut random = Random::new(4);
    let mut sealed = Vec::new();
    let private = KINDS.iter().filter(|kind| {
        let mut columns = kind.fields.iter();
        columns.any(|column| (column.describe)() == "private")
    });
    for (at, kind) in private.take(6).enumerate() {
        let mut draft = sample::entry(kind, at as u64, &mut random);
        for field in &mut draft.fields {
            field.subject = field.subject.map(|_| [1 + at as u8 % SUBJECTS; 16]);
        }
        sealed.push(seal(draft, at as u64, [0; 32], [at as u8; 32]));
    }
    sealed
}

fn store(storage: &MemoryStorage) -> PrivateStore {
    let mut random = Random::new(5);
    let fill = move |bytes: &mut [u8]| {
        bytes.fill_with(|| random.next() as u8);
        Ok(())
    };
    PrivateStore::open(storage.clone(), Box::new(fill)).expect("a store")
}

fn check(storage: &MemoryStorage, entries: &[Sealed]) -> PrivateReport {
    let mut check = PrivateCheck::new(storage.clone()).expect("files");
    for entry in entries {
        let view = EntryView::parse(&entry.bytes).expect("an entry");
        check.entry(&view).expect("readable");
    }
    check.report().expect("readable")
}

fn filled() -> (MemoryStorage, Vec<Sealed>, u64) {
    let (storage, entries) = (MemoryStorage::default(), entries());
    let store = store(&storage);
    for entry in &entries {
        store.put(std::slice::from_ref(entry)).expect("kept");
    }
    let parts = entries.iter().map(|entry| entry.private.len() as u64).sum();
    (storage, entries, parts)
}

/// Where records stand: offset, length, entry and field.
fn records(storage: &MemoryStorage) -> Vec<(u64, u64, u64, u16)> {
    let length = storage.length(VALUES).expect("a length");
    let bytes = storage.read_at(VALUES, 0, length as usize).expect("bytes");
    let (mut at, mut records) = (0, Vec::new());
    while at < bytes.len() {
        let number = |from: usize, count: usize| {
            let bytes = &bytes[at + from..at + from + count];
            bytes
                .iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte))
        };
        let size = number(0, 4);
        records.push((at as u64, size, number(8, 8), number(16, 2) as u16));
        at += size as usize;
    }
    records
}

#[test]
fn whole_parts_are_counted_and_erased_ones_are_absent() {
    let (storage, entries, parts) = filled();
    let whole = PrivateReport {
        fields: parts,
        whole: parts,
        ..PrivateReport::default()
    };
    assert_eq!(check(&storage, &entries), whole);
    store(&storage).drop_key([1; 16]).expect("erased");
    let report = check(&storage, &entries);
    let erased = entries.iter().flat_map(|entry| &entry.private);
    let erased = erased.filter(|part| part.subject == [1; 16]).count() as u64;
    assert_eq!((report.absent, report.damaged), (erased, 0));
    assert_eq!(report.whole, parts - erased);
    // A record that was cut off before its entry was written belongs to nobody.
    let length = storage.length(VALUES).expect("a length");
    let torn = storage.read_at(VALUES, 0, 40).expect("bytes");
    storage.write_at(VALUES, length, &torn).expect("written");
    assert_eq!(check(&storage, &entries), report);
}

#[test]
fn every_flipped_bit_of_a_record_is_found_and_located() {
    let (storage, entries, parts) = filled();
    let mut tried = 0;
    for (offset, length, index, field) in records(&storage) {
        for at in offset..offset + length {
            let bit = (at % 8) as u32;
            storage.flip(VALUES, at as usize, 1 << bit);
            let report = check(&storage, &entries);
            let bad = report
                .first_bad
                .unwrap_or_else(|| panic!("byte {at} unseen"));
            assert_eq!((bad.file, bad.offset), (VALUES, offset), "byte {at}");
            assert_eq!(
                (bad.index, bad.field),
                (Some(index), Some(field)),
                "byte {at}"
            );
            assert_eq!((report.damaged, report.absent), (1, 0), "byte {at}");
            assert_eq!(report.whole, parts - 1, "byte {at}");
            storage.flip(VALUES, at as usize, 1 << bit);
            tried += 1;
        }
    }
    println!("{tried} flips of {parts} private parts found");
}

#[test]
fn every_flipped_bit_of_a_key_is_found_and_located() {
    let (storage, entries, _) = filled();
    let length = storage.length(KEYS).expect("a length");
    assert_eq!(length, u64::from(SUBJECTS) * KEY_BYTES);
    for at in 0..length {
        for bit in [at % 8, (at + 3) % 8] {
            storage.flip(KEYS, at as usize, 1 << bit);
            let report = check(&storage, &entries);
            let bad = report
                .first_bad
                .unwrap_or_else(|| panic!("byte {at} unseen"));
            assert_eq!((bad.file, bad.offset), (KEYS, at / KEY_BYTES * KEY_BYTES));
            assert!(report.damaged == 1 && report.absent > 0, "byte {at}");
            storage.flip(KEYS, at as usize, 1 << bit);
        }
    }
}

#[test]
fn a_part_of_another_entry_does_not_fit() {
    let (storage, entries, _) = filled();
    // The same place of the same subject with other bytes: whoever has the keys could do that.
    let (other, mut changed) = (MemoryStorage::default(), entries.clone());
    changed[2].private[0].value[0] ^= 1;
    let keys = storage.length(KEYS).expect("a length") as usize;
    put(
        &other,
        KEYS,
        &storage.read_at(KEYS, 0, keys).expect("bytes"),
    );
    let store = store(&other);
    for entry in &changed {
        store.put(std::slice::from_ref(entry)).expect("kept");
    }
    let bad = check(&other, &entries).first_bad.expect("it does not fit");
    assert_eq!(
        (bad.index, bad.what),
        (Some(2), "the private part does not fit its commitment")
    );
    assert_eq!(bad.field, Some(entries[2].private[0].field));
}
