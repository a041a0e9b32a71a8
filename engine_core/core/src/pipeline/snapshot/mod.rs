//! Snapshots: the state behind an entry with what a start and a follower need of the entries before it. They spare time,
//! prove nothing, and may be removed at any moment (docs/formats.md, "Snapshot").

mod file;
mod folder;
mod maker;

pub use folder::{Snapshots, Taken};
pub use maker::Maker;

use crate::evidence::hash::Hash;
use crate::evidence::tree::Tree;
use crate::journal::{Base, FramePlace};
use crate::state::snapshot::Frozen;

/// What stood behind some durable entry.
pub struct Snapshot {
    /// Entries that it holds; the newest one ends an operation.
    pub entries: u64,
    pub rows: u64,
    pub state_hash: Hash,
    /// Frames that hold the entries; the last one may hold more.
    pub frames: Vec<FramePlace>,
    /// Links of the entries, for proofs.
    pub links: Vec<Hash>,
    pub tree: Tree,
    pub frozen: Frozen,
}

impl Snapshot {
    pub fn base(&self) -> Base<'_> {
        Base {
            entries: self.entries,
            links: &self.links,
            frames: &self.frames,
        }
    }

    /// Link of the newest entry.
    pub fn link(&self) -> Hash {
        self.links.last().copied().unwrap_or_default()
    }
}
