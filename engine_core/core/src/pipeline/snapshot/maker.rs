//! Brings the follower up after a start, and makes snapshots of what it has reached: every so many rows, and at a clean stop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Snapshot, Snapshots};
use crate::evidence::hash::Hash;
use crate::journal::{Fault, FramePlace, Journal};
use crate::pipeline::follower::Follower;
use crate::pipeline::lock;
use crate::private::PrivateStore;

/// How often to look whether one is due.
const INTERVAL: Duration = Duration::from_millis(500);
/// Old frames are checked with a third of a core at most.
const SCRUB_PAUSE_PER_TIME: u32 = 2;
/// For readers that wait for the follower while it catches up.
const BREATH: Duration = Duration::from_millis(1);
/// Making snapshots of a large state takes a twentieth of a core at most.
const PAUSE_PER_TIME: u32 = 19;

/// Makes snapshots while it lives.
pub struct Maker {
    work: Arc<Work>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Work {
    /// None where none are kept.
    snapshots: Option<Arc<Snapshots>>,
    follower: Arc<Mutex<Follower>>,
    journal: Arc<Journal>,
    private: Arc<PrivateStore>,
    /// Rows since the last one after which the next is due.
    every_rows: u64,
    /// Rows and entries of the newest one.
    rows: AtomicU64,
    entries: AtomicU64,
    faults: AtomicU64,
    /// Frames that the start did not read.
    unread: Vec<FramePlace>,
    /// What is wrong with one of them.
    damage: OnceLock<String>,
    is_stopped: Mutex<bool>,
    stopped: Condvar,
}

impl Maker {
    pub fn start(
        snapshots: Option<Arc<Snapshots>>,
        follower: Arc<Mutex<Follower>>,
        (journal, private): (Arc<Journal>, Arc<PrivateStore>),
        every_rows: u64,
        newest: Option<&Snapshot>,
    ) -> Result<Self, Fault> {
        let work = Arc::new(Work {
            snapshots,
            follower,
            journal,
            private,
            every_rows,
            rows: AtomicU64::new(newest.map_or(0, |snapshot| snapshot.rows)),
            entries: AtomicU64::new(newest.map_or(0, |snapshot| snapshot.entries)),
            faults: AtomicU64::new(0),
            unread: newest.map_or(Vec::new(), |snapshot| snapshot.frames.clone()),
            damage: OnceLock::new(),
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

    /// What rotted in the frames that the start did not read, as far as they are checked.
    pub fn damage(&self) -> Option<&str> {
        self.work.damage.get().map(String::as_str)
    }

    fn end(&self) {
        let mut stopped = lock(&self.work.is_stopped);
        *stopped = true;
        drop(stopped);
        self.work.stopped.notify_all();
        let thread = lock(&self.thread).take();
        // It holds nothing that a panic could leave half done.
        drop(thread.map(JoinHandle::join));
    }

    /// Ends the thread, and makes the last snapshot, of all that is durable.
    pub fn close(&self) -> Result<(), Fault> {
        self.end();
        let work = &self.work;
        if work.snapshots.is_some() {
            let durable = work.journal.durable();
            lock(&work.follower).reach(&work.journal, &work.private, durable)?;
            work.make(true);
        }
        Ok(())
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        self.end();
    }
}

impl Work {
    fn run(&self) {
        self.scrub();
        let mut pause = INTERVAL;
        let mut stopped = lock(&self.is_stopped);
        while !*stopped {
            let waited = self.stopped.wait_timeout(stopped, pause);
            stopped = waited.unwrap_or_else(PoisonError::into_inner).0;
            if *stopped {
                return;
            }
            drop(stopped);
            self.catch_up();
            let start = Instant::now();
            self.make(false);
            pause = INTERVAL.max(start.elapsed() * PAUSE_PER_TIME);
            stopped = lock(&self.is_stopped);
        }
    }

    /// A start with a snapshot trusts nothing that it did not read: the frames are checked now, and rot is told.
    fn scrub(&self) {
        let mut link = Hash::default();
        for place in &self.unread {
            if *lock(&self.is_stopped) {
                return;
            }
            let start = Instant::now();
            match self.journal.check_frame(place, link) {
                Ok(last) => link = last,
                Err(fault) => {
                    drop(self.damage.set(fault.to_string()));
                    return;
                }
            }
            self.catch_up();
            std::thread::sleep(start.elapsed() * SCRUB_PAUSE_PER_TIME);
        }
    }

    /// Queries that saw everything before the start ask for no rows: without them the follower would stay behind.
    fn catch_up(&self) {
        while !*lock(&self.is_stopped) {
            let mut follower = lock(&self.follower);
            match follower.catch_up(&self.journal, &self.private, self.journal.durable()) {
                // Others want the lock meanwhile.
                Ok(true) => drop(follower),
                // A fault is told to whoever reads.
                Ok(false) | Err(_) => return,
            }
            std::thread::sleep(BREATH);
        }
    }

    /// Makes one if it is due, or if there is anything new at all. What fails is counted: the journal needs no snapshot.
    fn make(&self, is_last: bool) {
        let Some(snapshots) = &self.snapshots else {
            return;
        };
        let made = self.taken(is_last).and_then(|snapshot| match snapshot {
            None => Ok(()),
            Some(snapshot) => {
                snapshots.write(&snapshot)?;
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
        let follower = lock(&self.follower);
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
