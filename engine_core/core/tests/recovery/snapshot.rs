//! Snapshots: made by the follower, begun with at a start, passed over when anything about them is not as it should be.

use std::path::{Path, PathBuf};

use whampoa_core::pipeline::{Core, Options};

use crate::ground::{Fill, Folder, fill};

/// Four messages.
const TRANSFERS: Fill = Fill {
    rows: 2_048,
    rows_of_message: 512,
    segment_bytes: 256 << 10,
    seed: 0,
};

fn of_rows(rows: u64) -> Fill {
    Fill { rows, ..TRANSFERS }
}

fn open(dir: &Path, snapshot_rows: u64) -> Core {
    let options = Options {
        snapshot_rows,
        segment_bytes: TRANSFERS.segment_bytes,
        ..Options::default()
    };
    Core::open(dir, options, Box::new(|| {})).unwrap()
}

/// Follows to the head as a projection that has everything up to `from` does.
fn follow(core: &Core, from: u64) {
    let mut next = from;
    while next < core.shared().durable() {
        next = core.project(next).unwrap().0;
    }
}

/// What a core tells of itself: a number of its report, the hash of its state, the root of its log.
fn told(core: &Core) -> (String, String) {
    let status = core.status(true).unwrap();
    (status.state_hash, status.tree_root)
}

fn snapshot_index(core: &Core) -> Option<u64> {
    let at = core.recovery.split("\"snapshot_index\":").nth(1).unwrap();
    at.split([',', '}']).next().unwrap().parse().ok()
}

fn passed_over(core: &Core) -> &str {
    let at = core.recovery.split("\"snapshots_passed_over\":[").nth(1);
    at.unwrap().split(']').next().unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir.join("snapshots"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

/// A directory with two snapshots, the older one of a part of the journal; what its core tells in the end.
fn two_snapshots(name: &str) -> (Folder, (String, String)) {
    let folder = Folder::new(name);
    for rows in [TRANSFERS.rows / 2, TRANSFERS.rows] {
        drop(std::fs::remove_dir_all(folder.0.join("journal")));
        fill(&folder.0, of_rows(rows));
        let core = open(&folder.0, 1_000_000);
        follow(&core, 0);
        core.close().unwrap();
    }
    assert_eq!(files(&folder.0).len(), 2);
    let core = open(&folder.0, 0);
    follow(&core, 0);
    assert_eq!(snapshot_index(&core), None);
    let expected = told(&core);
    (folder, expected)
}

/// Opens, checks what the core tells and which snapshot it began with.
fn check(dir: &Path, expected: &(String, String), began_with: Option<u64>) -> Core {
    let core = open(dir, 1_000_000);
    assert_eq!(snapshot_index(&core), began_with, "{}", core.recovery);
    // It follows by itself, also when queries want nothing.
    core.project(core.shared().durable()).unwrap();
    while core.status(false).unwrap().projected_index < core.shared().durable() {}
    assert_eq!(&told(&core), expected);
    core
}

#[test]
fn a_start_begins_with_the_newest_snapshot_and_has_the_state_of_a_full_replay() {
    let (folder, expected) = two_snapshots("newest");
    let core = check(&folder.0, &expected, Some(4));
    assert_eq!(passed_over(&core), "");
    // Old entries are proven as before.
    let proof = String::from_utf8(core.proof(None, 1, 0).unwrap()).unwrap();
    assert!(proof.contains(&expected.1));
    drop(core);
    // A projection that is behind the newest one is followed from the older one, and one that was lost from the start.
    for from in [4, 3, 2, 0] {
        let core = open(&folder.0, 1_000_000);
        follow(&core, from);
        assert_eq!(told(&core), expected, "{from}");
    }
}

#[test]
fn a_damaged_snapshot_is_passed_over() {
    let (folder, expected) = two_snapshots("damaged");
    let [older, newest] = &files(&folder.0)[..] else {
        panic!("two files");
    };
    let whole = std::fs::read(newest).unwrap();
    let length = whole.len();
    for at in [
        0,
        5,
        40,
        80,
        110,
        150,
        300,
        length / 3,
        length / 2,
        length - 5,
        length - 1,
    ] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(newest, bytes).unwrap();
        let core = check(&folder.0, &expected, Some(2));
        assert!(passed_over(&core).contains(newest.file_name().unwrap().to_str().unwrap()));
    }
    for length in [0, 100, length - 1] {
        std::fs::write(newest, &whole[..length]).unwrap();
        check(&folder.0, &expected, Some(2));
    }
    std::fs::write(newest, [&whole[..], b"more"].concat()).unwrap();
    check(&folder.0, &expected, Some(2));
    std::fs::rename(older, newest).unwrap();
    check(&folder.0, &expected, None);
    std::fs::write(newest, whole).unwrap();
    check(&folder.0, &expected, Some(4));
}

#[test]
fn a_snapshot_ahead_of_the_journal_or_of_another_one_is_passed_over_and_removed_in_time() {
    let (folder, _) = two_snapshots("ahead");
    for other in [false, true] {
        std::fs::remove_dir_all(folder.0.join("journal")).unwrap();
        match other {
            false => fill(&folder.0, of_rows(TRANSFERS.rows / 4)),
            true => fill(
                &folder.0,
                Fill {
                    seed: 1,
                    ..TRANSFERS
                },
            ),
        }
        let core = open(&folder.0, 0);
        follow(&core, 0);
        let expected = told(&core);
        drop(core);
        let core = check(&folder.0, &expected, None);
        assert_eq!(passed_over(&core).matches("\"why\"").count(), 2);
    }
    // The next one that is made is of this journal; what claims to be newer is gone.
    let core = open(&folder.0, 1_000_000);
    follow(&core, 0);
    core.close().unwrap();
    let core = open(&folder.0, 1_000_000);
    assert_eq!((snapshot_index(&core), passed_over(&core)), (Some(4), ""));
}

#[test]
fn the_follower_catches_up_by_itself_and_snapshots_are_made_of_what_it_reached() {
    let folder = Folder::new("made");
    fill(&folder.0, TRANSFERS);
    let core = open(&folder.0, 1_000);
    // Queries have seen everything, and ask for nothing.
    core.project(core.shared().durable()).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while core.snapshot_counts().0 < core.shared().durable() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    drop(core);
    let core = open(&folder.0, 1_000);
    assert_eq!(snapshot_index(&core), Some(4));
    assert_eq!(core.snapshot_counts(), (5, 0));
}

#[test]
fn who_accepts_a_loss_reads_every_frame() {
    let (folder, _) = two_snapshots("loss");
    let options = Options {
        accept_loss: true,
        segment_bytes: TRANSFERS.segment_bytes,
        ..Options::default()
    };
    let core = Core::open(&folder.0, options, Box::new(|| {})).unwrap();
    assert_eq!(snapshot_index(&core), None);
}

#[test]
fn rot_in_a_frame_that_the_start_did_not_read_is_found_while_it_serves() {
    let (folder, _) = two_snapshots("rot");
    let file = folder.0.join("journal").join("00000000000000000000.wj");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[512 + 700] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let core = open(&folder.0, 1_000_000);
    assert_eq!(snapshot_index(&core), Some(4));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while core.damage().is_none() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let found = core.damage().unwrap();
    assert!(
        found.starts_with("00000000000000000000.wj at offset 512: "),
        "{found}"
    );
}
