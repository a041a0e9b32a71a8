//! SHA-256 over every 64 MiB of a file, so that a file that grows is not hashed again, and damage is narrowed down.

use sha2::{Digest, Sha256};

use super::manifest::Hex;
use super::{BLOCK, refused};
use crate::journal::Fault;
use crate::journal::storage::Storage;

/// Bytes under one sum.
pub const PIECE: u64 = 64 << 20;

/// Sums of a file so far.
#[derive(Clone, Default)]
pub struct Sums {
    whole: Vec<Hex>,
    piece: Sha256,
    bytes: u64,
}

impl Sums {
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = PIECE - self.bytes % PIECE;
            let part = bytes.len().min(room as usize);
            self.piece.update(&bytes[..part]);
            self.bytes += part as u64;
            if self.bytes.is_multiple_of(PIECE) {
                self.whole.push(Hex(self.piece.finalize_reset().into()));
            }
            bytes = &bytes[part..];
        }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The sums of all pieces, the last one as far as it goes.
    pub fn list(&self) -> Vec<Hex> {
        let mut list = self.whole.clone();
        if !self.bytes.is_multiple_of(PIECE) {
            list.push(Hex(self.piece.clone().finalize().into()));
        }
        list
    }

    /// Goes on behind `bytes` of a file whose sums are known; the last piece is read again, and must still fit.
    pub fn resume(
        storage: &dyn Storage,
        name: &str,
        bytes: u64,
        known: &[Hex],
    ) -> Result<Self, Fault> {
        let pieces = (bytes / PIECE) as usize;
        let mut sums = Self {
            whole: known[..pieces.min(known.len())].to_vec(),
            piece: Sha256::new(),
            bytes: pieces as u64 * PIECE,
        };
        let mut at = sums.bytes;
        while at < bytes {
            let part = storage.read_at(name, at, (bytes - at).min(BLOCK) as usize)?;
            sums.update(&part);
            at += part.len() as u64;
        }
        match sums.list() == known {
            true => Ok(sums),
            false => refused(format!(
                "the backup is damaged: {name} does not fit its SHA-256; restore says what is left, a new backup needs another target"
            )),
        }
    }
}

/// Places of the pieces of a file that do not fit their sums: first byte and the byte behind. Pieces that are not all there,
/// because the file has `length` of its `bytes`, are not looked at.
pub fn misfits(
    storage: &dyn Storage,
    name: &str,
    length: u64,
    bytes: u64,
    known: &[Hex],
) -> Result<Vec<(u64, u64)>, Fault> {
    let mut misfits = Vec::new();
    for (piece, expected) in known.iter().enumerate() {
        let (from, until) = (piece as u64 * PIECE, bytes.min((piece as u64 + 1) * PIECE));
        if until > length {
            break;
        }
        let mut hasher = Sha256::new();
        let mut at = from;
        while at < until {
            let part = storage.read_at(name, at, (until - at).min(BLOCK) as usize)?;
            hasher.update(&part);
            at += part.len() as u64;
        }
        if Hex(hasher.finalize().into()) != *expected {
            misfits.push((from, until));
        }
    }
    Ok(misfits)
}
