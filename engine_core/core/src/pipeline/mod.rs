//! The write path around the pure state machine: one thread decides, another writes, replies wait for the disk.
//!
//! `submission` (check) → `decider` (decide, evolve, seal) → `journal` (append, fdatasync) → replies.

pub mod audit;
pub mod decider;
pub mod feed;
pub mod follower;
pub mod proof;
pub mod recovery;
pub mod replay;
pub mod rows;
pub mod seal;
mod sentence;
pub mod snapshot;
pub mod status;
pub mod submission;
pub mod trace;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use crate::journal::storage::Storage;
use crate::journal::{Fault, Journal, Step};
use crate::private::PrivateStore;
use crate::state::State;
pub use decider::Decider;
pub use follower::Follower;
pub use recovery::{Opened, Options, Place};
pub use rows::RowCounts;
use snapshot::{Maker, Snapshots};
pub use submission::{Reply, Submission};

/// Why a submission was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitFault {
    #[error("the queue of requests is full; try again later")]
    Busy,
    #[error("the engine is stopped")]
    Stopped,
    #[error("{0}")]
    Broken(Fault),
}

/// Replies that wait for the disk, and those that may leave.
#[derive(Default)]
pub struct Outbox {
    waiting: VecDeque<Reply>,
    ready: Vec<(u64, Vec<u8>)>,
}

/// What the deciding thread, the writer's callback and the server share.
pub struct Shared {
    outbox: Mutex<Outbox>,
    /// Number of durable entries.
    durable: AtomicU64,
    pub accepted: AtomicU64,
    pub refused: AtomicU64,
    pub rows: RowCounts,
    pub queued: AtomicU64,
    /// Bytes of requests that wait for the deciding thread.
    queued_bytes: AtomicU64,
    /// Requests without a reply that was taken.
    in_flight: AtomicU64,
    pub decide_ns: AtomicU64,
    stopped: AtomicBool,
    /// Called when replies are ready or the durable head moved; must not block.
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Shared {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        // A panic elsewhere while holding the lock leaves the queues whole: pushes and drains do not tear.
        self.outbox
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn enter(&self, bytes: u64) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    fn leave_queue(&self, bytes: u64) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Queues a reply until the entries it depends on are durable (law 9).
    pub fn answer(&self, reply: Reply) {
        let mut outbox = self.outbox();
        let durable = self.durable.load(Ordering::Acquire);
        if reply.after.is_none_or(|after| after < durable) {
            outbox.ready.push((reply.token, reply.bytes));
            drop(outbox);
            (self.wake)();
        } else {
            outbox.waiting.push_back(reply);
        }
    }

    /// Entries below `durable` are on disk: their replies may leave.
    pub fn became_durable(&self, durable: u64) {
        let mut outbox = self.outbox();
        self.durable.store(durable, Ordering::Release);
        while outbox
            .waiting
            .front()
            .is_some_and(|reply| reply.after.is_none_or(|after| after < durable))
        {
            if let Some(reply) = outbox.waiting.pop_front() {
                outbox.ready.push((reply.token, reply.bytes));
            }
        }
        drop(outbox);
        (self.wake)();
    }

    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }
}

/// Who decides.
enum Deciding {
    Thread(SyncSender<Submission>, JoinHandle<()>),
    /// Whoever submits.
    Here(Box<(Decider, State)>),
    Ended,
}

/// The engine's core: submit requests, take replies, read what is durable.
pub struct Core {
    shared: Arc<Shared>,
    deciding: Mutex<Deciding>,
    journal: Arc<Journal>,
    private: Arc<PrivateStore>,
    follower: Arc<Mutex<Follower>>,
    /// None without threads.
    maker: Option<Maker>,
    pub log: String,
    pub recovery: String,
}

