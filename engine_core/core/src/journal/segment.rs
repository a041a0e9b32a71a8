//! Segments: files of one size, zeroed in advance, each with a head block and then frames.

use super::Fault;
use super::frame::UNIT;
use crate::evidence::hash::Hash;

const MAGIC: [u8; 4] = *b"WSG1";
const LOG_NAME_MAX: usize = 64;

/// The head block of a segment, 512 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHead {
    pub log: String,
    pub first_index: u64,
    /// Leaf hash of the entry before the first; zeros at index 0.
    pub prev_link: Hash,
}

/// File name of the segment that begins with `first_index`.
pub fn name(first_index: u64) -> String {
    format!("{first_index:020}.wj")
}

/// First index in a segment's file name.
pub fn first_index(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wj")?;
    let is_number = digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

impl SegmentHead {
    /// magic 4 ‖ crc32c 4 ‖ first index 8 ‖ previous link 32 ‖ log name length 1 ‖ log name, padded with 0xA5.
    pub fn to_block(&self) -> Vec<u8> {
        let name = &self.log.as_bytes()[..self.log.len().min(LOG_NAME_MAX)];
        let mut block = Vec::with_capacity(UNIT);
        block.extend_from_slice(&MAGIC);
        block.extend_from_slice(&[0; 4]);
        block.extend_from_slice(&self.first_index.to_be_bytes());
        block.extend_from_slice(&self.prev_link);
        block.push(name.len() as u8);
        block.extend_from_slice(name);
        block.resize(UNIT, super::frame::PADDING);
        let crc = crc32c::crc32c(&block);
        block[4..8].copy_from_slice(&crc.to_be_bytes());
        block
    }

    pub fn read(block: &[u8]) -> Result<Self, Fault> {
        let fault = |what: &str| Fault::Malformed {
            what: format!("segment head: {what}"),
        };
        let length = block
            .get(48)
            .copied()
            .map(usize::from)
            .ok_or_else(|| fault("cut"))?;
        let log = block.get(49..49 + length).ok_or_else(|| fault("cut"))?;
        let head = Self {
            log: String::from_utf8(log.to_vec()).map_err(|_| fault("log name"))?,
            first_index: u64::from_be_bytes(block[8..16].try_into().map_err(|_| fault("cut"))?),
            prev_link: block[16..48].try_into().map_err(|_| fault("cut"))?,
        };
        // The block is a function of what it says, so comparing it whole checks every byte.
        match head.to_block() == block {
            true => Ok(head),
            false => Err(fault("CRC32C or padding does not fit")),
        }
    }
}
