//! Entries on their way from the journal into a state: read, kept until their operation is whole, applied.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::seal::read_entry;
use crate::event::{At, Event};
use crate::evidence::hash::Hash;
use crate::journal::Fault;
use crate::journal::view::EntryView;
use crate::state::State;

/// An entry as replay needs it.
pub struct Entry {
    pub at: At,
    pub event: Event,
    pub rows: u64,
    pub link: Hash,
}

impl Entry {
    pub fn read(view: &EntryView<'_>, link: Hash) -> Result<Self, Fault> {
        let (at, event) = read_entry(view).map_err(std::io::Error::other)?;
        Ok(Self {
            at,
            event,
            rows: view.row_count(),
            link,
        })
    }
}

/// Entries of an operation under way: between them the laws need not hold, and without the last one it never was.
#[derive(Default)]
pub struct Operation(Vec<Entry>);

impl Operation {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries of the operation, once the last one came.
    pub fn add(&mut self, entry: Entry) -> Vec<Entry> {
        let is_whole = !entry.at.continues;
        self.0.push(entry);
        match is_whole {
            true => std::mem::take(&mut self.0),
            false => Vec::new(),
        }
    }
}

/// Evolves a state from the start of the journal, or from where a snapshot ends.
pub struct Replay {
    pub state: State,
    operation: Operation,
    pub spent: Duration,
}

impl Replay {
    pub fn new(state: State) -> Self {
        Self {
            state,
            operation: Operation::default(),
            spent: Duration::ZERO,
        }
    }

    pub fn take(&mut self, entry: Entry) {
        let start = Instant::now();
        for entry in self.operation.add(entry) {
            self.state.evolve(&entry.at, &entry.event, entry.rows);
        }
        self.spent += start.elapsed();
    }
}

/// Rows that go to the other thread in one go, and how many goes may wait: what is read ahead is bounded.
const BATCH_ROWS: u64 = 8_192;
const BATCH_ENTRIES: usize = 256;
const BATCHES_AHEAD: usize = 8;

/// The reading side of a replay in two threads.
pub struct Ahead {
    sender: SyncSender<Vec<Entry>>,
    batch: Vec<Entry>,
    rows: u64,
    /// Time spent waiting for the other side.
    pub waited: Duration,
}

/// Both sides: what one reads, the other applies.
pub fn ahead() -> (Ahead, Receiver<Vec<Entry>>) {
    let (sender, receiver) = sync_channel(BATCHES_AHEAD);
    let ahead = Ahead {
        sender,
        batch: Vec::new(),
        rows: 0,
        waited: Duration::ZERO,
    };
    (ahead, receiver)
}

impl Ahead {
    pub fn push(&mut self, entry: Entry) {
        self.rows += entry.rows;
        self.batch.push(entry);
        if self.rows >= BATCH_ROWS || self.batch.len() >= BATCH_ENTRIES {
            self.flush();
        }
    }

    pub fn flush(&mut self) {
        let start = Instant::now();
        // The other side goes away only by breaking, which its own thread tells.
        drop(self.sender.send(std::mem::take(&mut self.batch)));
        self.rows = 0;
        self.waited += start.elapsed();
    }
}
