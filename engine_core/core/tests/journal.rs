//! The journal's promises: what was acknowledged is read back, tails are cut by the rules, every byte is checked.

use proptest::prelude::*;
use whampoa_core::evidence::verify::{Report, structure};
use whampoa_core::journal::entry::{EntryDraft, Field, RowSection, Sealed, seal};
use whampoa_core::journal::segment;
use whampoa_core::journal::storage::{MemoryStorage, Storage};
use whampoa_core::journal::view::EntryView;
use whampoa_core::journal::{Config, Fault, Journal};

const SEGMENT_BYTES: u64 = 64 << 10;

fn config() -> Config {
    Config {
        segment_bytes: SEGMENT_BYTES,
        ..Config::default()
    }
}

fn draft(text: &str, rows: usize, continues: bool) -> EntryDraft {
    EntryDraft {
        event_type: 9,
        schema: 1,
        actor: 3,
        time_ms: 1_700_000_000_000,
        case_id: [5; 16],
        prev_of_case: (1 << 48) - 1,
        flags: u64::from(continues),
        fields: vec![
            Field {
                id: 10,
                kind: 2,
                value: text.as_bytes().to_vec(),
                subject: None,
            },
            Field {
                id: 40,
                kind: 1,
                value: b"a name".to_vec(),
                subject: Some([8; 16]),
            },
        ],
        row_sections: match rows {
            0 => vec![],
            _ => vec![RowSection {
                kind: 1,
                width: 36,
                rows: vec![0; 36 * rows],
            }],
        },
    }
}

/// Seals drafts into a chain that begins at `index`.
fn chain(index: u64, mut link: [u8; 32], drafts: Vec<EntryDraft>) -> Vec<Sealed> {
    let mut sealed = Vec::new();
    for (at, draft) in drafts.into_iter().enumerate() {
        let entry = seal(draft, index + at as u64, link, [at as u8; 32]);
        link = entry.link;
        sealed.push(entry);
    }
    sealed
}

fn audit(storage: &MemoryStorage) -> Report {
    structure(storage, &mut |_| Ok(())).unwrap()
}

/// A journal of `count` entries, one frame each, without a footer.
fn written(count: u64) -> (MemoryStorage, [u8; 32]) {
    let storage = MemoryStorage::default();
    let (journal, _) = Journal::open(storage.clone(), config()).unwrap();
    let mut link = [0; 32];
    for index in 0..count {
        let sealed = chain(
            index,
            link,
            vec![draft(&format!("entry {index}"), 20, false)],
        );
        link = sealed[0].link;
        journal.append(sealed).unwrap();
        journal.read(index).unwrap();
    }
    // The writer is left waiting, as a killed process would be.
    std::mem::forget(journal);
    (storage, link)
}

