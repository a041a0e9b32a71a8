//! What can break at the journal: each names the file and the place.

/// A fault of files or of the disk; never a refusal.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{what}")]
    Malformed { what: String },
    #[error(
        "{file} at offset {offset}: {what}; --accept-loss opens the journal without it and all that follows"
    )]
    Rotten {
        file: String,
        offset: u64,
        what: String,
    },
    #[error("a write to the journal failed before; nothing more is written")]
    Broken,
}
