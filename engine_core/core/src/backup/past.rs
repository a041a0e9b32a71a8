//! Whether a source is the log of a backup, grown since: checked where its files go on, before anything is copied.

use super::edge::Edge;
use super::manifest::{Grown, Hex, Manifest};
use super::{Folders, refused};
use crate::journal::Fault;
use crate::journal::frame::UNIT;
use crate::journal::segment::SegmentHead;
use crate::journal::storage::Storage;
use crate::private::{KEYS, VALUES};

/// Compared where a file goes on: salts, nonces and keys make so many bytes one of a kind.
const TAIL_BYTES: u64 = 4096;

/// Refuses a backup of which files are missing or too short: what is left of it is for a restore to say.
pub fn check_target(target: &Folders<'_>, manifest: &Manifest) -> Result<(), Fault> {
    let segments = manifest.segments.iter();
    let mut files: Vec<(&dyn Storage, &str, &str, u64)> = segments
        .map(|known| (target.journal, "journal", &known.file[..], known.bytes))
        .collect();
    if let Some(private) = &manifest.private {
        files.push((target.private, "private", VALUES, private.values.bytes));
        files.push((target.private, "private", KEYS, private.keys.bytes));
    }
    let (journal, private) = (target.journal.names()?, target.private.names()?);
    for (storage, folder, name, bytes) in files {
        let names = if folder == "journal" {
            &journal
        } else {
            &private
        };
        let length = match names.iter().any(|one| one == name) {
            true => storage.length(name)?,
            false => 0,
        };
        if length < bytes {
            return refused(format!(
                "the backup is damaged: {folder}/{name} has {length} of {bytes} bytes; restore says what is left, a new backup needs another target"
            ));
        }
    }
    Ok(())
}

/// Refuses a journal that is not the one of the backup, or has another past.
pub fn check_journal(
    source: &dyn Storage,
    target: &dyn Storage,
    manifest: &Manifest,
    edge: &Edge,
) -> Result<(), Fault> {
    let Some(segment) = manifest.segments.last() else {
        return Ok(());
    };
    let newest = manifest.index();
    let fork = |what: String| {
        refused(format!(
            "the journal does not continue the backup, which ends with entry {newest}: {what}; a log that was restored, or lost its end, needs another target"
        ))
    };
    let name = &segment.file;
    if let Some(first) = edge.segments.first() {
        let log = SegmentHead::read(&source.read_at(first, 0, UNIT)?)?.log;
        if log != manifest.log {
            let held = &manifest.log;
            return refused(format!(
                "the target holds a backup of log {held:?}, the journal is of log {log:?}"
            ));
        }
    }
    if !edge.segments.contains(name) {
        return fork(format!("it has no {name}"));
    }
    let is_last = edge.segments.last() == Some(name);
    if is_last && edge.end < segment.bytes {
        let there = edge.end;
        return fork(format!(
            "{name} ends at byte {there}, in the backup at {}",
            segment.bytes
        ));
    }
    match is_same_tail(source, target, name, segment.bytes)? {
        true => Ok(()),
        false => fork(format!(
            "{name} holds other bytes before byte {}",
            segment.bytes
        )),
    }
}

/// A backup never loses the key under which its documents are matched.
pub fn check_keys(manifest: &Manifest, small: &[(&str, Vec<u8>)]) -> Result<(), Fault> {
    for held in manifest
        .small
        .iter()
        .filter(|held| held.file.ends_with(".key"))
    {
        let given = small.iter().find(|(file, _)| *file == held.file);
        let is_same = given.is_some_and(|(_, bytes)| Hex::of(bytes) == held.sha256);
        if !is_same {
            return refused(format!("{} is not the one of the backup", held.file));
        }
    }
    Ok(())
}

/// True when a file ends at `bytes` in the target as it goes on behind them in the source.
pub fn is_same_tail(
    source: &dyn Storage,
    target: &dyn Storage,
    name: &str,
    bytes: u64,
) -> Result<bool, Fault> {
    if source.length(name)? < bytes || target.length(name)? < bytes {
        return Ok(false);
    }
    let from = bytes.saturating_sub(TAIL_BYTES);
    let count = (bytes - from) as usize;
    Ok(source.read_at(name, from, count)? == target.read_at(name, from, count)?)
}

/// Refuses private parts that are fewer than the backup has: it may be the last one that holds them.
pub fn check_private(
    source: &dyn Storage,
    target: &dyn Storage,
    manifest: &Manifest,
) -> Result<(), Fault> {
    let Some(private) = &manifest.private else {
        return Ok(());
    };
    let names = source.names()?;
    for (name, Grown { bytes, .. }) in [(VALUES, &private.values), (KEYS, &private.keys)] {
        let is_there = names.iter().any(|one| one == name);
        if *bytes > 0 && !(is_there && is_same_tail(source, target, name, *bytes)?) {
            return refused(format!(
                "private/{name} does not continue the backup, which has {bytes} bytes of it: it was lost or damaged; a new backup needs another target"
            ));
        }
    }
    Ok(())
}