#[test]
fn what_was_appended_is_read_back_and_survives_reopening() {
    let storage = MemoryStorage::default();
    let (journal, _) = Journal::open(storage.clone(), config()).unwrap();
    let sealed = chain(
        0,
        [0; 32],
        (0..50)
            .map(|at| draft(&format!("{at}"), at % 7, false))
            .collect(),
    );
    let bytes: Vec<Vec<u8>> = sealed.iter().map(|entry| entry.bytes.clone()).collect();
    journal.append(sealed).unwrap();
    for (index, expected) in bytes.iter().enumerate() {
        assert_eq!(&journal.read(index as u64).unwrap(), expected);
    }
    journal.close().unwrap();
    let (journal, recovery) = Journal::open(storage.clone(), config()).unwrap();
    assert_eq!(
        (recovery.entries, recovery.was_clean, recovery.cut),
        (50, true, None)
    );
    let mut seen = 0;
    journal
        .scan(0, &mut |index, entry| {
            assert_eq!(entry, &bytes[index as usize][..]);
            seen += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, 50);
    assert_eq!(audit(&storage).entries, 50);
}

#[test]
fn a_journal_keeps_its_name() {
    let (storage, _) = written(1);
    let renamed = Config {
        log: "another".into(),
        ..config()
    };
    let fault = Journal::open(storage.clone(), renamed).err().unwrap();
    assert!(
        fault
            .to_string()
            .ends_with("is of log \"whampoa-1\", the configuration says \"another\""),
        "{fault}"
    );
    assert!(Journal::open(storage, config()).is_ok());
}

#[test]
fn a_group_larger_than_a_segment_becomes_several_frames() {
    let storage = MemoryStorage::default();
    let (journal, _) = Journal::open(storage.clone(), config()).unwrap();
    let drafts = (0..60).map(|_| draft("wide", 100, false)).collect();
    let sealed = chain(0, [0; 32], drafts);
    let bytes: usize = sealed.iter().map(|entry| entry.bytes.len()).sum();
    assert!(bytes as u64 > 3 * SEGMENT_BYTES, "{bytes}");
    journal.append(sealed).unwrap();
    journal.read(59).unwrap();
    journal.close().unwrap();
    let report = audit(&storage);
    assert_eq!((report.entries, report.first_bad.is_none()), (60, true));
}

#[test]
fn segments_roll_over_and_the_log_goes_on() {
    let (storage, link) = written(0);
    let (journal, _) = Journal::open(storage.clone(), config()).unwrap();
    let mut at = (0, link);
    for _ in 0..40 {
        let sealed = chain(at.0, at.1, vec![draft("wide", 100, false)]);
        at = (at.0 + 1, sealed[0].link);
        journal.append(sealed).unwrap();
        journal.read(at.0 - 1).unwrap();
    }
    journal.close().unwrap();
    let segments = storage
        .list()
        .unwrap()
        .into_iter()
        .filter(|name| segment::first_index(name).is_some())
        .count();
    assert!(segments > 2, "{segments} segments");
    let report = audit(&storage);
    assert_eq!(
        (report.entries, report.rows, report.first_bad),
        (40, 4000, None)
    );
    let (_, recovery) = Journal::open(storage, config()).unwrap();
    assert_eq!(recovery.entries, 40);
}

#[test]
fn a_torn_last_frame_is_cut_and_reported_and_the_rest_stands() {
    let (storage, _) = written(5);
    let name = segment::name(0);
    let end = last_frame(&storage, &name);
    // The middle unit of the last frame was never written.
    storage.write_at(&name, end + 512, &[0; 512]).unwrap();
    storage.sync(&name).unwrap();
    let report = audit(&storage);
    assert_eq!((report.entries, report.first_bad), (4, None));
    assert_eq!(report.torn.unwrap().offset, end);
    let (_, recovery) = Journal::open(storage.clone(), config()).unwrap();
    let (file, offset, _) = recovery.cut.unwrap();
    assert_eq!(
        (recovery.entries, file.as_str(), offset),
        (4, name.as_str(), end)
    );
}

#[test]
fn a_rotten_last_frame_is_a_fault_lifted_only_by_accepting_the_loss() {
    let (storage, _) = written(5);
    let name = segment::name(0);
    let end = last_frame(&storage, &name);
    storage.flip(&name, end as usize + 300, 1);
    match Journal::open(storage.clone(), config()) {
        Err(Fault::Rotten { file, offset, .. }) => assert_eq!((file, offset), (name, end)),
        other => panic!("{:?}", other.map(|_| ())),
    }
    let lenient = Config {
        accept_loss: true,
        ..config()
    };
    let (_, recovery) = Journal::open(storage, lenient).unwrap();
    assert_eq!(recovery.entries, 4);
    assert!(recovery.cut.is_some());
}

#[test]
fn an_unfinished_operation_is_dropped_whole() {
    let (storage, link) = written(3);
    let (journal, _) = Journal::open(storage.clone(), config()).unwrap();
    let sealed = chain(3, link, vec![draft("a", 1, true), draft("b", 1, true)]);
    journal.append(sealed).unwrap();
    journal.read(4).unwrap();
    std::mem::forget(journal);
    let (journal, recovery) = Journal::open(storage.clone(), config()).unwrap();
    assert_eq!((recovery.entries, recovery.dropped), (3, 2));
    journal
        .append(chain(3, link, vec![draft("c", 1, false)]))
        .unwrap();
    journal.read(3).unwrap();
    journal.close().unwrap();
    assert_eq!(audit(&storage).entries, 4);
}

#[test]
fn every_flipped_byte_is_found_and_located() {
    let (storage, _) = written(3);
    let name = segment::name(0);
    let frames_end = last_frame(&storage, &name) as usize + 1536;
    for offset in 0..frames_end {
        storage.flip(&name, offset, 0x10);
        let report = audit(&storage);
        let bad = report
            .first_bad
            .unwrap_or_else(|| panic!("byte {offset} flipped unseen"));
        assert_eq!(bad.file, name);
        assert!(
            bad.offset as usize <= offset && offset < bad.offset as usize + 2048,
            "{offset}: {bad:?}"
        );
        storage.flip(&name, offset, 0x10);
    }
    assert_eq!(audit(&storage).first_bad, None);
}

#[test]
fn a_seal_is_reproducible_from_its_seed_and_opens_its_commitment() {
    let sealed = seal(draft("vector", 2, false), 0, [0; 32], [7; 32]);
    assert_eq!(
        sealed.bytes,
        seal(draft("vector", 2, false), 0, [0; 32], [7; 32]).bytes
    );
    let view = EntryView::parse(&sealed.bytes).unwrap();
    assert_eq!(view.computed_root(), view.payload_root());
    let part = &sealed.private[0];
    let commitment = whampoa_core::journal::entry::commitment(40, 0x81, &part.value, &part.salt);
    assert_eq!(view.fields()[2].value, commitment);
    // The test vector of docs/formats.md.
    let hex: String = sealed
        .link
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hex,
        "b3f75542adc03a31d59fe8a9ed58c42773e64f6a6c9ed7d971c6ac511cd7db69"
    );
}

