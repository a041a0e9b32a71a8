//! What lets others check: hashes, the tree over the log, proofs, and the audit of files.

pub mod hash;
pub mod proof;
pub mod tree;
pub mod verify;
