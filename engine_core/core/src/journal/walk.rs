//! The walk over the segments at a start: every frame is checked, the end is found by the tail rules, and what was never
//! acknowledged is cut.

use super::frame::{self, Found, FrameHead, Residue, UNIT};
use super::open::{Base, Recovery, WalkVisit};
use super::segment::{self, SegmentHead};
use super::storage::Storage;
use super::view::EntryView;
use super::{Config, Fault, FramePlace};
use crate::evidence::hash::Hash;

/// What a walk over the segments finds.
pub(super) struct Walk {
    pub frames: Vec<FramePlace>,
    pub entries: u64,
    pub link: Hash,
    /// Where the next frame goes; no segment while there is none.
    pub segment: Option<u64>,
    pub offset: u64,
    pub recovery: Recovery,
    /// Entries below were seen before: they are checked again, and not shown.
    shown_from: u64,
    unfinished: Option<Unfinished>,
}

/// Where the operation under way began.
#[derive(Clone, Copy)]
struct Unfinished {
    index: u64,
    link: Hash,
    /// The frame that holds its first entry, and how many frames stand before it.
    frame: FramePlace,
    frames: usize,
}

/// A segment on its way through the walk.
struct Segment<'a> {
    storage: &'a dyn Storage,
    config: &'a Config,
    name: String,
    /// Where `bytes` begin in the file.
    start: u64,
    bytes: Vec<u8>,
    is_last: bool,
}

/// How a segment ends.
enum End {
    /// Zeros follow its last frame.
    Full,
    /// The journal ends in it.
    Here,
    /// It was never begun: nothing stands in it.
    Empty,
    /// The journal ends before it.
    Gone,
}

impl Segment<'_> {
    fn rotten(&self, at: usize, what: impl Into<String>) -> Fault {
        Fault::Rotten {
            file: self.name.clone(),
            offset: self.start + at as u64,
            what: what.into(),
        }
    }

    fn is_followed(&self, at: usize) -> bool {
        let next = (at + UNIT).min(self.bytes.len());
        matches!(frame::residue(&self.bytes, next), Residue::Frame(_))
    }

    /// Zeroes all from a place on.
    fn cut(&self, at: usize, why: &str, recovery: &mut Recovery) -> Result<End, Fault> {
        let offset = self.start + at as u64;
        self.storage
            .write_at(&self.name, offset, &vec![0; self.bytes.len() - at])?;
        self.storage.sync(&self.name)?;
        recovery.cut = Some((self.name.clone(), offset, why.to_owned()));
        Ok(End::Here)
    }
}

/// Walks all segments, or those behind a base; drops what is unfinished.
pub(super) fn walk(
    storage: &dyn Storage,
    config: &Config,
    base: Option<&Base<'_>>,
    visit: &mut WalkVisit<'_>,
) -> Result<Walk, Fault> {
    let segments = segments(storage)?;
    let mut walk = match base {
        Some(base) => Walk::behind(base),
        None => Walk::from_the_start(),
    };
    let from = walk.segment.unwrap_or(0);
    let mut empty = Vec::new();
    for (at, first_index) in segments.iter().enumerate() {
        if *first_index < from {
            continue;
        }
        let is_last = at + 1 == segments.len();
        match walk.segment(storage, *first_index, is_last, config, visit)? {
            End::Full => {}
            End::Here => {
                drop_segments(storage, &segments[at + 1..])?;
                break;
            }
            End::Empty => empty.push(*first_index),
            End::Gone => {
                drop_segments(storage, &segments[at..])?;
                break;
            }
        }
    }
    // Left behind, an empty one would stand between segments that are made later.
    drop_segments(storage, &empty)?;
    if let Some(unfinished) = walk.unfinished {
        walk.drop_unfinished(unfinished, storage, &segments)?;
    }
    (walk.recovery.entries, walk.recovery.link) = (walk.entries, walk.link);
    Ok(walk)
}

/// First indexes of all segments, ascending.
pub(super) fn segments(storage: &dyn Storage) -> Result<Vec<u64>, Fault> {
    let names = storage.list()?;
    Ok(names
        .iter()
        .filter_map(|name| segment::first_index(name))
        .collect())
}

impl Walk {
    fn from_the_start() -> Self {
        Self {
            frames: Vec::new(),
            entries: 0,
            link: [0; 32],
            segment: None,
            offset: UNIT as u64,
            recovery: Recovery::default(),
            shown_from: 0,
            unfinished: None,
        }
    }

