//! Recomputes everything from the files: frames, headers, payload roots, chain, tree. Never repairs.

use super::hash::Hash;
use super::tree::Tree;
use crate::journal::Fault;
use crate::journal::frame::{self, Found, Residue, UNIT};
use crate::journal::segment::{self, SegmentHead};
use crate::journal::storage::Storage;
use crate::journal::view::EntryView;

/// The first thing found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub file: String,
    pub offset: u64,
    pub index: u64,
    pub what: String,
}

/// What the files say.
#[derive(Clone, Debug)]
pub struct Report {
    pub entries: u64,
    pub rows: u64,
    pub root: Hash,
    pub first_bad: Option<Bad>,
    /// The last frame was never fully written: no fault, it was not acknowledged.
    pub torn: Option<Bad>,
}

struct Audit<'a> {
    tree: Tree,
    rows: u64,
    link: Hash,
    torn: Option<Bad>,
    visit: &'a mut dyn FnMut(&EntryView<'_>) -> Result<(), String>,
}

/// Checks every byte of the journal in `storage`; `visit` sees each entry in order and may object.
pub fn structure(
    storage: &dyn Storage,
    visit: &mut dyn FnMut(&EntryView<'_>) -> Result<(), String>,
) -> Result<Report, Fault> {
    let mut segments: Vec<u64> = storage
        .list()?
        .iter()
        .filter_map(|name| segment::first_index(name))
        .collect();
    segments.sort_unstable();
    let mut audit = Audit {
        tree: Tree::default(),
        rows: 0,
        link: [0; 32],
        torn: None,
        visit,
    };
    let mut first_bad = None;
    for (at, first_index) in segments.iter().enumerate() {
        let name = segment::name(*first_index);
        let bytes = storage.read_at(&name, 0, storage.length(&name)? as usize)?;
        if let Err((offset, what)) =
            audit.segment(&name, &bytes, *first_index, at + 1 == segments.len())
        {
            first_bad = Some(Bad {
                file: name,
                offset: offset as u64,
                index: audit.tree.size(),
                what,
            });
            break;
        }
    }
    let Audit {
        tree, rows, torn, ..
    } = audit;
    Ok(Report {
        entries: tree.size(),
        rows,
        root: tree.root(),
        first_bad,
        torn,
    })
}

impl Audit<'_> {
    fn segment(
        &mut self,
        name: &str,
        bytes: &[u8],
        first_index: u64,
        is_last: bool,
    ) -> Result<(), (usize, String)> {
        let Some(block) = bytes.get(..UNIT) else {
            return Err((0, "segment is cut".into()));
        };
        if block.iter().all(|byte| *byte == 0) && is_last {
            return Ok(());
        }
        let head = SegmentHead::read(block).map_err(|fault| (0, fault.to_string()))?;
        if head.first_index != first_index
            || head.first_index != self.tree.size()
            || head.prev_link != self.link
        {
            return Err((0, "segment head does not continue the chain".into()));
        }
        let mut at = UNIT;
        loop {
            match frame::read(&bytes[at..]).map_err(|fault| (at, fault.to_string()))? {
                Found::End => match frame::residue(bytes, at) {
                    Residue::None => return Ok(()),
                    Residue::Torn(_) if is_last => {
                        return self.leave(name, at, "unit 0 was never written".into());
                    }
                    _ => return Err((at, "bytes where nothing was written".into())),
                },
                Found::Torn { what } => {
                    let next = (at + UNIT).min(bytes.len());
                    return match frame::residue(bytes, next) {
                        Residue::Frame(_) => Err((at, what)),
                        _ if is_last => self.leave(name, at, what),
                        _ => Err((at, what)),
                    };
                }
                Found::Whole {
                    head,
                    payload,
                    padded,
                } => {
                    if head.first_index != self.tree.size() {
                        return Err((at, "frame does not continue the log".into()));
                    }
                    for (start, length) in
                        frame::entries(&head, payload).map_err(|fault| (at, fault.to_string()))?
                    {
                        let place = at + frame::HEADER_BYTES + start;
                        self.entry(&payload[start..start + length])
                            .map_err(|what| (place, what))?;
                    }
                    at += padded;
                }
            }
        }
    }

    /// The last frame was never fully written.
    fn leave(&mut self, name: &str, at: usize, what: String) -> Result<(), (usize, String)> {
        self.torn = Some(Bad {
            file: name.to_owned(),
            offset: at as u64,
            index: self.tree.size(),
            what,
        });
        Ok(())
    }

    fn entry(&mut self, bytes: &[u8]) -> Result<(), String> {
        let view = EntryView::parse(bytes).map_err(|fault| fault.to_string())?;
        if view.index() != self.tree.size() {
            return Err(format!(
                "entry says index {}, stands at {}",
                view.index(),
                self.tree.size()
            ));
        }
        if view.prev_link() != self.link {
            return Err("the chain is broken: previous link does not fit".into());
        }
        if view.computed_root() != view.payload_root() {
            return Err("payload root does not fit the fields and rows".into());
        }
        (self.visit)(&view)?;
        self.link = view.link();
        self.tree.push(self.link);
        self.rows += view.row_count();
        Ok(())
    }
}
