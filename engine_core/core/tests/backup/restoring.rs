//! Bringing back: every position, operations never cut, and a log that goes on.

use whampoa_core::private::extent::{Held, Presence};

use crate::each_seed;
use crate::place::Place;
use crate::source::{FIELD, Source};

#[test]
fn every_position_can_be_restored_or_is_refused_with_those_that_can() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        source.grow(random, 60);
        place.back_up(&source).unwrap();
        for until in 0..source.entries.len() as u64 {
            let (restored, report) = place.restore(Some(until), false);
            if source.ends.contains(&(until + 1)) {
                assert!(report.ok, "{until}: {}", report.error);
                assert_eq!(report.index, until as i64);
                source.check(&restored, until + 1);
                let held = Held::read(&restored.private).unwrap();
                for later in until + 1..source.entries.len() as u64 {
                    assert_eq!(held.of(later, FIELD), Presence::Missing);
                }
                continue;
            }
            let before = source.ends.iter().rfind(|end| **end <= until).copied();
            let after = source.ends.iter().find(|end| **end > until).unwrap();
            let first = before.unwrap_or(0);
            let possible = match before {
                Some(before) => format!("{} or {}", before - 1, after - 1),
                None => (after - 1).to_string(),
            };
            assert_eq!(
                report.error,
                format!(
                    "--until {until}: entries {first} to {} are one operation, which is never cut; possible are {possible}",
                    after - 1
                )
            );
            assert_eq!(restored.files(), vec![]);
        }
        let options = whampoa_core::backup::restore::Options {
            until: Some(5_000),
            accept_loss: false,
        };
        let told = crate::place::line(whampoa_core::backup::restore::plan(
            &place.folders(),
            &options,
            &mut |_, _, _| Ok(()),
        ));
        assert_eq!(
            told,
            format!(
                "--until 5000: the backup ends with entry {}",
                source.entries.len() - 1
            )
        );
    });
}

#[test]
fn a_restored_log_goes_on_and_into_the_same_backup() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        source.grow(random, 80);
        place.back_up(&source).unwrap();
        source.kill();
        let (restored, _) = place.restore(None, false);
        let mut second = Source {
            journal: restored.journal.clone(),
            private: restored.private.clone(),
            entries: source.entries.clone(),
            ends: source.ends.clone(),
            link: source.link,
            ..Source::new()
        };
        for _ in 0..3 {
            second.grow(random, 40);
            second.close();
            let copied = place.back_up(&second).unwrap();
            assert_eq!(copied.entries, second.entries.len() as u64);
        }
        second.check(&place.restore(None, false).0, second.entries.len() as u64);
        // The log that was left behind goes another way now.
        source.grow(random, 200);
        let told = crate::place::line(place.back_up(&source));
        assert!(
            told.starts_with("the journal does not continue the backup"),
            "{told}"
        );
    });
}

#[test]
fn one_that_was_restored_to_a_position_goes_on_in_a_backup_of_its_own() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        source.grow(random, 60);
        place.back_up(&source).unwrap();
        source.kill();
        let end = source.ends[source.ends.len() / 2];
        let (restored, report) = place.restore(Some(end - 1), false);
        assert!(report.ok, "{}", report.error);
        let mut second = Source {
            journal: restored.journal.clone(),
            private: restored.private.clone(),
            entries: source.entries[..end as usize].to_vec(),
            ends: source
                .ends
                .iter()
                .copied()
                .filter(|one| *one <= end)
                .collect(),
            link: report_link(&restored),
            ..Source::new()
        };
        second.grow(random, 60);
        let told = crate::place::line(place.back_up(&second));
        assert!(
            told.starts_with("the journal does not continue the backup"),
            "{told}"
        );
        let own = Place::default();
        own.back_up(&second).unwrap();
        second.check(&own.restore(None, false).0, second.entries.len() as u64);
    });
}

/// Link of the newest entry of a place.
fn report_link(place: &Place) -> [u8; 32] {
    let mut link = [0; 32];
    whampoa_core::evidence::verify::structure(&place.journal, &mut |view| {
        link = view.link();
        Ok(())
    })
    .unwrap();
    link
}
