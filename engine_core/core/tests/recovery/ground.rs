//! Journals full of transfers, written without deciding, in folders that are removed with the test.

use std::path::{Path, PathBuf};

use whampoa_core::event::ledger::{
    AccountKind, AccountRow, AccountsOpened, TransferRow, TransfersApplied,
};
use whampoa_core::event::{Draft, Event, NO_INDEX, RequestMark};
use whampoa_core::ids::Id;
use whampoa_core::journal::entry::seal;
use whampoa_core::journal::storage::FileStorage;
use whampoa_core::journal::{Config, Journal, Step};
use whampoa_core::money::USD;
use whampoa_core::pipeline::seal::entry_draft;

pub const ACCOUNTS: u32 = 1_000;
/// 2026-11-25, noon UTC.
const START_MS: u64 = 1_795_608_000_000;

/// A folder that is removed with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("whampoa-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// An id of a message: its time, then what no one can foresee.
fn id(message: u64, row: u64) -> Id {
    Id::derive(
        START_MS + message,
        "recovery",
        &[&row.to_be_bytes(), &message.to_be_bytes()],
    )
}

fn accounts() -> AccountsOpened {
    let account = |index: u32| AccountRow {
        account_id: id(0, u64::from(index)),
        index,
        owner: 0,
        counterparty: NO_INDEX,
        kind: AccountKind::Partner,
        currency: USD,
        flags: 0,
        code: 1,
    };
    AccountsOpened {
        accounts: (0..ACCOUNTS).map(account).collect(),
    }
}

fn transfers(message: u64, rows: u64) -> TransfersApplied {
    let row = |row: u64| {
        let mixed = (message << 13 | row).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let debit = (mixed % u64::from(ACCOUNTS)) as u32;
        TransferRow {
            transfer_id: id(1 + message, row),
            debit,
            credit: (debit + 1) % ACCOUNTS,
            amount: 1 + mixed % 10_000,
            code: 1,
            flags: 0,
        }
    };
    TransfersApplied {
        refused: vec![],
        repeated: vec![],
        transfers: (0..rows).map(row).collect(),
        holds: vec![],
    }
}

/// What a journal is filled with.
#[derive(Clone, Copy)]
pub struct Fill {
    pub rows: u64,
    pub rows_of_message: u64,
    pub segment_bytes: u64,
    /// Journals of other seeds are other histories of the same money.
    pub seed: u8,
}

/// Writes a journal of transfers into `dir/journal`, and ends it as a clean stop does.
pub fn fill(dir: &Path, fill: Fill) {
    let storage = FileStorage::open(&dir.join("journal")).unwrap();
    let config = Config {
        segment_bytes: fill.segment_bytes,
        ..Config::default()
    };
    // One frame an entry, whatever the machine does meanwhile: snapshots know frames by their places.
    let (journal, _) = Journal::open_stepped(storage, config).unwrap();
    let (mut index, mut link) = (0, [0; 32]);
    let mut append = |event: Event, time_ms: u64| {
        let mark = RequestMark {
            request_id: id(index, u64::MAX),
            sha256: [7; 32],
            method: 1,
        };
        let draft = entry_draft(&Draft::first(Id::ZERO, event), 0, time_ms, Some(&mark));
        let sealed = seal(draft, index, link, [fill.seed; 32]);
        (index, link) = (index + 1, sealed.link);
        journal.append(vec![sealed]).unwrap();
        assert_eq!(journal.step().unwrap(), Step::Wrote);
    };
    append(accounts().into(), START_MS);
    for message in 0..fill.rows.div_ceil(fill.rows_of_message) {
        let left = fill.rows - message * fill.rows_of_message;
        let count = fill.rows_of_message.min(left);
        append(transfers(message, count).into(), START_MS + message);
    }
    journal.close().unwrap();
}
