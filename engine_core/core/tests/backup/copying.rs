//! What a backup takes: all that is durable, only what is new, and nothing of another log.

use whampoa_core::backup::copy::Options;
use whampoa_core::journal::frame;
use whampoa_core::journal::segment;
use whampoa_core::journal::storage::{MemoryStorage, Storage};

use crate::each_seed;
use crate::place::{LOG_KEY, Place, line, options};
use crate::source::Source;

fn newest_segment(storage: &MemoryStorage) -> String {
    let names = storage.list().unwrap();
    names
        .into_iter()
        .rfind(|name| segment::first_index(name).is_some())
        .unwrap()
}

#[test]
fn a_backup_of_nothing_is_one_too() {
    let mut source = Source::new();
    source.open();
    let place = Place::default();
    let copied = place.back_up(&source).unwrap();
    assert_eq!((copied.index, copied.entries_copied), (-1, 0));
    let (restored, report) = place.restore(None, false);
    assert!(report.ok, "{}", report.error);
    source.check(&restored, 0);
}

#[test]
fn it_grows_with_the_log_and_equals_one_made_at_once() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        for round in 0..6 {
            let entries = random.below(120);
            source.grow(random, entries);
            if random.one_in(3) {
                source.close();
            }
            let before = place.files();
            let copied = place.back_up(&source).unwrap();
            assert_eq!(copied.entries, source.entries.len() as u64);
            assert_eq!(copied.link.0, source.link);
            let proof = copied.proof.unwrap();
            assert!(proof.laws_hold);
            assert_eq!(proof.private.missing, 0);
            // What was there stays, to the byte.
            for (name, bytes) in before.iter().filter(|(name, _)| !name.ends_with(".json")) {
                let now = place.files();
                let (_, found) = now.iter().find(|(one, _)| one == name).unwrap();
                assert_eq!(&found[..bytes.len()], bytes, "round {round}: {name}");
            }
            // With nothing new nothing is copied.
            let again = place.back_up(&source).unwrap();
            assert_eq!(
                (
                    again.journal_bytes_copied,
                    again.private_bytes_copied,
                    again.entries_copied
                ),
                (0, 0, 0)
            );
        }
        let at_once = Place::default();
        at_once.back_up(&source).unwrap();
        assert_eq!(at_once.manifest(), place.manifest());
        assert_eq!(at_once.files(), place.files());
        assert!(place.manifest().segments.len() > 1);
        let (restored, report) = place.restore(None, false);
        assert!(report.ok, "{}", report.error);
        source.check(&restored, source.entries.len() as u64);
    });
}

#[test]
fn without_laws_only_the_new_part_is_read() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        let quick = Options {
            with_laws: false,
            ..options()
        };
        for _ in 0..4 {
            source.grow(random, 40);
            let copied = place.back_up_with(&source, &quick, LOG_KEY).unwrap();
            assert_eq!((copied.state_hash, copied.laws_hold), (None, None));
        }
        let quickly = place.manifest();
        let proven = place.back_up(&source).unwrap();
        assert_eq!((proven.root, proven.link), (quickly.root, quickly.link));
        assert!(proven.state_hash.is_some());
        // It stays known while nothing is new.
        let again = place.back_up_with(&source, &quick, LOG_KEY).unwrap();
        assert_eq!(again.state_hash, proven.state_hash);
    });
}

#[test]
fn an_unfinished_operation_and_a_torn_frame_stay_out() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        source.grow(random, 100);
        let whole = source.entries.len() as u64;
        source.begin_operation(random);
        assert_eq!(place.back_up(&source).unwrap().entries, whole);
        let (restored, _) = place.restore(None, false);
        assert_eq!(
            whampoa_core::evidence::verify::structure(&restored.journal, &mut |_| Ok(()))
                .unwrap()
                .entries,
            whole
        );
        // The engine is killed: its recovery drops the operation, and another one takes the place.
        source.kill();
        source.entries.truncate(whole as usize);
        source.link = place.manifest().link.0;
        source.grow(random, 30);
        let entries = source.entries.len() as u64;
        // A frame of which only some units were written.
        let torn = source.sealed(random, false);
        let bytes = frame::build(&[&torn.bytes, &[0x5a; 3_000]], entries, entries, false);
        let name = newest_segment(&source.journal);
        let end = written(&source.journal, &name);
        source
            .journal
            .write_at(&name, end, &bytes[..1_024])
            .unwrap();
        assert_eq!(place.back_up(&source).unwrap().entries, entries);
    });
}

