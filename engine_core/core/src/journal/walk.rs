//! The walk over the segments at a start: what stands in them is read by the tail rules, what was never acknowledged is cut.

use super::frame::{self, Found, UNIT};
use super::loss::{lose, zero};
use super::open::{Base, Recovery, WalkVisit};
use super::segment;
use super::storage::Storage;
use super::tail::{Begun, Chain, End, Frame, Part, Wrong};
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
}

/// Walks all segments, or those behind a base; drops what is unfinished.
pub(super) fn walk(
    storage: &dyn Storage,
    config: &Config,
    base: Option<&Base<'_>>,
    visit: &mut WalkVisit<'_>,
) -> Result<Walk, Fault> {
    let mut walk = Walk {
        frames: Vec::new(),
        entries: 0,
        link: [0; 32],
        segment: None,
        offset: UNIT as u64,
        recovery: Recovery::default(),
    };
    let mut chain = Chain::default();
    if let Some((last, before)) = base.and_then(|base| base.frames.split_last()) {
        // It begins with the last frame that the base knows, so that what follows is chained to it.
        walk.frames = before.to_vec();
        (walk.segment, walk.offset) = (Some(last.segment), last.offset);
        chain.reached.entries = last.first_index;
        chain.reached.link = base.map_or([0; 32], |base| base.link_before(last.first_index));
    }
    let shown_from = base.map_or(0, |base| base.entries);
    walk.segments(storage, config, &mut chain, shown_from, visit)?;
    (walk.entries, walk.link) = (chain.reached.entries, chain.reached.link);
    walk.recovery.was_clean = chain.reached.is_clean && walk.recovery.cut.is_none();
    if let Some(begun) = chain.reached.unfinished {
        walk.drop_unfinished(begun, storage)?;
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
    /// Reads the segments up to the end of the journal, and brings that in order. Entries from `shown_from` on are shown.
    fn segments(
        &mut self,
        storage: &dyn Storage,
        config: &Config,
        chain: &mut Chain,
        shown_from: u64,
        visit: &mut WalkVisit<'_>,
    ) -> Result<(), Fault> {
        let segments = segments(storage)?;
        let from = self.segment.unwrap_or(0);
        let from = segments.partition_point(|segment| *segment < from);
        let mut unbegun = Vec::new();
        for (at, first_index) in segments.iter().copied().enumerate().skip(from) {
            let name = segment::name(first_index);
            let is_begun = self.segment == Some(first_index);
            let start = if is_begun { self.offset } else { 0 };
            let length = storage.length(&name)?.saturating_sub(start) as usize;
            let part = Part {
                first_index,
                start: start as usize,
                bytes: &storage.read_at(&name, start, length)?,
                is_last: at + 1 == segments.len(),
            };
            let end = self.read(chain, &part, shown_from, visit)?;
            has_its_name(&name, chain, config)?;
            match end {
                Ok(End::Whole { offset }) => self.ends_at(first_index, offset),
                Ok(End::Unbegun) => unbegun.push(first_index),
                Ok(End::Torn { offset, what }) => {
                    zero(storage, &name, offset, part.start + length)?;
                    self.recovery.cut = Some((name, offset as u64, what));
                    match offset {
                        0 => unbegun.push(first_index),
                        _ => self.ends_at(first_index, offset),
                    }
                }
                Err(wrong) if config.accept_loss => {
                    self.recovery.lost = lose(storage, &segments[at..], &wrong, &chain.reached)?;
                    if wrong.frame > 0 {
                        self.ends_at(first_index, wrong.frame);
                    }
                    let why = format!("accepted loss: {}", wrong.what);
                    self.recovery.cut = Some((name, wrong.frame as u64, why));
                    break;
                }
                Err(Wrong { offset, what, .. }) => {
                    let (file, offset) = (name, offset as u64);
                    return Err(Fault::Rotten { file, offset, what });
                }
            }
        }
        // Left behind, one that was never begun would stand between segments that are made later.
        drop_segments(storage, &unbegun)
    }

    fn ends_at(&mut self, segment: u64, offset: usize) {
        (self.segment, self.offset) = (Some(segment), offset as u64);
    }

    /// Reads a segment; a fault of the visitor goes before what it stopped.
    fn read(
        &mut self,
        chain: &mut Chain,
        part: &Part<'_>,
        shown_from: u64,
        visit: &mut WalkVisit<'_>,
    ) -> Result<Result<End, Wrong>, Fault> {
        let mut failed = None;
        let end = chain.segment(part, &mut |frame| {
            self.frames.extend(place_of(frame));
            for (offset, view) in &frame.entries {
                if view.index() >= shown_from
                    && let Err(fault) = visit(view, view.link())
                {
                    let (index, what) = (view.index(), fault.to_string());
                    failed = Some(fault);
                    return Err(Wrong {
                        offset: *offset,
                        frame: frame.offset,
                        index,
                        what,
                    });
                }
            }
            Ok(())
        });
        failed.map_or(Ok(end), Err)
    }

    /// Takes the entries of an operation that has no end off the disk, so that the next frames are not taken for its
    /// continuation.
    fn drop_unfinished(&mut self, begun: Begun, storage: &dyn Storage) -> Result<(), Fault> {
        self.recovery.dropped = self.entries - begun.index;
        (self.entries, self.link) = (begun.index, begun.link);
        self.ends_at(begun.segment, begun.offset);
        let segments = segments(storage)?;
        let behind = segments.partition_point(|segment| *segment <= begun.segment);
        drop_segments(storage, &segments[behind..])?;
        let name = segment::name(begun.segment);
        // Backwards: if the power goes off meanwhile, less of the operation is left, and still no end.
        let place = (begun.segment, begun.offset as u64);
        while let Some(frame) = self
            .frames
            .pop_if(|frame| (frame.segment, frame.offset) >= place)
        {
            if frame.first_index < begun.index {
                return self.keep(storage, &name, &frame, begun.index);
            }
            if frame.segment == begun.segment {
                let from = frame.offset as usize;
                zero(storage, &name, from, from + frame.padded as usize)?;
            }
        }
        Ok(())
    }

    /// Writes a frame again with its entries below `index` alone. The writer begins no operation behind another one in a
    /// frame that does not hold all of it; older journals have such frames.
    fn keep(
        &mut self,
        storage: &dyn Storage,
        name: &str,
        place: &FramePlace,
        index: u64,
    ) -> Result<(), Fault> {
        let bytes = storage.read_at(name, place.offset, place.padded as usize)?;
        let Found::Whole { head, payload, .. } = frame::read(&bytes)? else {
            return Ok(());
        };
        let entries: Vec<&[u8]> = frame::entries(&head, payload)?
            .into_iter()
            .take((index - place.first_index) as usize)
            .map(|(start, length)| &payload[start..start + length])
            .collect();
        let mut kept = frame::build(&entries, head.first_index, head.durable_before, false);
        self.frames.push(FramePlace {
            entries: entries.len() as u32,
            padded: kept.len() as u64,
            ..*place
        });
        self.offset += kept.len() as u64;
        kept.resize(place.padded as usize, 0);
        storage.write_at(name, place.offset, &kept)?;
        Ok(storage.sync(name)?)
    }
}

/// `None` for a footer.
fn place_of(frame: &Frame<'_>) -> Option<FramePlace> {
    (!frame.head.is_footer).then_some(FramePlace {
        first_index: frame.head.first_index,
        entries: frame.head.entries,
        segment: frame.segment,
        offset: frame.offset as u64,
        padded: frame.padded as u64,
    })
}

/// Every position names its log: one journal has one name for ever.
fn has_its_name(file: &str, chain: &Chain, config: &Config) -> Result<(), Fault> {
    match &chain.log {
        Some(log) if *log != config.log => Err(Fault::Malformed {
            what: format!(
                "{file} is of log {log:?}, the configuration says {:?}",
                config.log
            ),
        }),
        _ => Ok(()),
    }
}

/// Removes segments, the last one first, so that those left are a journal at any moment.
fn drop_segments(storage: &dyn Storage, segments: &[u64]) -> Result<(), Fault> {
    for first_index in segments.iter().rev() {
        storage.remove(&segment::name(*first_index))?;
        storage.sync_folder()?;
    }
    Ok(())
}
