//! Frames: what one group commit writes, and how a frame never written is told from one that rotted.

use super::Fault;

pub const UNIT: usize = 512;
pub const HEADER_BYTES: usize = 40;
pub const MAGIC: [u8; 4] = *b"WFR1";
pub const FOOTER_MAGIC: [u8; 4] = *b"WFT1";
/// Fills a frame up to the next unit; not zero, so that a written unit is never all zeros.
pub const PADDING: u8 = 0xa5;

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    pub is_footer: bool,
    /// Bytes of the frame without padding.
    pub length: usize,
    pub first_index: u64,
    /// Number of entries durable before it.
    pub durable_before: u64,
    pub entries: u32,
    crc: u32,
}

impl FrameHead {
    /// The head at the start of a unit; `None` when there is no whole one.
    pub fn read(unit: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = unit.first_chunk()?;
        let is_footer = bytes[..4] == FOOTER_MAGIC;
        let has_magic = is_footer || bytes[..4] == MAGIC;
        if !has_magic || word(bytes, 28) != crc32c::crc32c(&bytes[..28]) {
            return None;
        }
        let long = |at: usize| u64::from(word(bytes, at)) << 32 | u64::from(word(bytes, at + 4));
        Some(Self {
            is_footer,
            length: word(bytes, 4) as usize,
            first_index: long(8),
            durable_before: long(16),
            entries: word(bytes, 24),
            crc: word(bytes, 36),
        })
    }

    /// Its entries in words.
    fn content(&self) -> String {
        match (self.is_footer, self.entries) {
            (true, _) => "the footer".into(),
            (_, 0 | 1) => format!("the frame of entry {}", self.first_index),
            (_, count) => {
                let last = self.first_index.saturating_add(u64::from(count) - 1);
                format!("the frame of entries {} to {last}", self.first_index)
            }
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// What stands at a place of a segment.
#[derive(Debug)]
pub enum Found<'a> {
    /// Never written: zeros to the end.
    End,
    /// Runs past the end of file or has a unit never written.
    Torn { what: String },
    Whole {
        head: FrameHead,
        payload: &'a [u8],
        padded: usize,
    },
}

/// The frame over some entries, padded.
pub fn build(entries: &[&[u8]], first_index: u64, durable_before: u64, is_footer: bool) -> Vec<u8> {
    let payload: usize = entries.iter().map(|entry| 4 + entry.len()).sum();
    let length = HEADER_BYTES + payload;
    let mut bytes = Vec::with_capacity(length.next_multiple_of(UNIT));
    bytes.extend_from_slice(if is_footer { &FOOTER_MAGIC } else { &MAGIC });
    bytes.extend_from_slice(&(length as u32).to_be_bytes());
    bytes.extend_from_slice(&first_index.to_be_bytes());
    bytes.extend_from_slice(&durable_before.to_be_bytes());
    bytes.extend_from_slice(&(entries.len() as u32).to_be_bytes());
    // The head has a sum of its own: a rotten length must not pass for a frame that was cut off.
    let head_crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&head_crc.to_be_bytes());
    bytes.extend_from_slice(&[PADDING; 4]);
    bytes.extend_from_slice(&[0; 4]);
    for entry in entries {
        bytes.extend_from_slice(&(entry.len() as u32).to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    bytes.resize(length.next_multiple_of(UNIT), PADDING);
    debug_assert!(
        bytes
            .chunks_exact(UNIT)
            .all(|unit| unit.iter().any(|byte| *byte != 0)),
        "a unit of zeros would pass for one that was never written"
    );
    let crc = crc32c::crc32c(&bytes);
    bytes[36..40].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// Reads the frame at the start of `bytes`, the rest of its segment.
pub fn read(bytes: &[u8]) -> Result<Found<'_>, Fault> {
    let first = &bytes[..UNIT.min(bytes.len())];
    if first.iter().all(|byte| *byte == 0) {
        return Ok(Found::End);
    }
    let fault = |what: String| Fault::Malformed { what };
    let cut = |what: &str| Ok(Found::Torn { what: what.into() });
    if first.len() < UNIT {
        return cut("the frame runs past the end of file");
    }
    // The head has a sum of its own: a rotten length must not pass for a frame that was cut off.
    let head =
        FrameHead::read(first).ok_or_else(|| fault("the head of a frame is damaged".into()))?;
    if head.length < HEADER_BYTES {
        return Err(fault(format!("{} has a bad length", head.content())));
    }
    let padded = head.length.next_multiple_of(UNIT);
    let Some(whole) = bytes.get(..padded) else {
        return cut("the frame runs past the end of file");
    };
    if let Some(unit) = whole
        .chunks_exact(UNIT)
        .position(|unit| unit.iter().all(|byte| *byte == 0))
    {
        return cut(&format!("unit {unit} was never written"));
    }
    let computed = crc32c::crc32c_append(
        crc32c::crc32c_append(crc32c::crc32c(&whole[..36]), &[0; 4]),
        &whole[40..],
    );
    if head.crc != computed {
        let content = head.content();
        return Err(fault(format!(
            "{content} is damaged: its CRC32C does not fit"
        )));
    }
    Ok(Found::Whole {
        head,
        payload: &whole[HEADER_BYTES..head.length],
        padded,
    })
}

/// What stands behind the end of the last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residue {
    /// Zeros: nothing was written.
    None,
    /// Units of a frame whose first unit never reached the disk.
    Torn(usize),
    /// A whole frame's head: what stands before it was written once and is gone.
    Frame(usize),
}

/// Looks behind `at` for what a lost write left.
pub fn residue(bytes: &[u8], at: usize) -> Residue {
    let mut found = Residue::None;
    for (place, unit) in bytes[at..]
        .chunks(UNIT)
        .enumerate()
        .map(|(unit, part)| (at + unit * UNIT, part))
    {
        if unit.len() == UNIT && FrameHead::read(unit).is_some() {
            return Residue::Frame(place);
        }
        if found == Residue::None && unit.iter().any(|byte| *byte != 0) {
            found = Residue::Torn(place);
        }
    }
    found
}

/// The entries of a frame's payload, in order; each with its offset in the payload.
pub fn entries(head: &FrameHead, payload: &[u8]) -> Result<Vec<(usize, usize)>, Fault> {
    let fault = || Fault::Malformed {
        what: "frame: entries do not fit its length".into(),
    };
    // A count that no payload can hold must not ask for memory.
    let mut places = Vec::with_capacity(payload.len().min(head.entries as usize * 4) / 4);
    let mut at = 0;
    while at < payload.len() {
        let length = payload.get(at..at + 4).ok_or_else(fault)?;
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        payload.get(at + 4..at + 4 + length).ok_or_else(fault)?;
        places.push((at + 4, length));
        at += 4 + length;
    }
    match places.len() == head.entries as usize {
        true => Ok(places),
        false => Err(fault()),
    }
}
