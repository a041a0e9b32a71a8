//! Segments and frames: opening and verifying hostile files ends with entries or a fault, and both agree.

use whampoa_core::evidence::verify::{Report, structure};
use whampoa_core::journal::frame::{self, UNIT};
use whampoa_core::journal::segment::{SegmentHead, name};
use whampoa_core::journal::storage::{MemoryStorage, Storage};
use whampoa_core::journal::{Config, Journal};

use crate::ground::{LOG, ground};

const SEGMENT_BYTES: u64 = 16 << 10;
/// With this bit in the first byte the sums of frames are made right, so that what they guard is reached.
const RESEAL: u8 = 1;
const ACCEPT_LOSS: u8 = 2;
const FILE_BYTES_MAX: usize = 1 << 20;

/// The first byte is options, the rest the first segment of a journal.
pub fn run(input: &[u8]) {
    let Some((options, file)) = input.split_first() else {
        return;
    };
    let mut file = file[..file.len().min(FILE_BYTES_MAX)].to_vec();
    if options & RESEAL != 0 {
        reseal(&mut file);
    }
    let storage = MemoryStorage::default();
    let first = name(0);
    storage.create(&first).expect("memory");
    storage.write_at(&first, 0, &file).expect("memory");
    let before = audit(&storage);
    let config = Config {
        log: LOG.to_owned(),
        segment_bytes: SEGMENT_BYTES,
        accept_loss: options & ACCEPT_LOSS != 0,
    };
    let is_empty = file.len() < UNIT || file[..UNIT].iter().all(|byte| *byte == 0);
    let Ok((journal, recovery)) = Journal::open_stepped(storage.clone(), config.clone()) else {
        let is_of_this_log = SegmentHead::read(file.get(..UNIT).unwrap_or_default())
            .is_ok_and(|head| head.log == LOG);
        assert!(
            before.first_bad.is_some() || !is_of_this_log,
            "verified, and not opened"
        );
        return;
    };
    if before.first_bad.is_none() && !is_empty {
        assert_eq!(recovery.entries + recovery.dropped, before.entries);
    }
    let mut seen = 0;
    journal
        .scan(0, &mut |index, bytes| {
            assert_eq!(index, seen);
            assert!(!bytes.is_empty());
            seen += 1;
            Ok(())
        })
        .expect("what was opened is read");
    assert_eq!(seen, recovery.entries);
    for index in 0..seen {
        journal.read(index).expect("what was opened is read");
    }
    journal.close().expect("memory");
    let (_, again) = Journal::open_stepped(storage, config).expect("it was opened before");
    assert_eq!(
        (again.entries, again.dropped, again.cut),
        (recovery.entries, 0, None),
        "opening twice differs"
    );
}

fn audit(storage: &MemoryStorage) -> Report {
    structure(storage, &mut |_| Ok(())).expect("memory")
}

/// Makes the sums of the segment's head and of its frames right.
fn reseal(file: &mut [u8]) {
    if let Some(head) = file.get_mut(..UNIT) {
        head[4..8].fill(0);
        let sum = crc32c::crc32c(head);
        head[4..8].copy_from_slice(&sum.to_be_bytes());
    }
    let mut at = UNIT;
    while let Some(head) = file.get_mut(at..at + UNIT) {
        if head[..4] != frame::MAGIC && head[..4] != frame::FOOTER_MAGIC {
            at += UNIT;
            continue;
        }
        let sum = crc32c::crc32c(&head[..28]);
        head[28..32].copy_from_slice(&sum.to_be_bytes());
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let padded = length.clamp(1, FILE_BYTES_MAX).next_multiple_of(UNIT);
        let Some(whole) = file.get_mut(at..at + padded) else {
            return;
        };
        whole[36..40].fill(0);
        let sum = crc32c::crc32c(whole);
        whole[36..40].copy_from_slice(&sum.to_be_bytes());
        at += padded;
    }
}

/// Journals of the first entries of the ground: one frame, several, one with a footer, one that goes on.
pub fn seeds() -> Vec<Vec<u8>> {
    let entries: Vec<&[u8]> = ground()
        .made
        .iter()
        .take(6)
        .map(|made| &made.sealed.bytes[..])
        .collect();
    let frames = |groups: &[&[&[u8]]], has_footer: bool| {
        let head = SegmentHead {
            log: LOG.to_owned(),
            first_index: 0,
            prev_link: [0; 32],
        };
        let mut file = head.to_block();
        let mut index = 0;
        for group in groups {
            file.extend(frame::build(group, index, index, false));
            index += group.len() as u64;
        }
        if has_footer {
            file.extend(frame::build(&[], index, index, true));
        }
        file.resize(file.len() + 2 * UNIT, 0);
        file
    };
    let files = [
        frames(&[], false),
        frames(&[&entries], false),
        frames(&[&entries[..1], &entries[1..3], &entries[3..]], false),
        frames(&[&entries[..2], &entries[2..4]], true),
    ];
    let options = [0, RESEAL, RESEAL | ACCEPT_LOSS];
    files
        .iter()
        .flat_map(|file| options.map(|option| [&[option], &file[..]].concat()))
        .collect()
}
