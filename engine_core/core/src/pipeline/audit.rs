//! `whampoa verify`: structure, laws and projections-free state, recomputed from the files of a data directory alone.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use super::seal::read_entry;
use crate::evidence::verify::structure;
use crate::journal::Fault;
use crate::journal::storage::FileStorage;
use crate::laws;
use crate::state::State;

/// JSON with ok, entries, rows, first_bad, root, state_hash, laws, policy, seconds.
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
    let mut state = State::default();
    let report = structure(&storage, &mut |view| {
        let (at, event) = read_entry(view).map_err(|fault| fault.to_string())?;
        if at.time_ms < state.time_ms {
            return Err(format!(
                "time of entry {} lies before the entry before it",
                at.index
            ));
        }
        state.evolve(&at, &event, view.row_count());
        Ok(())
    })?;
    let laws = laws::check(&state);
    let ok = report.first_bad.is_none() && laws.iter().all(|law| law.holds);
    let mut json = String::new();
    let _ = write!(
        json,
        "{{\"ok\":{ok},\"entries\":{},\"rows\":{}",
        report.entries, report.rows
    );
    let _ = match &report.first_bad {
        None => write!(json, ",\"first_bad\":null"),
        Some(bad) => write!(
            json,
            ",\"first_bad\":{{\"file\":{:?},\"offset\":{},\"index\":{},\"what\":{:?}}}",
            bad.file, bad.offset, bad.index, bad.what
        ),
    };
    let _ = match &report.torn {
        None => write!(json, ",\"torn\":null"),
        Some(torn) => write!(
            json,
            ",\"torn\":{{\"file\":{:?},\"offset\":{}}}",
            torn.file, torn.offset
        ),
    };
    let _ = write!(
        json,
        ",\"root\":\"{}\",\"state_hash\":\"{}\"",
        hex(&report.root),
        hex(&state.hash())
    );
    let listed: Vec<String> = laws
        .iter()
        .map(|law| {
            format!(
                "{{\"number\":{},\"holds\":{},\"text\":{:?}}}",
                law.number, law.holds, law.text
            )
        })
        .collect();
    let _ = write!(
        json,
        ",\"laws\":[{}],\"policy\":\"self-consistent only\"",
        listed.join(",")
    );
    let _ = write!(json, ",\"seconds\":{:.3}}}", start.elapsed().as_secs_f64());
    Ok(json)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