    /// Begins with the last frame that the base knows, so that what follows is chained to it.
    fn behind(base: &Base<'_>) -> Self {
        let mut walk = Self::from_the_start();
        let Some((last, before)) = base.frames.split_last() else {
            return walk;
        };
        walk.frames = before.to_vec();
        walk.entries = last.first_index;
        walk.link = base.link_before(last.first_index);
        (walk.segment, walk.offset) = (Some(last.segment), last.offset);
        walk.shown_from = base.entries;
        walk
    }

    fn segment(
        &mut self,
        storage: &dyn Storage,
        first_index: u64,
        is_last: bool,
        config: &Config,
        visit: &mut WalkVisit<'_>,
    ) -> Result<End, Fault> {
        let name = segment::name(first_index);
        let is_begun = self.segment == Some(first_index);
        let start = if is_begun { self.offset } else { 0 };
        let length = storage.length(&name)?.saturating_sub(start);
        let part = Segment {
            storage,
            config,
            bytes: storage.read_at(&name, start, length as usize)?,
            name,
            start,
            is_last,
        };
        if is_begun {
            return self.frames(&part, 0, visit);
        }
        match self.check_head(&part, first_index) {
            Ok(true) => {
                (self.segment, self.offset) = (Some(first_index), UNIT as u64);
                self.frames(&part, UNIT, visit)
            }
            Ok(false) => Ok(End::Empty),
            Err(Fault::Rotten { what, .. }) if config.accept_loss => {
                self.recovery.cut = Some((part.name, 0, format!("accepted loss: {what}")));
                Ok(End::Gone)
            }
            Err(fault) => Err(fault),
        }
    }

    /// False for a segment that was never begun.
    fn check_head(&self, part: &Segment<'_>, first_index: u64) -> Result<bool, Fault> {
        let block = part.bytes.get(..UNIT);
        let block = block.ok_or_else(|| part.rotten(0, "segment is cut"))?;
        if block.iter().all(|byte| *byte == 0) {
            return match frame::residue(&part.bytes, 0) {
                // Its head is made durable before its first frame is written.
                Residue::Frame(_) => Err(part.rotten(0, "segment head is gone")),
                _ => Ok(false),
            };
        }
        let head = SegmentHead::read(block).map_err(|fault| part.rotten(0, fault.to_string()))?;
        let is_next = head.first_index == self.entries && first_index == self.entries;
        if !is_next || head.prev_link != self.link {
            return Err(part.rotten(0, "segment head does not continue the chain"));
        }
        // Every position names its log: one journal has one name for ever.
        if head.log != part.config.log {
            return Err(Fault::Malformed {
                what: format!(
                    "{} is of log {:?}, the configuration says {:?}",
                    part.name, head.log, part.config.log
                ),
            });
        }
        Ok(true)
    }

    /// Walks the frames of a segment from `at` on.
    fn frames(
        &mut self,
        part: &Segment<'_>,
        mut at: usize,
        visit: &mut WalkVisit<'_>,
    ) -> Result<End, Fault> {
        let may_lose = part.config.accept_loss;
        loop {
            match frame::read(&part.bytes[at..]) {
                Ok(Found::Whole {
                    head,
                    payload,
                    padded,
                }) => {
                    let place = FramePlace {
                        first_index: head.first_index,
                        entries: head.entries,
                        segment: self.segment.unwrap_or(0),
                        offset: part.start + at as u64,
                        padded: padded as u64,
                    };
                    match self.check_frame(&head, payload) {
                        Ok(entries) => self.take_frame(&head, place, &entries, visit)?,
                        Err(_) if may_lose => {
                            return part.cut(at, "accepted loss", &mut self.recovery);
                        }
                        Err(fault) => return Err(part.rotten(at, fault.to_string())),
                    }
                    at += padded;
                    self.offset = part.start + at as u64;
                }
                Ok(Found::End) => {
                    let residue = frame::residue(&part.bytes, at);
                    return match residue {
                        Residue::None => Ok(End::Full),
                        Residue::Torn(_) if part.is_last => {
                            part.cut(at, "unit 0 was never written", &mut self.recovery)
                        }
                        _ if may_lose => part.cut(at, "accepted loss", &mut self.recovery),
                        _ => Err(part.rotten(at, "a frame is gone that later ones follow")),
                    };
                }
                Ok(Found::Torn { what }) if part.is_last && !part.is_followed(at) => {
                    return part.cut(at, &what, &mut self.recovery);
                }
                Ok(Found::Torn { .. }) | Err(_) if may_lose => {
                    return part.cut(at, "accepted loss", &mut self.recovery);
                }
                Ok(Found::Torn { what }) => return Err(part.rotten(at, what)),
                Err(fault) => return Err(part.rotten(at, fault.to_string())),
            }
        }
    }

