//! Makes a backup, or lets it grow: whole frames up to where the source is durable, then private parts, then the manifest.

use super::edge::Edge;
use super::examine::{Proof, examine};
use super::manifest::{FORMAT, Grown, Hex, Manifest, Private, Segment, Small};
use super::reach::{Next, Reach, next};
use super::sink::{Sink, cut};
use super::sums::Sums;
use super::{BLOCK, Folders, Progress, past, refused};
use crate::evidence::tree::Tree;
use crate::journal::Fault;
use crate::journal::frame::UNIT;
use crate::journal::storage::Storage;
use crate::private::extent::extent;
use crate::private::{KEYS, VALUES};
use serde::Serialize;

/// How a backup is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Private parts are in it, and the key of the log.
    pub with_private: bool,
    /// Recompute state and laws of the whole backup.
    pub with_laws: bool,
    pub time_ms: u64,
    /// Bytes of the journal after which the manifest is written, so that what is interrupted need not begin anew.
    pub checkpoint_bytes: u64,
}

impl Options {
    pub const CHECKPOINT_BYTES: u64 = 256 << 20;
}

/// What a backup holds now, and what of it is new.
#[derive(Clone, Debug, Serialize)]
pub struct Copied {
    pub log: String,
    pub index: i64,
    pub entries: u64,
    pub rows: u64,
    pub link: Hex,
    pub root: Hex,
    pub state_hash: Option<Hex>,
    pub laws_hold: Option<bool>,
    pub entries_copied: u64,
    pub journal_bytes_copied: u64,
    pub private_bytes_copied: u64,
    /// Places in the private files of the source where something rotted.
    pub private_damaged: u64,
    pub proof: Option<Proof>,
}

/// Copies what is new in `source`, and the small files with their paths, and checks it on the way.
pub fn copy(
    source: &Folders<'_>,
    small: &[(&str, Vec<u8>)],
    target: &Folders<'_>,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Copied, Fault> {
    let manifest = begin(target, options)?;
    let edge = Edge::find(source.journal)?;
    past::check_target(target, &manifest)?;
    past::check_journal(source.journal, target.journal, &manifest, &edge)?;
    past::check_private(source.private, target.private, &manifest)?;
    past::check_keys(&manifest, small)?;
    let before = manifest.clone();
    let mut copier = Copier::new(source, target, options, manifest)?;
    copier.trim()?;
    copier.small(small)?;
    copier.journal(&edge, progress)?;
    copier.commit()?;
    drop_small(target.root, &before.small, &copier.manifest.small)?;
    let proof = match options.with_laws {
        true => Some(copier.prove(progress)?),
        false => None,
    };
    let Copier {
        manifest,
        private_damaged,
        ..
    } = copier;
    let bytes = |manifest: &Manifest| -> u64 {
        manifest.segments.iter().map(|segment| segment.bytes).sum()
    };
    let private = |manifest: &Manifest| {
        let private = manifest.private.as_ref();
        private.map_or(0, |private| private.values.bytes + private.keys.bytes)
    };
    Ok(Copied {
        index: manifest.index(),
        log: manifest.log.clone(),
        entries: manifest.entries,
        rows: manifest.rows,
        link: manifest.link,
        root: manifest.root,
        state_hash: manifest.state_hash,
        laws_hold: manifest.laws_hold,
        entries_copied: manifest.entries - before.entries,
        journal_bytes_copied: bytes(&manifest) - bytes(&before),
        private_bytes_copied: private(&manifest) - private(&before),
        private_damaged,
        proof,
    })
}

