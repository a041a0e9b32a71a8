//! The RFC 6962 tree over the entries, grown leaf by leaf.

use serde::{Deserialize, Serialize};

use super::hash::{Hash, empty_root, node_hash};

/// Roots of the perfect subtrees that the leaves so far form, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    peaks: Vec<(u32, Hash)>,
    size: u64,
}

impl Tree {
    /// Adds a leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        let (mut height, mut hash) = (0, leaf);
        while let Some((_, left)) = self.peaks.pop_if(|(peak, _)| *peak == height) {
            hash = node_hash(&left, &hash);
            height += 1;
        }
        self.peaks.push((height, hash));
        self.size += 1;
    }

    /// The tree that goes on from these roots of perfect subtrees, heights descending.
    pub fn from_peaks(peaks: Vec<(u32, Hash)>) -> Option<Self> {
        let descends = peaks.windows(2).all(|pair| pair[0].0 > pair[1].0);
        let fits = descends && peaks.first().is_none_or(|(height, _)| *height < u64::BITS);
        let size = |peaks: &[(u32, Hash)]| peaks.iter().map(|(height, _)| 1_u64 << height).sum();
        fits.then(|| Self {
            size: size(&peaks),
            peaks,
        })
    }

    pub fn peaks(&self) -> &[(u32, Hash)] {
        &self.peaks
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some((_, last)) = peaks.next() else {
            return empty_root();
        };
        peaks.fold(*last, |right, (_, left)| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::{leaf_hash, root_of};
    use super::*;

    /// The eight canonical leaves of transparency-dev/merkle (testonly/constants.go).
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOT_8: &str = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn canonical_leaves_give_the_published_root() {
        let mut tree = Tree::default();
        LEAVES
            .iter()
            .for_each(|leaf| tree.push(leaf_hash(&bytes(leaf))));
        assert_eq!(tree.root().to_vec(), bytes(ROOT_8));
        assert_eq!(tree.size(), 8);
    }

    #[test]
    fn every_size_agrees_with_the_level_by_level_root() {
        let mut tree = Tree::default();
        let mut leaves = Vec::new();
        assert_eq!(tree.root(), root_of(Vec::new()));
        for leaf in 0_u32..70 {
            leaves.push(leaf_hash(&leaf.to_be_bytes()));
            tree.push(leaves[leaf as usize]);
            assert_eq!(tree.root(), root_of(leaves.clone()));
            assert_eq!(Tree::from_peaks(tree.peaks().to_vec()), Some(tree.clone()));
        }
    }
}
