//! Opening a journal: what a start finds and does, and where it may begin.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, OnceLock, RwLock};

use super::frame::{self, Found, UNIT};
use super::segment::{self, SegmentHead};
use super::storage::Storage;
use super::view::EntryView;
use super::walk::{segments, walk};
use super::writer::{Head, Work, Writer};
use super::{Config, Fault, FramePlace, Journal, Metrics, Shared, Writing};
use crate::evidence::hash::Hash;

/// What opening did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    pub entries: u64,
    /// Link of the last one.
    pub link: Hash,
    /// All from a place on was cut: file, offset, why.
    pub cut: Option<(String, u64, String)>,
    /// Entries that went with it because loss is accepted, as far as the files still tell.
    pub lost: u64,
    /// Entries of an unfinished operation that were dropped.
    pub dropped: u64,
    /// The journal ended with a footer.
    pub was_clean: bool,
}

impl Recovery {
    pub fn to_json(&self) -> String {
        let cut = match &self.cut {
            Some((file, offset, why)) => {
                format!("{{\"file\":{file:?},\"offset\":{offset},\"why\":{why:?}}}")
            }
            None => "null".to_owned(),
        };
        format!(
            "{{\"cut\":{cut},\"lost\":{},\"dropped\":{},\"clean\":{}}}",
            self.lost, self.dropped, self.was_clean
        )
    }
}

/// Called with every entry of the walk, in order, and its link. Those of an operation without an end come too.
pub type WalkVisit<'a> = dyn FnMut(&EntryView<'_>, Hash) -> Result<(), Fault> + 'a;

/// What is known of the entries below an index, so that a start need not read them.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    pub entries: u64,
    /// Links of these entries.
    pub links: &'a [Hash],
    /// Frames that hold them; the last one may hold more.
    pub frames: &'a [FramePlace],
}

impl Base<'_> {
    /// Link that entry `index` carries of the one before it.
    pub(super) fn link_before(&self, index: u64) -> Hash {
        match index {
            0 => [0; 32],
            _ => self.links[index as usize - 1],
        }
    }

    /// Whether the journal in `storage` is the one that the base was taken of, as far as heads of segments, lengths and the
    /// last frame tell; otherwise what is different.
    pub fn check(&self, storage: &dyn Storage, log: &str) -> Result<(), String> {
        let Some(last) = self.frames.last().filter(|_| self.entries > 0) else {
            return Err("it holds no entry".into());
        };
        if self.links.len() as u64 != self.entries {
            return Err("its links are not those of its entries".into());
        }
        let mut next = 0;
        for frame in self.frames {
            if frame.first_index != next || frame.entries == 0 {
                return Err("its frames do not follow each other".into());
            }
            next += u64::from(frame.entries);
        }
        if last.first_index >= self.entries || next < self.entries {
            return Err("its frames are not those of its entries".into());
        }
        self.check_segments(storage, log)?;
        self.check_last(storage, last)
            .map_err(|fault| fault.to_string())?
            .then_some(())
            .ok_or_else(|| format!("entry {} of the journal is another one", self.entries - 1))
    }

    fn check_segments(&self, storage: &dyn Storage, log: &str) -> Result<(), String> {
        let there = segments(storage).map_err(|fault| fault.to_string())?;
        let last = self.frames.last().map_or(0, |frame| frame.segment);
        let mut known: Vec<(u64, u64)> = Vec::new();
        for frame in self.frames {
            let end = frame.offset + frame.padded;
            match known.last_mut().filter(|one| one.0 == frame.segment) {
                Some(one) => one.1 = end,
                None => known.push((frame.segment, end)),
            }
        }
        let segments = there.iter().filter(|segment| **segment <= last);
        if !segments.eq(known.iter().map(|(segment, _)| segment)) {
            return Err("the journal has other segments".into());
        }
        for (first_index, end) in known {
            let name = segment::name(first_index);
            let head = storage
                .read_at(&name, 0, UNIT)
                .map_err(Fault::from)
                .and_then(|block| SegmentHead::read(&block))
                .map_err(|fault| format!("{name}: {fault}"))?;
            let is_it = head.log == log
                && head.first_index == first_index
                && head.prev_link == self.link_before(first_index);
            let length = storage.length(&name).map_err(|fault| fault.to_string())?;
            if !is_it || length < end {
                return Err(format!("{name} is another one"));
            }
        }
        Ok(())
    }

    fn check_last(&self, storage: &dyn Storage, last: &FramePlace) -> Result<bool, Fault> {
        let name = segment::name(last.segment);
        let bytes = storage.read_at(&name, last.offset, last.padded as usize)?;
        let Found::Whole { head, payload, .. } = frame::read(&bytes)? else {
            return Ok(false);
        };
        let entries = frame::entries(&head, payload)?;
        if head.first_index != last.first_index || head.entries != last.entries {
            return Ok(false);
        }
        let (start, length) = entries[(self.entries - 1 - last.first_index) as usize];
        let view = EntryView::parse(&payload[start..start + length])?;
        Ok(view.index() == self.entries - 1 && view.link() == self.link_before(self.entries))
    }
}

impl Journal {
    /// Opens or makes the journal in a storage and starts its writer.
    pub fn open(
        storage: impl Storage + 'static,
        config: Config,
    ) -> Result<(Self, Recovery), Fault> {
        Self::open_walked(storage, config, false, None, &mut |_, _| Ok(()))
    }

    /// The same without threads: entries are written when `step` is called.
    pub fn open_stepped(
        storage: impl Storage + 'static,
        config: Config,
    ) -> Result<(Self, Recovery), Fault> {
        Self::open_walked(storage, config, true, None, &mut |_, _| Ok(()))
    }

    /// Opens, and shows every entry from a base on, which `Base::check` found to be of this journal.
    pub fn open_walked(
        storage: impl Storage + 'static,
        config: Config,
        is_stepped: bool,
        base: Option<&Base<'_>>,
        visit: &mut WalkVisit<'_>,
    ) -> Result<(Self, Recovery), Fault> {
        let walk = walk(&storage, &config, base, visit)?;
        let head = Head {
            index: walk.entries,
            link: walk.link,
            segment: walk.segment.unwrap_or(0),
            offset: walk.offset,
        };
        let shared = Arc::new(Shared {
            storage: Box::new(storage),
            config,
            queue: Mutex::default(),
            arrived: Condvar::new(),
            drained: Condvar::new(),
            frames: RwLock::new(walk.frames),
            durable: Mutex::new(walk.entries),
            advanced: Condvar::new(),
            has_room: AtomicBool::new(true),
            is_full: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            on_durable: OnceLock::new(),
            before_write: OnceLock::new(),
            metrics: Metrics::default(),
        });
        let is_new = walk.segment.is_none();
        let work = if is_stepped {
            Work::Steps
        } else {
            Work::Threads
        };
        let writer = Writer::new(Arc::clone(&shared), head, is_new, work)?;
        let writing = Mutex::new(match is_stepped {
            true => Writing::Here(Box::new(writer)),
            false => Writing::Thread(writer.spawn()?),
        });
        Ok((Self { shared, writing }, walk.recovery))
    }
}
