//! A second state that follows the durable journal: queries, projections, feeds and checks read it, never the decider's.

use super::seal::read_entry;
use crate::event::{At, Event};
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

/// An entry that waits for the rest of its operation.
struct Followed {
    at: At,
    event: Event,
    rows: u64,
    link: [u8; 32],
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

/// Entries followed in one go, so that nobody waits long for the lock.
const ENTRIES_MAX: u64 = 256;

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
        let mut read = self.state.next_index;
        let mut operation: Vec<Followed> = Vec::new();
        while read < durable {
            let until = durable.min(read + ENTRIES_MAX);
            journal.scan_range(read, until, &mut |_, bytes| {
                let view = EntryView::parse(bytes)?;
                let (at, event) =
                    read_entry(&view).map_err(|fault| Fault::from(std::io::Error::other(fault)))?;
                let (rows, link) = (view.row_count(), view.link());
                operation.push(Followed {
                    at,
                    event,
                    rows,
                    link,
                });
                if !at.continues {
                    operation
                        .drain(..)
                        .for_each(|entry| self.apply(entry, private));
                }
                Ok(())
            })?;
            read = until;
            if operation.is_empty() {
                break;
            }
        }
        Ok(read < durable)
    }

    fn apply(&mut self, entry: Followed, private: &PrivateStore) {
        let Followed {
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
