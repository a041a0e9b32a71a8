//! Brings a backup back, whole or up to an entry, after every file was checked; nothing is written of what is incomplete.

use serde::Serialize;

use super::examine::{Proof, examine};
use super::inspect::{Damage, Inspection, inspect};
use super::manifest::{Manifest, Segment};
use super::parts::Parts;
use super::reach::frame_length;
use super::sink::Sink;
use super::sums::Sums;
use super::{BLOCK, Folders, Progress, refused};
use crate::journal::Fault;
use crate::journal::frame::{self, Found, UNIT};
use crate::journal::storage::Storage;
use crate::private::extent::each;
use crate::private::{KEYS, VALUES};

/// What to bring back.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Index of the last entry wanted; none: all.
    pub until: Option<u64>,
    /// Restore what is whole, and say what is lost.
    pub accept_loss: bool,
}

/// What was restored, or why nothing was.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub ok: bool,
    /// One line; empty when all went well.
    pub error: String,
    pub log: String,
    /// Index of the newest entry that is restored, or that could be.
    pub index: i64,
    /// Index of the newest entry of the backup.
    pub backup_index: i64,
    pub damage: Vec<Damage>,
    /// First and last index of entries that were asked for and cannot be restored.
    pub lost: Option<(u64, u64)>,
    /// Private parts of the entries that were asked for.
    pub private: Parts,
    pub proof: Option<Proof>,
}

/// Checks a backup and plans. `ok` with an empty error: `write` may follow.
pub fn plan(
    backup: &Folders<'_>,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<(Manifest, Report), Fault> {
    let Some(manifest) = Manifest::read(backup.root)? else {
        return refused("there is no backup: no manifest.json".into());
    };
    let newest = manifest.index();
    let limit = match options.until {
        Some(until) if until as i64 > newest || until >= manifest.entries => {
            return refused(format!(
                "--until {until}: the backup ends with entry {newest}"
            ));
        }
        Some(until) => until + 1,
        None => manifest.entries,
    };
    let found = inspect(backup, &manifest, limit, progress)?;
    let mut report = Report {
        log: manifest.log.clone(),
        index: found.whole as i64 - 1,
        backup_index: newest,
        lost: (found.whole < limit && found.cut_until.is_none()).then(|| (found.whole, limit - 1)),
        damage: found.damage.clone(),
        private: found.parts.clone(),
        ..Report::default()
    };
    report.error = complaint(&found, &report, options, limit);
    report.ok = report.error.is_empty();
    Ok((manifest, report))
}

/// Why nothing is restored, in one line.
fn complaint(found: &Inspection, report: &Report, options: &Options, limit: u64) -> String {
    if let Some(until) = found.cut_until {
        let (first, last) = (found.whole, until - 1);
        let before = match first.checked_sub(1) {
            Some(before) => format!("{before} or {last}"),
            None => last.to_string(),
        };
        return format!(
            "--until {}: entries {first} to {last} are one operation, which is never cut; possible are {before}",
            limit - 1
        );
    }
    if options.accept_loss {
        return match found.whole > 0 || limit == 0 {
            true => String::new(),
            false => "no entry of the backup is whole".into(),
        };
    }
    // What lies behind the last entry wanted is told, and does not matter.
    let hits = |damage: &&Damage| damage.first_index.is_none_or(|first| first < limit);
    let mut sentences: Vec<String> = found
        .damage
        .iter()
        .filter(hits)
        .map(Damage::sentence)
        .collect();
    if sentences.is_empty() {
        return String::new();
    }
    if let (Some(first), Some(last)) = (
        found.parts.missing_entries.first(),
        found.parts.missing_entries.last(),
    ) {
        let (count, first, last) = (found.parts.missing, first.0, last.1);
        sentences.push(format!(
            "{count} private parts of entries {first} to {last} are absent"
        ));
    }
    let whole = match (report.lost, report.index) {
        (None, _) => "all entries are whole".to_owned(),
        (Some(_), -1) => "no entry is whole".to_owned(),
        (Some(_), index) => format!("entries are whole up to {index}"),
    };
    format!(
        "the backup is incomplete: {}; {whole}, --accept-loss restores them",
        sentences.join("; ")
    )
}

