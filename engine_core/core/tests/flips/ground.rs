//! A small journal with everything in it, written by the real writer, and where its frames stand.

use std::collections::BTreeSet;

use whampoa_core::event::KINDS;
use whampoa_core::event::catalog::ROWS;
use whampoa_core::evidence::verify::{Audit, Report, structure};
use whampoa_core::journal::entry::{EntryDraft, FLAG_CONTINUES, Sealed, seal};
use whampoa_core::journal::frame::{self, FrameHead, UNIT};
use whampoa_core::journal::segment;
use whampoa_core::journal::storage::{MemoryStorage, Storage};
use whampoa_core::journal::tail::{End, Part};
use whampoa_core::journal::view::EntryView;
use whampoa_core::journal::{Config, Journal, Step};
use whampoa_core::pipeline::seal::read_entry;

use crate::sample;
use whampoa_core::seeded::Random;

pub const SEGMENT_BYTES: u64 = 16 << 10;

pub fn config() -> Config {
    Config {
        segment_bytes: SEGMENT_BYTES,
        ..Config::default()
    }
}

/// A frame, or the head of a segment, in a file.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub segment: usize,
    pub offset: usize,
    pub padded: usize,
    /// Entries before it.
    pub index: u64,
    pub entries: u64,
    pub is_footer: bool,
}

/// A segment: its first index and its bytes.
pub type Segment = (u64, Vec<u8>);

/// A journal as files.
#[derive(Clone)]
pub struct Ground {
    pub segments: Vec<Segment>,
    pub places: Vec<Place>,
    pub entries: u64,
    /// What is found before each place.
    pub before: Vec<Audit>,
}

/// What every check of an entry does here: the event must be readable, whatever it means.
pub fn readable(view: &EntryView<'_>) -> Result<(), String> {
    read_entry(view)
        .map(drop)
        .map_err(|fault| fault.to_string())
}

pub fn audit(storage: &MemoryStorage) -> Report {
    structure(storage, &mut readable).expect("the files can be read")
}

/// What stands in a segment from a place on.
pub fn part_of(first_index: u64, bytes: &[u8], start: usize, is_last: bool) -> Part<'_> {
    Part {
        first_index,
        start,
        bytes: &bytes[start..],
        is_last,
    }
}

/// A disk with these files.
pub fn disk(segments: &[Segment]) -> MemoryStorage {
    let storage = MemoryStorage::default();
    for (first_index, bytes) in segments {
        put(&storage, &segment::name(*first_index), bytes);
    }
    storage
}

pub fn put(storage: &MemoryStorage, name: &str, bytes: &[u8]) {
    storage.create(name).expect("a file");
    storage.write_at(name, 0, bytes).expect("written");
    storage.sync(name).expect("durable");
    storage.sync_folder().expect("durable");
}

/// The segments on a disk.
pub fn segments_of(storage: &MemoryStorage) -> Vec<Segment> {
    let names = storage.list().expect("names");
    let indexes = names.iter().filter_map(|name| segment::first_index(name));
    indexes
        .map(|first_index| {
            let name = segment::name(first_index);
            let length = storage.length(&name).expect("a length") as usize;
            let bytes = storage.read_at(&name, 0, length).expect("bytes");
            (first_index, bytes)
        })
        .collect()
}

/// Writes a journal in lives: each opens it, writes its groups, and stops cleanly or not.
pub struct Writer {
    pub storage: MemoryStorage,
    pub random: Random,
    index: u64,
    link: [u8; 32],
}

impl Writer {
    pub fn new(seed: u64) -> Self {
        println!("WHAMPOA_SEED={seed}");
        Self {
            storage: MemoryStorage::default(),
            random: Random::new(seed),
            index: 0,
            link: [0; 32],
        }
    }

    pub fn life(&mut self, is_clean: bool, write: impl FnOnce(&mut Self, &Journal)) {
        let (journal, recovery) =
            Journal::open_stepped(self.storage.clone(), config()).expect("a whole journal");
        assert_eq!((recovery.entries, &recovery.cut), (self.index, &None));
        write(self, &journal);
        if is_clean {
            journal.close().expect("a footer");
        }
    }

    /// One operation, waiting to be written.
    pub fn append(&mut self, journal: &Journal, drafts: Vec<EntryDraft>) {
        journal.append(self.sealed(drafts)).expect("taken");
    }

    pub fn sealed(&mut self, mut drafts: Vec<EntryDraft>) -> Vec<Sealed> {
        let last = drafts.len() - 1;
        for draft in &mut drafts[..last] {
            draft.flags |= FLAG_CONTINUES;
        }
        let mut sealed = Vec::new();
        for draft in drafts {
            let mut seed = [0; 32];
            seed.fill_with(|| self.random.next() as u8);
            let entry = seal(draft, self.index, self.link, seed);
            (self.index, self.link) = (self.index + 1, entry.link);
            sealed.push(entry);
        }
        sealed
    }

