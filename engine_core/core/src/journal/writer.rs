//! Writes what waits: one write and one fdatasync for the whole queue, then tells who waits for it.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::entry::Sealed;
use super::frame::{self, UNIT};
use super::segment::{self, SegmentHead};
use super::storage::Storage;
use super::{Fault, FramePlace, SYNC_BUCKETS_NS, Shared, StopOnPanic, lock};
use crate::evidence::hash::Hash;

/// Where the next frame goes.
pub(super) struct Head {
    pub index: u64,
    pub link: Hash,
    pub segment: u64,
    pub offset: u64,
}

/// Who works for the writer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// A thread of its own, and another one that zeroes spare segments ahead.
    Threads,
    /// Whoever calls `step`: nothing happens between two calls.
    Steps,
}

/// What became of a group of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is durable.
    Wrote,
    /// Nothing waits.
    Idle,
    /// The disk is full: the group waits on.
    NoRoom,
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    work: Work,
    head: Head,
    length: u64,
    /// Name of a zeroed file that becomes the next segment.
    spare: Option<String>,
    making: Option<Receiver<Result<String, Fault>>>,
}

/// Most bytes of entries in one frame.
const FRAME_BYTES_MAX: usize = 8 << 20;
/// Its length stands before each entry of a frame.
const ENTRY_LENGTH_BYTES: usize = 4;
/// How long to wait before a full disk is tried again.
const ROOM_RETRY: Duration = Duration::from_secs(1);
/// How long to wait for a spare segment before looking whether the disk is full.
const SPARE_WAIT: Duration = Duration::from_millis(100);
/// How much of a spare is looked at together.
const READ_BYTES: usize = 1 << 20;
const SPARE: &str = "spare";

impl Writer {
    pub fn new(shared: Arc<Shared>, head: Head, is_new: bool, work: Work) -> Result<Self, Fault> {
        let mut writer = Self {
            shared,
            work,
            head,
            length: 0,
            spare: None,
            making: None,
        };
        if is_new {
            writer.start_segment()?;
        } else {
            writer.length = writer
                .shared
                .storage
                .length(&segment::name(writer.head.segment))?;
        }
        writer.make_spare();
        Ok(writer)
    }

    pub fn spawn(self) -> Result<JoinHandle<Result<(), Fault>>, Fault> {
        Ok(thread::Builder::new()
            .name("write".into())
            .spawn(move || self.run())?)
    }

    fn run(mut self) -> Result<(), Fault> {
        let _guard = StopOnPanic;
        while self.wait() {
            let group = self.take();
            loop {
                match self.write(&group) {
                    Ok(Step::NoRoom) if lock(&self.shared.queue).is_closed => {
                        return Err(Fault::no_room());
                    }
                    Ok(Step::NoRoom) => thread::sleep(ROOM_RETRY),
                    Ok(_) => break,
                    Err(fault) => {
                        self.shared.is_broken.store(true, Ordering::Release);
                        self.shared.advanced.notify_all();
                        // What is in memory is ahead of the disk: nothing may be answered from it any more.
                        eprintln!(
                            "whampoa: the journal cannot be written, the engine stops: {fault}"
                        );
                        std::process::abort();
                    }
                }
            }
        }
        self.write_footer()
    }

    /// Returns once something waits; false when the journal is closed and nothing does.
    fn wait(&self) -> bool {
        let mut queue = lock(&self.shared.queue);
        while queue.waiting.is_empty() && !queue.is_closed {
            let arrived = self.shared.arrived.wait(queue);
            queue = arrived.unwrap_or_else(PoisonError::into_inner);
        }
        !queue.waiting.is_empty()
    }

    /// Writes one group of what waits.
    pub fn step(&mut self) -> Result<Step, Fault> {
        if self.spare.is_none() {
            self.make_spare();
        }
        let group = self.take();
        if group.is_empty() {
            return Ok(Step::Idle);
        }
        let step = self.write(&group)?;
        if step == Step::NoRoom {
            let mut queue = lock(&self.shared.queue);
            for entry in group.into_iter().rev() {
                queue.bytes += entry.weight();
                queue.waiting.push_front(entry);
            }
        }
        Ok(step)
    }

