//! The manifest of a backup: whatever it says, a restore is planned or refused, from files that are not what it says.

use whampoa_core::backup::Folders;
use whampoa_core::backup::manifest::{
    FORMAT, Hex, LOG_KEY, Manifest, NAME, Private, Segment, Small,
};
use whampoa_core::backup::restore::{Options, plan};
use whampoa_core::journal::segment;
use whampoa_core::journal::storage::{MemoryStorage, Storage};

use crate::journal;

/// The bytes of a manifest; when they can be read, its sum is made right, so that what it guards is reached.
pub fn run(input: &[u8]) {
    let root = storage(&[(NAME, input)]);
    if let Ok(mut manifest) = serde_json::from_slice::<Manifest>(input) {
        manifest.write(&root).expect("memory");
    }
    let file = journal::seeds().swap_remove(3).split_off(1);
    let backup = Folders {
        root: &root,
        journal: &storage(&[(&segment::name(0), &file)]),
        private: &storage(&[]),
    };
    for accept_loss in [false, true] {
        let options = Options {
            accept_loss,
            ..Options::default()
        };
        if let Ok((manifest, report)) = plan(&backup, &options, &mut |_, _, _| Ok(())) {
            assert!(report.ok == report.error.is_empty());
            assert!(report.index < manifest.entries as i64);
        }
    }
}

fn storage(files: &[(&str, &[u8])]) -> MemoryStorage {
    let storage = MemoryStorage::default();
    for (name, bytes) in files {
        storage.create(name).expect("memory");
        storage.write_at(name, 0, bytes).expect("memory");
    }
    storage
}

/// A manifest over the journal that is there.
pub fn seeds() -> Vec<Vec<u8>> {
    let zeros = Hex([0; 32]);
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        time_ms: 1,
        log: "whampoa-1".to_owned(),
        entries: 6,
        rows: 0,
        link: zeros,
        root: zeros,
        peaks: vec![(2, zeros), (1, zeros)],
        state_hash: Some(zeros),
        laws_hold: Some(true),
        segments: vec![Segment {
            file: segment::name(0),
            bytes: 4096,
            first_index: 0,
            entries: 6,
            sha256: vec![zeros],
        }],
        private: Some(Private::default()),
        small: vec![Small {
            file: LOG_KEY.to_owned(),
            kept_as: "0123456789abcdef-log.key".to_owned(),
            bytes: 32,
            sha256: zeros,
        }],
        sha256: zeros,
    };
    vec![serde_json::to_vec(&manifest).expect("plain values")]
}
