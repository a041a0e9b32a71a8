//! How far a log was followed, and the frames that continue it.

use crate::evidence::hash::Hash;
use crate::evidence::tree::Tree;
use crate::journal::entry::FLAG_CONTINUES;
use crate::journal::frame::{self, FOOTER_MAGIC, Found, HEADER_BYTES, MAGIC, UNIT};
use crate::journal::segment::SegmentHead;
use crate::journal::storage::Storage;
use crate::journal::view::EntryView;
use crate::journal::{Fault, entry};

use super::refused;

/// What the next frame has to continue.
#[derive(Clone)]
pub struct Reach {
    pub entries: u64,
    pub rows: u64,
    pub link: Hash,
    pub tree: Tree,
    /// The last entry ends its operation.
    pub is_whole: bool,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            entries: 0,
            rows: 0,
            link: [0; 32],
            tree: Tree::default(),
            is_whole: true,
        }
    }
}

/// Sees each entry that continued the log.
pub type See<'a> = dyn FnMut(&EntryView<'_>) + 'a;

impl Reach {
    /// Checks that a segment continues the log; gives the log's name.
    pub fn segment(&self, block: &[u8]) -> Result<String, Fault> {
        let head = SegmentHead::read(block)?;
        match head.first_index == self.entries && head.prev_link == self.link {
            true => Ok(head.log),
            false => refused("segment head does not continue the chain".into()),
        }
    }

    /// Checks a frame: its sum, and of every entry index, chain and payload root.
    pub fn frame(&mut self, bytes: &[u8], see: &mut See<'_>) -> Result<(), Fault> {
        let Found::Whole { head, payload, .. } = frame::read(bytes)? else {
            return refused("a unit of the frame was never written".into());
        };
        if head.first_index != self.entries {
            let what = format!(
                "frame begins with entry {}, not {}",
                head.first_index, self.entries
            );
            return refused(what);
        }
        for (start, length) in frame::entries(&head, payload)? {
            self.entry(&payload[start..start + length], see)?;
        }
        Ok(())
    }

    fn entry(&mut self, bytes: &[u8], see: &mut See<'_>) -> Result<(), Fault> {
        if bytes.len() < entry::HEADER_BYTES {
            return refused(format!("entry {} is cut", self.entries));
        }
        let view = EntryView::parse(bytes)?;
        if view.index() != self.entries || view.prev_link() != self.link {
            return refused(format!(
                "entry {} does not continue the chain",
                self.entries
            ));
        }
        if view.computed_root() != view.payload_root() {
            let what = format!("payload root of entry {} does not fit", self.entries);
            return refused(what);
        }
        see(&view);
        self.link = view.link();
        self.tree.push(self.link);
        self.entries += 1;
        self.rows += view.row_count();
        self.is_whole = view.flags() & FLAG_CONTINUES == 0;
        Ok(())
    }
}

/// What stands at a place of a segment.
pub enum Next {
    /// Zeros, or the end of the file.
    End,
    /// Something that is no frame's head, or a frame that runs past the end.
    Odd,
    /// A frame by its head, with its padding.
    Frame(Vec<u8>),
}

/// Length of the frame with its padding, by its first unit.
pub fn frame_length(unit: &[u8]) -> Option<u64> {
    let word = |at: usize| Some(u32::from_be_bytes(unit.get(at..at + 4)?.try_into().ok()?));
    let has_magic = [MAGIC, FOOTER_MAGIC]
        .iter()
        .any(|magic| unit.starts_with(magic));
    let is_head = has_magic && word(28)? == crc32c::crc32c(&unit[..28]);
    let length = word(4)? as usize;
    (is_head && length >= HEADER_BYTES).then_some(length.next_multiple_of(UNIT) as u64)
}

/// The frame at `offset` of a file, of which `end` bytes count.
pub fn next(storage: &dyn Storage, name: &str, offset: u64, end: u64) -> Result<Next, Fault> {
    if offset >= end {
        return Ok(Next::End);
    }
    let unit = storage.read_at(name, offset, UNIT.min((end - offset) as usize))?;
    if unit.iter().all(|byte| *byte == 0) {
        return Ok(Next::End);
    }
    match frame_length(&unit) {
        Some(length) if offset + length <= end => Ok(Next::Frame(storage.read_at(
            name,
            offset,
            length as usize,
        )?)),
        _ => Ok(Next::Odd),
    }
}