/// Where the frames of a segment end.
fn written(storage: &MemoryStorage, name: &str) -> u64 {
    let bytes = storage
        .read_at(name, 0, storage.length(name).unwrap() as usize)
        .unwrap();
    let mut at = frame::UNIT;
    while let Ok(frame::Found::Whole { padded, .. }) = frame::read(&bytes[at..]) {
        at += padded;
    }
    at as u64
}

#[test]
fn what_is_in_a_backup_survives_a_power_cut_of_the_source() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        source.grow(random, 60);
        // A frame is written and not synced when the backup reads it.
        let sealed = source.sealed(random, false);
        source.open().1.put(std::slice::from_ref(&sealed)).unwrap();
        let bytes = frame::build(&[&sealed.bytes], sealed.index, sealed.index, false);
        let name = newest_segment(&source.journal);
        let end = written(&source.journal, &name);
        source.journal.write_at(&name, end, &bytes).unwrap();
        let copied = place.back_up(&source).unwrap();
        assert_eq!(copied.entries, sealed.index + 1);
        source.kill();
        source.journal.lose_power(|_| false);
        source.private.lose_power(|_| false);
        source.open();
        source.grow(random, 20);
        place.back_up(&source).unwrap();
    });
}

#[test]
fn a_rotten_source_is_told_with_its_place() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        source.grow(random, 250);
        let names: Vec<String> = source.journal.list().unwrap();
        let segments: Vec<&String> = names
            .iter()
            .filter(|name| segment::first_index(name).is_some())
            .collect();
        assert!(segments.len() > 1);
        let name = segments[random.below(segments.len())];
        let offset = random.below(written(&source.journal, name) as usize);
        source.journal.flip(name, offset, 1 << random.below(8));
        let told = line(place.back_up(&source));
        assert!(
            told.starts_with(&format!("journal/{name} at offset ")),
            "{told}"
        );
        let place_told: usize = told
            .split(' ')
            .nth(3)
            .unwrap()
            .trim_end_matches(':')
            .parse()
            .unwrap();
        assert!(
            place_told <= offset && offset < place_told + 16_384,
            "{offset}: {told}"
        );
    });
}

#[test]
fn another_past_is_refused() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        source.grow(random, 40);
        place.back_up(&source).unwrap();
        let held = place.files();
        // Another log of the same length.
        let mut other = Source {
            log: "whampoa-2",
            ..Source::new()
        };
        other.grow(random, 60);
        let told = line(place.back_up(&other));
        assert_eq!(
            told,
            "the target holds a backup of log \"whampoa-1\", the journal is of log \"whampoa-2\""
        );
        // The same log, another past; longer, and shorter.
        for entries in [90, 3] {
            let mut fork = Source::new();
            fork.grow(random, entries);
            let told = line(place.back_up(&fork));
            assert!(
                told.starts_with(
                    "the journal does not continue the backup, which ends with entry "
                ),
                "{told}"
            );
        }
        // A key that was lost and made again.
        let told = line(place.back_up_with(&source, &options(), b"another key"));
        assert_eq!(told, "keys/log.key is not the one of the backup");
        // Private parts that the source lost.
        let lost = Source {
            private: MemoryStorage::default(),
            ..Source::new()
        };
        let poorer = Source {
            journal: source.journal.clone(),
            ..lost
        };
        let told = line(place.back_up(&poorer));
        assert!(
            told.starts_with("private/values.wp does not continue the backup"),
            "{told}"
        );
        let open = Options {
            with_private: false,
            ..options()
        };
        let told = line(place.back_up_with(&source, &open, LOG_KEY));
        assert!(told.starts_with("the target holds private parts"), "{told}");
        assert_eq!(place.files(), held, "a refusal leaves the backup as it was");
    });
}

#[test]
fn a_folder_that_is_something_else_is_left_alone() {
    let mut source = Source::new();
    source.open();
    let place = Place::default();
    place.root.create("notes.txt").unwrap();
    assert_eq!(
        line(place.back_up(&source)),
        "the target is not empty and holds no backup"
    );
    assert_eq!(place.root.names().unwrap(), ["notes.txt"]);
}

#[test]
fn without_private_parts_they_are_counted_as_absent() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        source.grow(random, 40);
        let open = Options {
            with_private: false,
            ..options()
        };
        let copied = place.back_up_with(&source, &open, LOG_KEY).unwrap();
        let parts = copied.proof.unwrap().private;
        let expected = source
            .entries
            .iter()
            .filter(|(_, is_private)| *is_private)
            .count() as u64;
        assert_eq!((parts.total, parts.missing), (expected, expected));
        assert_eq!(place.private.names().unwrap(), Vec::<String>::new());
        let (_, report) = place.restore(None, false);
        assert!(report.ok, "{}", report.error);
        assert_eq!(report.private.missing, expected);
    });
}