/// Requests that may wait for the deciding thread.
const QUEUE_MAX: usize = 4096;
/// Their bytes.
const QUEUE_BYTES_MAX: u64 = 256 << 20;
/// Requests that may wait for the disk, refused ones too.
const IN_FLIGHT_MAX: u64 = 16_384;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Core {
    /// Opens the data directory, replays the journal, and starts the deciding thread.
    pub fn open(
        dir: &Path,
        options: Options,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Result<Self, Fault> {
        let snapshots = match options.snapshot_rows {
            0 => None,
            _ => Some(Snapshots::open(&dir.join("snapshots"), &options.log)?),
        };
        let place = recovery::place(dir)?;
        let opened = recovery::open(place, snapshots.as_ref(), &options, false)?;
        let (snapshots, every_rows) = (snapshots.map(Arc::new), options.snapshot_rows);
        let newest = opened.snapshot.clone();
        let begin = |decider: Decider, state| {
            let (sender, receiver) = sync_channel(QUEUE_MAX);
            let thread = std::thread::Builder::new()
                .name("decide".into())
                .spawn(move || decider.run(state, &receiver))?;
            Ok(Deciding::Thread(sender, thread))
        };
        let mut core = Self::start(opened, snapshots.clone(), options, wake, begin)?;
        core.maker = Some(Maker::start(
            snapshots,
            Arc::clone(&core.follower),
            (Arc::clone(&core.journal), Arc::clone(&core.private)),
            every_rows,
            newest.as_deref(),
        )?);
        Ok(core)
    }

    /// The same without threads: `submit` decides at once, and `step` writes.
    pub fn open_stepped(
        place: Place<impl Storage + 'static, impl Storage + 'static>,
        options: Options,
    ) -> Result<Self, Fault> {
        let opened = recovery::open(place, None, &options, true)?;
        Self::start(opened, None, options, Box::new(|| {}), |decider, state| {
            Ok(Deciding::Here(Box::new((decider, state))))
        })
    }

    fn start(
        opened: Opened,
        snapshots: Option<Arc<Snapshots>>,
        options: Options,
        wake: Box<dyn Fn() + Send + Sync>,
        begin: impl FnOnce(Decider, State) -> Result<Deciding, Fault>,
    ) -> Result<Self, Fault> {
        let shared = Arc::new(Shared {
            outbox: Mutex::default(),
            durable: AtomicU64::new(opened.state.next_index),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            rows: RowCounts::default(),
            queued: AtomicU64::new(0),
            queued_bytes: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            decide_ns: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            wake,
        });
        let decider = Decider::new(&opened, options.log.clone(), Arc::clone(&shared));
        let (journal, private) = (Arc::clone(&opened.journal), Arc::clone(&opened.private));
        let durable = Arc::clone(&shared);
        journal.on_durable(Box::new(move |count| durable.became_durable(count)));
        let parts = Arc::clone(&private);
        journal.before_write(Box::new(move |entries| parts.put(entries)));
        let follower = Follower::new(opened.snapshot.clone(), snapshots);
        Ok(Self {
            shared,
            deciding: Mutex::new(begin(decider, opened.state)?),
            follower: Arc::new(Mutex::new(follower)),
            maker: None,
            journal,
            private,
            log: options.log,
            recovery: opened.report,
        })
    }

    /// Queues a request; its reply comes by `take_replies` under the same token.
    pub fn submit(&self, submission: Submission) -> Result<(), SubmitFault> {
        let shared = &self.shared;
        let bytes = submission.request.len() as u64;
        let is_busy = shared.in_flight.load(Ordering::Relaxed) >= IN_FLIGHT_MAX
            || shared.queued_bytes.load(Ordering::Relaxed) + bytes > QUEUE_BYTES_MAX;
        let mut deciding = lock(&self.deciding);
        match &mut *deciding {
            Deciding::Ended => Err(SubmitFault::Stopped),
            _ if is_busy => Err(SubmitFault::Busy),
            Deciding::Here(decider) => {
                let (decider, state) = &mut **decider;
                shared.enter(bytes);
                shared.leave_queue(bytes);
                decider.answer(state, &submission).map_err(|fault| {
                    *deciding = Deciding::Ended;
                    SubmitFault::Broken(fault)
                })
            }
            Deciding::Thread(sender, _) => {
                shared.enter(bytes);
                sender.try_send(submission).map_err(|fault| {
                    shared.leave_queue(bytes);
                    shared.in_flight.fetch_sub(1, Ordering::Relaxed);
                    match fault {
                        TrySendError::Full(_) => SubmitFault::Busy,
                        TrySendError::Disconnected(_) => SubmitFault::Stopped,
                    }
                })
            }
        }
    }

    /// Writes one group of what was decided; of a core that was opened without threads.
    pub fn step(&self) -> Result<Step, Fault> {
        self.journal.step()
    }

    pub fn take_replies(&self) -> Vec<(u64, Vec<u8>)> {
        let replies = std::mem::take(&mut self.shared.outbox().ready);
        self.shared
            .in_flight
            .fetch_sub(replies.len() as u64, Ordering::Relaxed);
        replies
    }

    /// Bytes of a reply that was not taken yet, whether it may leave or not. For simulations.
    pub fn peek(&self, token: u64) -> Option<Vec<u8>> {
        let outbox = self.shared.outbox();
        let waiting = outbox
            .waiting
            .iter()
            .map(|reply| (reply.token, &reply.bytes));
        let ready = outbox.ready.iter().map(|(token, bytes)| (*token, bytes));
        let mut all = waiting.chain(ready);
        all.find(|reply| reply.0 == token)
            .map(|reply| reply.1.clone())
    }

    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    pub fn private(&self) -> &PrivateStore {
        &self.private
    }

    /// The follower, as near the durable head as one go brings it.
    pub fn follow(&self) -> Result<MutexGuard<'_, Follower>, Fault> {
        let mut follower = self
            .follower
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        follower.advance(&self.journal, &self.private, self.shared.durable())?;
        Ok(follower)
    }

    /// The follower at an index at least; others get the lock meanwhile. As far as it is while nobody projects.
    fn follow_to(&self, index: u64) -> Result<MutexGuard<'_, Follower>, Fault> {
        let mut reached = None;
        loop {
            let follower = self.follow()?;
            let next = follower.state.next_index;
            if next >= index || reached == Some(next) {
                return Ok(follower);
            }
            reached = Some(next);
        }
    }

    /// Table rows from entry `from` on, and the index they reach.
    pub fn project(&self, from: u64) -> Result<(u64, crate::projection::Batches), Fault> {
        let mut follower = self
            .follower
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        follower.take(from, &self.journal, &self.private, self.shared.durable())
    }

    /// Decides what is queued, makes it durable, writes the footer. Later submissions are refused.
    pub fn close(&self) -> Result<(), Fault> {
        let deciding = std::mem::replace(&mut *lock(&self.deciding), Deciding::Ended);
        if let Deciding::Thread(sender, decider) = deciding {
            drop(sender);
            self.shared.stopped.store(true, Ordering::Release);
            decider
                .join()
                .map_err(|_| Fault::from(std::io::Error::other("the deciding thread broke")))?;
        }
        self.journal.close()?;
        match &self.maker {
            None => Ok(()),
            Some(maker) => maker.close(),
        }
    }

    /// What rotted in frames that the start did not read; they are checked while the engine serves.
    pub fn damage(&self) -> Option<&str> {
        self.maker.as_ref().and_then(Maker::damage)
    }

    /// Entries of the newest snapshot, and how many snapshots could not be made.
    pub fn snapshot_counts(&self) -> (u64, u64) {
        self.maker.as_ref().map_or((0, 0), Maker::counts)
    }

    /// Puts another state in the place of the one that decisions are made on, of a core without threads.
    pub fn change_state(&self, change: impl FnOnce(&mut State)) {
        if let Deciding::Here(decider) = &mut *lock(&self.deciding) {
            change(&mut decider.1);
        }
    }

    /// The state that decisions are made on, of a core without threads.
    pub fn with_state<T>(&self, look: impl FnOnce(&State) -> T) -> Option<T> {
        match &*lock(&self.deciding) {
            Deciding::Here(decider) => Some(look(&decider.1)),
            _ => None,
        }
    }
}
