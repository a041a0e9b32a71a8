//! Builds the postings of corridor entries: accounts opened on first use, transfers with derived ids.

use std::collections::BTreeMap;

use crate::event::NO_INDEX;
use crate::event::ledger::{AccountKind, AccountRow, TransferRow};
use crate::ids::Id;
use crate::money::Currency;
use crate::state::ledger::{CorridorKey, Ledger};

/// Code of all transfers of the corridor; partners choose theirs from 1 on.
const CORRIDOR_CODE: u16 = 0;

/// Postings of one operation, handed over entry by entry.
pub struct Postings<'a> {
    ledger: &'a Ledger,
    time_ms: u64,
    next_index: u64,
    next_account: u32,
    opened: BTreeMap<CorridorKey, u32>,
    transfers_made: u32,
    pub accounts: Vec<AccountRow>,
    pub transfers: Vec<TransferRow>,
}

impl<'a> Postings<'a> {
    pub fn new(ledger: &'a Ledger, time_ms: u64, next_index: u64) -> Self {
        Self {
            ledger,
            time_ms,
            next_index,
            next_account: ledger.len(),
            opened: BTreeMap::new(),
            transfers_made: 0,
            accounts: Vec::new(),
            transfers: Vec::new(),
        }
    }

    /// An account of a service enterprise itself.
    pub fn of(&mut self, service_enterprise: u32, kind: AccountKind, currency: Currency) -> u32 {
        self.account((service_enterprise, kind, NO_INDEX, currency))
    }

    /// An account of a merchant under a service enterprise.
    pub fn of_merchant(
        &mut self,
        merchant: u32,
        service_enterprise: u32,
        kind: AccountKind,
        currency: Currency,
    ) -> u32 {
        self.account((merchant, kind, service_enterprise, currency))
    }

    fn account(&mut self, key: CorridorKey) -> u32 {
        if let Some(index) = self
            .ledger
            .corridor(&key)
            .or_else(|| self.opened.get(&key).copied())
        {
            return index;
        }
        let index = self.next_account;
        let (owner, kind, counterparty, currency) = key;
        let parts: [&[u8]; 2] = [&self.next_index.to_be_bytes(), &index.to_be_bytes()];
        self.accounts.push(AccountRow {
            account_id: Id::derive(self.time_ms, "account", &parts),
            index,
            owner,
            counterparty,
            kind,
            currency,
            flags: 0,
            code: CORRIDOR_CODE,
        });
        self.opened.insert(key, index);
        self.next_account += 1;
        index
    }

    /// Moves `amount_minor` from a debit account to a credit account; nothing for an amount of 0.
    pub fn transfer(&mut self, debit: u32, credit: u32, amount_minor: i64) {
        if amount_minor <= 0 {
            return;
        }
        let parts: [&[u8]; 2] = [
            &self.next_index.to_be_bytes(),
            &self.transfers_made.to_be_bytes(),
        ];
        self.transfers.push(TransferRow {
            transfer_id: Id::derive(self.time_ms, "transfer", &parts),
            debit,
            credit,
            amount: amount_minor as u64,
            code: CORRIDOR_CODE,
            flags: 0,
        });
        self.transfers_made += 1;
    }

    /// What one entry holds: accounts opened and transfers made since the last call.
    pub fn take(&mut self) -> (Vec<AccountRow>, Vec<TransferRow>) {
        (
            std::mem::take(&mut self.accounts),
            std::mem::take(&mut self.transfers),
        )
    }
}
