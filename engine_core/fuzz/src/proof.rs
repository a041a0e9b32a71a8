//! Inclusion paths: a path is right for one leaf at one place of one tree, and no other bytes are.

use whampoa_core::evidence::hash::{leaf_hash, root_of};
use whampoa_core::evidence::proof::{inclusion, verify_inclusion};

const LEAVES_MAX: u64 = 64;

/// Index 8 ‖ size 8 ‖ hashes of 32 bytes.
pub fn run(input: &[u8]) {
    let Some((index, rest)) = input.split_first_chunk::<8>() else {
        return;
    };
    let Some((size, rest)) = rest.split_first_chunk::<8>() else {
        return;
    };
    let (index, size) = (u64::from_be_bytes(*index), u64::from_be_bytes(*size));
    let path: Vec<[u8; 32]> = rest
        .chunks_exact(32)
        .filter_map(|hash| hash.try_into().ok())
        .collect();
    let leaves: Vec<[u8; 32]> = (0..size.min(LEAVES_MAX))
        .map(|leaf| leaf_hash(&leaf.to_be_bytes()))
        .collect();
    let root = root_of(leaves.clone());
    let leaf = leaf_hash(&index.to_be_bytes());
    let holds = verify_inclusion(leaf, index, size, &path, &root);
    if size > LEAVES_MAX {
        return;
    }
    let is_right = index < size && inclusion(&leaves, index as usize) == path;
    assert_eq!(holds, is_right);
}

/// Right paths.
pub fn seeds() -> Vec<Vec<u8>> {
    [(0, 1), (0, 2), (3, 7), (6, 7), (62, 63), (40, 64)]
        .iter()
        .map(|(index, size): &(u64, u64)| {
            let leaves: Vec<_> = (0..*size)
                .map(|leaf| leaf_hash(&leaf.to_be_bytes()))
                .collect();
            let mut seed = [index.to_be_bytes(), size.to_be_bytes()].concat();
            seed.extend(inclusion(&leaves, *index as usize).concat());
            seed
        })
        .collect()
}
