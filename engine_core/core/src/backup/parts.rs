//! Which private parts of the entries of a log are there, and which are absent.

use serde::Serialize;

use crate::journal::Fault;
use crate::journal::entry::KIND_PRIVATE;
use crate::journal::storage::Storage;
use crate::journal::view::EntryView;
use crate::private::extent::{Held, Presence};

/// Ranges of entries that are told at most.
const RANGES_MAX: usize = 100;

/// Counts of private parts, and the entries of those that are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parts {
    pub total: u64,
    /// Their subject's key was dropped.
    pub erased: u64,
    pub missing: u64,
    /// First and last index of the entries with missing parts, the first hundred ranges.
    pub missing_entries: Vec<(u64, u64)>,
}

impl Parts {
    fn miss(&mut self, index: u64) {
        self.missing += 1;
        let is_told = self.missing_entries.len() == RANGES_MAX;
        match self.missing_entries.last_mut() {
            Some(last) if last.1 == index || last.1 + 1 == index => last.1 = index,
            _ if is_told => {}
            _ => self.missing_entries.push((index, index)),
        }
    }
}

/// Counts while entries are seen in order.
pub struct Census {
    held: Held,
    pub parts: Parts,
}

impl Census {
    /// Of a folder of private parts; without one all are missing.
    pub fn new(private: Option<&dyn Storage>) -> Result<Self, Fault> {
        Ok(Self {
            held: private.map(Held::read).transpose()?.unwrap_or_default(),
            parts: Parts::default(),
        })
    }

    pub fn see(&mut self, view: &EntryView<'_>) {
        for field in view
            .fields()
            .iter()
            .filter(|field| field.kind & KIND_PRIVATE != 0)
        {
            self.parts.total += 1;
            match self.held.of(view.index(), field.id) {
                Presence::Present => {}
                Presence::Erased => self.parts.erased += 1,
                Presence::Missing => self.parts.miss(view.index()),
            }
        }
    }
}
