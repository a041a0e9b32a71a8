//! RFC 6962 hashes: leaf 0x00, node 0x01, SHA-256.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(data);
    hasher.finalize().into()
}

pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut block = [0_u8; 65];
    block[0] = 1;
    block[1..33].copy_from_slice(left);
    block[33..].copy_from_slice(right);
    Sha256::digest(block).into()
}

pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// RFC 6962 root over leaf hashes; reuses the buffer it is given.
pub fn root_of(mut level: Vec<Hash>) -> Hash {
    if level.is_empty() {
        return empty_root();
    }
    while level.len() > 1 {
        let pairs = level.len() / 2;
        for pair in 0..pairs {
            level[pair] = node_hash(&level[2 * pair], &level[2 * pair + 1]);
        }
        if level.len() % 2 == 1 {
            level[pairs] = level[level.len() - 1];
        }
        level.truncate(pairs + level.len() % 2);
    }
    level[0]
}
