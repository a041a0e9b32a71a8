//! What is missing or damaged of a backup is told exactly, and nothing is restored of it unless the loss is accepted.

use whampoa_core::backup::restore::Report;
use whampoa_core::journal::frame::UNIT;
use whampoa_core::journal::storage::Storage;

use crate::each_seed;
use crate::place::{Place, line};
use crate::source::Source;
use whampoa_core::seeded::Random;

/// A source and its backup, of several segments.
fn backed_up(random: &mut Random) -> (Source, Place) {
    let (mut source, place) = (Source::new(), Place::default());
    source.grow(random, 240);
    place.back_up(&source).unwrap();
    assert!(place.manifest().segments.len() > 2);
    (source, place)
}

/// What every damaged journal has to show: the entries that are lost, and what can be restored.
fn check_loss(source: &Source, place: &Place, report: &Report) {
    let all = source.entries.len() as u64;
    assert!(!report.ok);
    assert!(
        report.error.starts_with("the backup is incomplete: "),
        "{}",
        report.error
    );
    let whole = (report.index + 1) as u64;
    assert_eq!(report.lost, Some((whole, all - 1)));
    assert!(whole == 0 || source.ends.contains(&whole));
    let (nothing, _) = place.restore(None, false);
    assert_eq!(nothing.files(), vec![]);
    if whole == 0 {
        assert_eq!(
            place.plan(None, true).error,
            "no entry of the backup is whole"
        );
        return;
    }
    let (restored, accepted) = place.restore(None, true);
    assert!(accepted.ok, "{}", accepted.error);
    assert_eq!((accepted.index, accepted.lost), (report.index, report.lost));
    source.check(&restored, whole);
    // What lies before the damage is restored without any loss, and what lies behind is told.
    let before = place.plan(Some(whole - 1), false);
    assert!(before.ok, "{}", before.error);
    assert_eq!(before.damage, report.damage);
}

#[test]
fn a_file_cut_at_any_kind_of_place() {
    each_seed(|random| {
        let (source, place) = backed_up(random);
        let segments = place.manifest().segments;
        let segment = &segments[random.below(segments.len())];
        let bytes = segment.bytes as usize;
        let frame = frames(&place, &segment.file);
        let inner = frame[random.below(frame.len())];
        let places = [
            0,
            1,
            UNIT - 1,
            UNIT,
            UNIT + 1,
            inner,
            inner + 1,
            inner + 39,
            inner + UNIT,
            bytes - UNIT,
            bytes - 1,
        ];
        for length in places {
            let damaged = place.copied();
            damaged.journal.truncate(&segment.file, length);
            let report = damaged.plan(None, false);
            let file = format!("journal/{}", segment.file);
            let [told] = &report.damage[..] else {
                panic!("{length}: {:?}", report.damage);
            };
            assert_eq!((&told.file, told.what), (&file, "cut"), "{length}");
            assert_eq!(
                (told.from_byte, told.until_byte),
                (length as u64, segment.bytes)
            );
            let whole = frame.iter().filter(|end| **end <= length).count();
            let first = entries_before(&place, &segment.file, whole);
            assert_eq!(
                (told.first_index, told.last_index),
                (Some(first), Some(segment.end() - 1)),
                "{length}"
            );
            check_loss(&source, &damaged, &report);
            let told = line(damaged.back_up(&source));
            assert!(told.contains("the backup is damaged"), "{told}");
        }
    });
}

/// Ends of the frames of a segment of a backup, its head first.
fn frames(place: &Place, name: &str) -> Vec<usize> {
    let bytes = place
        .journal
        .read_at(name, 0, place.journal.length(name).unwrap() as usize)
        .unwrap();
    let mut ends = vec![UNIT];
    while let Some(length) = bytes
        .get(ends[ends.len() - 1] + 4..)
        .and_then(|rest| rest.get(..4))
    {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        ends.push(ends[ends.len() - 1] + length.next_multiple_of(UNIT));
    }
    ends
}

/// Index of the entry behind the first `ends` ends of a segment.
fn entries_before(place: &Place, name: &str, ends: usize) -> u64 {
    let frames = frames(place, name);
    let segment = place
        .manifest()
        .segments
        .into_iter()
        .find(|one| one.file == name)
        .unwrap();
    match frames.get(ends.max(1) - 1) {
        Some(at) if (*at as u64) < segment.bytes => {
            let head = place.journal.read_at(name, *at as u64 + 8, 8).unwrap();
            u64::from_be_bytes(head.try_into().unwrap())
        }
        _ => segment.end(),
    }
}

#[test]
fn a_flipped_bit_of_the_journal_is_located() {
    each_seed(|random| {
        let (source, place) = backed_up(random);
        for _ in 0..12 {
            let segments = place.manifest().segments;
            let segment = &segments[random.below(segments.len())];
            let offset = random.below(segment.bytes as usize);
            let damaged = place.copied();
            damaged
                .journal
                .flip(&segment.file, offset, 1 << random.below(8));
            let report = damaged.plan(None, false);
            let [told] = &report.damage[..] else {
                panic!("{offset}: {:?}", report.damage);
            };
            assert_eq!(told.file, format!("journal/{}", segment.file));
            assert_eq!(told.what, "damaged");
            assert!(
                (told.from_byte..told.until_byte).contains(&(offset as u64)),
                "{offset}: {told:?}"
            );
            check_loss(&source, &damaged, &report);
        }
    });
}