    /// An operation of entries of some kinds.
    pub fn operation(&mut self, kinds: &[usize]) -> Vec<EntryDraft> {
        let request = self.index + 1;
        let random = &mut self.random;
        let one = |at: &usize| sample::entry(&KINDS[*at % KINDS.len()], request, random);
        kinds.iter().map(one).collect()
    }
}

pub fn write(journal: &Journal) {
    while journal.step().expect("written") == Step::Wrote {}
}

impl Ground {
    /// Every kind of entry and row, frames of one entry and of several, operations of several entries and over several
    /// frames, segments, footers between; no footer at the end.
    pub fn new(seed: u64) -> Self {
        let mut writer = Writer::new(seed);
        let kinds = KINDS.len();
        writer.life(true, |writer, journal| {
            for kind in 0..kinds / 2 {
                let drafts = writer.operation(&[kind]);
                writer.append(journal, drafts);
                // Every third one shares its frame with the next.
                if kind % 3 > 0 {
                    write(journal);
                }
            }
            write(journal);
        });
        writer.life(true, |writer, journal| {
            let drafts = writer.operation(&[0, 3, 5]);
            writer.append(journal, drafts);
            write(journal);
            // Larger than a frame may be: it goes over frames and segments.
            let drafts = writer.operation(&(0..20).map(|at| at * 5).collect::<Vec<_>>());
            writer.append(journal, drafts);
            write(journal);
        });
        writer.life(false, |writer, journal| {
            for kind in kinds / 2..kinds {
                let drafts = writer.operation(&[kind]);
                writer.append(journal, drafts);
                write(journal);
            }
        });
        Self::of(segments_of(&writer.storage))
    }

    pub fn of(segments: Vec<Segment>) -> Self {
        let (mut before, mut places) = (Vec::new(), Vec::new());
        let mut audit = Audit::default();
        for (at, (first_index, bytes)) in segments.iter().enumerate() {
            for place in places_in(at, *first_index, bytes) {
                before.push(audit.clone());
                let end = place.offset + place.padded;
                let check = audit.segment(
                    &part_of(*first_index, &bytes[..end], place.offset, true),
                    &mut readable,
                );
                assert_eq!(check, Ok(End::Whole { offset: end }));
                places.push(place);
            }
        }
        let entries = places.iter().map(|place| place.entries).sum();
        Self {
            segments,
            places,
            entries,
            before,
        }
    }

    /// The frames, without heads of segments.
    pub fn frames(&self) -> Vec<Place> {
        let frames = self.places.iter().filter(|place| place.offset > 0);
        frames.copied().collect()
    }

    /// Where the frames of a segment end, and what is found before that.
    pub fn end_of(&self, segment: usize) -> (usize, Audit) {
        let mut places = self.places.iter();
        let last = places
            .rposition(|place| place.segment == segment)
            .expect("a head");
        let place = self.places[last];
        let (first_index, bytes) = &self.segments[segment];
        let (mut audit, end) = (self.before[last].clone(), place.offset + place.padded);
        let check = audit.segment(
            &part_of(*first_index, &bytes[..end], place.offset, true),
            &mut readable,
        );
        check.expect("whole");
        (end, audit)
    }

    pub fn file(&self, segment: usize) -> String {
        segment::name(self.segments[segment].0)
    }

    /// A run that never got somewhere proves nothing about it.
    pub fn check_reached(&self) {
        let (mut kinds, mut rows, mut private) = (BTreeSet::new(), BTreeSet::new(), 0);
        structure(&disk(&self.segments), &mut |view| {
            kinds.insert(view.event_type());
            let all = 0..view.row_count() as u16;
            rows.extend(all.filter_map(|row| Some(view.row_at(row)?.0)));
            private += view.private_fields_from(0);
            readable(view)
        })
        .expect("readable");
        assert!(KINDS.iter().all(|kind| kinds.contains(&kind.kind)));
        assert!(ROWS.iter().all(|row| rows.contains(&row.kind)));
        assert!(private > 20, "{private} private fields");
        let frames = self.frames();
        let footers = frames.iter().filter(|place| place.is_footer).count();
        let shared = frames.iter().filter(|place| place.entries > 1).count();
        assert!(footers == 2 && !frames[frames.len() - 1].is_footer);
        assert!(shared > 3, "{shared} frames of several entries");
        assert!(self.segments.len() > 3, "{} segments", self.segments.len());
    }
}

fn places_in(segment: usize, first_index: u64, bytes: &[u8]) -> Vec<Place> {
    let head = Place {
        segment,
        offset: 0,
        padded: UNIT,
        index: first_index,
        entries: 0,
        is_footer: false,
    };
    let mut places = vec![head];
    let mut at = UNIT;
    while let Some(head) = bytes.get(at..).and_then(FrameHead::read) {
        let padded = head.length.next_multiple_of(UNIT);
        assert!(matches!(
            frame::read(&bytes[at..]),
            Ok(frame::Found::Whole { .. })
        ));
        places.push(Place {
            segment,
            offset: at,
            padded,
            index: head.first_index,
            entries: u64::from(head.entries),
            is_footer: head.is_footer,
        });
        at += padded;
    }
    places
}
