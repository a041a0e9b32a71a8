//! Backups of a log: whole frames copied while the engine writes, a manifest that says what must be there, and the way back.
//!
//! A backup is itself laid out as a data directory: `journal/`, `private/`, and at its root the manifest and small files.
//! `copy` makes it grow, `restore` brings it back, `inspect` says what of it is missing or damaged.

pub mod copy;
pub mod directory;
mod edge;
pub mod examine;
pub mod inspect;
pub mod manifest;
pub mod parts;
mod past;
mod reach;
pub mod restore;
mod sink;
mod sums;

use crate::journal::Fault;
use crate::journal::storage::Storage;

/// The folders of a data directory or of a backup.
#[derive(Clone, Copy)]
pub struct Folders<'a> {
    pub root: &'a dyn Storage,
    pub journal: &'a dyn Storage,
    pub private: &'a dyn Storage,
}

/// Told what is done, how much of how much; its fault ends the work where it is.
pub type Progress<'a> = dyn FnMut(&str, u64, u64) -> Result<(), Fault> + 'a;

/// Bytes read and written at a time.
const BLOCK: u64 = 1 << 20;
/// Written bytes that wait for their sync: small parts, so that a journal on the same disk does not wait behind them.
const UNSYNCED_MAX: u64 = 8 << 20;

/// What cannot be done, in one line.
fn refused<T>(what: String) -> Result<T, Fault> {
    Err(Fault::Malformed { what })
}
