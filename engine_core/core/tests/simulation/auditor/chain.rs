//! Law 12, from bytes alone: fields and rows under their payload root, headers in the chain, links in the tree.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

const HEADER: usize = 118;
const SALT: usize = 16;
const COMMITMENT: usize = 32;
const PRIVATE: u8 = 0x80;

/// Links of all entries, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    links: Vec<Hash>,
}

fn leaf(data: &[u8]) -> Hash {
    let mut hasher = Sha256::new_with_prefix([0]);
    hasher.update(data);
    hasher.finalize().into()
}

/// RFC 6962, section 2.1, word for word: split at the largest power of two below the number of leaves.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [only] => *only,
        _ => {
            let middle = leaves.len().next_power_of_two() / 2;
            let mut hasher = Sha256::new_with_prefix([1]);
            hasher.update(root(&leaves[..middle]));
            hasher.update(root(&leaves[middle..]));
            hasher.finalize().into()
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

impl Chain {
    pub fn len(&self) -> u64 {
        self.links.len() as u64
    }

    pub fn root(&self) -> Hash {
        root(&self.links)
    }

    /// The first entries are the same as in another chain.
    pub fn begins_like(&self, other: &Self) -> bool {
        let count = self.links.len().min(other.links.len());
        self.links[..count] == other.links[..count]
    }

    pub fn add(&mut self, entry: &[u8]) {
        let index = self.len();
        assert!(
            entry.len() > HEADER && entry[0] == 1,
            "law 12: entry {index} has no header"
        );
        let (header, body) = entry.split_at(HEADER);
        let told = number(&header[8..16]);
        assert_eq!(told, index, "law 12: entry {index} says it is {told}");
        let before = self.links.last().copied().unwrap_or_default();
        assert_eq!(
            header[24..56],
            before,
            "law 12: entry {index} does not name the link before it"
        );
        let leaves = leaves(index, body);
        assert_eq!(
            header[78..110],
            root(&leaves),
            "law 12: entry {index}: the payload root is not that of its {} fields and rows",
            leaves.len()
        );
        self.links.push(leaf(header));
    }
}

/// Leaves of the fields, then of the rows.
fn leaves(index: u64, body: &[u8]) -> Vec<Hash> {
    let take = |rest: &mut &[u8], length: usize| -> Vec<u8> {
        let what = format!("law 12: entry {index} is cut");
        let (front, behind) = rest.split_at_checked(length).expect(&what);
        *rest = behind;
        front.to_vec()
    };
    let mut rest = body;
    let fields = number(&take(&mut rest, 2));
    let (mut leaves, mut directory) = (Vec::new(), Vec::new());
    for _ in 0..fields {
        let mut record = take(&mut rest, 7);
        let (id, kind, length) = (number(&record[..2]), record[2], number(&record[3..]));
        if kind & PRIVATE != 0 {
            record.extend(take(&mut rest, COMMITMENT));
        } else {
            let value = take(&mut rest, length as usize);
            record.extend(&value);
            record.extend(take(&mut rest, SALT));
            if id == 1 {
                directory = value;
            }
        }
        leaves.push(leaf(&record));
    }
    for section in directory.get(2..).unwrap_or_default().chunks_exact(8) {
        let (width, count) = (number(&section[2..4]), number(&section[4..]));
        for _ in 0..count {
            leaves.push(leaf(&take(&mut rest, width as usize)));
        }
    }
    assert!(
        rest.is_empty(),
        "law 12: entry {index}: {} bytes in no record",
        rest.len()
    );
    leaves
}
