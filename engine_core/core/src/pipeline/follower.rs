//! A second state that follows the durable journal: queries, projections, feeds and checks read it, never the decider's.

use std::sync::Arc;

use super::replay::{Entry, Operation};
use super::snapshot::{Snapshot, Snapshots};
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
    /// The snapshot that the start was made from, until the follower began with it.
    opened_with: Option<Arc<Snapshot>>,
    snapshots: Option<Arc<Snapshots>>,
}

/// Whether the journal holds the newest entry of a snapshot as it was.
fn is_of(snapshot: &Snapshot, journal: &Journal) -> Result<(), String> {
    let index = snapshot.entries.saturating_sub(1);
    if index >= journal.durable() {
        return Err("it is ahead of the journal".into());
    }
    let is_it = journal
        .read(index)
        .and_then(|bytes| Ok(EntryView::parse(&bytes)?.link() == snapshot.link()));
    match is_it {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("entry {index} of the journal is another one")),
        Err(fault) => Err(fault.to_string()),
    }
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
    pub fn new(opened_with: Option<Arc<Snapshot>>, snapshots: Option<Arc<Snapshots>>) -> Self {
        Self {
            opened_with,
            snapshots,
            ..Self::default()
        }
    }

    /// Begins anew with the newest snapshot of which rows from `wanted` on can be had.
    fn begin(&mut self, wanted: u64, journal: &Journal) {
        let at_hand = self
            .opened_with
            .take()
            .filter(|snapshot| snapshot.entries <= wanted);
        let snapshot = at_hand.or_else(|| {
            let check = &mut |snapshot: &Snapshot| is_of(snapshot, journal);
            let found = self.snapshots.as_ref()?.newest(wanted, check).snapshot?;
            Some(Arc::new(found))
        });
        let state = snapshot.and_then(|snapshot| Some((snapshot.frozen.thaw().ok()?, snapshot)));
        *self = Self {
            wanted_from: Some(wanted),
            snapshots: self.snapshots.take(),
            ..Self::default()
        };
        if let Some((state, snapshot)) = state {
            self.state = state;
            self.tree = snapshot.tree.clone();
            self.links = snapshot.links.clone();
        }
    }

    /// Follows a few entries of those that nobody wants rows of; true when there are more.
    pub fn catch_up(
        &mut self,
        journal: &Journal,
        private: &PrivateStore,
        durable: u64,
    ) -> Result<bool, Fault> {
        let until = durable.min(self.wanted_from.unwrap_or(0));
        match self.state.next_index < until {
            true => self.advance(journal, private, until),
            false => Ok(false),
        }
    }

    /// Follows to `durable`, all the way; for nobody's rows where no projection ever asked for any.
    pub fn reach(
        &mut self,
        journal: &Journal,
        private: &PrivateStore,
        durable: u64,
    ) -> Result<(), Fault> {
        if self.wanted_from.is_none() {
            self.begin(durable, journal);
            self.wanted_from = Some(u64::MAX);
        }
        while self.advance(journal, private, durable)? {}
        Ok(())
    }

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
        if self.wanted_from != Some(from) {
            self.begin(from, journal);
        }
        self.advance(journal, private, durable)?;
        let next = self.state.next_index.max(from);
        if self.state.next_index >= from {
            self.wanted_from = Some(next);
        }
        Ok((next, std::mem::take(&mut self.pending)))
    }
}
