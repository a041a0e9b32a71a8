//! Accounts with debits and credits, pending and posted; transfers and holds.

use std::collections::BTreeMap;
use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;

use super::id_table::IdTable;
use super::{State, Table};
use crate::event::At;
use crate::event::codec::{Row, Wire};
use crate::event::ledger::{
    AccountClosed, AccountKind, AccountRow, AccountsOpened, CAPTURE_HOLD, HoldRow, TransferRow,
    TransfersApplied, VOID_HOLD,
};
use crate::ids::{Id, Step};
use crate::money::Currency;
use crate::state::snapshot::Transfers;
use crate::state::{Map, in_order};

/// An account; its balance is never one signed number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub account_id: Id,
    pub owner: u32,
    pub counterparty: u32,
    pub kind: AccountKind,
    pub currency: Currency,
    pub flags: u16,
    pub code: u16,
    pub debits_pending: u64,
    pub debits_posted: u64,
    pub credits_pending: u64,
    pub credits_posted: u64,
    pub is_closed: bool,
}

impl Account {
    /// Posted credits less posted debits; negative when debits lead.
    pub fn credit_balance(&self) -> i64 {
        (i128::from(self.credits_posted) - i128::from(self.debits_posted)) as i64
    }
}

/// A hold that is neither captured nor voided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub debit: u32,
    pub credit: u32,
    pub amount: u64,
    pub expires_at_ms: u64,
    pub placed: Step,
}

/// Key of a corridor account.
pub type CorridorKey = (u32, AccountKind, u32, Currency);

#[derive(Default, Serialize, Deserialize)]
pub struct Ledger {
    accounts: Vec<Account>,
    #[serde(serialize_with = "in_order")]
    by_id: Map<Id, u32>,
    corridor: BTreeMap<CorridorKey, u32>,
    /// Digest of the content of every transfer, so that the same one again is told from another one.
    #[serde(skip)]
    transfers: IdTable,
    holds: BTreeMap<Id, Hold>,
    /// Holds that ended, with how: kept so that a second capture is told from an unknown hold.
    #[serde(serialize_with = "in_order")]
    finished: Map<Id, ()>,
}

impl Ledger {
    pub fn get(&self, index: u32) -> Option<&Account> {
        self.accounts.get(index as usize)
    }

    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    pub fn len(&self) -> u32 {
        self.accounts.len() as u32
    }

    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    pub fn index_of(&self, account_id: Id) -> Option<u32> {
        self.by_id.get(&account_id).copied()
    }

    pub fn corridor(&self, key: &CorridorKey) -> Option<u32> {
        self.corridor.get(key).copied()
    }

    /// Credit balance of a corridor account, 0 while it was never opened.
    pub fn corridor_balance(
        &self,
        owner: u32,
        kind: AccountKind,
        counterparty: u32,
        currency: Currency,
    ) -> i64 {
        self.corridor(&(owner, kind, counterparty, currency))
            .map_or(0, |index| self.accounts[index as usize].credit_balance())
    }

    /// Merchants with an account of a kind under a service enterprise, ascending.
    pub fn owners_of(&self, kind: AccountKind, counterparty: u32) -> Vec<u32> {
        let of = |key: &&CorridorKey| key.1 == kind && key.2 == counterparty;
        self.corridor.keys().filter(of).map(|key| key.0).collect()
    }

    pub fn transfer(&self, transfer_id: Id) -> Option<u64> {
        self.transfers.get(transfer_id)
    }

    pub fn freeze_transfers(&self) -> Transfers {
        self.transfers.freeze()
    }

    pub fn set_transfers(&mut self, transfers: IdTable) {
        self.transfers = transfers;
    }

    pub fn hold(&self, hold_id: Id) -> Option<&Hold> {
        self.holds.get(&hold_id)
    }

    pub fn is_finished(&self, hold_id: Id) -> bool {
        self.finished.contains_key(&hold_id)
    }

    pub fn open(&mut self, rows: &[AccountRow]) {
        for row in rows {
            self.by_id.insert(row.account_id, row.index);
            if row.kind != AccountKind::Partner {
                self.corridor.insert(
                    (row.owner, row.kind, row.counterparty, row.currency),
                    row.index,
                );
            }
            self.accounts.push(Account {
                account_id: row.account_id,
                owner: row.owner,
                counterparty: row.counterparty,
                kind: row.kind,
                currency: row.currency,
                flags: row.flags,
                code: row.code,
                debits_pending: 0,
                debits_posted: 0,
                credits_pending: 0,
                credits_posted: 0,
                is_closed: false,
            });
        }
    }

