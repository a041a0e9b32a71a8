//! Makes snapshots of what the follower has reached: every so many rows, and at a clean stop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Snapshot, Snapshots};
use crate::journal::{Fault, Journal};
use crate::pipeline::follower::Follower;

/// How often to look whether one is due.
const INTERVAL: Duration = Duration::from_millis(500);
/// Making snapshots of a large state takes a twentieth of a core at most.
const PAUSE_PER_TIME: u32 = 19;

/// Makes snapshots while it lives.
pub struct Maker {
    work: Arc<Work>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Work {
    snapshots: Arc<Snapshots>,
    follower: Arc<Mutex<Follower>>,
    journal: Arc<Journal>,
    /// Rows since the last one after which the next is due.
    every_rows: u64,
    /// Rows and entries of the newest one.
    rows: AtomicU64,
    entries: AtomicU64,
    faults: AtomicU64,
    is_stopped: Mutex<bool>,
    stopped: Condvar,
}

impl Maker {
    pub fn start(
        snapshots: Arc<Snapshots>,
        follower: Arc<Mutex<Follower>>,
        journal: Arc<Journal>,
        every_rows: u64,
        newest: Option<&Snapshot>,
    ) -> Result<Self, Fault> {
        let work = Arc::new(Work {
            snapshots,
            follower,
            journal,
            every_rows,
            rows: AtomicU64::new(newest.map_or(0, |snapshot| snapshot.rows)),
            entries: AtomicU64::new(newest.map_or(0, |snapshot| snapshot.entries)),
            faults: AtomicU64::new(0),
            is_stopped: Mutex::new(false),
            stopped: Condvar::new(),
        });
        let its = Arc::clone(&work);
        let thread = std::thread::Builder::new()
            .name("snapshot".into())
            .spawn(move || its.run())?;
        Ok(Self {
            work,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Entries of the newest snapshot, and how many could not be made.
    pub fn counts(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.work.entries), read(&self.work.faults))
    }

    fn end(&self) {
        let mut stopped = self
            .work
            .is_stopped
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *stopped = true;
        drop(stopped);
        self.work.stopped.notify_all();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // It holds nothing that a panic could leave half done.
        drop(thread.map(JoinHandle::join));
    }

    /// Ends the thread, and makes the last snapshot of what the follower has reached by then.
    pub fn close(&self) {
        self.end();
        self.work.make(true);
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        self.end();
    }
}

impl Work {
    fn run(&self) {
        let mut pause = INTERVAL;
        let mut stopped = self
            .is_stopped
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            let waited = self.stopped.wait_timeout(stopped, pause);
            stopped = waited.unwrap_or_else(PoisonError::into_inner).0;
            if *stopped {
                return;
            }
            drop(stopped);
            let start = Instant::now();
            self.make(false);
            pause = INTERVAL.max(start.elapsed() * PAUSE_PER_TIME);
            stopped = self
                .is_stopped
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes one if it is due, or if there is anything new at all. What fails is counted: the journal needs no snapshot.
    fn make(&self, is_last: bool) {
        let made = self.taken(is_last).and_then(|snapshot| match snapshot {
            None => Ok(()),
            Some(snapshot) => {
                self.snapshots.write(&snapshot)?;
                self.rows.store(snapshot.rows, Ordering::Relaxed);
                self.entries.store(snapshot.entries, Ordering::Relaxed);
                Ok(())
            }
        });
        if made.is_err() {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn taken(&self, is_last: bool) -> Result<Option<Snapshot>, Fault> {
        let follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        let (entries, rows) = (follower.state.next_index, follower.state.rows);
        let made = self.entries.load(Ordering::Relaxed);
        let is_due = rows >= self.rows.load(Ordering::Relaxed) + self.every_rows;
        if entries <= made || !(is_due || is_last) {
            return Ok(None);
        }
        // Readers wait for this: the transfers are shared, the rest is encoded once.
        let frozen = follower.state.freeze().map_err(std::io::Error::other)?;
        let (links, tree) = (follower.links.clone(), follower.tree.clone());
        drop(follower);
        // Read back at once, so that none is kept that cannot be read.
        let state = frozen.thaw().map_err(std::io::Error::other)?;
        Ok(Some(Snapshot {
            entries,
            rows,
            state_hash: state.hash(),
            frames: self.journal.frames_below(entries),
            links,
            tree,
            frozen,
        }))
    }
}