#[test]
fn a_missing_segment_is_told_with_its_entries() {
    each_seed(|random| {
        let (source, place) = backed_up(random);
        let segments = place.manifest().segments;
        for (at, segment) in segments.iter().enumerate() {
            let damaged = place.copied();
            damaged.journal.remove(&segment.file).unwrap();
            let report = damaged.plan(None, false);
            let (first, last) = (segment.first_index, segment.end() - 1);
            let told = format!(
                "the backup is incomplete: journal/{} is missing ({} bytes), with entries {first} to {last}; ",
                segment.file, segment.bytes
            );
            assert!(report.error.starts_with(&told), "{}", report.error);
            assert_eq!(report.index < 0, at == 0);
            check_loss(&source, &damaged, &report);
            let told = line(damaged.back_up(&source));
            let file = &segment.file;
            assert!(
                told.starts_with(&format!("the backup is damaged: journal/{file} has 0 of ")),
                "{told}"
            );
        }
        // Two at once are both told.
        let damaged = place.copied();
        for segment in &segments[1..3] {
            damaged.journal.remove(&segment.file).unwrap();
        }
        assert_eq!(damaged.plan(None, false).damage.len(), 2);
    });
}

#[test]
fn private_parts_that_are_gone_are_counted() {
    each_seed(|random| {
        let (source, place) = backed_up(random);
        let private: Vec<u64> = (0..source.entries.len() as u64)
            .filter(|index| source.entries[*index as usize].1)
            .collect();
        let damaged = place.copied();
        damaged.private.remove("values.wp").unwrap();
        let report = damaged.plan(None, false);
        assert!(!report.ok);
        let count = private.len();
        let (first, last) = (private[0], private[count - 1]);
        let told = format!(
            "; {count} private parts of entries {first} to {last} are absent; all entries are whole, --accept-loss restores them"
        );
        assert!(
            report
                .error
                .starts_with("the backup is incomplete: private/values.wp is missing ("),
            "{}",
            report.error
        );
        assert!(report.error.ends_with(&told), "{}", report.error);
        let (restored, accepted) = damaged.restore(None, true);
        assert!(accepted.ok, "{}", accepted.error);
        assert_eq!(
            (accepted.private.missing, accepted.lost),
            (count as u64, None)
        );
        assert_eq!(
            accepted.proof.unwrap().state_hash,
            place.manifest().state_hash.unwrap(),
            "replay needs no private part"
        );
        drop(restored);
        // One flipped bit loses one part.
        let damaged = place.copied();
        let length = damaged.private.length("values.wp").unwrap() as usize;
        damaged.private.flip("values.wp", random.below(length), 4);
        let report = damaged.plan(None, false);
        assert_eq!(
            (report.private.missing, report.damage.len()),
            (1, 1),
            "{report:?}"
        );
        assert_eq!(report.damage[0].file, "private/values.wp");
        let (_, accepted) = damaged.restore(None, true);
        assert_eq!((accepted.ok, accepted.private.missing), (true, 1));
        // A cut loses those at the end.
        let damaged = place.copied();
        damaged.private.truncate("values.wp", length / 2);
        let report = damaged.plan(None, false);
        assert_eq!(
            (report.damage[0].what, report.damage[0].from_byte),
            ("cut", length as u64 / 2)
        );
        let missing = report.private.missing as usize;
        let first = report.private.missing_entries[0].0;
        assert_eq!(first, private[count - missing]);
    });
}

#[test]
fn small_files_and_the_manifest_are_checked_too() {
    each_seed(|random| {
        let (source, place) = backed_up(random);
        let key = place
            .manifest()
            .small
            .into_iter()
            .find(|small| small.file == "keys/log.key")
            .unwrap();
        let damaged = place.copied();
        damaged.root.flip(&key.kept_as, 3, 1);
        let report = damaged.plan(None, false);
        assert_eq!(
            report.damage[0].file,
            format!("{} (keys/log.key)", key.kept_as)
        );
        damaged.root.remove(&key.kept_as).unwrap();
        let report = damaged.plan(None, false);
        assert_eq!((report.damage[0].what, report.ok), ("missing", false));
        assert!(damaged.plan(None, true).ok);
        let length = place.root.length("manifest.json").unwrap() as usize;
        for _ in 0..20 {
            let damaged = place.copied();
            let (offset, bit) = (random.below(length), random.below(8));
            damaged.root.flip("manifest.json", offset, 1 << bit);
            let options = whampoa_core::backup::restore::Options::default();
            let plan = whampoa_core::backup::restore::plan(
                &damaged.folders(),
                &options,
                &mut |_, _, _| Ok(()),
            );
            // Space between values may change: what it says does not.
            if let Ok((manifest, report)) = plan {
                assert_eq!(
                    (&manifest, report.ok),
                    (&place.manifest(), true),
                    "{offset} {bit}"
                );
            } else {
                assert!(line(plan).starts_with("manifest.json: "));
                assert!(line(damaged.back_up(&source)).starts_with("manifest.json: "));
            }
        }
    });
}