/// The manifest of the target; a new target gets one first, so that it is known again.
fn begin(target: &Folders<'_>, options: &Options) -> Result<Manifest, Fault> {
    if let Some(manifest) = Manifest::read(target.root)? {
        return match (manifest.private.is_some(), options.with_private) {
            (true, false) => refused("the target holds private parts: leave --without-private out, or take another target".into()),
            (false, true) => refused("the target was made --without-private: say so again, or take another target".into()),
            _ => Ok(manifest),
        };
    }
    let mut manifest = Manifest {
        format: FORMAT.into(),
        time_ms: options.time_ms,
        log: String::new(),
        entries: 0,
        rows: 0,
        link: Hex([0; 32]),
        root: Hex(Tree::default().root()),
        peaks: Vec::new(),
        state_hash: None,
        laws_hold: None,
        segments: Vec::new(),
        private: options.with_private.then(Private::default),
        small: Vec::new(),
        sha256: Hex([0; 32]),
    };
    manifest.write(target.root)?;
    Ok(manifest)
}

/// The newest place where an operation ends: nothing behind it is kept.
#[derive(Clone)]
struct Whole {
    reach: Reach,
    /// Segments before the one it lies in.
    done: usize,
    current: Option<Segment>,
}

struct Copier<'a> {
    source: &'a Folders<'a>,
    target: &'a Folders<'a>,
    options: &'a Options,
    manifest: Manifest,
    reach: Reach,
    /// Segments that are copied to their end.
    done: Vec<Segment>,
    whole: Whole,
    private_damaged: u64,
}

impl<'a> Copier<'a> {
    fn new(
        source: &'a Folders<'a>,
        target: &'a Folders<'a>,
        options: &'a Options,
        manifest: Manifest,
    ) -> Result<Self, Fault> {
        let peaks = manifest
            .peaks
            .iter()
            .map(|(height, hash)| (*height, hash.0));
        let Some(tree) = Tree::from_peaks(peaks.collect()) else {
            return refused("manifest.json: peaks do not descend".into());
        };
        let reach = Reach {
            entries: manifest.entries,
            rows: manifest.rows,
            link: manifest.link.0,
            tree,
            is_whole: true,
        };
        let whole = Whole {
            reach: reach.clone(),
            done: manifest.segments.len(),
            current: None,
        };
        Ok(Self {
            source,
            target,
            options,
            done: manifest.segments.clone(),
            manifest,
            reach,
            whole,
            private_damaged: 0,
        })
    }

    /// Removes from the target what its manifest does not know: the rest of what was interrupted.
    fn trim(&self) -> Result<(), Fault> {
        let journal = self.target.journal;
        for name in journal.names()? {
            let known = self
                .manifest
                .segments
                .iter()
                .find(|known| known.file == name);
            match known {
                Some(segment) => cut(journal, &name, segment.bytes)?,
                None => journal.remove(&name)?,
            }
        }
        if let Some(private) = &self.manifest.private {
            for (name, grown) in [(VALUES, &private.values), (KEYS, &private.keys)] {
                self.target.private.ensure(name)?;
                cut(self.target.private, name, grown.bytes)?;
            }
        }
        Ok(())
    }

    fn journal(&mut self, edge: &Edge, progress: &mut Progress<'_>) -> Result<(), Fault> {
        let resumed = self.done.pop();
        let start = resumed.as_ref().map_or(0, |segment| {
            let at = edge.segments.iter().position(|name| *name == segment.file);
            at.unwrap_or_default()
        });
        let mut ends = Vec::new();
        for name in &edge.segments[start..] {
            let is_last = edge.segments.last() == Some(name);
            ends.push(match is_last {
                true => edge.end,
                false => self.source.journal.length(name)?,
            });
        }
        let total: u64 = ends.iter().sum();
        let (mut before, mut checkpoint) = (0, 0);
        let mut resumed = resumed;
        for (at, (name, end)) in edge.segments[start..].iter().zip(&ends).enumerate() {
            let is_last = start + at + 1 == edge.segments.len();
            self.segment(name, *end, is_last, resumed.take(), &mut |done| {
                progress("copy", before + done, total)
            })?;
            before += end;
            checkpoint += end;
            if checkpoint >= self.options.checkpoint_bytes && !is_last && self.reach.is_whole {
                self.commit()?;
                checkpoint = 0;
            }
        }
        progress("copy", total, total)
    }