/// Offset of the last frame of a segment.
fn last_frame(storage: &MemoryStorage, name: &str) -> u64 {
    let bytes = storage.read_at(name, 0, SEGMENT_BYTES as usize).unwrap();
    let (mut at, mut last) = (512, 0);
    while bytes[at..at + 4] == *b"WFR1" {
        last = at;
        let length = u32::from_be_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        at += length.next_multiple_of(512);
    }
    last as u64
}

proptest! {
    #[test]
    fn a_power_cut_loses_nothing_acknowledged(kept in any::<u64>(), acknowledged in 1_u64..6) {
        let (storage, link) = written(acknowledged);
        // One more frame reaches the disk in part only.
        let sealed = chain(acknowledged, link, vec![draft("lost", 20, false)]);
        let bytes = whampoa_core::journal::frame::build(&[&sealed[0].bytes], acknowledged, acknowledged, false);
        let name = segment::name(0);
        let end = last_frame(&storage, &name);
        let stored = storage.read_at(&name, end + 4, 4).unwrap();
        let length = u32::from_be_bytes(stored.try_into().unwrap()) as usize;
        storage.write_at(&name, end + length.next_multiple_of(512) as u64, &bytes).unwrap();
        storage.lose_power(|unit| kept >> (unit % 64) & 1 == 1);
        let (journal, recovery) = Journal::open(storage.clone(), config()).unwrap();
        prop_assert!(recovery.entries == acknowledged || recovery.entries == acknowledged + 1);
        journal.close().unwrap();
        prop_assert_eq!(audit(&storage).first_bad, None);
    }

    #[test]
    fn a_view_never_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = EntryView::parse(&bytes);
    }
}
