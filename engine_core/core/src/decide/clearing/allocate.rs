//! Shares the suspense of a remittance: over merchants pro rata with caps, within a merchant oldest release first.

use super::claims::{Advice, Claims, MerchantClaim};
use crate::contract::whampoa::clearing::v1::AllocationMode;
use crate::decide::forex::{AMOUNT_MAX, check_not_waiting, remittance};
use crate::decide::ledger::posting::Postings;
use crate::decide::{Context, Decision, Method};
use crate::event::Draft;
use crate::event::clearing::{Allocated, AllocationRow};
use crate::event::forex::RemittanceRow;
use crate::event::ledger::AccountKind;
use crate::event::risk::ReviewState;
use crate::ids::{Id, Step};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::share::pro_rata;
use crate::state::State;
use crate::state::remittance::Remittance;
use crate::wire::columns::Columns;

/// Rows of advice one request may have.
const ADVICE_MAX: usize = 1_000_000;
/// Allocation rows of one entry: with a transfer and an account for each they stay below the limit of 8,192 rows.
const ROWS_PER_ENTRY: usize = 2_500;

pub fn allocate(state: &State, context: &Context<'_>, request: &[u8]) -> Decision {
    let columns = Columns::parse(Method::Allocate.request_name(), request)?;
    let remittance = remittance(state, columns.bytes(2), "remittance_id")?;
    check_review(remittance)?;
    let suspense = remittance.amounts.suspense_minor;
    let amount = match columns.scalar(4) as i64 {
        0 => suspense,
        amount if amount < 0 => return refuse(Rejection::InvalidAmount, "amount_minor", amount),
        amount => amount,
    };
    if amount > suspense {
        return refuse(
            Rejection::ExceedsSuspense,
            "amount_minor",
            format!("{amount} of {suspense}"),
        );
    }
    let advice = advice(&columns)?;
    let claims = Claims::new(
        state,
        remittance.service_enterprise(),
        remittance.currency(),
        context.now_ms,
    );
    let mode = AllocationMode::try_from(columns.scalar(3) as i32).unwrap_or_default();
    let claims = match mode {
        AllocationMode::ByOrders => claims.by_orders(&advice),
        AllocationMode::ByMerchants => claims.by_merchants(&advice),
        AllocationMode::ByVolume if advice.is_empty() => claims.by_volume(),
        AllocationMode::ByVolume => {
            return refuse(
                Rejection::FieldInvalid,
                "row_count",
                "by volume takes no advice",
            );
        }
        AllocationMode::Unspecified => {
            return refuse(Rejection::FieldMissing, "mode", columns.scalar(3));
        }
    };
    let (merchants, level_one, refused) = claims.finish();
    let shares = pro_rata(amount, &level_one);
    let rows: Vec<AllocationRow> = merchants
        .iter()
        .zip(&shares)
        .flat_map(|(merchant, share)| serve(state, merchant, *share))
        .collect();
    if rows.is_empty() {
        let first = refused
            .first()
            .and_then(|(_, code)| Rejection::try_from(i32::from(*code)).ok());
        let why = first.map_or("no open value".to_owned(), |code| {
            crate::rejection::text(code)
        });
        return refuse(Rejection::NothingToAllocate, "remittance_id", why);
    }
    let merchants = shares.iter().filter(|share| **share > 0).count() as u32;
    Ok(entries(
        state, context, remittance, mode, rows, merchants, refused,
    ))
}

fn check_review(remittance: &Remittance) -> Result<(), Refusal> {
    check_not_waiting(remittance)?;
    match remittance.review {
        ReviewState::Rejected => {
            refuse(Rejection::ReviewRejected, "remittance_id", remittance.id())
        }
        _ => Ok(()),
    }
}

fn advice(columns: &Columns<'_>) -> Result<Vec<Advice>, Refusal> {
    let rows = columns.scalar(5) as usize;
    if rows > ADVICE_MAX {
        return refuse(Rejection::BatchTooLarge, "row_count", rows);
    }
    let (high, low) = (
        columns.fixed64(6, "id_high", rows)?,
        columns.fixed64(7, "id_low", rows)?,
    );
    let advised = columns.fixed64(8, "advised_minor", rows)?;
    let row = |at: usize| Advice {
        row: at as u32,
        id: Id::from_halves(high.get(at), low.get(at)),
        // An amount beyond the bound is beyond every open value too, and is refused as invalid below zero.
        amount_minor: i64::try_from(advised.get(at)).unwrap_or(-1).min(AMOUNT_MAX),
    };
    Ok((0..rows).map(row).collect())
}

/// Level 2: the merchant's share put to its trades in order; the last one served may be partial.
fn serve(state: &State, claim: &MerchantClaim, share: i64) -> Vec<AllocationRow> {
    let mut left = share;
    let mut rows = Vec::new();
    for trade in &claim.trades {
        if left == 0 {
            break;
        }
        let amount_minor = trade.cap_minor.min(left);
        left -= amount_minor;
        let full_minor = match trade.rate {
            None => trade.open_minor,
            Some((rate, _)) => rate
                .convert_down(trade.open_minor)
                .unwrap_or(trade.cap_minor),
        };
        rows.push(AllocationRow {
            trade_id: trade.trade_id,
            merchant: claim.merchant,
            amount_minor,
            used_minor: trade.used_by(amount_minor, full_minor),
            rate: trade.rate.map_or(Step::NONE, |(_, step)| step),
            previous: state.trades.at(trade.slot).last,
            grant: claim.grant,
            is_undo: false,
        });
    }
    rows
}

/// One operation, cut into entries; the last one carries the remittance and the totals.
fn entries(
    state: &State,
    context: &Context<'_>,
    remittance: &Remittance,
    mode: AllocationMode,
    rows: Vec<AllocationRow>,
    merchants: u32,
    refused: Vec<(u32, u16)>,
) -> Vec<Draft> {
    let mut row: RemittanceRow = remittance.next_row();
    let allocated_minor: i64 = rows.iter().map(|row| row.amount_minor).sum();
    row.allocated_minor += allocated_minor;
    row.suspense_minor -= allocated_minor;
    let mut postings = Postings::new(&state.ledger, context.now_ms, context.next_index);
    let suspense = postings.of(row.service_enterprise, AccountKind::Suspense, row.currency);
    let parts: Vec<&[AllocationRow]> = rows.chunks(ROWS_PER_ENTRY).collect();
    let mut drafts = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        // Rows of one merchant stand together: one transfer for each run.
        for run in part.chunk_by(|left, right| left.merchant == right.merchant) {
            let kind = AccountKind::MerchantForeign;
            let account =
                postings.of_merchant(run[0].merchant, row.service_enterprise, kind, row.currency);
            postings.transfer(
                suspense,
                account,
                run.iter().map(|row| row.amount_minor).sum(),
            );
        }
        let (accounts, transfers) = postings.take();
        let is_last = at + 1 == parts.len();
        let event = Allocated {
            remittance_id: remittance.id(),
            mode: mode as u8,
            allocated_minor: if is_last { allocated_minor } else { 0 },
            rows_total: if is_last { rows.len() as u32 } else { 0 },
            merchants: if is_last { merchants } else { 0 },
            refused: if is_last { refused.clone() } else { Vec::new() },
            remittances: if is_last {
                vec![row.clone()]
            } else {
                Vec::new()
            },
            allocations: part.to_vec(),
            accounts,
            transfers,
        };
        drafts.push(Draft {
            continues: !is_last,
            ..Draft::after(remittance.last, remittance.id(), event)
        });
    }
    drafts
}
