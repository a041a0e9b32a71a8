//! The tail rules: frames in order, each checked to go on where the one before it ended, and what a segment ends with.

use super::entry::FLAG_CONTINUES;
use super::frame::{self, Found, FrameHead, Residue, UNIT};
use super::segment::{self, SegmentHead};
use super::view::EntryView;
use crate::evidence::hash::Hash;

/// The first thing in a segment that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub offset: usize,
    /// Where the frame begins that it stands in; all from there on is in doubt. 0 for the segment's head.
    pub frame: usize,
    pub index: u64,
    pub what: String,
}

/// What the frames of a segment end with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing stands behind the last frame.
    Whole { offset: usize },
    /// A frame that was never fully written, so it was acknowledged to nobody.
    Torn { offset: usize, what: String },
    /// Not even the head was written, and nothing else.
    Unbegun,
}

/// A frame that is as it was written.
pub struct Frame<'a> {
    pub head: FrameHead,
    /// First index of its segment.
    pub segment: u64,
    pub offset: usize,
    pub padded: usize,
    /// Entries with their offset in the segment.
    pub entries: Vec<(usize, EntryView<'a>)>,
}

/// Sees each frame in order and may object; of a frame that is objected to nothing counts.
pub type Visit<'a> = dyn FnMut(&Frame<'_>) -> Result<(), Wrong> + 'a;

/// Where an operation begins whose last entry has not come yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    pub index: u64,
    pub segment: u64,
    /// Where its frame stands, and what that begins with: the operation itself, as the writer has it.
    pub offset: usize,
    pub frame_index: u64,
    pub frame_link: Hash,
}

impl Begun {
    /// The writer lets nothing stand in front of an operation that its frame does not hold whole, so that it can be dropped
    /// without what was acknowledged.
    pub fn stands_alone(&self) -> bool {
        self.index == self.frame_index
    }

    /// What is wrong when the log ends here.
    pub fn wrong(&self) -> Wrong {
        let what = match self.stands_alone() {
            true => "an operation without its end",
            false => "an operation without its end, in one frame with others",
        };
        Wrong {
            offset: self.offset,
            frame: self.offset,
            index: self.index,
            what: what.into(),
        }
    }
}

/// How far the log is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    pub entries: u64,
    /// Leaf hash of the newest entry.
    pub link: Hash,
    pub unfinished: Option<Begun>,
    /// The last frame was a footer.
    pub is_clean: bool,
}

/// The log as read so far; a copy goes on from where it stands.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    pub reached: Reached,
    /// Name of the log, once a segment told it.
    pub log: Option<String>,
}

impl Chain {
    /// Reads the segment with this first index in its name, or, where a frame begins at `from`, what stands from there on.
    pub fn segment(
        &mut self,
        first_index: u64,
        bytes: &[u8],
        from: usize,
        is_last: bool,
        visit: &mut Visit<'_>,
    ) -> Result<End, Wrong> {
        let mut at = from;
        if from == 0 {
            if is_last && bytes.iter().all(|byte| *byte == 0) {
                return Ok(End::Unbegun);
            }
            self.head(first_index, bytes)
                .map_err(|what| self.wrong(0, 0, what))?;
            at = UNIT;
        }
        loop {
            let found = frame::read(&bytes[at..]);
            match found.map_err(|fault| self.wrong(at, at, fault.to_string()))? {
                Found::End => return self.end(bytes, at, is_last),
                Found::Torn { what } => return self.torn(bytes, at, is_last, what),
                Found::Whole {
                    head,
                    payload,
                    padded,
                } => {
                    let before = self.reached;
                    let frame = Frame {
                        head,
                        segment: first_index,
                        offset: at,
                        padded,
                        entries: Vec::new(),
                    };
                    if let Err(wrong) = self.frame(frame, payload, visit) {
                        self.reached = before;
                        return Err(wrong);
                    }
                    at += padded;
                }
            }
        }
    }

    /// Zeros stand in place of a frame.
    fn end(&self, bytes: &[u8], at: usize, is_last: bool) -> Result<End, Wrong> {
        match frame::residue(bytes, at) {
            Residue::None => Ok(End::Whole { offset: at }),
            Residue::Torn(_) if is_last => Ok(End::Torn {
                offset: at,
                what: "unit 0 was never written".into(),
            }),
            Residue::Torn(place) => {
                Err(self.wrong(place, at, "bytes where nothing was written".into()))
            }
            Residue::Frame(_) => Err(self.wrong(at, at, "a frame is gone that one follows".into())),
        }
    }

