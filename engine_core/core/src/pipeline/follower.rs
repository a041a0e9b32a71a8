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
    /// Follows a few entries towards `durable`; true when there are more.
    pub fn advance(
        &mut self,
        journal: &Journal,
        private: &PrivateStore,
        durable: u64,
    ) -> Result<bool, Fault> {
        let Some(wanted_from) = self.wanted_from else {
            return Ok(false);
        };
        let from = self.state.next_index;
        let until = durable.min(from + ENTRIES_MAX);
        if from >= until {
            return Ok(false);
        }
        let (state, tree, links, pending) = (
            &mut self.state,
            &mut self.tree,
            &mut self.links,
            &mut self.pending,
        );
        let opener = Opener(private);
        journal.scan_range(from, until, &mut |_, bytes| {
            let view = EntryView::parse(bytes)?;
            let (at, event): (At, Event) =
                read_entry(&view).map_err(|fault| Fault::from(std::io::Error::other(fault)))?;
            state.evolve(&at, &event, view.row_count());
            tree.push(view.link());
            links.push(view.link());
            if at.index >= wanted_from {
                projection::project(state, &at, &event, &opener, pending);
            }
            Ok(())
        })?;
        Ok(until < durable)
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
