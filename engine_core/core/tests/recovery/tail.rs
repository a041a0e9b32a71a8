//! Where a journal ends, and that nothing left behind there hides what is written later.

use whampoa_core::journal::entry::{EntryDraft, RowSection, Sealed, seal};
use whampoa_core::journal::frame;
use whampoa_core::journal::segment::{self, SegmentHead};
use whampoa_core::journal::storage::{MemoryStorage, Storage};
use whampoa_core::journal::{Config, Fault, Journal, Recovery, Step};

const SEGMENT_BYTES: u64 = 64 << 10;

fn config(accept_loss: bool) -> Config {
    Config {
        segment_bytes: SEGMENT_BYTES,
        accept_loss,
        ..Config::default()
    }
}

/// A chain of entries, made one after the other.
#[derive(Default)]
struct Chain {
    index: u64,
    link: [u8; 32],
}

impl Chain {
    /// The next entry, of about so many bytes.
    fn next(&mut self, bytes: usize, continues: bool) -> Sealed {
        let rows = bytes.div_ceil(52).max(1);
        let draft = EntryDraft {
            event_type: 9,
            schema: 1,
            actor: 0,
            time_ms: 1_700_000_000_000,
            case_id: [5; 16],
            prev_of_case: 0,
            flags: u64::from(continues),
            fields: vec![],
            row_sections: vec![RowSection {
                kind: 1,
                width: 36,
                rows: vec![1; 36 * rows],
            }],
        };
        let sealed = seal(draft, self.index, self.link, [self.index as u8; 32]);
        (self.index, self.link) = (self.index + 1, sealed.link);
        sealed
    }
}

fn open(storage: &MemoryStorage, accept_loss: bool) -> Result<(Journal, Recovery), Fault> {
    Journal::open_stepped(storage.clone(), config(accept_loss))
}

/// Appends and writes entries of one frame each.
fn write(journal: &Journal, entries: Vec<Sealed>) {
    for entry in entries {
        journal.append(vec![entry]).unwrap();
        assert_eq!(journal.step().unwrap(), Step::Wrote);
    }
}

