//! Units, frames and segments that are gone, stand elsewhere, or belong to another log: found and located, and nothing
//! that was acknowledged before the place is lost.

use whampoa_core::journal::frame::{self, UNIT};
use whampoa_core::journal::segment;
use whampoa_core::journal::storage::{MemoryStorage, Storage};
use whampoa_core::journal::{Config, Fault, Journal, Recovery};

use crate::ground::{Ground, Place, Segment, Writer, audit, config, disk, put, segments_of, write};
use whampoa_core::seeded::Random;

const SEED: u64 = 11;

fn open(storage: &MemoryStorage) -> Result<Recovery, Fault> {
    let opened = Journal::open_stepped(storage.clone(), config());
    opened.map(|(_, recovery)| recovery)
}

fn open_with_loss(storage: &MemoryStorage) -> Recovery {
    let config = Config {
        accept_loss: true,
        ..config()
    };
    let opened = Journal::open_stepped(storage.clone(), config);
    opened.expect("loss is accepted").1
}

/// Verify and opening both name this place, and opening changes nothing.
fn is_refused(segments: &[Segment], file: &str, offset: usize, told: &str) {
    let storage = disk(segments);
    let bad = audit(&storage).first_bad.expect(told);
    assert_eq!(
        (&bad.file[..], bad.offset as usize),
        (file, offset),
        "{bad:?}"
    );
    assert!(bad.what.contains(told), "{bad:?} is not {told:?}");
    match open(&storage) {
        Err(Fault::Rotten {
            file: named,
            offset,
            what,
        }) => {
            assert_eq!((named, offset, what), (bad.file, bad.offset, bad.what));
        }
        other => panic!("{told}: {other:?}"),
    }
    assert!(
        segments_of(&storage) == segments,
        "opening changed the files"
    );
}

fn is_cut(segments: &[Segment], file: &str, offset: usize, entries: u64) {
    let storage = disk(segments);
    let report = audit(&storage);
    let torn = report.torn.expect("torn");
    assert_eq!((&torn.file[..], torn.offset as usize), (file, offset));
    assert_eq!((report.entries, report.first_bad), (entries, None));
    let recovery = open(&storage).expect("a torn end is cut");
    let cut = recovery.cut.expect("it says so");
    assert_eq!((cut.0, cut.1 as usize), (torn.file, offset));
    let kept = recovery.entries + recovery.dropped;
    assert_eq!((kept, recovery.lost), (entries, 0));
    let again = audit(&storage);
    assert_eq!(
        (again.entries, again.first_bad, again.torn),
        (recovery.entries, None, None)
    );
}

fn frame_bytes(ground: &Ground, place: Place) -> Vec<u8> {
    ground.segments[place.segment].1[place.offset..place.offset + place.padded].to_vec()
}

/// Writes bytes where a frame stood; what is left of it becomes zeros.
fn replace(ground: &Ground, place: Place, bytes: &[u8]) -> Vec<Segment> {
    let mut segments = ground.segments.clone();
    let file = &mut segments[place.segment].1[place.offset..];
    file[..place.padded].fill(0);
    file[..bytes.len()].copy_from_slice(bytes);
    segments
}

#[test]
fn a_lost_unit_is_a_cut_in_the_last_frame_and_a_fault_in_any_other() {
    let ground = Ground::new(SEED);
    let frames = ground.frames();
    let last = frames.len() - 1;
    for (at, place) in frames.into_iter().enumerate() {
        for unit in 0..place.padded / UNIT {
            let mut segments = ground.segments.clone();
            let start = place.offset + unit * UNIT;
            segments[place.segment].1[start..start + UNIT].fill(0);
            let file = ground.file(place.segment);
            match (at == last, unit) {
                (true, _) => is_cut(&segments, &file, place.offset, place.index),
                (_, 0) if place.padded > UNIT || is_followed(&ground, at) => {
                    is_refused(&segments, &file, offset_of_gone(&ground, at), "");
                }
                (_, 0) => {
                    // Nothing of it is left: the next segment tells.
                    let next = ground.file(place.segment + 1);
                    is_refused(&segments, &next, 0, "segment begins with entry");
                }
                _ => is_refused(&segments, &file, place.offset, "was never written"),
            }
        }
    }
}