    /// A frame was never fully written: the last one of all may be so, no other.
    fn torn(&self, bytes: &[u8], at: usize, is_last: bool, what: String) -> Result<End, Wrong> {
        match frame::residue(bytes, (at + UNIT).min(bytes.len())) {
            Residue::Frame(_) => Err(self.wrong(at, at, format!("{what}, and a frame follows"))),
            _ if is_last => Ok(End::Torn { offset: at, what }),
            _ => Err(self.wrong(at, at, format!("{what}, and a segment follows"))),
        }
    }

    fn wrong(&self, offset: usize, frame: usize, what: String) -> Wrong {
        Wrong {
            offset,
            frame,
            index: self.reached.entries,
            what,
        }
    }

    fn head(&mut self, first_index: u64, bytes: &[u8]) -> Result<(), String> {
        let block = bytes.get(..UNIT).ok_or("the segment's head is cut")?;
        if block.iter().all(|byte| *byte == 0) {
            return Err("the segment's head is gone, and something follows".into());
        }
        let head = SegmentHead::read(block).map_err(|fault| fault.to_string())?;
        if head.first_index != first_index {
            let name = segment::name(head.first_index);
            return Err(format!("the segment's head is that of {name}"));
        }
        let reached = &self.reached;
        if head.first_index != reached.entries {
            let expected = reached.entries;
            return Err(format!(
                "segment begins with entry {first_index}, not {expected}"
            ));
        }
        if head.prev_link != reached.link {
            return Err("the segment's head does not continue the chain".into());
        }
        let log = self.log.get_or_insert_with(|| head.log.clone());
        match *log == head.log {
            true => Ok(()),
            false => Err(format!("segment is of log {:?}, not {log:?}", head.log)),
        }
    }

    fn frame<'a>(
        &mut self,
        mut frame: Frame<'a>,
        payload: &'a [u8],
        visit: &mut Visit<'_>,
    ) -> Result<(), Wrong> {
        let (at, head) = (frame.offset, frame.head);
        self.frame_head(&head)
            .map_err(|what| self.wrong(at, at, what))?;
        let places = frame::entries(&head, payload)
            .map_err(|fault| self.wrong(at, at, fault.to_string()))?;
        let before = self.reached;
        for (start, length) in places {
            let place = at + frame::HEADER_BYTES + start;
            let view = EntryView::parse(&payload[start..start + length])
                .map_err(|fault| self.wrong(place, at, fault.to_string()))?;
            self.entry(&view, &frame, &before)
                .map_err(|what| self.wrong(place, at, what))?;
            frame.entries.push((place, view));
        }
        visit(&frame)
    }

    fn frame_head(&mut self, head: &FrameHead) -> Result<(), String> {
        let expected = self.reached.entries;
        if head.first_index != expected {
            let index = head.first_index;
            return Err(format!("frame begins with entry {index}, not {expected}"));
        }
        // A frame is written once all before it is durable.
        if head.durable_before != expected {
            let durable = head.durable_before;
            return Err(format!(
                "frame says that {durable} entries stand before it, not {expected}"
            ));
        }
        if head.is_footer != (head.entries == 0) {
            return Err(format!(
                "a footer holds no entries, a frame some; {} here",
                head.entries
            ));
        }
        if head.is_footer && self.reached.unfinished.is_some() {
            return Err("a footer behind an unfinished operation".into());
        }
        self.reached.is_clean = head.is_footer;
        Ok(())
    }

    fn entry(
        &mut self,
        view: &EntryView<'_>,
        frame: &Frame<'_>,
        before: &Reached,
    ) -> Result<(), String> {
        let reached = &mut self.reached;
        if view.index() != reached.entries {
            let (index, expected) = (view.index(), reached.entries);
            return Err(format!("entry says index {index}, stands at {expected}"));
        }
        if view.prev_link() != reached.link {
            return Err("the chain is broken: previous link does not fit".into());
        }
        if view.flags() & FLAG_CONTINUES == 0 {
            reached.unfinished = None;
        } else if reached.unfinished.is_none() {
            reached.unfinished = Some(Begun {
                index: reached.entries,
                segment: frame.segment,
                offset: frame.offset,
                frame_index: before.entries,
                frame_link: before.link,
            });
        }
        reached.link = view.link();
        reached.entries += 1;
        Ok(())
    }
}
