//! Opening a journal: finds the end by the tail rules, cuts only what was never acknowledged, and says so.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, OnceLock, RwLock};

use super::entry::HEADER_BYTES;
use super::frame::{self, Found, Residue, UNIT};
use super::segment::{self, SegmentHead};
use super::storage::Storage;
use super::view::EntryView;
use super::writer::{Head, Work, Writer};
use super::{Config, Fault, FramePlace, Journal, Metrics, Shared, Writing};

/// What opening did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    pub entries: u64,
    /// The last frame was cut: file, offset, why.
    pub cut: Option<(String, u64, String)>,
    /// Entries of an unfinished operation that were dropped.
    pub dropped: u64,
    /// The journal ended with a footer.
    pub was_clean: bool,
}

impl Recovery {
    pub fn to_json(&self) -> String {
        let cut = match &self.cut {
            Some((file, offset, why)) => {
                format!("{{\"file\":\"{file}\",\"offset\":{offset},\"why\":\"{why}\"}}")
            }
            None => "null".to_owned(),
        };
        format!(
            "{{\"cut\":{cut},\"dropped\":{},\"clean\":{}}}",
            self.dropped, self.was_clean
        )
    }
}

/// What a walk over the segments finds.
struct Walk {
    frames: Vec<FramePlace>,
    entries: u64,
    link: [u8; 32],
    segment: u64,
    offset: u64,
    recovery: Recovery,
    /// Where the first entry of the operation under way stands: its index, frame and link before it.
    unfinished: Option<Unfinished>,
}

#[derive(Clone, Copy)]
struct Unfinished {
    index: u64,
    frames: usize,
    segment: u64,
    offset: u64,
    link: [u8; 32],
}

impl Journal {
    /// Opens or makes the journal in a storage and starts its writer.
    pub fn open(
        storage: impl Storage + 'static,
        config: Config,
    ) -> Result<(Self, Recovery), Fault> {
        let (writer, shared, recovery) = opened(storage, config, Work::Threads)?;
        let writing = Mutex::new(Writing::Thread(writer.spawn()?));
        Ok((Self { shared, writing }, recovery))
    }

    /// The same without threads: entries are written when `step` is called.
    pub fn open_stepped(
        storage: impl Storage + 'static,
        config: Config,
    ) -> Result<(Self, Recovery), Fault> {
        let (writer, shared, recovery) = opened(storage, config, Work::Steps)?;
        let writing = Mutex::new(Writing::Here(Box::new(writer)));
        Ok((Self { shared, writing }, recovery))
    }
}

