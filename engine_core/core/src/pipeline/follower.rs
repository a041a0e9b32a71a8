//! A second state that follows the durable journal: queries, projections, feeds and checks read it, never the decider's.

use super::replay::{Entry, Operation};
use crate::evidence::tree::Tree;
use crate::journal::view::EntryView;
use crate::journal::{Fault, Journal};
use crate::private::PrivateStore;
use crate::projection::{self, Batches, Private};
use crate::state::State;

/// A replica of the state at some durable index, the tree over the entries so far, and table rows not yet handed over.
#[derive(Default)]
pub struct Follower {
    pub state: State,
    pub tree: Tree,
    /// Entries per kind, for status and metrics.
    pub links: Vec<[u8; 32]>,
    /// First index whose rows the projection wants; nothing is followed before it is known.
    wanted_from: Option<u64>,
    pending: Batches,
}

/// The private store behind the projection's trait.
pub struct Opener<'a>(pub &'a PrivateStore);

impl Private for Opener<'_> {
    fn open(&self, index: u64, field: u16) -> Option<Vec<u8>> {
        self.0
            .open_field(index, field)
            .ok()
            .flatten()
            .map(|(value, _)| value)
    }
}

/// Entries and rows followed in one go, so that nobody waits long for the lock.
const ENTRIES_MAX: u64 = 256;
const ROWS_MAX: u64 = 1 << 17;

impl Follower {
    /// Follows a few entries towards `durable`; true when there are more. Entries of one operation are followed together:
    /// between them the laws need not hold.
    pub fn advance(
        &mut self,
        journal: &Journal,
        private: &PrivateStore,
        durable: u64,
    ) -> Result<bool, Fault> {
        if self.wanted_from.is_none() {
            return Ok(false);
        }
        let (mut read, rows) = (self.state.next_index, self.state.rows);
        let enough = read + ENTRIES_MAX;
        let mut operation = Operation::default();
        while read < durable {
            let is_enough = read >= enough || self.state.rows - rows >= ROWS_MAX;
            if is_enough && operation.is_empty() {
                break;
            }
            let until = durable
                .min(read + ENTRIES_MAX)
                .min(journal.frame_end(read).unwrap_or(durable));
            journal.scan_range(read, until, &mut |_, bytes| {
                let view = EntryView::parse(bytes)?;
                for entry in operation.add(Entry::read(&view, view.link())?) {
                    self.apply(entry, private);
                }
                Ok(())
            })?;
            read = until;
        }
        Ok(read < durable)
    }

    fn apply(&mut self, entry: Entry, private: &PrivateStore) {
        let Entry {
            at,
            event,
            rows,
            link,
        } = entry;
        self.state.evolve(&at, &event, rows);
        self.tree.push(link);
        self.links.push(link);
        if self.wanted_from.is_some_and(|wanted| at.index >= wanted) {
            projection::project(
                &self.state,
                &at,
                &event,
                &Opener(private),
                &mut self.pending,
            );
        }
    }

    /// Hands over the rows from `from` on and the index they reach. Asked again from an earlier index (the projection
    /// was lost), it starts over.
    pub fn take(
        &mut self,
        from: u64,
        journal: &Journal,
        private: &PrivateStore,
        durable: u64,
    ) -> Result<(u64, Batches), Fault> {
        let is_next = self.wanted_from == Some(from);
        if !is_next {
            *self = Self {
                wanted_from: Some(from),
                ..Self::default()
            };
        }
        self.advance(journal, private, durable)?;
        let next = self.state.next_index.max(from);
        if self.state.next_index >= from {
            self.wanted_from = Some(next);
        }
        Ok((next, std::mem::take(&mut self.pending)))
    }
}