    /// The entries of a frame, which go on with the chain, and their links.
    fn check_frame<'a>(
        &self,
        head: &FrameHead,
        payload: &'a [u8],
    ) -> Result<Vec<(EntryView<'a>, Hash)>, Fault> {
        let fault = |what: String| Fault::Malformed { what };
        if head.first_index != self.entries {
            let (begins, next) = (head.first_index, self.entries);
            return Err(fault(format!(
                "frame begins with entry {begins}, not {next}"
            )));
        }
        let (mut index, mut link) = (self.entries, self.link);
        let places = frame::entries(head, payload)?;
        // Only now is the count known to be true: one that lies must not ask for memory.
        let mut checked = Vec::with_capacity(places.len());
        for (start, length) in places {
            let view = EntryView::parse(&payload[start..start + length])?;
            if view.index() != index || view.prev_link() != link {
                return Err(fault(format!("entry {index} does not continue the chain")));
            }
            (index, link) = (index + 1, view.link());
            checked.push((view, link));
        }
        Ok(checked)
    }

    fn take_frame(
        &mut self,
        head: &FrameHead,
        place: FramePlace,
        entries: &[(EntryView<'_>, Hash)],
        visit: &mut WalkVisit<'_>,
    ) -> Result<(), Fault> {
        self.recovery.was_clean = head.is_footer;
        let frames = self.frames.len();
        if head.entries > 0 {
            self.frames.push(place);
        }
        for (view, link) in entries {
            if view.flags() & 1 == 0 {
                self.unfinished = None;
            } else if self.unfinished.is_none() {
                self.unfinished = Some(Unfinished {
                    index: self.entries,
                    link: self.link,
                    frame: place,
                    frames,
                });
            }
            self.link = *link;
            self.entries += 1;
            if self.entries > self.shown_from {
                visit(view, *link)?;
            }
        }
        Ok(())
    }

    /// Takes the entries of an operation that has no end off the disk, so that the next frames are not taken for its
    /// continuation.
    fn drop_unfinished(
        &mut self,
        unfinished: Unfinished,
        storage: &dyn Storage,
        segments: &[u64],
    ) -> Result<(), Fault> {
        let Unfinished {
            index, link, frame, ..
        } = unfinished;
        self.recovery.dropped = self.entries - index;
        self.frames.truncate(unfinished.frames);
        (self.entries, self.link) = (index, link);
        (self.segment, self.offset) = (Some(frame.segment), frame.offset);
        let behind = segments.partition_point(|segment| *segment <= frame.segment);
        drop_segments(storage, &segments[behind..])?;
        let name = segment::name(frame.segment);
        let kept = match index > frame.first_index {
            true => kept(storage, &name, &frame, index)?,
            false => Vec::new(),
        };
        if !kept.is_empty() {
            self.frames.push(FramePlace {
                entries: (index - frame.first_index) as u32,
                padded: kept.len() as u64,
                ..frame
            });
            self.offset += kept.len() as u64;
        }
        let mut bytes = kept;
        bytes.resize((storage.length(&name)? - frame.offset) as usize, 0);
        storage.write_at(&name, frame.offset, &bytes)?;
        Ok(storage.sync(&name)?)
    }
}

/// The frame again with its entries below `index` alone. The writer begins no operation behind another one in a frame
/// that does not hold all of it; older journals have such frames.
fn kept(
    storage: &dyn Storage,
    name: &str,
    place: &FramePlace,
    index: u64,
) -> Result<Vec<u8>, Fault> {
    let bytes = storage.read_at(name, place.offset, place.padded as usize)?;
    let Found::Whole { head, payload, .. } = frame::read(&bytes)? else {
        return Ok(Vec::new());
    };
    let entries: Vec<&[u8]> = frame::entries(&head, payload)?
        .into_iter()
        .take((index - place.first_index) as usize)
        .map(|(start, length)| &payload[start..start + length])
        .collect();
    Ok(frame::build(
        &entries,
        head.first_index,
        head.durable_before,
        false,
    ))
}

/// Removes segments, the last one first, so that those left are a journal at any moment.
fn drop_segments(storage: &dyn Storage, segments: &[u64]) -> Result<(), Fault> {
    for first_index in segments.iter().rev() {
        storage.remove(&segment::name(*first_index))?;
        storage.sync_folder()?;
    }
    Ok(())
}
