//! Snapshots of the state: a file is read or passed over, and a state that comes out of one freezes to the same bytes.

use whampoa_core::evidence::tree::Tree;
use whampoa_core::journal::storage::{MemoryStorage, Storage};
use whampoa_core::pipeline::snapshot::{Snapshot, Snapshots};

use crate::ground::{LOG, ground};

const ENTRIES: std::ops::Range<usize> = 36..44;
const SUM_BYTES: usize = 4;

/// A file whose sum is made right, so that what it guards is reached.
pub fn run(input: &[u8]) {
    let mut file = input.to_vec();
    let Some(length) = file.len().checked_sub(SUM_BYTES) else {
        return;
    };
    let sum = crc32c::crc32c(&file[..length]);
    file[length..].copy_from_slice(&sum.to_be_bytes());
    let entries = file.get(ENTRIES).unwrap_or_default();
    let entries = entries
        .iter()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let storage = MemoryStorage::default();
    let name = format!("{entries:020}.ws");
    storage.create(&name).expect("memory");
    storage.write_at(&name, 0, &file).expect("memory");
    let snapshots = Snapshots::new(storage, LOG);
    let taken = snapshots.newest(u64::MAX, &mut |_| Ok(()));
    let Some(snapshot) = taken.snapshot else {
        assert_eq!(taken.passed_over.len(), 1);
        return;
    };
    if let Ok(state) = snapshot.frozen.thaw() {
        let again = state.freeze().and_then(|frozen| frozen.thaw());
        assert_eq!(again.map(|state| state.hash()), Ok(state.hash()));
    }
}

/// The ground as a snapshot.
pub fn seeds() -> Vec<Vec<u8>> {
    let ground = ground();
    let state = &ground.log.state;
    let mut tree = Tree::default();
    let links: Vec<[u8; 32]> = ground.made.iter().map(|made| made.sealed.link).collect();
    links.iter().for_each(|link| tree.push(*link));
    let snapshot = Snapshot {
        entries: links.len() as u64,
        rows: state.rows,
        state_hash: state.hash(),
        frames: Vec::new(),
        links,
        tree,
        frozen: state.freeze().expect("a state freezes"),
    };
    let storage = MemoryStorage::default();
    let snapshots = Snapshots::new(storage.clone(), LOG);
    snapshots.write(&snapshot).expect("memory");
    let name = format!("{:020}.ws", snapshot.entries);
    let length = storage.length(&name).expect("memory") as usize;
    vec![storage.read_at(&name, 0, length).expect("memory")]
}
