//! The append-only truth: sealed entries in frames, one write and one fdatasync for all that wait.

pub mod entry;
mod fault;
pub mod frame;
mod loss;
mod open;
mod scrub;
pub mod segment;
pub mod storage;
pub mod tail;
pub mod view;
mod walk;
mod writer;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;

use entry::Sealed;
pub use fault::{Fault, StopOnPanic};
pub use open::{Base, Recovery, WalkVisit};
use storage::Storage;
pub use writer::Step;
use writer::Writer;

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Config {
    pub log: String,
    pub segment_bytes: u64,
    /// Cut at a bad frame instead of refusing to open.
    pub accept_loss: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            log: "whampoa-1".into(),
            segment_bytes: 64 << 20,
            accept_loss: false,
        }
    }
}

/// Where a frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePlace {
    pub first_index: u64,
    pub entries: u32,
    pub segment: u64,
    pub offset: u64,
    pub padded: u64,
}

/// Upper bounds of the sync histogram, nanoseconds; the last bucket has none.
pub const SYNC_BUCKETS_NS: [u64; 12] = [
    50_000,
    100_000,
    200_000,
    400_000,
    800_000,
    1_600_000,
    3_200_000,
    6_400_000,
    12_800_000,
    51_200_000,
    204_800_000,
    1_000_000_000,
];

/// Counters of the write path.
#[derive(Default)]
pub struct Metrics {
    pub syncs: AtomicU64,
    pub sync_ns: AtomicU64,
    pub sync_buckets: [AtomicU64; SYNC_BUCKETS_NS.len() + 1],
    pub frames: AtomicU64,
    pub bytes: AtomicU64,
}

/// Called with the index and the bytes of an entry; its fault ends the scan.
pub type Visit<'a> = dyn FnMut(u64, &[u8]) -> Result<(), Fault> + 'a;

type OnDurable = Box<dyn Fn(u64) + Send + Sync>;
type BeforeWrite = Box<dyn Fn(&[Sealed]) -> Result<(), Fault> + Send + Sync>;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Sealed>,
    /// Weight of all that waits.
    bytes: usize,
    is_closed: bool,
}

/// Weight that may wait before whoever appends waits too: a slow disk must not fill the memory.
const QUEUE_BYTES_MAX: usize = 64 << 20;

/// What the handle and the writing thread share.
struct Shared {
    storage: Box<dyn Storage>,
    config: Config,
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// Told when the queue got shorter.
    drained: Condvar,
    frames: RwLock<Vec<FramePlace>>,
    /// Number of durable entries.
    durable: Mutex<u64>,
    advanced: Condvar,
    /// A spare segment is there.
    has_room: AtomicBool,
    /// A group waits for room.
    is_full: AtomicBool,
    is_broken: AtomicBool,
    on_durable: OnceLock<OnDurable>,
    before_write: OnceLock<BeforeWrite>,
    metrics: Metrics,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who writes.
enum Writing {
    Thread(JoinHandle<Result<(), Fault>>),
    /// Whoever calls `step`.
    Here(Box<Writer>),
    Ended,
}

/// The journal of one log.
pub struct Journal {
    shared: Arc<Shared>,
    writing: Mutex<Writing>,
}

impl Journal {
    /// Called with the number of durable entries after each sync. Set once.
    pub fn on_durable(&self, call: OnDurable) {
        drop(self.shared.on_durable.set(call));
    }

    /// Called with the entries of a group before it is written: what they depend on is made durable there. Set once.
    pub fn before_write(&self, call: BeforeWrite) {
        drop(self.shared.before_write.set(call));
    }

    /// Hands sealed entries to the writer; returns at once, unless too much waits for the disk already.
    pub fn append(&self, sealed: Vec<Sealed>) -> Result<(), Fault> {
        let mut queue = lock(&self.shared.queue);
        // On a full disk what was decided before anybody knew is taken: nothing is decided after it.
        while queue.bytes > QUEUE_BYTES_MAX && !self.is_broken() && !self.is_full() {
            if let Writing::Here(writer) = &mut *lock(&self.writing) {
                drop(queue);
                writer.step()?;
                queue = lock(&self.shared.queue);
            } else {
                let drained = self.shared.drained.wait(queue);
                queue = drained.unwrap_or_else(PoisonError::into_inner);
            }
        }
        if self.is_broken() {
            return Err(Fault::Broken);
        }
        queue.bytes += sealed.iter().map(Sealed::weight).sum::<usize>();
        queue.waiting.extend(sealed);
        drop(queue);
        self.shared.arrived.notify_one();
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.shared.is_full.load(Ordering::Acquire)
    }

