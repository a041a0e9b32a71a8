//! The payer's bank calls money back: suspense first, then allocations, then what the merchants were already paid.

use std::collections::BTreeMap;

use super::{positive, reference, remittance};
use crate::contract::whampoa::forex::v1 as proto;
use crate::decide::clearing::chain;
use crate::decide::ledger::posting::Postings;
use crate::decide::{Context, Decision};
use crate::event::clearing::AllocationRow;
use crate::event::customs::ClawbackRow;
use crate::event::forex::{DebtRow, RemittanceRecalled};
use crate::event::ledger::AccountKind;
use crate::event::{Draft, NO_INDEX};
use crate::ids::{Id, Step};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::share::{Claim, pro_rata};
use crate::state::State;
use crate::state::conversion::ConversionState;
use crate::state::remittance::{Remittance, Share};

/// Undone allocations, or debts, of one entry: with a transfer, an account and a clawback for each they stay below the
/// limit of 8,192 rows.
const ROWS_PER_ENTRY: usize = 2_000;

pub fn recall_remittance(
    state: &State,
    context: &Context<'_>,
    request: &proto::RecallRemittanceRequest,
) -> Decision {
    let remittance = remittance(state, &request.remittance_id, "remittance_id")?;
    let amount = positive(request.amount_minor, "amount_minor")?;
    let bank_reference = reference(&request.bank_reference, "bank_reference")?;
    let mut row = remittance.next_row();
    let recallable =
        row.credited_minor - row.returned_minor - row.charges_after_minor - row.debt_minor;
    if amount > recallable {
        return refuse(
            Rejection::ExceedsCredited,
            "amount_minor",
            format!("{amount} of {recallable}"),
        );
    }
    let from_suspense = amount.min(row.suspense_minor);
    let mut allocations = undo_newest(state, remittance, amount - from_suspense);
    let from_allocations: i64 = allocations.iter().map(|undone| undone.amount_minor).sum();
    let debt = amount - from_suspense - from_allocations;
    let debts = debts(state, remittance, debt)?;
    row.suspense_minor -= from_suspense;
    row.allocated_minor -= from_allocations;
    row.returned_minor += from_suspense + from_allocations;
    row.debt_minor += debt;
    let totals = RemittanceRecalled {
        remittance_id: remittance.id(),
        amount_minor: amount,
        from_suspense_minor: from_suspense,
        from_allocations_minor: from_allocations,
        debt_minor: debt,
        bank_reference,
        remittances: vec![row],
        allocations: Vec::new(),
        clawbacks: Vec::new(),
        debts: Vec::new(),
        accounts: Vec::new(),
        transfers: Vec::new(),
    };
    let clawbacks = claw(state, context, &mut allocations, &debts);
    let mut parts = parts(&allocations, &debts);
    for (part, clawbacks) in parts.iter_mut().zip(clawbacks) {
        part.clawbacks = clawbacks;
    }
    Ok(entries(state, context, remittance, &totals, parts))
}

/// What one entry of a recall holds.
#[derive(Default)]
struct Part<'a> {
    allocations: &'a [AllocationRow],
    clawbacks: Vec<ClawbackRow>,
    debts: &'a [DebtRow],
}

/// Undone allocations first, then debts; where both are few they share an entry.
fn parts<'a>(allocations: &'a [AllocationRow], debts: &'a [DebtRow]) -> Vec<Part<'a>> {
    if allocations.len() + debts.len() <= ROWS_PER_ENTRY {
        return vec![Part {
            allocations,
            debts,
            ..Part::default()
        }];
    }
    let undone = allocations.chunks(ROWS_PER_ENTRY).map(|allocations| Part {
        allocations,
        ..Part::default()
    });
    let owed = debts.chunks(ROWS_PER_ENTRY).map(|debts| Part {
        debts,
        ..Part::default()
    });
    undone.chain(owed).collect()
}

/// Rows of a trade follow one another. Used value that is given up needs no proof any more: its clawback shrinks, in
/// the entry of the trade's last row.
fn claw(
    state: &State,
    context: &Context<'_>,
    allocations: &mut [AllocationRow],
    debts: &[DebtRow],
) -> Vec<Vec<ClawbackRow>> {
    let sizes: Vec<usize> = parts(allocations, debts)
        .iter()
        .map(|part| part.allocations.len())
        .collect();
    let last_part = sizes.len() - 1;
    let step_of = |at: usize| {
        let part = at / ROWS_PER_ENTRY;
        // In the last entry the remittance stands before the allocations.
        let row = at % ROWS_PER_ENTRY + usize::from(part == last_part);
        Step {
            index: context.next_index + part as u64,
            row: row as u16,
        }
    };
    let last = chain(allocations, step_of, BTreeMap::new());
    let mut given_up: BTreeMap<Id, i64> = BTreeMap::new();
    for undone in allocations.iter() {
        *given_up.entry(undone.trade_id).or_default() += undone.used_minor;
    }
    let mut clawbacks: Vec<Vec<ClawbackRow>> = vec![Vec::new(); sizes.len()];
    for (trade_id, given_up) in given_up {
        let (Some(trade), Some(step)) = (state.trades.get(trade_id), last.get(&trade_id)) else {
            continue;
        };
        let lost = (trade.used_minor - given_up - trade.verified_minor).max(0);
        if lost < trade.clawback_minor {
            clawbacks[(step.index - context.next_index) as usize].push(ClawbackRow {
                trade_id,
                merchant: trade.merchant,
                clawback_minor: lost,
                previous: *step,
            });
        }
    }
    clawbacks
}

