//! Rows by what became of them, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::{At, Event};
use crate::journal::entry::Sealed;

/// Counted since the start: rows written, and rows of accepted requests that were refused or known before.
#[derive(Debug, Default)]
pub struct RowCounts {
    pub accepted: AtomicU64,
    pub refused: AtomicU64,
    pub repeated: AtomicU64,
}

impl RowCounts {
    /// Counts the rows of one operation.
    pub fn count(&self, sealed: &[Sealed], entries: &[(At, Event)]) {
        let written: u64 = sealed.iter().map(|entry| entry.rows).sum();
        self.accepted.fetch_add(written, Ordering::Relaxed);
        for (_, event) in entries {
            let (refused, repeated) = match event {
                Event::DocumentsRecorded(event) => (event.refused.len(), event.repeated.len()),
                Event::TransfersApplied(event) => (event.refused.len(), event.repeated.len()),
                Event::Allocated(event) => (event.refused.len(), 0),
                _ => (0, 0),
            };
            self.refused.fetch_add(refused as u64, Ordering::Relaxed);
            self.repeated.fetch_add(repeated as u64, Ordering::Relaxed);
        }
    }
}
