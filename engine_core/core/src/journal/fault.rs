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