/// Opens again, reads every entry, and gives their number.
fn count(storage: &MemoryStorage) -> u64 {
    let (journal, recovery) = open(storage, false).unwrap();
    let mut read = 0;
    journal
        .scan(0, &mut |index, _| {
            assert_eq!(index, read);
            read += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(read, recovery.entries);
    read
}

/// Writes entries of half a segment, so that new segments are begun, and finds them all.
fn goes_on(storage: &MemoryStorage, chain: &mut Chain) {
    for size in [200, 30_000, 40_000, 200, 50_000, 20_000] {
        let (journal, recovery) = open(storage, false).unwrap();
        assert_eq!((recovery.entries, recovery.link), (chain.index, chain.link));
        write(&journal, vec![chain.next(size, false)]);
        drop(journal);
        assert_eq!(count(storage), chain.index);
    }
}

#[test]
fn an_operation_does_not_begin_in_a_frame_that_others_share() {
    let (storage, mut chain) = (MemoryStorage::default(), Chain::default());
    let (journal, _) = open(&storage, false).unwrap();
    let sizes = [
        (20_000, false),
        (20_000, true),
        (30_000, false),
        (300, false),
    ];
    let entries = sizes.map(|(bytes, continues)| chain.next(bytes, continues));
    journal.append(entries.to_vec()).unwrap();
    let mut durable = Vec::new();
    while journal.step().unwrap() == Step::Wrote {
        durable.push(journal.durable());
    }
    assert_eq!(durable, [1, 4]);
    drop(journal);
    goes_on(&storage, &mut chain);
}

#[test]
fn whole_operations_before_an_unfinished_one_in_a_frame_stay() {
    let (storage, mut chain) = (MemoryStorage::default(), Chain::default());
    let (journal, _) = open(&storage, false).unwrap();
    let alone = chain.next(300, false);
    let offset = 512 + frame::build(&[&alone.bytes], 0, 0, false).len() as u64;
    write(&journal, vec![alone]);
    drop(journal);
    let shared = [chain.next(300, false), chain.next(300, false)];
    let link = chain.link;
    let cut = [chain.next(300, true), chain.next(900, true)];
    let bytes: Vec<&[u8]> = shared
        .iter()
        .chain(&cut[..1])
        .map(|entry| &entry.bytes[..])
        .collect();
    let first = frame::build(&bytes, 1, 1, false);
    let second = frame::build(&[&cut[1].bytes], 4, 4, false);
    storage
        .write_at(&segment::name(0), offset, &[first, second].concat())
        .unwrap();
    storage.sync(&segment::name(0)).unwrap();
    chain = Chain { index: 3, link };
    let (_, recovery) = open(&storage, false).unwrap();
    assert_eq!((recovery.entries, recovery.dropped), (3, 2));
    goes_on(&storage, &mut chain);
}

#[test]
fn an_unfinished_operation_over_several_segments_is_gone_with_them() {
    let (storage, mut chain) = (MemoryStorage::default(), Chain::default());
    let (journal, _) = open(&storage, false).unwrap();
    write(&journal, vec![chain.next(300, false)]);
    let before = Chain { ..chain };
    write(&journal, (0..3).map(|_| chain.next(40_000, true)).collect());
    drop(journal);
    assert!(segments(&storage).len() > 2);
    let (_, recovery) = open(&storage, false).unwrap();
    assert_eq!((recovery.entries, recovery.dropped), (1, 3));
    assert_eq!(segments(&storage), [0]);
    chain = before;
    goes_on(&storage, &mut chain);
}

fn segments(storage: &MemoryStorage) -> Vec<u64> {
    let names = storage.list().unwrap();
    names
        .iter()
        .filter_map(|name| segment::first_index(name))
        .collect()
}

#[test]
fn a_segment_that_was_never_begun_is_taken_away() {
    for entries in [0, 1, 2] {
        let (storage, mut chain) = (MemoryStorage::default(), Chain::default());
        if entries > 0 {
            let (journal, _) = open(&storage, false).unwrap();
            write(
                &journal,
                (0..entries).map(|_| chain.next(300, false)).collect(),
            );
        }
        storage
            .create_zeroed(&segment::name(entries), SEGMENT_BYTES)
            .unwrap();
        assert_eq!(count(&storage), entries);
        goes_on(&storage, &mut chain);
    }
}

#[test]
fn a_head_that_is_gone_is_a_fault_while_frames_stand_behind_it() {
    let (storage, mut chain) = (MemoryStorage::default(), Chain::default());
    let (journal, _) = open(&storage, false).unwrap();
    write(
        &journal,
        (0..3).map(|_| chain.next(40_000, false)).collect(),
    );
    drop(journal);
    let last = segments(&storage)[2];
    storage
        .write_at(&segment::name(last), 0, &[0; 512])
        .unwrap();
    storage.sync(&segment::name(last)).unwrap();
    match open(&storage, false).map(|_| ()) {
        Err(Fault::Rotten {
            file,
            offset: 0,
            what,
        }) => {
            assert_eq!(
                (file, &what[..]),
                (segment::name(last), "segment head is gone")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_follows_an_accepted_loss_does_not_come_back() {
    for (damaged, place) in [(0, 600), (1, 600), (1, 20), (2, 20), (2, 600)] {
        let (storage, mut chain) = (MemoryStorage::default(), Chain::default());
        let (journal, _) = open(&storage, false).unwrap();
        let mut links = Vec::new();
        for _ in 0..4 {
            write(&journal, vec![chain.next(40_000, false)]);
            links.push(chain.link);
        }
        drop(journal);
        let file = segment::name(segments(&storage)[damaged]);
        storage.flip(&file, place, 4);
        assert!(matches!(open(&storage, false), Err(Fault::Rotten { .. })));
        let (_, recovery) = open(&storage, true).unwrap();
        assert_eq!(recovery.entries, damaged as u64);
        assert_eq!(recovery.cut.unwrap().0, file);
        let link = match damaged {
            0 => [0; 32],
            _ => links[damaged - 1],
        };
        let mut chain = Chain {
            index: damaged as u64,
            link,
        };
        goes_on(&storage, &mut chain);
    }
}

#[test]
fn a_frame_that_stands_in_anothers_place_can_be_given_up() {
    let (storage, mut chain) = (MemoryStorage::default(), Chain::default());
    let (journal, _) = open(&storage, false).unwrap();
    write(&journal, (0..3).map(|_| chain.next(100, false)).collect());
    drop(journal);
    let name = segment::name(0);
    let frame = storage.read_at(&name, 512, 512).unwrap();
    storage.write_at(&name, 1024, &frame).unwrap();
    storage.sync(&name).unwrap();
    assert!(matches!(
        open(&storage, false),
        Err(Fault::Rotten { offset: 1024, .. })
    ));
    assert_eq!(open(&storage, true).unwrap().1.entries, 1);
    assert_eq!(count(&storage), 1);
    let head = SegmentHead::read(&storage.read_at(&name, 0, 512).unwrap()).unwrap();
    assert_eq!(head.first_index, 0);
}
