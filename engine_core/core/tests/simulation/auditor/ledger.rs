//! Accounts and transfers, and law 1: every movement takes from one account what it gives to another.

use std::collections::{BTreeMap, BTreeSet};

use whampoa_core::contract::whampoa::ledger::v1 as proto;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::event::Event;
use whampoa_core::event::ledger::{AccountKind, AccountRow, HoldRow, TransferRow};
use whampoa_core::ids::Id;
use whampoa_core::money::Currency;

use super::Tables;
use super::registry::Registry;
use super::request;
use super::verdict::{Verdict, accepts, decode, refuses};
use crate::same;

/// Owner, kind, the enterprise a merchant's account is under, currency.
pub type Key = (u32, u8, u32, u16);

const CAPTURE: u16 = 4;
const VOID: u16 = 8;
pub const LARGEST: u128 = (1 << 63) - 1;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    pub key: Key,
    pub is_partners: bool,
    pub flags: u16,
    pub is_closed: bool,
    pub debits: u128,
    pub credits: u128,
    pub debits_held: u128,
    pub credits_held: u128,
}

impl Account {
    /// What its limits let it pay and take.
    pub fn room(&self, pays: bool) -> u128 {
        let (limit, back, forth, held) = match pays {
            true => (1, self.credits, self.debits, self.debits_held),
            false => (2, self.debits, self.credits, self.credits_held),
        };
        match self.flags & limit {
            0 => LARGEST,
            _ => back.saturating_sub(forth + held),
        }
    }
}

/// What a transfer said, so that the same one is known again: accounts, amount, code and flags, hold and expiry.
pub type Content = (u32, u32, u128, u32, Id, u64);

#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    pub debit: u32,
    pub credit: u32,
    pub amount: u128,
    pub expires_at_ms: u64,
    pub is_finished: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    pub accounts: Vec<Account>,
    ids: BTreeSet<Id>,
    corridor: BTreeMap<Key, u32>,
    pub transfers: BTreeMap<Id, Content>,
    pub holds: BTreeMap<Id, Hold>,
    /// Corridor accounts that moved since they were last compared.
    pub moved: BTreeSet<Key>,
}

impl Ledger {
    pub fn balance(&self, key: Key) -> i128 {
        let account = self
            .corridor
            .get(&key)
            .map(|at| &self.accounts[*at as usize]);
        account.map_or(0, |account| {
            account.credits as i128 - account.debits as i128
        })
    }

    /// Merchants with a cleared account under an enterprise, ascending.
    pub fn cleared_under(&self, enterprise: u32) -> Vec<u32> {
        let kind = AccountKind::MerchantCleared as u8;
        let keys = self.corridor.keys();
        keys.filter(|key| key.1 == kind && key.2 == enterprise)
            .map(|key| key.0)
            .collect()
    }

    pub fn open(&mut self, rows: &[AccountRow]) {
        for row in rows {
            let (index, kind) = (self.accounts.len() as u32, row.kind as u8);
            same!(
                row.index,
                index,
                "law 1: index of account {}",
                row.account_id
            );
            assert!(
                self.ids.insert(row.account_id),
                "law 1: account {} was opened twice",
                row.account_id
            );
            let key = (row.owner, kind, row.counterparty, row.currency.0);
            let is_partners = row.kind == AccountKind::Partner;
            if !is_partners {
                let other = self.corridor.insert(key, index);
                assert!(other.is_none(), "law 1: account {key:?} was opened twice");
            }
            self.accounts.push(Account {
                key,
                is_partners,
                flags: row.flags,
                ..Account::default()
            });
        }
    }

    /// Movements of the corridor itself.
    pub fn post(&mut self, rows: &[TransferRow]) {
        for row in rows {
            for index in [row.debit, row.credit] {
                let account = &self.accounts[index as usize];
                assert!(
                    !account.is_partners,
                    "law 1: transfer {} of the corridor moves a partner's account {index}",
                    row.transfer_id
                );
                self.moved.insert(account.key);
            }
            self.moves(row);
        }
    }

    fn moves(&mut self, row: &TransferRow) {
        let (id, amount) = (row.transfer_id, u128::from(row.amount));
        self.check_pair(id, row.debit, row.credit);
        let code_flags = u32::from(row.code) | u32::from(row.flags) << 16;
        let content = (row.debit, row.credit, amount, code_flags, Id::ZERO, 0);
        self.accounts[row.debit as usize].debits += amount;
        self.accounts[row.credit as usize].credits += amount;
        let other = self.transfers.insert(id, content);
        assert!(other.is_none(), "law 1: transfer {id} was applied twice");
    }

    /// Law 1 in every currency: both sides of a movement are of one currency, and two accounts.
    fn check_pair(&self, id: Id, debit: u32, credit: u32) {
        let currency = |index: u32| self.accounts.get(index as usize).map(|it| it.key.3);
        let (one, other) = (currency(debit), currency(credit));
        assert!(
            one.is_some() && one == other && debit != credit,
            "law 1: transfer {id} from account {debit} ({one:?}) to {credit} ({other:?})"
        );
    }