fn opened(
    storage: impl Storage + 'static,
    config: Config,
    work: Work,
) -> Result<(Writer, Arc<Shared>, Recovery), Fault> {
    let names = storage.list()?;
    let segments: Vec<u64> = names
        .iter()
        .filter_map(|name| segment::first_index(name))
        .collect();
    let walk = walk(&storage, &segments, &config)?;
    let mut recovery = walk.recovery.clone();
    recovery.entries = walk.entries;
    let head = Head {
        index: walk.entries,
        link: walk.link,
        segment: walk.segment,
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
    let writer = Writer::new(Arc::clone(&shared), head, segments.is_empty(), work)?;
    Ok((writer, shared, recovery))
}

fn walk(storage: &dyn Storage, segments: &[u64], config: &Config) -> Result<Walk, Fault> {
    let mut walk = Walk {
        frames: Vec::new(),
        entries: 0,
        link: [0; 32],
        segment: 0,
        offset: UNIT as u64,
        recovery: Recovery::default(),
        unfinished: None,
    };
    for (at, first_index) in segments.iter().enumerate() {
        let is_last = at + 1 == segments.len();
        if !walk.segment(storage, *first_index, is_last, config)? {
            break;
        }
    }
    if let Some(unfinished) = walk.unfinished {
        walk.recovery.dropped = walk.entries - unfinished.index;
        walk.frames.truncate(unfinished.frames);
        (walk.entries, walk.link) = (unfinished.index, unfinished.link);
        (walk.segment, walk.offset) = (unfinished.segment, unfinished.offset);
        wipe(storage, segments, unfinished.segment, unfinished.offset)?;
    }
    Ok(walk)
}

impl Walk {
    /// Walks one segment; false when the journal ends in it.
    fn segment(
        &mut self,
        storage: &dyn Storage,
        first_index: u64,
        is_last: bool,
        config: &Config,
    ) -> Result<bool, Fault> {
        let name = segment::name(first_index);
        let bytes = storage.read_at(&name, 0, storage.length(&name)? as usize)?;
        let rotten = |offset: usize, what: String| Fault::Rotten {
            file: name.clone(),
            offset: offset as u64,
            what,
        };
        if bytes.len() < UNIT || bytes[..UNIT].iter().all(|byte| *byte == 0) {
            // A spare whose head was never written.
            return Ok(false);
        }
        let head =
            SegmentHead::read(&bytes[..UNIT]).map_err(|fault| rotten(0, fault.to_string()))?;
        if head.first_index != self.entries || head.prev_link != self.link {
            return Err(rotten(0, "segment head does not continue the chain".into()));
        }
        // Every position names its log: one journal has one name for ever.
        if head.log != config.log {
            return Err(Fault::Malformed {
                what: format!(
                    "{name} is of log {:?}, the configuration says {:?}",
                    head.log, config.log
                ),
            });
        }
        (self.segment, self.offset) = (first_index, UNIT as u64);
        let mut at = UNIT;
        loop {
            let found = match frame::read(&bytes[at..]) {
                Ok(found) => found,
                Err(_) if config.accept_loss => {
                    return self.cut(storage, &name, at, bytes.len(), "accepted loss");
                }
                Err(fault) => return Err(rotten(at, fault.to_string())),
            };
            match found {
                Found::End => match frame::residue(&bytes, at) {
                    Residue::None => return Ok(true),
                    Residue::Torn(_) if is_last => {
                        return self.cut(
                            storage,
                            &name,
                            at,
                            bytes.len(),
                            "unit 0 was never written",
                        );
                    }
                    _ if config.accept_loss => {
                        return self.cut(storage, &name, at, bytes.len(), "accepted loss");
                    }
                    _ => return Err(rotten(at, "a frame is gone that later ones follow".into())),
                },
                Found::Torn { what } if is_last && !is_followed(&bytes, at) => {
                    return self.cut(storage, &name, at, bytes.len(), &what);
                }
                Found::Torn { .. } if config.accept_loss => {
                    return self.cut(storage, &name, at, bytes.len(), "accepted loss");
                }
                Found::Torn { what } => return Err(rotten(at, what)),
                Found::Whole {
                    head,
                    payload,
                    padded,
                } => {
                    self.frame(&head, payload, at, padded)
                        .map_err(|fault| rotten(at, fault.to_string()))?;
                    at += padded;
                    self.offset = at as u64;
                }
            }
        }
    }

    fn frame(
        &mut self,
        head: &frame::FrameHead,
        payload: &[u8],
        at: usize,
        padded: usize,
    ) -> Result<(), Fault> {
        self.recovery.was_clean = head.is_footer;
        if head.first_index != self.entries {
            let what = format!(
                "frame begins with entry {}, not {}",
                head.first_index, self.entries
            );
            return Err(Fault::Malformed { what });
        }
        let place = FramePlace {
            first_index: head.first_index,
            entries: head.entries,
            segment: self.segment,
            offset: at as u64,
            padded: padded as u64,
        };
        let frames_before = self.frames.len();
        if head.entries > 0 {
            self.frames.push(place);
        }
        for (start, length) in frame::entries(head, payload)? {
            let bytes = &payload[start..start + length];
            if length < HEADER_BYTES {
                return Err(Fault::Malformed {
                    what: "entry is cut".into(),
                });
            }
            let view = EntryView::parse(bytes)?;
            if view.index() != self.entries || view.prev_link() != self.link {
                return Err(Fault::Malformed {
                    what: format!("entry {} does not continue the chain", self.entries),
                });
            }
            if view.flags() & 1 == 0 {
                self.unfinished = None;
            } else if self.unfinished.is_none() {
                let here = (self.entries, self.segment, at as u64);
                self.unfinished = Some(Unfinished {
                    index: here.0,
                    frames: frames_before,
                    segment: here.1,
                    offset: here.2,
                    link: self.link,
                });
            }
            self.link = view.link();
            self.entries += 1;
        }
        Ok(())
    }

    fn cut(
        &mut self,
        storage: &dyn Storage,
        name: &str,
        at: usize,
        end: usize,
        why: &str,
    ) -> Result<bool, Fault> {
        let zeros = vec![0; end.next_multiple_of(UNIT) - at];
        let zeros = &zeros[..end - at];
        storage.write_at(name, at as u64, zeros)?;
        storage.sync(name)?;
        self.recovery.cut = Some((name.to_owned(), at as u64, why.to_owned()));
        Ok(false)
    }
}

/// True when a whole frame stands somewhere behind the torn one at `at`: then it is not the last, and no cut is allowed.
fn is_followed(bytes: &[u8], at: usize) -> bool {
    matches!(
        frame::residue(bytes, (at + UNIT).min(bytes.len())),
        Residue::Frame(_)
    )
}

/// Zeroes everything from a place on, so that the next frames are not taken for a continuation of what was dropped.
fn wipe(storage: &dyn Storage, segments: &[u64], segment: u64, offset: u64) -> Result<(), Fault> {
    for first_index in segments
        .iter()
        .filter(|first_index| **first_index >= segment)
    {
        let name = segment::name(*first_index);
        let from = if *first_index == segment { offset } else { 0 };
        let length = storage.length(&name)?;
        storage.write_at(&name, from, &vec![0; (length - from) as usize])?;
        storage.sync(&name)?;
    }
    Ok(())
}