    /// Moves money as decided; the sums of both sides stay equal by construction (law 1).
    pub fn post(&mut self, rows: &[TransferRow]) {
        for row in rows {
            self.accounts[row.debit as usize].debits_posted += row.amount;
            self.accounts[row.credit as usize].credits_posted += row.amount;
            self.transfers.insert(row.transfer_id, content_of(row));
        }
    }

    fn hold_row(&mut self, row: &HoldRow, step: Step) {
        self.transfers.insert(row.transfer_id, content_of_hold(row));
        let (debit, credit) = (row.debit as usize, row.credit as usize);
        if row.flags & (CAPTURE_HOLD | VOID_HOLD) == 0 {
            self.accounts[debit].debits_pending += row.amount;
            self.accounts[credit].credits_pending += row.amount;
            let (debit, credit) = (row.debit, row.credit);
            let hold = Hold {
                debit,
                credit,
                amount: row.amount,
                expires_at_ms: row.expires_at_ms,
                placed: step,
            };
            self.holds.insert(row.transfer_id, hold);
            return;
        }
        let Some(hold) = self.holds.remove(&row.hold_id) else {
            return;
        };
        self.accounts[debit].debits_pending -= hold.amount;
        self.accounts[credit].credits_pending -= hold.amount;
        if row.flags & CAPTURE_HOLD != 0 {
            self.accounts[debit].debits_posted += row.amount;
            self.accounts[credit].credits_posted += row.amount;
        }
        self.finished.insert(row.hold_id, ());
    }
}

fn content_of(row: &TransferRow) -> u64 {
    digest_of(&[
        u64::from(row.debit) << 32 | u64::from(row.credit),
        row.amount,
        u64::from(row.code) << 16 | u64::from(row.flags),
    ])
}

/// Where the hold was placed is no part of what the partner sent.
fn content_of_hold(row: &HoldRow) -> u64 {
    let hold = u128::from_be_bytes(row.hold_id.0);
    digest_of(&[
        u64::from(row.debit) << 32 | u64::from(row.credit),
        row.amount,
        u64::from(row.code) << 16 | u64::from(row.flags),
        (hold >> 64) as u64,
        hold as u64,
        row.expires_at_ms,
    ])
}

/// SipHash under a fixed key: two contents of one id are told apart, and a content made to look like another one only
/// keeps its sender's own transfer from being made.
fn digest_of(words: &[u64]) -> u64 {
    let mut hasher = SipHasher13::new();
    words.iter().for_each(|word| hasher.write_u64(*word));
    hasher.finish()
}

/// Digest of a transfer's content, as `Ledger::transfer` gives it.
pub fn transfer_content(row: &TransferRow) -> u64 {
    content_of(row)
}

/// The same of a hold's row.
pub fn hold_content(row: &HoldRow) -> u64 {
    content_of_hold(row)
}

impl State {
    pub fn open_accounts(&mut self, _at: &At, event: &AccountsOpened) {
        self.ledger.open(&event.accounts);
    }

    pub fn apply_transfers(&mut self, at: &At, event: &TransfersApplied) {
        self.ledger.post(&event.transfers);
        for (ordinal, row) in event.holds.iter().enumerate() {
            self.ledger
                .hold_row(row, at.step(event.transfers.len() + ordinal));
        }
    }

    pub fn close_account(&mut self, _at: &At, event: &AccountClosed) {
        self.ledger.accounts[event.account as usize].is_closed = true;
    }
}

impl Table for Ledger {
    fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        for (index, account) in self.accounts.iter().enumerate() {
            bytes.clear();
            AccountRow {
                account_id: account.account_id,
                index: index as u32,
                owner: account.owner,
                counterparty: account.counterparty,
                kind: account.kind,
                currency: account.currency,
                flags: account.flags,
                code: account.code,
            }
            .put(&mut bytes);
            account.debits_pending.put(&mut bytes);
            account.debits_posted.put(&mut bytes);
            account.credits_pending.put(&mut bytes);
            account.credits_posted.put(&mut bytes);
            account.is_closed.put(&mut bytes);
            hasher.update(&bytes);
        }
        for (hold_id, hold) in &self.holds {
            hasher.update(hold_id.0);
            hasher.update(hold.amount.to_be_bytes());
        }
        hasher.update((self.transfers.len() as u64).to_be_bytes());
    }
}
