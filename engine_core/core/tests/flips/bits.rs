//! Single flipped bits: in frames, heads, padding and footers every one is a fault with a place; where nothing was written,
//! none passes for data. `WHAMPOA_FLIPS=all` opens the journal with each of them, too.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use whampoa_core::evidence::verify::Audit;
use whampoa_core::journal::tail::End;
use whampoa_core::journal::{Fault, Journal};

use crate::ground::{Ground, Place, Segment, audit, config, disk, part_of, readable, segments_of};
use whampoa_core::seeded::Random;

const SEED: u64 = 4;
/// Of so many flips one is also opened, which reads the whole journal each time.
const OPENED_OF: usize = 401;

fn is_all() -> bool {
    std::env::var("WHAMPOA_FLIPS").is_ok_and(|which| which == "all")
}

/// One flipped bit.
#[derive(Clone, Copy, Debug)]
struct Flip {
    segment: usize,
    byte: usize,
    bit: u32,
}

impl Flip {
    fn of(self, ground: &Ground) -> Vec<Segment> {
        let mut segments = ground.segments.clone();
        segments[self.segment].1[self.byte] ^= 1 << self.bit;
        segments
    }
}

fn flips_of(place: Place) -> impl Iterator<Item = Flip> {
    let bytes = place.offset..place.offset + place.padded;
    bytes.flat_map(move |byte| {
        (0..8).map(move |bit| Flip {
            segment: place.segment,
            byte,
            bit,
        })
    })
}

/// Shares work among the cores.
fn each<T: Sync>(all: &[T], check: impl Fn(usize, &T) + Sync) {
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = all.get(at) else {
                        return;
                    };
                    check(at, item);
                }
            });
        }
    });
}

#[test]
fn a_flipped_bit_of_what_was_written_is_found_and_located() {
    let ground = Ground::new(SEED);
    ground.check_reached();
    let (start, tried) = (Instant::now(), AtomicUsize::new(0));
    each(&ground.places, |at, place| {
        let (first_index, mut bytes) = ground.segments[place.segment].clone();
        for flip in flips_of(*place) {
            bytes[flip.byte] ^= 1 << flip.bit;
            is_found(&ground.before[at], *place, first_index, &bytes, flip);
            bytes[flip.byte] ^= 1 << flip.bit;
            tried.fetch_add(1, Ordering::Relaxed);
        }
    });
    println!(
        "{} entries in {} frames of {} segments: {} flips found in {:.1} s",
        ground.entries,
        ground.frames().len(),
        ground.segments.len(),
        tried.into_inner(),
        start.elapsed().as_secs_f64()
    );
}

/// `verify` names the frame or head, and an entry of it; also when the damaged segment is the newest one.
fn is_found(before: &Audit, place: Place, first_index: u64, bytes: &[u8], flip: Flip) {
    let as_older = (flip.byte as u32 % 8 == flip.bit).then_some(false);
    for is_last in [true].into_iter().chain(as_older) {
        let mut audit = before.clone();
        let wrong = audit
            .segment(
                &part_of(first_index, bytes, place.offset, is_last),
                &mut readable,
            )
            .expect_err("a flipped bit");
        let entries = place.index..=place.index + place.entries.saturating_sub(1);
        let is_there = wrong.frame == place.offset
            && (place.offset..=flip.byte).contains(&wrong.offset)
            && entries.contains(&wrong.index);
        assert!(is_there, "{flip:?} in {place:?}: {wrong:?}");
    }
}

#[test]
fn a_journal_with_a_flipped_bit_is_not_opened_and_not_changed() {
    let ground = Ground::new(SEED);
    let (start, tried) = (Instant::now(), AtomicUsize::new(0));
    let every = if is_all() { 1 } else { OPENED_OF };
    each(&ground.places, |_, place| {
        for flip in flips_of(*place).step_by(every) {
            is_refused(&ground, *place, flip);
            tried.fetch_add(1, Ordering::Relaxed);
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{} flips refused in {seconds:.1} s", tried.into_inner());
}

/// Opening names the same place and changes nothing.
fn is_refused(ground: &Ground, place: Place, flip: Flip) {
    let segments = flip.of(ground);
    let storage = disk(&segments);
    match Journal::open_stepped(storage.clone(), config()) {
        Err(Fault::Rotten { file, offset, .. }) => {
            let is_there = (place.offset..=flip.byte).contains(&(offset as usize));
            assert!(
                file == ground.file(flip.segment) && is_there,
                "{flip:?}: {file} {offset}"
            );
        }
        other => panic!("{flip:?}: {:?}", other.map(|(_, recovery)| recovery)),
    }
    assert!(
        segments_of(&storage) == segments,
        "{flip:?}: opening changed the files"
    );
}

#[test]
fn a_flipped_bit_where_nothing_was_written_never_passes_for_data() {
    let ground = Ground::new(SEED);
    let mut random = Random::new(SEED);
    let (mut faults, mut cuts) = (0, 0);
    for segment in 0..ground.segments.len() {
        let (end, before) = ground.end_of(segment);
        let length = ground.segments[segment].1.len();
        for _ in 0..40 {
            let byte = end + random.below(length - end);
            let bit = random.below(8) as u32;
            let flip = Flip { segment, byte, bit };
            match is_told(&ground, flip, end, before.clone()) {
                true => cuts += 1,
                false => faults += 1,
            }
        }
    }
    println!("{faults} were faults, {cuts} were cut as a torn write");
    assert!(faults > 0 && cuts > 0);
}

/// What is told of a bit behind the last frame of a segment, which ends at `end`; true when opening cuts it.
fn is_told(ground: &Ground, flip: Flip, end: usize, mut before: Audit) -> bool {
    let segments = flip.of(ground);
    let is_last = flip.segment + 1 == segments.len();
    let (first_index, bytes) = &segments[flip.segment];
    let told = before.segment(&part_of(*first_index, bytes, end, is_last), &mut readable);
    let storage = disk(&segments);
    let opened = Journal::open_stepped(storage.clone(), config());
    match told {
        // It may be what is left of a frame whose first unit was never written.
        Ok(End::Torn { offset, .. }) => {
            assert!(
                is_last && offset == end && flip.byte >= end + 512,
                "{flip:?}"
            );
            let (_, recovery) = opened.expect("a torn end is cut");
            let (file, offset, _) = recovery.cut.expect("it says so");
            assert_eq!((file, offset as usize), (ground.file(flip.segment), end));
            assert_eq!((recovery.entries, recovery.lost), (ground.entries, 0));
            assert!(
                segments_of(&storage) == ground.segments,
                "only the bit is gone"
            );
            assert_eq!(audit(&storage).entries, ground.entries);
            true
        }
        Ok(other) => panic!("{flip:?}: {other:?}"),
        Err(wrong) => {
            let is_there = wrong.frame == end && (end..=flip.byte).contains(&wrong.offset);
            assert!(is_there, "{flip:?}: {wrong:?}");
            assert!(matches!(opened, Err(Fault::Rotten { .. })), "{flip:?}");
            assert!(
                segments_of(&storage) == segments,
                "opening changed the files"
            );
            false
        }
    }
}
