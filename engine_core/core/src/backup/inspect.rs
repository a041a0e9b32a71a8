//! What of a backup is missing or damaged, and up to which entry it is whole.

use serde::Serialize;

use super::manifest::{Grown, Hex, Manifest, Segment, Small};
use super::parts::{Census, Parts};
use super::reach::{Next, Reach, frame_length, next};
use super::sums::misfits;
use super::{Folders, Progress};
use crate::journal::Fault;
use crate::journal::entry::FLAG_CONTINUES;
use crate::journal::frame::UNIT;
use crate::journal::storage::Storage;
use crate::private::{KEYS, VALUES};

/// A file that is not what the manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    pub file: String,
    /// "missing", "cut" or "damaged".
    pub what: &'static str,
    /// Bytes that are missing or do not fit.
    pub from_byte: u64,
    pub until_byte: u64,
    /// Entries that cannot be read because of it; none for other files than those of the journal.
    pub first_index: Option<u64>,
    pub last_index: Option<u64>,
}

impl Damage {
    pub fn sentence(&self) -> String {
        let Self {
            file,
            what,
            from_byte,
            until_byte,
            ..
        } = self;
        let place = match *what {
            "missing" => format!("{file} is missing ({until_byte} bytes)"),
            _ => format!("{file} is {what}, bytes {from_byte} to {until_byte}"),
        };
        match (self.first_index, self.last_index) {
            (Some(first), Some(last)) => format!("{place}, with entries {first} to {last}"),
            _ => place,
        }
    }
}

/// What was found.
pub struct Inspection {
    pub damage: Vec<Damage>,
    /// Entries up to the newest end of an operation that is whole, at or before the limit.
    pub whole: u64,
    /// Where the operation ends that the limit would cut.
    pub cut_until: Option<u64>,
    /// Private parts of the entries up to the limit.
    pub parts: Parts,
}

struct Inspector<'a> {
    backup: &'a Folders<'a>,
    /// Entries wanted.
    limit: u64,
    reach: Reach,
    damage: Vec<Damage>,
    whole: u64,
    cut_until: Option<u64>,
    census: Census,
    /// Nothing behind a break continues the log.
    is_broken: bool,
}

/// Checks every file against the manifest, those with entries behind `limit` too.
pub fn inspect(
    backup: &Folders<'_>,
    manifest: &Manifest,
    limit: u64,
    progress: &mut Progress<'_>,
) -> Result<Inspection, Fault> {
    let held = manifest.private.as_ref().map(|_| backup.private);
    let mut inspector = Inspector {
        backup,
        limit,
        reach: Reach::default(),
        damage: Vec::new(),
        whole: 0,
        cut_until: None,
        census: Census::new(held)?,
        is_broken: false,
    };
    let total: u64 = manifest.segments.iter().map(|segment| segment.bytes).sum();
    let mut done = 0;
    for segment in &manifest.segments {
        inspector.segment(segment, &mut |bytes| progress("check", done + bytes, total))?;
        done += segment.bytes;
    }
    progress("check", total, total)?;
    if let Some(private) = &manifest.private {
        inspector.grown(VALUES, &private.values)?;
        inspector.grown(KEYS, &private.keys)?;
    }
    for small in &manifest.small {
        inspector.small(small)?;
    }
    Ok(Inspection {
        damage: inspector.damage,
        whole: inspector.whole,
        cut_until: inspector.cut_until,
        parts: inspector.census.parts,
    })
}