/// One operation, cut into entries; the last one says what else goes back, and the totals.
fn entries(
    state: &State,
    context: &Context<'_>,
    remittance: &Remittance,
    totals: &RemittanceRecalled,
    parts: Vec<Part<'_>>,
) -> Vec<Draft> {
    let mut postings = Postings::new(&state.ledger, context.now_ms, context.next_index);
    let (enterprise, currency) = (remittance.service_enterprise(), remittance.currency());
    let bank = postings.of(enterprise, AccountKind::ServiceBankForeign, currency);
    let last_part = parts.len() - 1;
    let draft = |(at, part): (usize, Part<'_>)| {
        let mut per_merchant: BTreeMap<u32, i64> = BTreeMap::new();
        part.allocations.iter().for_each(|undone| {
            *per_merchant.entry(undone.merchant).or_default() += undone.amount_minor
        });
        for (merchant, amount) in per_merchant {
            let kind = AccountKind::MerchantForeign;
            let account = postings.of_merchant(merchant, enterprise, kind, currency);
            postings.transfer(account, bank, amount);
        }
        for owed in part.debts {
            let kind = AccountKind::MerchantDebt;
            let debt = postings.of_merchant(owed.merchant, enterprise, kind, currency);
            postings.transfer(debt, bank, owed.amount_minor);
        }
        let mut event = RemittanceRecalled {
            remittance_id: totals.remittance_id,
            amount_minor: 0,
            from_suspense_minor: 0,
            from_allocations_minor: 0,
            debt_minor: 0,
            bank_reference: String::new(),
            remittances: Vec::new(),
            allocations: Vec::new(),
            clawbacks: Vec::new(),
            debts: Vec::new(),
            accounts: Vec::new(),
            transfers: Vec::new(),
        };
        if at == last_part {
            let suspense = postings.of(enterprise, AccountKind::Suspense, currency);
            postings.transfer(suspense, bank, totals.from_suspense_minor);
            event = totals.clone();
        }
        event.allocations = part.allocations.to_vec();
        event.clawbacks = part.clawbacks;
        event.debts = part.debts.to_vec();
        (event.accounts, event.transfers) = postings.take();
        Draft {
            continues: at < last_part,
            ..Draft::after(remittance.last, remittance.id(), event)
        }
    };
    parts.into_iter().enumerate().map(draft).collect()
}

/// Undo rows for `amount`, newest allocation first, of each merchant no more than is unconverted.
fn undo_newest(state: &State, remittance: &Remittance, amount: i64) -> Vec<AllocationRow> {
    let mut unconverted: BTreeMap<u32, i64> = remittance
        .shares
        .iter()
        .map(|(merchant, share)| (*merchant, share.unconverted_minor()))
        .collect();
    let mut left = amount;
    let mut rows = Vec::new();
    for allocation in remittance.allocations.iter().rev() {
        if left == 0 {
            break;
        }
        let free = unconverted.entry(allocation.merchant).or_default();
        let part = allocation.amount_minor.min(left).min(*free);
        if part <= 0 {
            continue;
        }
        *free -= part;
        left -= part;
        // A part of a row gives back its part of the used value, rounded down; the whole row gives back all.
        let used = i128::from(allocation.used_minor) * i128::from(part)
            / i128::from(allocation.amount_minor);
        rows.push(AllocationRow {
            trade_id: allocation.trade_id,
            merchant: allocation.merchant,
            amount_minor: part,
            used_minor: used as i64,
            rate: Step::NONE,
            previous: state
                .trades
                .get(allocation.trade_id)
                .map_or(Step::NONE, |trade| trade.last),
            grant: NO_INDEX,
            is_undo: true,
        });
    }
    rows
}

/// The debt shared over merchants by what was converted for them and is not owed yet. What the bank has not answered for
/// is neither there to go back nor spent: the recall waits for the answer.
fn debts(state: &State, remittance: &Remittance, debt: i64) -> Result<Vec<DebtRow>, Refusal> {
    let pending: Vec<_> = state
        .conversions
        .iter()
        .filter(|it| it.state == ConversionState::Requested)
        .filter(|it| it.row.remittance_id == remittance.id())
        .collect();
    let converted = |merchant: u32, share: &Share| {
        let waiting: i64 = pending
            .iter()
            .filter_map(|conversion| conversion.shares.get(&merchant))
            .sum();
        share.converting_minor - waiting - share.debt_minor
    };
    let claims: Vec<(u32, Claim)> = remittance
        .shares
        .iter()
        .map(|(merchant, share)| {
            let cap = converted(*merchant, share);
            let tie = state.registry.id_of(*merchant).0;
            (
                *merchant,
                Claim {
                    cap,
                    weight: cap,
                    tie,
                },
            )
        })
        .collect();
    let room: i64 = claims.iter().map(|(_, claim)| claim.cap).sum();
    if debt > room {
        return refuse(
            Rejection::ConversionPending,
            "amount_minor",
            format!("{debt} of {room} converted"),
        );
    }
    let only: Vec<Claim> = claims.iter().map(|(_, claim)| *claim).collect();
    let owed = claims.iter().zip(pro_rata(debt, &only));
    Ok(owed
        .filter(|(_, share)| *share > 0)
        .map(|((merchant, _), amount_minor)| DebtRow {
            merchant: *merchant,
            amount_minor,
        })
        .collect())
}
