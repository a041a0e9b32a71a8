//! What can break at the journal: each names the file and the place.

use std::io::ErrorKind;

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

impl Fault {
    /// The disk takes nothing more, or a quota or limit says so: it may take it later.
    pub fn is_no_room(&self) -> bool {
        let Self::Io(fault) = self else { return false };
        matches!(
            fault.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
        )
    }

    pub fn no_room() -> Self {
        Self::Io(ErrorKind::StorageFull.into())
    }
}

/// Held by the deciding and the writing thread: without one of them requests would wait for ever, so its panic ends the
/// process.
pub struct StopOnPanic;

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("whampoa: a thread of the write path broke, the engine stops");
            std::process::abort();
        }
    }
}