fn is_followed(ground: &Ground, at: usize) -> bool {
    let frames = ground.frames();
    frames
        .get(at + 1)
        .is_some_and(|next| next.segment == frames[at].segment)
}

/// Where a frame without its first unit is told: its own place, or what is left of it at the end of its segment.
fn offset_of_gone(ground: &Ground, at: usize) -> usize {
    let place = ground.frames()[at];
    place.offset + if is_followed(ground, at) { 0 } else { UNIT }
}

#[test]
fn a_footer_that_is_gone_is_no_clean_stop_and_one_in_the_middle_is_missed() {
    let mut writer = Writer::new(SEED);
    writer.life(true, |writer, journal| {
        let drafts = writer.operation(&[3]);
        writer.append(journal, drafts);
        write(journal);
    });
    let ground = Ground::of(segments_of(&writer.storage));
    let footer = ground.frames()[1];
    assert!(footer.is_footer && open(&disk(&ground.segments)).expect("whole").was_clean);
    let gone = replace(&ground, footer, &[]);
    assert!(!open(&disk(&gone)).expect("as killed").was_clean);
}

#[test]
fn a_frame_in_anothers_place_is_told_there() {
    let ground = Ground::new(SEED);
    let frames: Vec<Place> = ground
        .frames()
        .into_iter()
        .filter(|place| !place.is_footer)
        .collect();
    let mut random = Random::new(SEED);
    let mut tried = 0;
    for _ in 0..300 {
        let (from, to) = (
            frames[random.below(frames.len())],
            frames[random.below(frames.len())],
        );
        if from.index == to.index || from.padded > to.padded {
            continue;
        }
        tried += 1;
        let segments = replace(&ground, to, &frame_bytes(&ground, from));
        is_refused(
            &segments,
            &ground.file(to.segment),
            to.offset,
            "frame begins with entry",
        );
    }
    assert!(tried > 50, "{tried} tried");
}

#[test]
fn a_frame_behind_the_end_is_told_there() {
    let ground = Ground::new(SEED);
    let mut random = Random::new(SEED);
    for segment in 0..ground.segments.len() {
        let (end, _) = ground.end_of(segment);
        let next = ground.segments.get(segment + 1);
        let index = next.map_or(ground.entries, |next| next.0);
        for from in ground.frames() {
            // Written right behind the end: a duplicate. Further on: a write that went astray.
            let left = ground.segments[segment].1.len() - end;
            let Some(room) = left.checked_sub(from.padded) else {
                continue;
            };
            for units in [0, random.below(room / UNIT + 1)] {
                let mut segments = ground.segments.clone();
                let at = end + units * UNIT;
                segments[segment].1[at..at + from.padded]
                    .copy_from_slice(&frame_bytes(&ground, from));
                // At its right index it goes on with the log: what claims to stand there as well is told.
                let goes_on = units == 0 && from.index == index;
                match (goes_on, from.is_footer) {
                    (false, _) => is_refused(&segments, &ground.file(segment), end, "frame"),
                    (true, true) => assert_eq!(audit(&disk(&segments)).first_bad, None),
                    (true, false) => {
                        is_refused(&segments, &ground.file(segment + 1), 0, "segment begins")
                    }
                }
            }
        }
    }
}

#[test]
fn heads_that_lie_are_told_though_their_sums_fit() {
    let ground = Ground::new(SEED);
    for place in ground.frames().into_iter().filter(|place| !place.is_footer) {
        let bytes = frame_bytes(&ground, place);
        let Ok(frame::Found::Whole { head, payload, .. }) = frame::read(&bytes) else {
            panic!("a whole frame");
        };
        let entries: Vec<&[u8]> = frame::entries(&head, payload)
            .expect("entries")
            .into_iter()
            .map(|(start, length)| &payload[start..start + length])
            .collect();
        let forged = [
            (
                frame::build(&entries, place.index + 1, place.index + 1, false),
                "frame begins with",
            ),
            (
                frame::build(&entries, place.index, place.index + 1, false),
                "stand before it",
            ),
            (
                frame::build(&entries, place.index, place.index.wrapping_sub(1), false),
                "stand before it",
            ),
            (
                frame::build(&entries, place.index, place.index, true),
                "a footer holds no entries",
            ),
            (
                frame::build(&[], place.index, place.index, false),
                "a footer holds no entries",
            ),
        ];
        for (bytes, told) in forged {
            let segments = replace(&ground, place, &bytes);
            is_refused(&segments, &ground.file(place.segment), place.offset, told);
        }
    }
}

