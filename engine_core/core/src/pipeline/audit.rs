//! `whampoa verify`: structure, laws and projections-free state, recomputed from the files of a data directory alone.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use super::seal::read_entry;
use crate::event::{At, Event};
use crate::evidence::verify::{Bad, structure};
use crate::journal::Fault;
use crate::journal::storage::FileStorage;
use crate::journal::view::EntryView;
use crate::laws;
use crate::private::check::{PrivateCheck, PrivateReport};
use crate::state::State;

/// JSON with ok, entries, rows, first_bad, torn, unfinished, root, state_hash, laws, private, policy, seconds.
pub fn verify(dir: &Path, policy: &str) -> Result<String, Fault> {
    let start = Instant::now();
    let journal = dir.join("journal");
    if !journal.is_dir() {
        return Err(Fault::Malformed {
            what: format!("{} holds no journal", dir.display()),
        });
    }
    if !policy.is_empty() {
        return Err(Fault::Malformed {
            what: "this release knows no witness policies; leave --policy out".into(),
        });
    }
    let storage = FileStorage::read_only(&journal);
    let mut replay = Replay::default();
    let mut private = PrivateCheck::open(&dir.join("private"))?;
    let report = structure(&storage, &mut |view| {
        replay.take(view)?;
        match &mut private {
            Some(private) => private.entry(view).map_err(|fault| fault.to_string()),
            None => Ok(()),
        }
    })?;
    let private = private.map(PrivateCheck::report).transpose()?;
    let laws = laws::check(&replay.state);
    let ok = report.first_bad.is_none()
        && laws.iter().all(|law| law.holds)
        && private.as_ref().is_none_or(|private| private.damaged == 0);
    let mut json = String::new();
    let _ = write!(
        json,
        "{{\"ok\":{ok},\"log\":{},\"entries\":{},\"rows\":{},\"first_bad\":{},\"torn\":{},\"unfinished\":{}",
        quoted(&report.log),
        report.entries,
        report.rows,
        place(report.first_bad.as_ref()),
        place(report.torn.as_ref()),
        place(report.unfinished.as_ref()),
    );
    let _ = write!(
        json,
        ",\"root\":\"{}\",\"state_hash\":\"{}\"",
        hex(&report.root),
        hex(&replay.state.hash())
    );
    let listed: Vec<String> = laws
        .iter()
        .map(|law| {
            format!(
                "{{\"number\":{},\"holds\":{},\"text\":{}}}",
                law.number,
                law.holds,
                quoted(&law.text)
            )
        })
        .collect();
    let _ = write!(
        json,
        ",\"laws\":[{}],\"private\":{},\"policy\":\"self-consistent only\"",
        listed.join(","),
        private.as_ref().map_or_else(|| "null".to_owned(), parts),
    );
    let _ = write!(json, ",\"seconds\":{:.3}}}", start.elapsed().as_secs_f64());
    Ok(json)
}

/// The state as the engine has it after opening: an operation counts once its last entry is there.
#[derive(Default)]
pub struct Replay {
    pub state: State,
    operation: Vec<(At, Event, u64)>,
}

impl Replay {
    /// Takes the next entry of a journal; says why none that an engine wrote looks like it.
    pub fn take(&mut self, view: &EntryView<'_>) -> Result<(), String> {
        let (at, event) = read_entry(view).map_err(|fault| fault.to_string())?;
        let newest_ms = match self.operation.last() {
            Some((before, ..)) => before.time_ms,
            None => self.state.time_ms,
        };
        if at.time_ms < newest_ms {
            return Err(format!(
                "time of entry {} lies before the entry before it",
                at.index
            ));
        }
        if self
            .operation
            .first()
            .is_some_and(|(first, ..)| first.request != at.request)
        {
            return Err(format!(
                "entry {} stands in the operation of another request",
                at.index
            ));
        }
        let continues = at.continues;
        self.operation.push((at, event, view.row_count()));
        if !continues {
            for (at, event, rows) in self.operation.drain(..) {
                evolved(&mut self.state, &at, &event, rows)?;
            }
        }
        Ok(())
    }
}

/// Applies an entry. `evolve` trusts what was decided; in a forged journal, whose sums and hashes may all fit, an entry
/// can speak of what was never there.
fn evolved(state: &mut State, at: &At, event: &Event, rows: u64) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| state.evolve(at, event, rows)))
        .map_err(|_| format!("entry {} does not fit the state before it", at.index))
}

fn place(bad: Option<&Bad>) -> String {
    bad.map_or_else(
        || "null".to_owned(),
        |bad| {
            format!(
                "{{\"file\":{},\"offset\":{},\"index\":{},\"what\":{}}}",
                quoted(&bad.file),
                bad.offset,
                bad.index,
                quoted(&bad.what)
            )
        },
    )
}

fn parts(private: &PrivateReport) -> String {
    let first_bad = private.first_bad.as_ref().map_or_else(
        || "null".to_owned(),
        |bad| {
            let number =
                |value: Option<u64>| value.map_or("null".into(), |value| value.to_string());
            format!(
                "{{\"file\":{:?},\"offset\":{},\"index\":{},\"field\":{},\"what\":{:?}}}",
                bad.file,
                bad.offset,
                number(bad.index),
                number(bad.field.map(u64::from)),
                bad.what
            )
        },
    );
    format!(
        "{{\"fields\":{},\"whole\":{},\"absent\":{},\"damaged\":{},\"first_bad\":{first_bad}}}",
        private.fields, private.whole, private.absent, private.damaged
    )
}

/// A text as JSON writes it: in a forged journal it can hold what Rust and JSON escape differently.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