    /// Copies a segment up to `end`; `resumed` is what the target has of it.
    fn segment(
        &mut self,
        name: &str,
        end: u64,
        is_last: bool,
        resumed: Option<Segment>,
        progress: &mut dyn FnMut(u64) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (source, target) = (self.source.journal, self.target.journal);
        let first_index = resumed
            .as_ref()
            .map_or(self.reach.entries, |known| known.first_index);
        let mut sink = match &resumed {
            Some(known) => {
                let sums = Sums::resume(target, name, known.bytes, &known.sha256)?;
                Sink::new(target, name, sums)
            }
            None => self.begin_segment(name)?,
        };
        loop {
            let offset = sink.sums.bytes();
            let place = |fault: Fault| Fault::Malformed {
                what: format!("journal/{name} at offset {offset}: {fault}"),
            };
            let bytes = match next(source, name, offset, end)? {
                Next::Frame(bytes) => bytes,
                Next::End if !is_last || offset == end => break,
                Next::End => {
                    return refused(format!(
                        "journal/{name} at offset {offset}: a frame is gone"
                    ));
                }
                Next::Odd => {
                    return refused(format!(
                        "journal/{name} at offset {offset}: neither a frame nor zeros"
                    ));
                }
            };
            self.reach.frame(&bytes, &mut |_| ()).map_err(place)?;
            sink.write(&bytes)?;
            if self.reach.is_whole {
                let record = record(&sink, first_index, &self.reach);
                self.mark(Some(record));
            }
            progress(sink.sums.bytes())?;
        }
        let record = record(&sink, first_index, &self.reach);
        sink.finish()?;
        self.done.push(record);
        if self.reach.is_whole {
            self.mark(None);
        }
        Ok(())
    }