    /// Bytes of the entries that wait for the disk, in order: what power loss may take. For simulations.
    pub fn waiting(&self) -> Vec<Vec<u8>> {
        let queue = lock(&self.shared.queue);
        queue
            .waiting
            .iter()
            .map(|entry| entry.bytes.clone())
            .collect()
    }

    fn is_broken(&self) -> bool {
        self.shared.is_broken.load(Ordering::Acquire)
    }

    /// Writes one group of what waits; of a journal that was opened without threads.
    pub fn step(&self) -> Result<Step, Fault> {
        match &mut *lock(&self.writing) {
            Writing::Here(writer) => writer.step(),
            _ => Err(Fault::Broken),
        }
    }

    /// False when less than one spare segment is left, or the disk is full: writes have to be refused before they are decided.
    pub fn has_room(&self) -> bool {
        self.shared.has_room.load(Ordering::Acquire) && !self.is_full()
    }

    /// Number of durable entries.
    pub fn durable(&self) -> u64 {
        *lock(&self.shared.durable)
    }

    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Bytes of one entry; waits until it is durable, unless the disk is full.
    pub fn read(&self, index: u64) -> Result<Vec<u8>, Fault> {
        self.wait_for(index)?;
        let mut found = Vec::new();
        self.scan_range(index, index + 1, &mut |_, bytes| {
            found = bytes.to_vec();
            Ok(())
        })?;
        Ok(found)
    }

    fn wait_for(&self, index: u64) -> Result<(), Fault> {
        if let Writing::Here(writer) = &mut *lock(&self.writing) {
            while self.durable() <= index {
                if writer.step()? != Step::Wrote {
                    return Err(Fault::no_room());
                }
            }
        }
        let mut durable = lock(&self.shared.durable);
        while *durable <= index {
            if self.is_broken() {
                return Err(Fault::Broken);
            }
            if self.is_full() {
                return Err(Fault::no_room());
            }
            let advanced = self.shared.advanced.wait(durable);
            durable = advanced.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Every durable entry from `from` on.
    pub fn scan(&self, from: u64, visit: &mut Visit<'_>) -> Result<(), Fault> {
        self.scan_range(from, self.durable(), visit)
    }

    /// The durable entries of a range, in order.
    pub fn scan_range(&self, from: u64, until: u64, visit: &mut Visit<'_>) -> Result<(), Fault> {
        let mut index = from;
        while index < until.min(self.durable()) {
            let Some(place) = self.frame_of(index) else {
                return Err(Fault::Malformed {
                    what: format!("no frame holds entry {index}"),
                });
            };
            let name = segment::name(place.segment);
            let bytes = self
                .shared
                .storage
                .read_at(&name, place.offset, place.padded as usize)?;
            let frame::Found::Whole { head, payload, .. } = frame::read(&bytes)? else {
                return Err(Fault::Rotten {
                    file: name,
                    offset: place.offset,
                    what: "frame is gone".into(),
                });
            };
            for (at, (start, length)) in frame::entries(&head, payload)?.into_iter().enumerate() {
                let number = place.first_index + at as u64;
                if (index..until).contains(&number) {
                    visit(number, &payload[start..start + length])?;
                }
            }
            index = place.first_index + u64::from(place.entries);
        }
        Ok(())
    }

    /// Index behind the last entry of the frame that holds an entry.
    pub fn frame_end(&self, index: u64) -> Option<u64> {
        let place = self.frame_of(index)?;
        Some(place.first_index + u64::from(place.entries))
    }

    /// The frames that hold the entries below an index.
    pub fn frames_below(&self, index: u64) -> Vec<FramePlace> {
        let frames = self.shared.frames.read();
        let frames = frames.unwrap_or_else(PoisonError::into_inner);
        frames[..frames.partition_point(|place| place.first_index < index)].to_vec()
    }

    fn frame_of(&self, index: u64) -> Option<FramePlace> {
        let frames = self
            .shared
            .frames
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let after = frames.partition_point(|place| place.first_index <= index);
        frames.get(after.checked_sub(1)?).copied()
    }

    /// Writes what waits and the footer of a clean stop.
    pub fn close(&self) -> Result<(), Fault> {
        lock(&self.shared.queue).is_closed = true;
        self.shared.arrived.notify_one();
        let writing = std::mem::replace(&mut *lock(&self.writing), Writing::Ended);
        match writing {
            Writing::Thread(writer) => writer.join().map_err(|_| Fault::Broken)?,
            Writing::Here(mut writer) => loop {
                match writer.step()? {
                    Step::Wrote => {}
                    Step::Idle => return writer.write_footer(),
                    Step::NoRoom => return Err(Fault::no_room()),
                }
            },
            Writing::Ended => Ok(()),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // The writer ends by itself once the queue is empty; nobody waits for it here.
        lock(&self.shared.queue).is_closed = true;
        self.shared.arrived.notify_one();
    }
}
