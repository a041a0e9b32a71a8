//! The payer's bank calls money back: suspense first, then allocations, then what the merchants were already paid.

use std::collections::BTreeMap;

use super::{positive, remittance};
use crate::contract::whampoa::forex::v1 as proto;
use crate::decide::ledger::posting::Postings;
use crate::decide::{Context, Decision};
use crate::event::clearing::AllocationRow;
use crate::event::forex::{DebtRow, RemittanceRecalled};
use crate::event::ledger::AccountKind;
use crate::event::{Draft, NO_INDEX};
use crate::ids::Step;
use crate::rejection::{Rejection, refuse};
use crate::share::largest_remainder;
use crate::state::State;
use crate::state::remittance::Remittance;

/// Undone allocations of one entry: with a transfer and an account for each they stay below the limit of 8,192 rows.
const UNDONE_PER_ENTRY: usize = 2_500;

pub fn recall_remittance(
    state: &State,
    context: &Context<'_>,
    request: &proto::RecallRemittanceRequest,
) -> Decision {
    let remittance = remittance(state, &request.remittance_id, "remittance_id")?;
    let amount = positive(request.amount_minor, "amount_minor")?;
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
    let allocations = undo_newest(state, remittance, amount - from_suspense);
    let from_allocations: i64 = allocations.iter().map(|undone| undone.amount_minor).sum();
    let debt = amount - from_suspense - from_allocations;
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
        bank_reference: request.bank_reference.clone(),
        debts: debts(state, remittance, debt),
        remittances: vec![row],
        allocations: Vec::new(),
        accounts: Vec::new(),
        transfers: Vec::new(),
    };
    Ok(entries(state, context, remittance, totals, &allocations))
}

/// One operation, cut into entries: undone allocations first, the last one with what else goes back and the totals.
fn entries(
    state: &State,
    context: &Context<'_>,
    remittance: &Remittance,
    totals: RemittanceRecalled,
    allocations: &[AllocationRow],
) -> Vec<Draft> {
    let mut postings = Postings::new(&state.ledger, context.now_ms, context.next_index);
    let (enterprise, currency) = (remittance.service_enterprise(), remittance.currency());
    let bank = postings.of(enterprise, AccountKind::ServiceBankForeign, currency);
    let mut parts: Vec<&[AllocationRow]> = allocations.chunks(UNDONE_PER_ENTRY).collect();
    let last_part = parts.pop().unwrap_or_default();
    let undo = |postings: &mut Postings<'_>, part: &[AllocationRow]| {
        let mut per_merchant: BTreeMap<u32, i64> = BTreeMap::new();
        part.iter().for_each(|undone| {
            *per_merchant.entry(undone.merchant).or_default() += undone.amount_minor
        });
        for (merchant, amount) in per_merchant {
            let account =
                postings.of_merchant(merchant, enterprise, AccountKind::MerchantForeign, currency);
            postings.transfer(account, bank, amount);
        }
    };
    let mut drafts = Vec::with_capacity(parts.len() + 1);
    for part in parts {
        undo(&mut postings, part);
        let (accounts, transfers) = postings.take();
        let event = RemittanceRecalled {
            amount_minor: 0,
            from_suspense_minor: 0,
            from_allocations_minor: 0,
            debt_minor: 0,
            bank_reference: String::new(),
            remittances: Vec::new(),
            debts: Vec::new(),
            allocations: part.to_vec(),
            accounts,
            transfers,
            ..totals.clone()
        };
        drafts.push(Draft {
            continues: true,
            ..Draft::after(remittance.last, remittance.id(), event)
        });
    }
    undo(&mut postings, last_part);
    let suspense = postings.of(enterprise, AccountKind::Suspense, currency);
    postings.transfer(suspense, bank, totals.from_suspense_minor);
    for owed in &totals.debts {
        let debt = postings.of_merchant(
            owed.merchant,
            enterprise,
            AccountKind::MerchantDebt,
            currency,
        );
        postings.transfer(debt, bank, owed.amount_minor);
    }
    let (accounts, transfers) = postings.take();
    let event = RemittanceRecalled {
        allocations: last_part.to_vec(),
        accounts,
        transfers,
        ..totals
    };
    drafts.push(Draft::after(remittance.last, remittance.id(), event));
    drafts
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

/// The debt shared over merchants by what was converted for them.
fn debts(state: &State, remittance: &Remittance, debt: i64) -> Vec<DebtRow> {
    let converted: Vec<(u32, i64)> = remittance
        .shares
        .iter()
        .map(|(merchant, share)| (*merchant, share.converting_minor))
        .collect();
    let weights: Vec<(i64, [u8; 16])> = converted
        .iter()
        .map(|(merchant, amount)| (*amount, state.registry.id_of(*merchant).0))
        .collect();
    let shares = largest_remainder(debt, &weights);
    let owed = converted.iter().zip(shares).filter(|(_, share)| *share > 0);
    owed.map(|((merchant, _), amount_minor)| DebtRow {
        merchant: *merchant,
        amount_minor,
    })
    .collect()
}