    fn holds(&mut self, row: &HoldRow) {
        let (id, amount) = (row.transfer_id, u128::from(row.amount));
        self.check_pair(id, row.debit, row.credit);
        let code_flags = u32::from(row.code) | u32::from(row.flags) << 16;
        let content = (
            row.debit,
            row.credit,
            amount,
            code_flags,
            row.hold_id,
            row.expires_at_ms,
        );
        let other = self.transfers.insert(id, content);
        assert!(other.is_none(), "law 1: transfer {id} was applied twice");
        let (debit, credit) = (row.debit as usize, row.credit as usize);
        if row.flags & (CAPTURE | VOID) == 0 {
            self.accounts[debit].debits_held += amount;
            self.accounts[credit].credits_held += amount;
            let (debit, credit) = (row.debit, row.credit);
            let hold = Hold {
                debit,
                credit,
                amount,
                expires_at_ms: row.expires_at_ms,
                is_finished: false,
            };
            self.holds.insert(id, hold);
            return;
        }
        let hold = self
            .holds
            .get_mut(&row.hold_id)
            .expect("law 1: a hold that was placed");
        assert!(!hold.is_finished, "law 1: hold {} ends twice", row.hold_id);
        hold.is_finished = true;
        self.accounts[debit].debits_held -= hold.amount;
        self.accounts[credit].credits_held -= hold.amount;
        if row.flags & CAPTURE != 0 {
            self.accounts[debit].debits += amount;
            self.accounts[credit].credits += amount;
        }
    }

    /// Sums of both sides over everything: run now and then.
    pub fn check_sums(&self) {
        let mut sums: BTreeMap<u16, [u128; 4]> = BTreeMap::new();
        for account in &self.accounts {
            let sum = sums.entry(account.key.3).or_default();
            sum[0] += account.debits;
            sum[1] += account.credits;
            sum[2] += account.debits_held;
            sum[3] += account.credits_held;
        }
        for (currency, [debits, credits, held, due]) in sums {
            assert!(
                debits == credits && held == due,
                "law 1: currency {currency}: debits {debits}, credits {credits}, held {held} and {due}"
            );
        }
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::AccountsOpened(event) => self.open(&event.accounts),
            Event::TransfersApplied(event) => {
                for row in &event.transfers {
                    self.check_partners(row.transfer_id, [row.debit, row.credit]);
                    self.moves(row);
                }
                for row in &event.holds {
                    self.check_partners(row.transfer_id, [row.debit, row.credit]);
                    self.holds(row);
                }
            }
            Event::AccountClosed(event) => {
                self.accounts[event.account as usize].is_closed = true;
            }
            _ => {}
        }
    }

    fn check_partners(&self, id: Id, accounts: [u32; 2]) {
        for index in accounts {
            assert!(
                self.accounts[index as usize].is_partners,
                "law 1: a partner's transfer {id} moves account {index} of the corridor"
            );
        }
    }
}

pub fn open_accounts(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::OpenAccountsRequest = decode(bytes)?;
    let (ledger, registry) = (&tables.ledger, &tables.registry);
    match asked.accounts.len() {
        0 => return refuses(Rejection::FieldMissing, "accounts"),
        count if count > 8_192 => return refuses(Rejection::BatchTooLarge, "accounts"),
        _ => {}
    }
    let mut rows: Vec<AccountRow> = Vec::new();
    for (at, account) in asked.accounts.iter().enumerate() {
        let field = |name: &str| format!("accounts[{at}].{name}");
        let Some(account_id) = request::id(&account.account_id) else {
            return refuses(Rejection::FieldInvalid, field("account_id"));
        };
        if ledger.ids.contains(&account_id) {
            return refuses(Rejection::AccountExistsDifferent, field("account_id"));
        }
        let Some(owner) = registry.any(&account.party_id) else {
            return refuses(Rejection::UnknownParty, field("party_id"));
        };
        let Some(currency) = Currency::from_iso(&account.currency) else {
            return refuses(Rejection::UnknownCurrency, field("currency"));
        };
        if account.code == 0 || account.code > 32_767 {
            return refuses(Rejection::FieldInvalid, field("code"));
        }
        if rows.iter().any(|row| row.account_id == account_id) {
            return refuses(Rejection::AccountExistsDifferent, field("account_id"));
        }
        rows.push(AccountRow {
            account_id,
            index: (ledger.accounts.len() + at) as u32,
            owner,
            counterparty: u32::MAX,
            kind: AccountKind::Partner,
            currency,
            flags: u16::from(account.debits_must_not_exceed_credits)
                + 2 * u16::from(account.credits_must_not_exceed_debits),
            code: account.code as u16,
        });
    }
    accepts(move |told| {
        let Event::AccountsOpened(event) = told.only() else {
            panic!("accounts were asked for: {:?}", told.only());
        };
        same!(event.accounts, rows, "accounts opened");
        let reply: proto::OpenAccountsResponse = told.reply();
        let indexes: Vec<u32> = rows.iter().map(|row| row.index).collect();
        same!(reply.account_indexes, indexes, "indexes of the reply");
    })
}

pub fn close_account(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::CloseAccountRequest = decode(bytes)?;
    let index = asked.account_index;
    let no = |code: Rejection| refuses(code, "account_index");
    let Some(account) = tables.ledger.accounts.get(index as usize) else {
        return no(Rejection::UnknownAccount);
    };
    if !account.is_partners {
        return no(Rejection::AccountOfTheCorridor);
    }
    if account.is_closed {
        return no(Rejection::AccountClosed);
    }
    if account.debits != account.credits || account.debits_held + account.credits_held > 0 {
        return no(Rejection::AccountNotEmpty);
    }
    accepts(move |told| {
        let Event::AccountClosed(event) = told.only() else {
            panic!("a closing was asked for: {:?}", told.only());
        };
        same!(event.account, index, "account closed");
    })
}

/// A party known by its id, whatever the bytes are.
impl Registry {
    pub fn any(&self, bytes: &[u8]) -> Option<u32> {
        let raw: [u8; 16] = bytes.get(..16)?.try_into().ok()?;
        self.index(Id(raw))
    }
}
