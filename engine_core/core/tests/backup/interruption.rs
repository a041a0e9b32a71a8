//! A backup that ends anywhere leaves the one before it whole, and the next one goes on.

use whampoa_core::backup::copy::Options;

use crate::each_seed;
use crate::place::{LOG_KEY, Place, options};
use crate::source::Source;

#[test]
fn the_process_or_the_power_may_end_at_any_write() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        source.grow(random, 20);
        let earlier = place.back_up(&source).unwrap().entries;
        source.grow(random, 60);
        let all = source.entries.len() as u64;
        let mut cuts = 0;
        for disk in 0..3 {
            for changes in 1.. {
                let attempt = place.copied();
                attempt.disks()[disk].power_off_in(changes);
                let done = attempt.back_up_with(&source, &quick(), LOG_KEY).is_ok();
                let is_off = attempt.disks()[disk].is_off();
                match random.one_in(2) {
                    true => attempt.lose_power(random),
                    false => attempt
                        .disks()
                        .iter()
                        .for_each(|disk| disk.lose_power(|_| true)),
                }
                let (restored, report) = attempt.restore(None, false);
                assert!(report.ok, "disk {disk}, change {changes}: {}", report.error);
                let entries = (report.index + 1) as u64;
                assert!(entries >= earlier && source.ends.contains(&entries));
                source.check(&restored, entries);
                let gone_on = attempt.back_up_with(&source, &quick(), LOG_KEY).unwrap();
                assert_eq!(gone_on.entries, all);
                assert!(attempt.plan(None, false).ok);
                if done && !is_off {
                    assert_eq!(entries, all);
                    break;
                }
                cuts += 1;
            }
        }
        assert!(cuts > 12, "{cuts} cuts");
    });
}

/// Without the replay, which changes nothing but the manifest, and with checkpoints often.
fn quick() -> Options {
    Options {
        with_laws: false,
        checkpoint_bytes: 20 << 10,
        ..options()
    }
}

#[test]
fn the_first_backup_may_end_at_any_write() {
    each_seed(|random| {
        let mut source = Source::new();
        source.grow(random, 70);
        for disk in 0..3 {
            for changes in 1.. {
                let place = Place::default();
                place.disks()[disk].power_off_in(changes);
                let done = place.back_up_with(&source, &quick(), LOG_KEY).is_ok()
                    && !place.disks()[disk].is_off();
                place.lose_power(random);
                let copied = place.back_up_with(&source, &quick(), LOG_KEY).unwrap();
                assert_eq!(copied.entries, source.entries.len() as u64);
                assert!(place.plan(None, false).ok);
                if done {
                    break;
                }
            }
        }
    });
}

#[test]
fn what_was_copied_up_to_a_checkpoint_is_not_copied_again() {
    each_seed(|random| {
        let (mut source, place) = (Source::new(), Place::default());
        source.grow(random, 800);
        place.journal.power_off_in(14);
        assert!(place.back_up(&source).is_err());
        place.lose_power(random);
        let kept = place.manifest().entries;
        assert!(kept > 0, "a checkpoint was reached");
        let copied = place.back_up(&source).unwrap();
        assert_eq!(copied.entries_copied, copied.entries - kept);
    });
}