/// Writes the entries up to the report's index, with their private parts, and recomputes what was written.
pub fn write(
    backup: &Folders<'_>,
    into: &Folders<'_>,
    manifest: &Manifest,
    report: &mut Report,
    progress: &mut Progress<'_>,
) -> Result<(), Fault> {
    let entries = (report.index + 1) as u64;
    let is_whole = entries == manifest.entries;
    let wanted: Vec<&Segment> = manifest
        .segments
        .iter()
        .filter(|segment| segment.first_index < entries)
        .collect();
    let total: u64 = wanted.iter().map(|segment| segment.bytes).sum();
    let mut done = 0;
    for segment in wanted {
        let end = write_segment(backup.journal, into.journal, segment, entries)?;
        done += segment.bytes;
        progress("restore", done.min(total), total)?;
        if end {
            break;
        }
    }
    into.journal.sync_folder()?;
    let with_private = manifest.private.is_some();
    if with_private {
        write_private(backup.private, into.private, manifest, entries)?;
    }
    let proof = examine(into, with_private, entries, progress)?;
    let fits = |proof: &Proof| {
        let state = manifest
            .state_hash
            .is_none_or(|hash| hash == proof.state_hash);
        !is_whole || (proof.root == manifest.root && state)
    };
    if !fits(&proof) {
        return refused("what was restored differs from the manifest: root or state hash".into());
    }
    report.private = proof.private.clone();
    if !proof.laws_hold {
        let broken: Vec<String> = proof
            .laws
            .iter()
            .filter(|law| !law.holds)
            .map(|law| format!("law {} is broken: {}", law.number, law.text))
            .collect();
        (report.ok, report.error) = (false, broken.join("; "));
    }
    report.proof = Some(proof);
    Ok(())
}

/// Copies a segment, or its part below `entries`; true when the last entry wanted lies in it.
fn write_segment(
    from: &dyn Storage,
    into: &dyn Storage,
    segment: &Segment,
    entries: u64,
) -> Result<bool, Fault> {
    let name = &segment.file;
    into.create(name)?;
    let mut sink = Sink::new(into, name, Sums::default());
    let cut = match segment.end() <= entries {
        true => None,
        false => Some(place_of(from, segment, entries)?),
    };
    let end = cut.as_ref().map_or(segment.bytes, |cut| cut.offset);
    let mut at = 0;
    while at < end {
        let part = from.read_at(name, at, (end - at).min(BLOCK) as usize)?;
        sink.write(&part)?;
        at += part.len() as u64;
    }
    if let Some(cut) = &cut {
        sink.write(&cut.frame)?;
    }
    sink.finish()?;
    Ok(segment.end() >= entries)
}

/// Where a segment is cut: the bytes before `offset`, then a frame over the first entries of the one that stood there.
struct Cut {
    offset: u64,
    frame: Vec<u8>,
}

fn place_of(from: &dyn Storage, segment: &Segment, entries: u64) -> Result<Cut, Fault> {
    let name = &segment.file;
    let (mut offset, mut index) = (UNIT as u64, segment.first_index);
    while offset < segment.bytes {
        // Nothing behind it is read: it may be what is damaged.
        if index >= entries {
            let frame = Vec::new();
            return Ok(Cut { offset, frame });
        }
        let Some(length) = frame_length(&from.read_at(name, offset, UNIT)?) else {
            break;
        };
        let bytes = from.read_at(name, offset, length as usize)?;
        let Found::Whole { head, payload, .. } = frame::read(&bytes)? else {
            break;
        };
        index += u64::from(head.entries);
        if index > entries {
            let kept: Vec<&[u8]> = frame::entries(&head, payload)?
                .into_iter()
                .take((entries - head.first_index) as usize)
                .map(|(start, length)| &payload[start..start + length])
                .collect();
            // The entries keep their bytes, so the chain and every proof hold.
            let frame = frame::build(&kept, head.first_index, head.durable_before, false);
            return Ok(Cut { offset, frame });
        }
        offset += length;
    }
    refused(format!(
        "journal/{name}: no frame holds entry {}",
        entries - 1
    ))
}

/// Copies the private parts of the entries below `entries`; what is rotten is left out, it cannot be opened.
fn write_private(
    from: &dyn Storage,
    into: &dyn Storage,
    manifest: &Manifest,
    entries: u64,
) -> Result<(), Fault> {
    let names = from.names()?;
    let has = |name: &str| names.iter().any(|one| one == name);
    for name in [VALUES, KEYS] {
        into.create(name)?;
    }
    if has(VALUES) {
        let mut sink = Sink::new(into, VALUES, Sums::default());
        each(from, entries, &mut |record| sink.write(record))?;
        sink.finish()?;
    }
    if has(KEYS) {
        let known = manifest
            .private
            .as_ref()
            .map_or(0, |private| private.keys.bytes);
        let bytes = from.length(KEYS)?.min(known);
        into.write_at(KEYS, 0, &from.read_at(KEYS, 0, bytes as usize)?)?;
        into.sync(KEYS)?;
    }
    Ok(into.sync_folder()?)
}
