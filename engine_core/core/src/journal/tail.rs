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

/// What a segment ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing stands behind the last frame.
    Whole { offset: usize },
    /// A frame, or at 0 a head, that was never fully written, so it was acknowledged to nobody.
    Torn { offset: usize, what: String },
    /// Nothing was ever written.
    Unbegun,
}

/// A segment, or what is left of it from a frame on.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The first index in its name.
    pub first_index: u64,
    /// Where `bytes` begin in the file: 0, or where a frame does.
    pub start: usize,
    pub bytes: &'a [u8],
    /// No segment stands behind it.
    pub is_last: bool,
}

impl Part<'_> {
    /// What stands behind a place of the file.
    fn residue(&self, from: usize) -> Residue {
        match frame::residue(self.bytes, (from - self.start).min(self.bytes.len())) {
            Residue::None => Residue::None,
            Residue::Torn(at) => Residue::Torn(self.start + at),
            Residue::Frame(at) => Residue::Frame(self.start + at),
        }
    }
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
    /// Link of the entry before it.
    pub link: Hash,
    /// Where its frame stands.
    pub segment: u64,
    pub offset: usize,
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
    /// A segment in which nothing stands; no fault while the next one begins where it would.
    unbegun: Option<u64>,
}

impl Chain {
    /// Goes on with a segment, or from the frame on where the log as read so far ends.
    pub fn segment(&mut self, part: &Part<'_>, visit: &mut Visit<'_>) -> Result<End, Wrong> {
        let mut at = part.start;
        if at == 0 {
            if let Some(end) = self.begin(part)? {
                return Ok(end);
            }
            at = UNIT;
        }
        loop {
            let found = frame::read(&part.bytes[at - part.start..]);
            match found.map_err(|fault| self.wrong(at, at, fault.to_string()))? {
                Found::End => return self.end(part, at),
                Found::Torn { what } => return self.torn(part, at, what),
                Found::Whole {
                    head,
                    payload,
                    padded,
                } => {
                    let before = self.reached;
                    let frame = Frame {
                        head,
                        segment: part.first_index,
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

    /// The head of a segment; an end where there is none.
    fn begin(&mut self, part: &Part<'_>) -> Result<Option<End>, Wrong> {
        let is_gone = part.bytes.iter().take(UNIT).all(|byte| *byte == 0);
        let what = match part.residue(0) {
            // A head is durable before the first frame behind it is written.
            Residue::Frame(_) if is_gone => "segment head is gone".to_owned(),
            Residue::None => {
                self.unbegun = Some(part.first_index);
                return Ok(Some(End::Unbegun));
            }
            Residue::Torn(_) if is_gone && part.is_last => {
                let what = "the head was never written".into();
                return Ok(Some(End::Torn { offset: 0, what }));
            }
            Residue::Torn(at) if is_gone => {
                return Err(self.wrong(at, 0, "bytes where nothing was written".into()));
            }
            _ => match self.head(part.first_index, part.bytes) {
                Ok(()) => return Ok(None),
                Err(what) => what,
            },
        };
        Err(self.wrong(0, 0, what))
    }

    /// Zeros stand in place of a frame.
    fn end(&self, part: &Part<'_>, at: usize) -> Result<End, Wrong> {
        match part.residue(at) {
            Residue::None => Ok(End::Whole { offset: at }),
            Residue::Torn(_) if part.is_last => Ok(End::Torn {
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
    fn torn(&self, part: &Part<'_>, at: usize, what: String) -> Result<End, Wrong> {
        match part.residue(at + UNIT) {
            Residue::Frame(_) => Err(self.wrong(at, at, format!("{what}, and a frame follows"))),
            _ if part.is_last => Ok(End::Torn { offset: at, what }),
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
        let block = bytes.get(..UNIT).ok_or("segment head is cut")?;
        let head = SegmentHead::read(block).map_err(|fault| fault.to_string())?;
        if head.first_index != first_index {
            let name = segment::name(head.first_index);
            return Err(format!("segment head is that of {name}"));
        }
        let expected = self.reached.entries;
        if head.first_index != expected {
            let gone = match self.unbegun {
                Some(unbegun) => format!(", and {} holds nothing", segment::name(unbegun)),
                None => String::new(),
            };
            return Err(format!(
                "segment begins with entry {first_index}, not {expected}{gone}"
            ));
        }
        if head.prev_link != self.reached.link {
            return Err("segment head does not continue the chain".into());
        }
        self.unbegun = None;
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
        for (start, length) in places {
            let place = at + frame::HEADER_BYTES + start;
            let view = EntryView::parse(&payload[start..start + length])
                .map_err(|fault| self.wrong(place, at, fault.to_string()))?;
            self.entry(&view, &frame)
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

    fn entry(&mut self, view: &EntryView<'_>, frame: &Frame<'_>) -> Result<(), String> {
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
                link: reached.link,
                segment: frame.segment,
                offset: frame.offset,
            });
        }
        reached.link = view.link();
        reached.entries += 1;
        Ok(())
    }
}
