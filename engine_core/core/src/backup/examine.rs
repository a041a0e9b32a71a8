//! A whole backup, or a directory restored from one, recomputed: structure, laws, state, private parts.

use serde::Serialize;

use super::manifest::Hex;
use super::parts::{Census, Parts};
use super::{Folders, Progress, refused};
use crate::evidence::verify::structure;
use crate::journal::Fault;
use crate::laws;
use crate::pipeline::audit::Replay;

/// What the files say.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    pub entries: u64,
    pub rows: u64,
    pub root: Hex,
    pub state_hash: Hex,
    pub laws: Vec<Law>,
    pub laws_hold: bool,
    pub private: Parts,
}

#[derive(Clone, Debug, Serialize)]
pub struct Law {
    pub number: u8,
    pub holds: bool,
    pub text: String,
}

/// Entries between two reports of progress.
const STRIDE: u64 = 256;

/// Recomputes everything. A file that is bad is a fault that names it and the place.
pub fn examine(
    folders: &Folders<'_>,
    with_private: bool,
    entries: u64,
    progress: &mut Progress<'_>,
) -> Result<Proof, Fault> {
    let mut census = Census::new(with_private.then_some(folders.private))?;
    let mut stopped = None;
    let mut replay = Replay::default();
    let found = structure(folders.journal, &mut |view| {
        replay.take(view)?;
        census.see(view);
        let done = view.index() + 1;
        if done.is_multiple_of(STRIDE)
            && let Err(fault) = progress("replay", done, entries)
        {
            stopped = Some(fault);
            return Err("stopped".into());
        }
        Ok(())
    })?;
    if let Some(fault) = stopped {
        return Err(fault);
    }
    if let Some(bad) = found.first_bad {
        let place = format!(
            "journal/{} at offset {}, entry {}",
            bad.file, bad.offset, bad.index
        );
        return refused(format!("{place}: {}", bad.what));
    }
    if found.entries != entries {
        let there = found.entries;
        return refused(format!("{there} entries are there, not {entries}"));
    }
    progress("replay", entries, entries)?;
    let laws: Vec<Law> = laws::check(&replay.state)
        .into_iter()
        .map(|law| Law {
            number: law.number,
            holds: law.holds,
            text: law.text,
        })
        .collect();
    Ok(Proof {
        entries,
        rows: found.rows,
        root: Hex(found.root),
        state_hash: Hex(replay.state.hash()),
        laws_hold: laws.iter().all(|law| law.holds),
        laws,
        private: census.parts,
    })
}
