//! What must be true of the state after every request, and of the journal at the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use whampoa_core::event::catalog::RowKind;
use whampoa_core::event::clearing::{AllocationRow, PayoutState};
use whampoa_core::event::codec::Row;
use whampoa_core::event::ledger::AccountKind;
use whampoa_core::ids::{Id, Step};
use whampoa_core::journal::view::EntryView;
use whampoa_core::laws;
use whampoa_core::money::{CNY, Currency};
use whampoa_core::state::State;
use whampoa_core::state::conversion::ConversionState;

use crate::machine::Machine;

pub fn check_laws(state: &State) {
    for law in laws::check(state) {
        assert!(
            law.holds,
            "law {} at entry {}: {}",
            law.number, state.next_index, law.text
        );
    }
}

/// Sums that hold by more than one way of keeping them.
pub fn check_deep(state: &State) {
    queues_hold_what_is_open(state);
    foreign_accounts_hold_what_is_unconverted(state);
    cleared_accounts_hold_what_was_not_paid(state);
    debts_stand_in_accounts(state);
    used_value_is_the_allocations(state);
}

fn debts_stand_in_accounts(state: &State) {
    let mut owed: BTreeMap<(u32, u32, Currency), i64> = BTreeMap::new();
    for remittance in state.remittances.iter() {
        let shares = &remittance.shares;
        let debt: i64 = shares.values().map(|share| share.debt_minor).sum();
        assert_eq!(debt, remittance.amounts.debt_minor);
        for (merchant, share) in shares {
            assert!(share.debt_minor <= share.converting_minor, "{share:?}");
            let key = (
                *merchant,
                remittance.service_enterprise(),
                remittance.currency(),
            );
            *owed.entry(key).or_default() += share.debt_minor;
        }
    }
    for ((merchant, enterprise, currency), expected) in owed {
        let kind = AccountKind::MerchantDebt;
        let balance = state
            .ledger
            .corridor_balance(merchant, kind, enterprise, currency);
        assert_eq!(-balance, expected, "party {merchant} under {enterprise}");
    }
}

fn used_value_is_the_allocations(state: &State) {
    for remittance in state.remittances.iter() {
        for allocation in remittance.allocations.iter().filter(|it| it.used_minor > 0) {
            let trade = state.trades.get(allocation.trade_id).expect("a trade");
            assert_eq!(
                trade.merchant, allocation.merchant,
                "trade {}",
                trade.trade_id
            );
        }
    }
    for trade in state.trades.iter() {
        let lost = (trade.used_minor - trade.verified_minor).max(0);
        assert_eq!(trade.clawback_minor, lost, "trade {trade:?}");
    }
}

fn queues_hold_what_is_open(state: &State) {
    let mut open: BTreeMap<(u32, Currency), (i64, Vec<Id>)> = BTreeMap::new();
    for trade in state.trades.iter().filter(|trade| trade.open_minor() > 0) {
        let entry = open.entry((trade.merchant, trade.currency)).or_default();
        entry.0 += trade.open_minor();
        entry.1.push(trade.trade_id);
    }
    assert_eq!(
        open.keys().copied().collect::<Vec<_>>(),
        state.trades.open_keys().collect::<Vec<_>>()
    );
    for ((merchant, currency), (minor, mut ids)) in open {
        assert_eq!(
            i128::from(minor),
            i128::from(state.trades.open_minor_of(merchant, currency))
        );
        let mut queued: Vec<Id> = state
            .trades
            .open_of(merchant, currency)
            .map(|open| open.trade_id)
            .collect();
        queued.sort();
        ids.sort();
        assert_eq!(ids, queued);
    }
}

fn foreign_accounts_hold_what_is_unconverted(state: &State) {
    let mut held: BTreeMap<(u32, u32, Currency), i64> = BTreeMap::new();
    for remittance in state.remittances.iter() {
        for (merchant, share) in &remittance.shares {
            let key = (
                *merchant,
                remittance.service_enterprise(),
                remittance.currency(),
            );
            *held.entry(key).or_default() += share.allocated_minor;
        }
    }
    for conversion in state.conversions.iter() {
        if conversion.state == ConversionState::Confirmed {
            for (merchant, amount) in &conversion.shares {
                let row = &conversion.row;
                *held
                    .entry((*merchant, row.service_enterprise, row.currency))
                    .or_default() -= amount;
            }
        }
    }
    for ((merchant, enterprise, currency), expected) in held {
        let kind = AccountKind::MerchantForeign;
        let balance = state
            .ledger
            .corridor_balance(merchant, kind, enterprise, currency);
        assert_eq!(balance, expected, "party {merchant} under {enterprise}");
    }
}