#[test]
fn frames_and_segments_of_another_log_are_told() {
    let (ground, other) = (Ground::new(SEED), Ground::new(SEED + 1));
    let foreign = other.frames()[3];
    let mine = ground.frames()[3];
    assert_eq!(foreign.index, mine.index);
    let segments = replace(
        &ground,
        mine,
        &frame_bytes(&other, foreign)[..mine.padded.min(foreign.padded)],
    );
    let storage = disk(&segments);
    let bad = audit(&storage).first_bad.expect("another chain");
    assert_eq!(bad.index, mine.index);
    assert!(open(&storage).is_err());
    // A whole segment of another log, under the name of one of this.
    let mut segments = ground.segments.clone();
    segments[2].1 = other.segments[2].1.clone();
    is_refused(&segments, &ground.file(2), 0, "segment head");
}

#[test]
fn segments_renamed_missing_doubled_or_zeroed_are_told() {
    let ground = Ground::new(SEED);
    let count = ground.segments.len();
    for at in 0..count {
        let mut renamed = ground.segments.clone();
        renamed[at].0 += 1;
        is_refused(
            &renamed,
            &segment::name(renamed[at].0),
            0,
            "segment head is that of",
        );
        let mut doubled = ground.segments.clone();
        let copy = (doubled[at].0 + 1, doubled[at].1.clone());
        doubled.insert(at + 1, copy);
        is_refused(
            &doubled,
            &segment::name(ground.segments[at].0 + 1),
            0,
            "segment head is that of",
        );
        if at + 1 < count {
            let mut missing = ground.segments.clone();
            missing.remove(at);
            is_refused(
                &missing,
                &ground.file(at + 1),
                0,
                "segment begins with entry",
            );
            let mut zeroed = ground.segments.clone();
            zeroed[at].1.fill(0);
            let told = format!("and {} holds nothing", ground.file(at));
            is_refused(&zeroed, &ground.file(at + 1), 0, &told);
        }
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_keeps_the_frames_before() {
    let ground = Ground::new(SEED);
    let last = ground.segments.len() - 1;
    let file = ground.file(last);
    let (end, _) = ground.end_of(last);
    let mut random = Random::new(SEED);
    let units = (1..end / UNIT).map(|unit| unit * UNIT);
    let anywhere: Vec<usize> = (0..60).map(|_| UNIT + random.below(end - UNIT)).collect();
    for length in units.chain(anywhere) {
        let mut segments = ground.segments.clone();
        segments[last].1.truncate(length);
        let frames = ground
            .frames()
            .into_iter()
            .filter(|place| place.segment == last);
        let cut = frames
            .into_iter()
            .find(|place| place.offset + place.padded > length);
        let cut = cut.expect("a frame");
        if cut.offset < length {
            is_cut(&segments, &file, cut.offset, cut.index);
        } else {
            let recovery = open(&disk(&segments)).expect("it ends between frames");
            assert_eq!((recovery.entries, recovery.cut), (cut.index, None));
        }
        // Any other segment must be whole.
        let mut segments = ground.segments.clone();
        segments[0].1.truncate(length);
        let storage = disk(&segments);
        assert!(
            audit(&storage).first_bad.is_some() && open(&storage).is_err(),
            "{length}"
        );
    }
}

#[test]
fn an_accepted_loss_says_how_much_and_keeps_the_files_aside() {
    let ground = Ground::new(SEED);
    for place in ground
        .places
        .iter()
        .filter(|place| place.entries > 0 || place.offset == 0)
    {
        for byte in [60, 300] {
            let mut segments = ground.segments.clone();
            segments[place.segment].1[place.offset + byte] ^= 1;
            let storage = disk(&segments);
            let recovery = open_with_loss(&storage);
            let (file, offset, why) = recovery.cut.clone().expect("it says so");
            assert_eq!(
                (file, offset as usize),
                (ground.file(place.segment), place.offset)
            );
            assert!(why.starts_with("accepted loss: "), "{why}");
            assert_eq!(recovery.entries + recovery.dropped, place.index);
            assert_eq!(recovery.lost, ground.entries - place.index, "{place:?}");
            for (at, (first_index, bytes)) in segments.iter().enumerate().skip(place.segment) {
                let name = format!("{}.lost-1", segment::name(*first_index));
                let kept = storage.read_at(&name, 0, bytes.len()).expect("kept aside");
                assert!(kept == *bytes, "segment {at} is kept as it was");
            }
            let again = open(&storage).expect("a journal again");
            assert_eq!(
                (again.entries, again.cut, again.lost),
                (recovery.entries, None, 0)
            );
            assert_eq!(audit(&storage).first_bad, None);
        }
    }
}

fn is_head_alone(bytes: &[u8]) -> bool {
    bytes[UNIT..].iter().all(|byte| *byte == 0)
}

#[test]
fn an_operation_without_its_end_is_told_and_dropped_at_the_end_and_impossible_elsewhere() {
    let mut writer = Writer::new(SEED);
    let mut before = Vec::new();
    writer.life(false, |writer, journal| {
        let drafts = writer.operation(&[1, 7]);
        writer.append(journal, drafts);
        write(journal);
        before = segments_of(&writer.storage);
        // Larger than a segment: its end is lost with the last frame.
        let drafts = writer.operation(&(0..40).collect::<Vec<_>>());
        writer.append(journal, drafts);
        write(journal);
    });
    let ground = Ground::of(segments_of(&writer.storage));
    let frames = ground.frames();
    let (first, last) = (frames[1], frames[frames.len() - 1]);
    assert!(last.segment > first.segment && first.index == 2);
    let cut = replace(&ground, last, &[]);
    let storage = disk(&cut);
    let report = audit(&storage);
    let unfinished = report.unfinished.expect("it is told");
    assert_eq!((unfinished.index, report.first_bad), (2, None));
    let recovery = open(&storage).expect("it is dropped");
    assert_eq!((recovery.entries, recovery.dropped), (2, last.index - 2));
    // It may have begun a segment: the head of that stays.
    let left = segments_of(&storage);
    assert!(left[0] == before[0] && left.iter().skip(1).all(|(_, bytes)| is_head_alone(bytes)));
    // A footer can only follow whole operations.
    let footer = frame::build(&[], last.index, last.index, true);
    let segments = replace(&ground, last, &footer);
    is_refused(
        &segments,
        &ground.file(last.segment),
        last.offset,
        "a footer behind an unfinished",
    );
}

#[test]
fn a_power_cut_while_an_end_is_brought_in_order_leaves_an_end_that_can_be() {
    let mut writer = Writer::new(SEED);
    writer.life(false, |writer, journal| {
        let drafts = writer.operation(&[1]);
        writer.append(journal, drafts);
        write(journal);
        let drafts = writer.operation(&(0..24).collect::<Vec<_>>());
        writer.append(journal, drafts);
        write(journal);
    });
    let ground = Ground::of(segments_of(&writer.storage));
    let frames = ground.frames();
    let cut = replace(&ground, frames[frames.len() - 1], &[]);
    let mut random = Random::new(SEED);
    for changes in 1..40 {
        for _ in 0..4 {
            let storage = disk(&cut);
            storage.power_off_in(changes);
            let is_through = open(&storage).is_ok();
            let kept = random.next();
            storage.lose_power(|unit| kept >> (unit % 61) & 1 == 1);
            let recovery =
                open(&storage).unwrap_or_else(|fault| panic!("after {changes}: {fault}"));
            assert_eq!((recovery.entries, recovery.lost), (1, 0), "{is_through}");
            assert_eq!(audit(&storage).first_bad, None);
        }
    }
}

#[test]
fn a_spare_that_is_not_empty_is_made_anew() {
    let ground = Ground::new(SEED);
    let storage = disk(&ground.segments);
    let stale = ground.segments[0].1.clone();
    put(&storage, "spare", &stale);
    open(&storage).expect("whole");
    let spare = storage.read_at("spare", 0, stale.len()).expect("a spare");
    assert!(spare.iter().all(|byte| *byte == 0));
}
