//! Where what is durable ends in a journal that may be growing.

use std::thread;
use std::time::Duration;

use super::reach::frame_length;
use super::{BLOCK, refused};
use crate::journal::Fault;
use crate::journal::frame::{self, Found, Residue, UNIT};
use crate::journal::segment;
use crate::journal::storage::Storage;

/// The segments of a journal and the end of the last one.
pub struct Edge {
    /// File names, oldest first.
    pub segments: Vec<String>,
    /// Bytes of the last segment up to its last whole frame.
    pub end: u64,
}

/// A frame that is being written looks torn, or rotten, for so many looks at most.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

impl Edge {
    /// Finds the end. All that lies before it is synced: a power cut of the source cannot take back what is copied then.
    pub fn find(journal: &dyn Storage) -> Result<Self, Fault> {
        let mut segments: Vec<String> = journal.list()?;
        segments.retain(|name| segment::first_index(name).is_some());
        // The newest one may have its name, and no head yet.
        while let Some(name) = segments.last() {
            let length = journal.length(name)?.min(UNIT as u64);
            let block = journal.read_at(name, 0, length as usize)?;
            if block.len() == UNIT && block.iter().any(|byte| *byte != 0) {
                break;
            }
            segments.pop();
        }
        let Some(last) = segments.last() else {
            return Ok(Self { segments, end: 0 });
        };
        let end = end_of(journal, last)?;
        journal.sync(last)?;
        Ok(Self { segments, end })
    }
}

fn end_of(journal: &dyn Storage, name: &str) -> Result<u64, Fault> {
    let length = journal.length(name)?;
    let (mut end, mut last) = (UNIT as u64, None);
    let (mut odd_at, mut looks) = (0, 0);
    loop {
        while let Some(frame) = frame_at(journal, name, end, length)? {
            (last, end) = (Some(end), end + frame);
        }
        let Some(what) = odd(journal, name, end, length)? else {
            break;
        };
        // What was on its way is written soon; what stays as it is rotted.
        if odd_at != end {
            (odd_at, looks) = (end, 0);
        }
        if looks == LOOKS {
            return refused(format!("journal/{name} at offset {end}: {what}"));
        }
        looks += 1;
        thread::sleep(BETWEEN_LOOKS);
    }
    match last {
        Some(last) => whole_end(journal, name, last, end),
        None => Ok(end),
    }
}

/// The end of the newest frame when all of it is there, else where it begins.
fn whole_end(journal: &dyn Storage, name: &str, start: u64, end: u64) -> Result<u64, Fault> {
    for _ in 0..LOOKS {
        let bytes = journal.read_at(name, start, (end - start) as usize)?;
        if let Ok(Found::Whole { .. }) = frame::read(&bytes) {
            return Ok(end);
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    let bytes = journal.read_at(name, start, (end - start) as usize)?;
    match frame::read(&bytes) {
        Ok(Found::Whole { .. }) => Ok(end),
        Ok(_) => Ok(start),
        Err(fault) => refused(format!("journal/{name} at offset {start}: {fault}")),
    }
}

/// Length of the frame at a place, by its head.
fn frame_at(journal: &dyn Storage, name: &str, at: u64, length: u64) -> Result<Option<u64>, Fault> {
    if at + UNIT as u64 > length {
        return Ok(None);
    }
    let frame = frame_length(&journal.read_at(name, at, UNIT)?);
    Ok(frame.filter(|frame| at + frame <= length))
}

/// What stands behind the last frame and is neither zeros nor a frame that never was written whole.
fn odd(journal: &dyn Storage, name: &str, end: u64, length: u64) -> Result<Option<String>, Fault> {
    let mut at = end;
    while at < length {
        let part = journal.read_at(name, at, (length - at).min(BLOCK) as usize)?;
        if at == end
            && let Err(fault) = frame::read(&part[..UNIT.min(part.len())])
        {
            return Ok(Some(fault.to_string()));
        }
        if let Residue::Frame(place) = frame::residue(&part, 0)
            && at + place as u64 > end
        {
            return Ok(Some("a frame is gone that later ones follow".into()));
        }
        at += part.len() as u64;
    }
    Ok(None)
}
