//! Proofs as files: one row or one whole entry, its place in the payload and in the log, checkable with SHA-256 alone.

use std::fmt::Write;

use super::Core;
use super::trace::newest_step;
use crate::event::catalog::RowKind;
use crate::evidence::hash::Hash;
use crate::evidence::proof::inclusion;
use crate::ids::{Id, Step};
use crate::journal::Fault;
use crate::journal::view::EntryView;

impl Core {
    /// JSON of docs/formats.md, section "Proof": the newest step of a subject, or row `row` of entry `index`.
    pub fn proof(&self, subject: Option<Id>, index: u64, row: u32) -> Result<Vec<u8>, Fault> {
        let follower = self.follow()?;
        let known = subject
            .and_then(|subject| newest_step(&follower.state, subject))
            .map(|(_, step)| step);
        let unknown = || Fault::Malformed {
            what: "nothing to prove: no such subject or position".into(),
        };
        let step = match (subject, known) {
            (Some(_), step) => step.filter(Step::is_some).ok_or_else(unknown)?,
            (None, _) => Step {
                index,
                row: u16::try_from(row).map_err(|_| unknown())?,
            },
        };
        if step.index >= follower.state.next_index {
            return Err(unknown());
        }
        let bytes = self.journal().read(step.index)?;
        let view = EntryView::parse(&bytes)?;
        let (kind, record) = view.row_at(step.row).ok_or_else(unknown)?;
        let leaves = view.leaves();
        let leaf = view.fields().len() + usize::from(step.row);
        let row_kind = RowKind::find(kind);
        let mut json = String::from("{\"format\":\"whampoa proof v1\"");
        let _ = write!(
            json,
            ",\"log\":\"{}\",\"index\":{},\"row\":{}",
            self.log, step.index, step.row
        );
        let _ = write!(
            json,
            ",\"kind\":\"{}\"",
            row_kind.map_or("row", |kind| kind.name)
        );
        let _ = write!(
            json,
            ",\"text\":\"{}\"",
            row_kind.map(|kind| kind.text(record)).unwrap_or_default()
        );
        let _ = write!(
            json,
            ",\"header\":\"{}\",\"record\":\"{}\"",
            hex(view.header()),
            hex(record)
        );
        let _ = write!(json, ",\"leaf\":{leaf},\"leaves\":{}", leaves.len());
        let _ = write!(
            json,
            ",\"payload_path\":{}",
            hashes(&inclusion(&leaves, leaf))
        );
        let at = usize::try_from(step.index).map_err(|_| unknown())?;
        let _ = write!(json, ",\"tree_size\":{}", follower.links.len());
        let _ = write!(
            json,
            ",\"tree_path\":{}",
            hashes(&inclusion(&follower.links, at))
        );
        let _ = write!(json, ",\"tree_root\":\"{}\"}}", hex(&follower.tree.root()));
        Ok(json.into_bytes())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn hashes(hashes: &[Hash]) -> String {
    let quoted: Vec<String> = hashes
        .iter()
        .map(|hash| format!("\"{}\"", hex(hash)))
        .collect();
    format!("[{}]", quoted.join(","))
}