impl Inspector<'_> {
    fn segment(
        &mut self,
        segment: &Segment,
        progress: &mut dyn FnMut(u64) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (journal, name) = (self.backup.journal, &segment.file);
        let file = format!("journal/{name}");
        let all = Some((segment.first_index, segment.end()));
        let Some(length) = length(journal, name)? else {
            self.is_broken = true;
            self.tell(&file, "missing", (0, segment.bytes), all);
            return Ok(());
        };
        let before = self.whole;
        let bad = match self.is_broken {
            true => None,
            false => self.frames(segment, length, progress)?,
        };
        if let Some((from, until)) = bad {
            self.is_broken = true;
            let hit = Some((self.reach.entries, segment.end()));
            self.tell(&file, "damaged", (from, until), hit);
        }
        if length < segment.bytes {
            let known = match self.is_broken {
                true => all,
                false => Some((self.reach.entries, segment.end())),
            };
            self.is_broken = true;
            self.tell(
                &file,
                "cut",
                (length, segment.bytes),
                known.filter(|_| bad.is_none()),
            );
        }
        if bad.is_none() {
            for (from, until) in misfits(journal, name, length, segment.bytes, &segment.sha256)? {
                self.tell(&file, "damaged", (from, until), all);
                if !self.is_broken {
                    // Whole frames that are not those of the manifest: nothing of the segment is trusted.
                    (self.is_broken, self.whole) = (true, before);
                }
            }
        }
        Ok(())
    }

    /// Reads the frames of a segment as far as it goes; the bytes of the first bad one.
    fn frames(
        &mut self,
        segment: &Segment,
        length: u64,
        progress: &mut dyn FnMut(u64) -> Result<(), Fault>,
    ) -> Result<Option<(u64, u64)>, Fault> {
        let (journal, name) = (self.backup.journal, &segment.file);
        let end = segment.bytes.min(length);
        let mut at = UNIT as u64;
        if end < at {
            return Ok(None);
        }
        if self
            .reach
            .segment(&journal.read_at(name, 0, UNIT)?)
            .is_err()
        {
            return Ok(Some((0, at)));
        }
        while at < end {
            let bytes = match next(journal, name, at, end)? {
                Next::Frame(bytes) => bytes,
                // The last one of a file that was cut is simply not all there.
                Next::Odd if length < segment.bytes && is_cut(journal, name, at, end)? => break,
                _ => return Ok(Some((at, segment.bytes))),
            };
            let until = at + bytes.len() as u64;
            if !self.frame(&bytes) {
                return Ok(Some((at, until)));
            }
            at = until;
            progress(at)?;
        }
        Ok(None)
    }

    /// Takes a frame when it is good.
    fn frame(&mut self, bytes: &[u8]) -> bool {
        let (limit, census, mut reach) = (self.limit, &mut self.census, self.reach.clone());
        let mut ends = Vec::new();
        let fits = reach.frame(bytes, &mut |view| {
            if view.index() < limit {
                census.see(view);
            }
            if view.flags() & FLAG_CONTINUES == 0 {
                ends.push(view.index() + 1);
            }
        });
        if fits.is_err() {
            return false;
        }
        self.reach = reach;
        for end in ends {
            if end <= limit {
                self.whole = end;
            } else if self.whole < limit && self.cut_until.is_none() {
                self.cut_until = Some(end);
            }
        }
        true
    }

    fn grown(&mut self, name: &str, grown: &Grown) -> Result<(), Fault> {
        if grown.bytes == 0 {
            return Ok(());
        }
        let (private, file) = (self.backup.private, format!("private/{name}"));
        let Some(length) = length(private, name)? else {
            self.tell(&file, "missing", (0, grown.bytes), None);
            return Ok(());
        };
        if length < grown.bytes {
            self.tell(&file, "cut", (length, grown.bytes), None);
        }
        for (from, until) in misfits(private, name, length, grown.bytes, &grown.sha256)? {
            self.tell(&file, "damaged", (from, until), None);
        }
        Ok(())
    }

    fn small(&mut self, small: &Small) -> Result<(), Fault> {
        let (root, kept_as) = (self.backup.root, &small.kept_as);
        let file = format!("{kept_as} ({})", small.file);
        let Some(length) = length(root, kept_as)? else {
            self.tell(&file, "missing", (0, small.bytes), None);
            return Ok(());
        };
        if length < small.bytes {
            self.tell(&file, "cut", (length, small.bytes), None);
        } else if Hex::of(&root.read_at(kept_as, 0, length as usize)?) != small.sha256 {
            self.tell(&file, "damaged", (0, small.bytes), None);
        }
        Ok(())
    }

    fn tell(&mut self, file: &str, what: &'static str, bytes: (u64, u64), hit: Option<(u64, u64)>) {
        self.damage.push(Damage {
            file: file.to_owned(),
            what,
            from_byte: bytes.0,
            until_byte: bytes.1,
            first_index: hit.map(|(first, _)| first),
            last_index: hit.map(|(_, end)| end.saturating_sub(1)),
        });
    }
}

/// Length of a file, when it is there.
fn length(storage: &dyn Storage, name: &str) -> Result<Option<u64>, Fault> {
    let is_there = storage.names()?.iter().any(|one| one == name);
    Ok(match is_there {
        true => Some(storage.length(name)?),
        false => None,
    })
}

/// True when the head of a frame stands at a place and the rest of the frame is behind the end of the file.
fn is_cut(storage: &dyn Storage, name: &str, at: u64, end: u64) -> Result<bool, Fault> {
    let unit = storage.read_at(name, at, UNIT.min((end - at) as usize))?;
    let is_partial = unit.len() < UNIT;
    Ok(is_partial || frame_length(&unit).is_some_and(|length| at + length > end))
}