    /// All that waits, up to a frame's size. An operation that does not fit behind others waits for a frame of its own, so
    /// that one without an end can be dropped with its frames.
    fn take(&self) -> Vec<Sealed> {
        let mut queue = lock(&self.shared.queue);
        // A frame fits an empty segment: head, footer, frame head and padding take less than four units.
        let room = (self.shared.config.segment_bytes as usize).saturating_sub(4 * UNIT);
        let (mut count, mut whole, mut bytes) = (0, 0, 0);
        for entry in &queue.waiting {
            bytes += entry.bytes.len() + ENTRY_LENGTH_BYTES;
            if count > 0 && bytes > FRAME_BYTES_MAX.min(room) {
                break;
            }
            count += 1;
            if !entry.continues {
                whole = count;
            }
        }
        let count = if whole > 0 { whole } else { count };
        let group: Vec<Sealed> = queue.waiting.drain(..count).collect();
        queue.bytes -= group.iter().map(Sealed::weight).sum::<usize>();
        drop(queue);
        self.shared.drained.notify_all();
        group
    }

    fn write(&mut self, group: &[Sealed]) -> Result<Step, Fault> {
        let step = match self.write_now(group) {
            Err(fault) if fault.is_no_room() => Step::NoRoom,
            other => other.map(|()| Step::Wrote)?,
        };
        self.shared
            .is_full
            .store(step == Step::NoRoom, Ordering::Release);
        if step == Step::NoRoom {
            // Nobody waits for a full disk: who would is told instead. Under their locks, so that nobody just begins to.
            drop(lock(&self.shared.durable));
            self.shared.advanced.notify_all();
            drop(lock(&self.shared.queue));
            self.shared.drained.notify_all();
        }
        Ok(step)
    }

    /// A full disk is found here before the first byte of the frame is written: private parts and a new segment come first,
    /// and both may be written again.
    fn write_now(&mut self, group: &[Sealed]) -> Result<(), Fault> {
        if let Some(before_write) = self.shared.before_write.get() {
            before_write(group)?;
        }
        let entries: Vec<&[u8]> = group.iter().map(|entry| &entry.bytes[..]).collect();
        let bytes = frame::build(&entries, self.head.index, self.head.index, false);
        // One unit is left for the footer.
        if self.head.offset + bytes.len() as u64 + UNIT as u64 > self.length {
            self.roll(bytes.len() as u64)?;
        }
        self.put(&bytes)?;
        let place = FramePlace {
            first_index: self.head.index,
            entries: group.len() as u32,
            segment: self.head.segment,
            offset: self.head.offset,
            padded: bytes.len() as u64,
        };
        self.shared
            .frames
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(place);
        self.head.offset += bytes.len() as u64;
        self.head.index += group.len() as u64;
        if let Some(last) = group.last() {
            self.head.link = last.link;
        }
        *lock(&self.shared.durable) = self.head.index;
        self.shared.advanced.notify_all();
        if let Some(on_durable) = self.shared.on_durable.get() {
            on_durable(self.head.index);
        }
        Ok(())
    }

