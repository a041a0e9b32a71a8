//! Inclusion paths of RFC 6962 and their check by RFC 9162, section 2.1.3.2.

use super::hash::{Hash, node_hash, root_of};

/// Audit path of leaf `index` in the tree over `leaves`, leaf side first.
pub fn inclusion(leaves: &[Hash], index: usize) -> Vec<Hash> {
    let mut path = Vec::new();
    let (mut part, mut at) = (leaves, index);
    while part.len() > 1 {
        let split = part.len().next_power_of_two() / 2;
        let (left, right) = part.split_at(split);
        if at < split {
            path.push(root_of(right.to_vec()));
            part = left;
        } else {
            path.push(root_of(left.to_vec()));
            (part, at) = (right, at - split);
        }
    }
    path.reverse();
    path
}

/// True when `path` leads from `leaf` at `index` to `root` of a tree of `size` leaves.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at % 2 == 0 && at != 0 {
                (at, last) = (at / 2, last / 2);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (at, last) = (at / 2, last / 2);
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests {
    use super::super::hash::leaf_hash;
    use super::*;

    #[test]
    fn every_leaf_of_every_small_tree_is_proven_and_no_other() {
        for size in 1_usize..40 {
            let leaves: Vec<Hash> = (0..size).map(|leaf| leaf_hash(&[leaf as u8])).collect();
            let root = root_of(leaves.clone());
            for index in 0..size {
                let path = inclusion(&leaves, index);
                assert!(verify_inclusion(
                    leaves[index],
                    index as u64,
                    size as u64,
                    &path,
                    &root
                ));
                let other = leaf_hash(b"other");
                assert!(!verify_inclusion(
                    other,
                    index as u64,
                    size as u64,
                    &path,
                    &root
                ));
                assert!(!verify_inclusion(
                    leaves[index],
                    index as u64 + 1,
                    size as u64,
                    &path,
                    &root
                ));
            }
        }
    }
}