fn cleared_accounts_hold_what_was_not_paid(state: &State) {
    let mut cleared: BTreeMap<(u32, u32), i64> = BTreeMap::new();
    for conversion in state.conversions.iter() {
        for (merchant, cny) in &conversion.distributed {
            *cleared
                .entry((*merchant, conversion.row.service_enterprise))
                .or_default() += cny;
        }
    }
    for payout in state.payouts.iter() {
        let is_back = matches!(payout.state, PayoutState::Rejected | PayoutState::Returned);
        let key = (payout.row.merchant, payout.row.service_enterprise);
        *cleared.entry(key).or_default() -= if is_back { 0 } else { payout.row.cny_minor };
    }
    for ((merchant, enterprise), expected) in cleared {
        let balance = |kind: AccountKind| {
            state
                .ledger
                .corridor_balance(merchant, kind, enterprise, CNY)
        };
        let kept = balance(AccountKind::MerchantCleared) + balance(AccountKind::Repaid);
        assert_eq!(kept, expected, "party {merchant} under {enterprise}");
    }
}

/// Every trade's steps lead back to its first document, through every row that moved its value.
pub fn check_chains(machine: &Machine) {
    let mut moved: BTreeMap<Id, usize> = BTreeMap::new();
    for bytes in &machine.entries {
        let view = EntryView::parse(bytes).expect("readable");
        for row in (0..view.row_count()).filter_map(|row| view.row_at(row as u16)) {
            if row.0 == AllocationRow::KIND {
                let row = AllocationRow::get(row.1).expect("an allocation");
                *moved.entry(row.trade_id).or_default() += 1;
            }
        }
    }
    for trade in machine.state.trades.iter() {
        let (mut step, mut rows, mut kinds) = (trade.last, 0, Vec::new());
        loop {
            let (kind, bytes) = machine.row(step).expect("a step is a row");
            let kind = RowKind::find(kind).expect("a known row");
            kinds.push(kind.name);
            rows += usize::from(kind.kind == AllocationRow::KIND);
            let Some(previous) = kind.previous(&bytes) else {
                break;
            };
            assert!(
                (previous.index, previous.row) < (step.index, step.row),
                "{previous:?} is not before {step:?} of {}",
                kind.name
            );
            step = previous;
        }
        let expected = moved.get(&trade.trade_id).copied().unwrap_or(0);
        assert_eq!(rows, expected, "trade {} by {kinds:?}", trade.trade_id);
        assert_eq!(
            kinds.last(),
            Some(&"DocumentRow"),
            "trade {}",
            trade.trade_id
        );
    }
    for remittance in machine.state.remittances.iter() {
        let mut step = remittance.last;
        while step.is_some() {
            let (kind, bytes) = machine.row(step).expect("a step is a row");
            let kind = RowKind::find(kind).expect("a known row");
            step = kind.previous(&bytes).unwrap_or(Step::NONE);
        }
    }
}

/// A run that never got somewhere proves nothing about it.
pub fn check_reached(reached: &BTreeSet<String>) {
    let wanted = [
        "DocumentsRecorded",
        "DisputeSettled",
        "ReturnReported",
        "TradeClosed",
        "AccountsOpened",
        "TransfersApplied",
        "AccountClosed",
        "RemittanceRecorded",
        "ChargeRecorded",
        "RemittanceRecalled",
        "SuspenseReturned",
        "ConversionRequested",
        "ConversionConfirmed",
        "ConversionFailed",
        "BopDeclared",
        "Allocated",
        "DebitConfirmed",
        "SettlementRecorded",
        "PayoutsInstructed",
        "ClawbackSettled",
        "ReviewDecided",
        "ReviewRulesSet",
        "clawback reallocated",
        "clawback repaid",
        "recall with debt",
        "recall of allocations",
        "cross currency",
        "payout returned",
        "withheld",
        "row GRANT_REVOKED",
        "row OUTSIDE_GRANT",
        "row PARTY_SANCTIONED",
        "row UNKNOWN_RELATION",
        "row TRADE_DISPUTED",
        "row TRADE_CLOSED",
        "row TRADE_NOT_RELEASED",
        "row UNKNOWN_TRADE",
        "row INVALID_AMOUNT",
        "row EXCEEDS_OPEN_VALUE",
        "Allocate REJECTION_REVIEW_PENDING",
        "Allocate REJECTION_REVIEW_REJECTED",
        "Allocate REJECTION_EXCEEDS_SUSPENSE",
        "Allocate REJECTION_NOTHING_TO_ALLOCATE",
        "InstructPayouts REJECTION_MERCHANT_UNDER_CLAWBACK",
        "InstructPayouts REJECTION_PAYEE_MISSING",
        "RecordSettlement REJECTION_PAYOUT_STATE",
        "ConfirmDebit REJECTION_PAYOUT_STATE",
        "ConfirmConversion REJECTION_CONVERSION_FINISHED",
        "SettleClawback REJECTION_NO_OPEN_CLAWBACK",
        "SettleClawback REJECTION_EXCEEDS_CLEARED_BALANCE",
        "RecallRemittance REJECTION_EXCEEDS_CREDITED",
        "RecallRemittance REJECTION_CONVERSION_PENDING",
        "ReportReturn REJECTION_EXCEEDS_VERIFIED",
        "CloseTrade REJECTION_TRADE_CLOSED",
        "ReturnSuspense REJECTION_REVIEW_PENDING",
    ];
    let missing: Vec<&&str> = wanted
        .iter()
        .filter(|name| !reached.contains(**name))
        .collect();
    assert!(
        missing.is_empty(),
        "never reached: {missing:?}; reached {reached:?}"
    );
}