    fn begin_segment(&mut self, name: &str) -> Result<Sink<'a>, Fault> {
        let block = self.source.journal.read_at(name, 0, UNIT)?;
        let log = self
            .reach
            .segment(&block)
            .map_err(|fault| Fault::Malformed {
                what: format!("journal/{name} at offset 0: {fault}"),
            })?;
        if self.manifest.log.is_empty() {
            self.manifest.log = log;
        } else if self.manifest.log != log {
            let held = &self.manifest.log;
            return refused(format!("journal/{name} is of log {log:?}, not {held:?}"));
        }
        self.target.journal.create(name)?;
        let mut sink = Sink::new(self.target.journal, name, Sums::default());
        sink.write(&block)?;
        Ok(sink)
    }

    /// Remembers that an operation ended here.
    fn mark(&mut self, current: Option<Segment>) {
        self.whole = Whole {
            reach: self.reach.clone(),
            done: self.done.len(),
            current,
        };
    }

    /// Makes what is copied the backup: up to the newest end of an operation, with the private parts that it needs.
    fn commit(&mut self) -> Result<(), Fault> {
        let is_new = self.whole.reach.entries != self.manifest.entries;
        self.manifest.segments = self.done[..self.whole.done].to_vec();
        self.manifest.segments.extend(self.whole.current.clone());
        // A segment with its head alone is not worth a name.
        self.manifest
            .segments
            .retain(|segment| segment.bytes > UNIT as u64);
        let reach = &self.whole.reach;
        (self.manifest.entries, self.manifest.rows) = (reach.entries, reach.rows);
        self.manifest.link = Hex(reach.link);
        self.manifest.root = Hex(reach.tree.root());
        let peaks = reach.tree.peaks().iter();
        self.manifest.peaks = peaks.map(|(height, hash)| (*height, Hex(*hash))).collect();
        if is_new {
            (self.manifest.state_hash, self.manifest.laws_hold) = (None, None);
        }
        self.private()?;
        self.trim()?;
        for name in self.target.journal.names()? {
            self.target.journal.sync(&name)?;
        }
        self.target.journal.sync_folder()?;
        self.manifest.time_ms = self.options.time_ms;
        self.manifest.write(self.target.root)
    }

    /// Copies the private parts of the entries so far: they were written before the entries, so they are there.
    fn private(&mut self) -> Result<(), Fault> {
        let Some(mut private) = self.manifest.private.take() else {
            return Ok(());
        };
        let source = self.source.private;
        let names = source.names()?;
        // Without one of them nothing can be opened; what is absent is counted when the backup is recomputed.
        if [VALUES, KEYS]
            .iter()
            .all(|file| names.iter().any(|name| name == file))
        {
            let found = extent(source, private.values.bytes, self.manifest.entries)?;
            self.private_damaged = found.damaged;
            let keys = found.keys.max(private.keys.bytes);
            self.grow(VALUES, &mut private.values, found.values)?;
            self.grow(KEYS, &mut private.keys, keys)?;
        }
        self.manifest.private = Some(private);
        Ok(())
    }

    fn grow(&self, name: &str, grown: &mut Grown, end: u64) -> Result<(), Fault> {
        let (source, target) = (self.source.private, self.target.private);
        let sums = Sums::resume(target, name, grown.bytes, &grown.sha256)?;
        let mut sink = Sink::new(target, name, sums);
        // What the files of the source hold is durable there before it is in the backup.
        source.sync(name)?;
        let mut at = grown.bytes;
        while at < end {
            let part = source.read_at(name, at, (end - at).min(BLOCK) as usize)?;
            sink.write(&part)?;
            at += part.len() as u64;
        }
        let sums = sink.finish()?;
        (grown.bytes, grown.sha256) = (sums.bytes(), sums.list());
        Ok(())
    }

    /// Keeps small files under names that say their content: those of the manifest before stay what they are.
    fn small(&mut self, small: &[(&str, Vec<u8>)]) -> Result<(), Fault> {
        let root = self.target.root;
        let old = std::mem::take(&mut self.manifest.small);
        for (file, bytes) in small {
            let sha256 = Hex::of(bytes);
            let name = file.rsplit('/').next().unwrap_or(file);
            let kept_as = format!("{:.16}-{name}", sha256.to_string());
            if !old.iter().any(|known| known.kept_as == kept_as) {
                root.create(&kept_as)?;
                root.write_at(&kept_as, 0, bytes)?;
                root.sync(&kept_as)?;
            }
            self.manifest.small.push(Small {
                file: (*file).to_owned(),
                kept_as,
                bytes: bytes.len() as u64,
                sha256,
            });
        }
        Ok(root.sync_folder()?)
    }

    /// Replays the whole backup as it lies in the target.
    fn prove(&mut self, progress: &mut Progress<'_>) -> Result<Proof, Fault> {
        let with_private = self.manifest.private.is_some();
        let proof = examine(self.target, with_private, self.manifest.entries, progress)?;
        if proof.root != self.manifest.root {
            return refused("the root of the backup differs from what was copied".into());
        }
        self.manifest.state_hash = Some(proof.state_hash);
        self.manifest.laws_hold = Some(proof.laws_hold);
        self.manifest.write(self.target.root)?;
        Ok(proof)
    }
}

fn record(sink: &Sink<'_>, first_index: u64, reach: &Reach) -> Segment {
    Segment {
        file: sink.name.clone(),
        bytes: sink.sums.bytes(),
        first_index,
        entries: reach.entries - first_index,
        sha256: sink.sums.list(),
    }
}

/// Drops small files that the manifest does not name any more.
fn drop_small(root: &dyn Storage, before: &[Small], now: &[Small]) -> Result<(), Fault> {
    for gone in before {
        if !now.iter().any(|kept| kept.kept_as == gone.kept_as) {
            root.remove(&gone.kept_as)?;
        }
    }
    Ok(())
}
