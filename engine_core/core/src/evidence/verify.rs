//! Recomputes everything from the files: frames, headers, payload roots, chain, tree. Never repairs.

use super::hash::Hash;
use super::tree::Tree;
use crate::journal::Fault;
use crate::journal::segment;
use crate::journal::storage::Storage;
use crate::journal::tail::{Chain, End, Frame, Part, Wrong};
use crate::journal::view::EntryView;

/// A place, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub file: String,
    pub offset: u64,
    pub index: u64,
    pub what: String,
}

impl Bad {
    fn of(first_index: u64, wrong: Wrong) -> Self {
        Self {
            file: segment::name(first_index),
            offset: wrong.offset as u64,
            index: wrong.index,
            what: wrong.what,
        }
    }
}

/// What the files say.
#[derive(Clone, Debug)]
pub struct Report {
    pub log: String,
    pub entries: u64,
    pub rows: u64,
    pub root: Hash,
    /// The first thing found wrong.
    pub first_bad: Option<Bad>,
    /// The last frame was never fully written: no fault, it was not acknowledged.
    pub torn: Option<Bad>,
    /// The last operation has no end: no fault, it was not acknowledged.
    pub unfinished: Option<Bad>,
}

/// Sees each entry in order and may object.
pub type Visit<'a> = dyn FnMut(&EntryView<'_>) -> Result<(), String> + 'a;

/// A check that goes from segment to segment; a copy goes on from where it stands.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    chain: Chain,
    tree: Tree,
    rows: u64,
}

/// Checks every byte of the journal in `storage`.
pub fn structure(storage: &dyn Storage, visit: &mut Visit<'_>) -> Result<Report, Fault> {
    let mut segments: Vec<u64> = storage
        .list()?
        .iter()
        .filter_map(|name| segment::first_index(name))
        .collect();
    segments.sort_unstable();
    let mut audit = Audit::default();
    let (mut first_bad, mut torn) = (None, None);
    for (at, first_index) in segments.iter().copied().enumerate() {
        let name = segment::name(first_index);
        let bytes = storage.read_at(&name, 0, storage.length(&name)? as usize)?;
        let part = Part {
            first_index,
            start: 0,
            bytes: &bytes,
            is_last: at + 1 == segments.len(),
        };
        match audit.segment(&part, visit) {
            Ok(End::Torn { offset, what }) => {
                torn = Some(Bad {
                    file: name,
                    offset: offset as u64,
                    index: audit.tree.size(),
                    what,
                });
            }
            Ok(_) => {}
            Err(wrong) => {
                first_bad = Some(Bad::of(first_index, wrong));
                break;
            }
        }
    }
    Ok(audit.report(first_bad, torn))
}

impl Audit {
    /// Checks a segment, or its frames from the first that was not checked.
    pub fn segment(&mut self, part: &Part<'_>, visit: &mut Visit<'_>) -> Result<End, Wrong> {
        let Self { chain, tree, rows } = self;
        chain.segment(part, &mut |frame| {
            for (place, view) in &frame.entries {
                check(view, visit).map_err(|what| objection(frame, *place, view, what))?;
                tree.push(view.link());
                *rows += view.row_count();
            }
            Ok(())
        })
    }

    fn report(self, first_bad: Option<Bad>, torn: Option<Bad>) -> Report {
        let begun = self
            .chain
            .reached
            .unfinished
            .filter(|_| first_bad.is_none());
        Report {
            log: self.chain.log.unwrap_or_default(),
            entries: self.tree.size(),
            rows: self.rows,
            root: self.tree.root(),
            first_bad,
            torn,
            unfinished: begun.map(|begun| Bad {
                file: segment::name(begun.segment),
                offset: begun.offset as u64,
                index: begun.index,
                what: "an operation without its end".into(),
            }),
        }
    }
}

fn check(view: &EntryView<'_>, visit: &mut Visit<'_>) -> Result<(), String> {
    if view.computed_root() != view.payload_root() {
        return Err("payload root does not fit the fields and rows".into());
    }
    visit(view)
}

fn objection(frame: &Frame<'_>, offset: usize, view: &EntryView<'_>, what: String) -> Wrong {
    Wrong {
        offset,
        frame: frame.offset,
        index: view.index(),
        what,
    }
}
