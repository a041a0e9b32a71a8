//! Accounts of partners and their transfers.

pub mod posting;
mod transfers;

use super::{Context, Decision};
use crate::contract::whampoa::ledger::v1 as proto;
use crate::event::codec::Wire;
use crate::event::ledger::{
    AccountClosed, AccountKind, AccountRow, AccountsOpened, CREDITS_LIMITED, DEBITS_LIMITED,
};
use crate::event::{Draft, NO_INDEX};
use crate::ids::Id;
use crate::money::Currency;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;

pub use transfers::submit_transfers;

/// Rows an entry may have.
pub const ROWS_MAX: usize = 8_192;

/// Highest code a partner may give an account.
const CODE_MAX: u32 = 32_767;

pub fn open_accounts(
    state: &State,
    _context: &Context<'_>,
    request: &proto::OpenAccountsRequest,
) -> Decision {
    if request.accounts.is_empty() {
        return refuse(Rejection::FieldMissing, "accounts", "");
    }
    if request.accounts.len() > ROWS_MAX {
        return refuse(Rejection::BatchTooLarge, "accounts", request.accounts.len());
    }
    let mut accounts: Vec<AccountRow> = Vec::with_capacity(request.accounts.len());
    for (at, account) in request.accounts.iter().enumerate() {
        let row = account_row(state, account, at, state.ledger.len() + at as u32)?;
        if accounts
            .iter()
            .any(|other| other.account_id == row.account_id)
        {
            return refuse(
                Rejection::AccountExistsDifferent,
                format!("accounts[{at}].account_id"),
                row.account_id,
            );
        }
        accounts.push(row);
    }
    let case_id = accounts[0].account_id;
    Ok(vec![Draft::first(case_id, AccountsOpened { accounts })])
}

fn account_row(
    state: &State,
    account: &proto::Account,
    at: usize,
    index: u32,
) -> Result<AccountRow, Refusal> {
    let field = |name: &str| format!("accounts[{at}].{name}");
    let Some(account_id) = Id::parse(&account.account_id) else {
        return refuse(
            Rejection::FieldInvalid,
            field("account_id"),
            "16 bytes, UUIDv7",
        );
    };
    if state.ledger.index_of(account_id).is_some() {
        return refuse(
            Rejection::AccountExistsDifferent,
            field("account_id"),
            account_id,
        );
    }
    let party = Id::get(&account.party_id).and_then(|party| state.registry.index_of(party));
    let Some(owner) = party else {
        return refuse(Rejection::UnknownParty, field("party_id"), "");
    };
    let Some(currency) = Currency::from_iso(&account.currency) else {
        return refuse(
            Rejection::UnknownCurrency,
            field("currency"),
            &account.currency,
        );
    };
    if !(1..=CODE_MAX).contains(&account.code) {
        return refuse(Rejection::FieldInvalid, field("code"), account.code);
    }
    let flag = |set: bool, flag: u16| if set { flag } else { 0 };
    Ok(AccountRow {
        account_id,
        index,
        owner,
        counterparty: NO_INDEX,
        kind: AccountKind::Partner,
        currency,
        flags: flag(account.debits_must_not_exceed_credits, DEBITS_LIMITED)
            | flag(account.credits_must_not_exceed_debits, CREDITS_LIMITED),
        code: account.code as u16,
    })
}

pub fn close_account(
    state: &State,
    _context: &Context<'_>,
    request: &proto::CloseAccountRequest,
) -> Decision {
    let index = request.account_index;
    let Some(account) = state.ledger.get(index) else {
        return refuse(Rejection::UnknownAccount, "account_index", index);
    };
    if account.kind != AccountKind::Partner {
        return refuse(Rejection::AccountOfTheCorridor, "account_index", index);
    }
    if account.is_closed {
        return refuse(Rejection::AccountClosed, "account_index", index);
    }
    if account.debits_posted != account.credits_posted
        || account.debits_pending + account.credits_pending != 0
    {
        return refuse(Rejection::AccountNotEmpty, "account_index", index);
    }
    Ok(vec![Draft::first(
        account.account_id,
        AccountClosed { account: index },
    )])
}