    fn put(&self, bytes: &[u8]) -> Result<(), Fault> {
        let name = segment::name(self.head.segment);
        self.shared
            .storage
            .write_at(&name, self.head.offset, bytes)?;
        let start = Instant::now();
        self.shared.storage.sync(&name)?;
        let elapsed = start.elapsed().as_nanos() as u64;
        let metrics = &self.shared.metrics;
        metrics.syncs.fetch_add(1, Ordering::Relaxed);
        metrics.sync_ns.fetch_add(elapsed, Ordering::Relaxed);
        let bucket = SYNC_BUCKETS_NS.partition_point(|bound| *bound < elapsed);
        metrics.sync_buckets[bucket].fetch_add(1, Ordering::Relaxed);
        metrics.frames.fetch_add(1, Ordering::Relaxed);
        metrics
            .bytes
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    pub fn write_footer(&mut self) -> Result<(), Fault> {
        let bytes = frame::build(&[], self.head.index, self.head.index, true);
        if self.head.offset + bytes.len() as u64 <= self.length {
            self.put(&bytes)?;
            self.head.offset += bytes.len() as u64;
        }
        Ok(())
    }

    /// Goes on in the spare segment, large enough for the frame.
    fn roll(&mut self, needed: u64) -> Result<(), Fault> {
        let is_too_small = needed + 2 * UNIT as u64 > self.shared.config.segment_bytes;
        if is_too_small {
            let what = format!("a frame of {needed} bytes does not fit a segment");
            return Err(Fault::Malformed { what });
        }
        self.take_spare()?;
        self.start_segment()?;
        self.make_spare();
        Ok(())
    }

    /// Waits for the spare that is being made, though not on a full disk.
    fn take_spare(&mut self) -> Result<(), Fault> {
        let Some(making) = self.making.take() else {
            return Ok(());
        };
        loop {
            match making.recv_timeout(SPARE_WAIT) {
                Ok(made) => {
                    self.spare = Some(made?);
                    return Ok(());
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Fault::Broken),
                Err(RecvTimeoutError::Timeout) if !self.shared.has_room.load(Ordering::Acquire) => {
                    self.making = Some(making);
                    return Err(Fault::no_room());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn start_segment(&mut self) -> Result<(), Fault> {
        let storage = &self.shared.storage;
        let name = segment::name(self.head.index);
        match self.spare.take() {
            Some(spare) => storage.place(&spare, &name)?,
            None => storage.create_zeroed(&name, self.shared.config.segment_bytes)?,
        }
        let head = SegmentHead {
            log: self.shared.config.log.clone(),
            first_index: self.head.index,
            prev_link: self.head.link,
        };
        storage.write_at(&name, 0, &head.to_block())?;
        storage.sync(&name)?;
        self.head.segment = self.head.index;
        self.head.offset = UNIT as u64;
        self.length = storage.length(&name)?;
        Ok(())
    }

    /// Zeroes the next segment, off this thread where there are threads; without one, writes are refused before they are
    /// decided, until the disk has room again.
    fn make_spare(&mut self) {
        if self.spare.is_some() || self.making.is_some() {
            return;
        }
        if self.work == Work::Steps {
            let made = zero_spare(&self.shared);
            self.spare = made.is_ok().then(|| SPARE.to_owned());
            return;
        }
        let (sender, receiver) = sync_channel(1);
        let shared = Arc::clone(&self.shared);
        self.making = Some(receiver);
        thread::spawn(move || {
            loop {
                let made = zero_spare(&shared);
                if made.is_ok() || lock(&shared.queue).is_closed {
                    drop(sender.send(made.map(|()| SPARE.to_owned()).map_err(Fault::from)));
                    return;
                }
                thread::sleep(ROOM_RETRY);
            }
        });
    }
}

/// A spare that an earlier run left is taken again, if really nothing was ever written there.
fn zero_spare(shared: &Shared) -> io::Result<()> {
    let (storage, length) = (&*shared.storage, shared.config.segment_bytes);
    let made = match is_zeroed(storage, length) {
        Ok(true) => Ok(()),
        _ => storage.create_zeroed(SPARE, length),
    };
    shared.has_room.store(made.is_ok(), Ordering::Release);
    made
}

fn is_zeroed(storage: &dyn Storage, length: u64) -> io::Result<bool> {
    if storage.length(SPARE)? != length {
        return Ok(false);
    }
    for at in (0..length).step_by(READ_BYTES) {
        let count = READ_BYTES.min((length - at) as usize);
        let bytes = storage.read_at(SPARE, at, count)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}
