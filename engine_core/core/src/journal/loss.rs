//! What `--accept-loss` does: the bad place and all that follows is taken out of the journal, counted, and kept beside it.

use super::Fault;
use super::frame::{FrameHead, UNIT};
use super::segment;
use super::storage::Storage;
use super::tail::{Reached, Wrong};

/// Takes everything from a bad place on out of the segments, of which the first holds the place. How many entries are lost,
/// as far as heads of frames behind the place tell.
pub(super) fn lose(
    storage: &dyn Storage,
    segments: &[u64],
    wrong: &Wrong,
    reached: &Reached,
) -> Result<u64, Fault> {
    let mut known = reached.entries;
    for (at, first_index) in segments.iter().enumerate() {
        let from = if at == 0 { wrong.frame } else { 0 };
        let bytes = whole_file(storage, &segment::name(*first_index))?;
        let ends = bytes[from..].chunks_exact(UNIT).filter_map(FrameHead::read);
        let last = ends.map(|head| head.first_index.saturating_add(u64::from(head.entries)));
        known = known.max(last.max().unwrap_or(0));
    }
    // Backwards: if the power goes off meanwhile, the bad place is still there to be told.
    for (at, first_index) in segments.iter().enumerate().rev() {
        let name = segment::name(*first_index);
        let aside = free_name(storage, &name)?;
        if at > 0 || wrong.frame == 0 {
            storage.place(&name, &aside)?;
        } else {
            let bytes = whole_file(storage, &name)?;
            storage.create(&aside)?;
            storage.write_at(&aside, 0, &bytes)?;
            storage.sync(&aside)?;
            storage.sync_folder()?;
            zero(storage, &name, wrong.frame, bytes.len())?;
        }
    }
    Ok(known - reached.entries)
}

fn whole_file(storage: &dyn Storage, name: &str) -> Result<Vec<u8>, Fault> {
    Ok(storage.read_at(name, 0, storage.length(name)? as usize)?)
}

/// Makes a part of a file as if it were never written, durably.
pub(super) fn zero(
    storage: &dyn Storage,
    name: &str,
    from: usize,
    until: usize,
) -> Result<(), Fault> {
    storage.write_at(name, from as u64, &vec![0; until - from])?;
    storage.sync(name)?;
    Ok(())
}

fn free_name(storage: &dyn Storage, name: &str) -> Result<String, Fault> {
    let names = storage.names()?;
    let mut numbered = (1_u64..).map(|number| format!("{name}.lost-{number}"));
    let free = numbered.find(|name| !names.contains(name));
    Ok(free.unwrap_or_default())
}
