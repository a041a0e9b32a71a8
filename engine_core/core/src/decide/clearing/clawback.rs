//! Ends a clawback: used value that lost its proof is moved to other trades, or repaid out of the cleared balance.

use std::collections::BTreeMap;

use super::chain;
use super::claims::{Claims, TradeClaim};
use crate::contract::whampoa::clearing::v1::{ClawbackSettlement, SettleClawbackRequest};
use crate::decide::forex::parse_id;
use crate::decide::ledger::posting::Postings;
use crate::decide::{Context, Decision};
use crate::event::clearing::{AllocationRow, ClawbackSettled, MovedRow};
use crate::event::codec::Secret;
use crate::event::customs::ClawbackRow;
use crate::event::ledger::AccountKind;
use crate::event::{Draft, NO_INDEX};
use crate::ids::{Id, Step};
use crate::money::{CNY, Currency};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;
use crate::state::remittance::{Allocation, Remittance};
use crate::state::trade::Trade;

/// Rows one settlement may make: they stand in one entry.
const ROWS_MAX: usize = 4_000;

pub fn settle_clawback(
    state: &State,
    context: &Context<'_>,
    request: &SettleClawbackRequest,
) -> Decision {
    let trade_id = parse_id(&request.trade_id, "trade_id")?;
    let Some(trade) = state.trades.get(trade_id) else {
        return refuse(Rejection::UnknownTrade, "trade_id", trade_id);
    };
    if trade.clawback_minor == 0 {
        return refuse(Rejection::NoOpenClawback, "trade_id", trade_id);
    }
    if request.reason.trim().is_empty() {
        return refuse(Rejection::FieldMissing, "reason", "");
    }
    let mut postings = Postings::new(&state.ledger, context.now_ms, context.next_index);
    let settlement = ClawbackSettlement::try_from(request.settlement).unwrap_or_default();
    let mut moved = match settlement {
        ClawbackSettlement::Reallocated => reallocate(state, context, trade)?,
        ClawbackSettlement::RepaidFromBalance => repay(state, trade, &mut postings)?,
        ClawbackSettlement::Unspecified => {
            return refuse(Rejection::FieldMissing, "settlement", request.settlement);
        }
    };
    if moved.allocations.len() > ROWS_MAX {
        return refuse(
            Rejection::BatchTooLarge,
            "trade_id",
            format!("{} rows", moved.allocations.len()),
        );
    }
    let remaining_minor = trade.clawback_minor - moved.settled_minor;
    let row = ClawbackRow {
        trade_id,
        merchant: trade.merchant,
        clawback_minor: remaining_minor,
        previous: trade.last,
    };
    // The clawback is row 0, the rows of the allocations follow the moves.
    let at = |row: usize| Step {
        index: context.next_index,
        row: row as u16,
    };
    let before = BTreeMap::from([(trade_id, at(0))]);
    let first = 1 + moved.moves.len();
    chain(&mut moved.allocations, |row| at(first + row), before);
    let (accounts, transfers) = postings.take();
    let event = ClawbackSettled {
        trade_id,
        settlement: settlement as u8,
        settled_minor: moved.settled_minor,
        remaining_minor,
        reason: Secret::Open {
            value: request.reason.clone().into_bytes(),
            subject: trade_id,
        },
        clawbacks: vec![row],
        moves: moved.moves,
        allocations: moved.allocations,
        accounts,
        transfers,
    };
    Ok(vec![Draft::after(trade.last, trade_id, event)])
}

/// Allocation rows by remittance, and the value of the trade that they settle.
#[derive(Default)]
struct Moved {
    settled_minor: i64,
    moves: Vec<MovedRow>,
    allocations: Vec<AllocationRow>,
}

impl Moved {
    fn add(&mut self, remittance_id: Id, rows: Vec<AllocationRow>) {
        if !rows.is_empty() {
            self.moves.push(MovedRow {
                remittance_id,
                rows: rows.len() as u32,
            });
            self.allocations.extend(rows);
        }
    }
}

/// Remittances that hold allocations of the trade, newest first.
fn holders<'a>(state: &'a State, trade: &Trade) -> Vec<(&'a Remittance, Vec<Allocation>)> {
    let (merchant, trade_id) = (trade.merchant, trade.trade_id);
    let of_trade = |remittance: &Remittance| -> Vec<Allocation> {
        remittance
            .allocations
            .iter()
            .rev()
            .filter(|allocation| allocation.trade_id == trade_id)
            .copied()
            .collect()
    };
    let mut holders: Vec<_> = state
        .remittances
        .iter()
        .filter(|remittance| remittance.shares.contains_key(&merchant))
        .map(|remittance| (remittance, of_trade(remittance)))
        .filter(|(_, allocations)| !allocations.is_empty())
        .collect();
    holders.reverse();
    holders
}

/// Takes `amount_minor` and `used_minor` of an allocation back.
fn undo(trade: &Trade, amount_minor: i64, used_minor: i64) -> AllocationRow {
    AllocationRow {
        trade_id: trade.trade_id,
        merchant: trade.merchant,
        amount_minor,
        used_minor,
        rate: Step::NONE,
        previous: trade.last,
        grant: NO_INDEX,
        is_undo: true,
    }
}

/// Moves what is claimed back to other open trades of the merchant, within each remittance.
fn reallocate(state: &State, context: &Context<'_>, trade: &Trade) -> Result<Moved, Refusal> {
    let mut moved = Moved::default();
    let mut used: BTreeMap<Id, i64> = BTreeMap::new();
    for (remittance, allocations) in holders(state, trade) {
        let mut rows = Vec::new();
        let (enterprise, currency) = (remittance.service_enterprise(), remittance.currency());
        for allocation in allocations {
            let wanted = (trade.clawback_minor - moved.settled_minor).min(allocation.used_minor);
            let amount = part_of(allocation.amount_minor, wanted, allocation.used_minor);
            let open = Claims::new(state, enterprise, currency, context.now_ms)
                .admitted_trades(trade.merchant);
            let open =
                open.map_err(|rejection| Refusal::new(rejection, "trade_id", trade.trade_id))?;
            let taken = take_open(state, trade.merchant, open, amount, &mut used);
            let amount_taken: i64 = taken.iter().map(|row| row.amount_minor).sum();
            if amount_taken == 0 {
                continue;
            }
            let settled = if amount_taken == amount {
                wanted
            } else {
                part_of(wanted, amount_taken, amount)
            };
            moved.settled_minor += settled;
            rows.push(undo(trade, amount_taken, settled));
            rows.extend(taken);
        }
        moved.add(remittance.id(), rows);
    }
    match moved.settled_minor {
        0 => refuse(
            Rejection::NothingToAllocate,
            "trade_id",
            "no other open value",
        ),
        _ => Ok(moved),
    }
}

/// `whole × part ÷ of`, rounded down.
fn part_of(whole: i64, part: i64, of: i64) -> i64 {
    if of == 0 {
        0
    } else {
        (i128::from(whole) * i128::from(part) / i128::from(of)) as i64
    }
}

/// Puts `amount` to open trades in order, without what this settlement used of them already.
fn take_open(
    state: &State,
    merchant: u32,
    open: (u32, Vec<TradeClaim>),
    amount: i64,
    used: &mut BTreeMap<Id, i64>,
) -> Vec<AllocationRow> {
    let (grant, trades) = open;
    let mut left = amount;
    let mut rows = Vec::new();
    for claim in trades {
        let before = used.entry(claim.trade_id).or_default();
        let open_minor = claim.open_minor - *before;
        let full_minor = match claim.rate {
            None => open_minor,
            Some((rate, _)) => rate.convert_down(open_minor).unwrap_or(0),
        };
        let amount_minor = full_minor.min(left);
        if amount_minor <= 0 {
            continue;
        }
        let used_minor = TradeClaim {
            open_minor,
            ..claim
        }
        .used_by(amount_minor, full_minor);
        *before += used_minor;
        left -= amount_minor;
        rows.push(AllocationRow {
            trade_id: claim.trade_id,
            merchant,
            amount_minor,
            used_minor,
            rate: claim.rate.map_or(Step::NONE, |(_, step)| step),
            previous: state.trades.at(claim.slot).last,
            grant,
            is_undo: false,
        });
    }
    rows
}

/// Takes what is claimed back out of the merchant's cleared CNY: the used value is given up, the money stays converted.
fn repay(state: &State, trade: &Trade, postings: &mut Postings<'_>) -> Result<Moved, Refusal> {
    let mut moved = Moved::default();
    let mut owed: BTreeMap<u32, i64> = BTreeMap::new();
    for (remittance, allocations) in holders(state, trade) {
        let mut rows = Vec::new();
        for allocation in allocations {
            let used = (trade.clawback_minor - moved.settled_minor).min(allocation.used_minor);
            if used > 0 {
                moved.settled_minor += used;
                rows.push(undo(trade, 0, used));
                *owed.entry(remittance.service_enterprise()).or_default() += used;
            }
        }
        moved.add(remittance.id(), rows);
    }
    for (enterprise, used) in owed {
        let cny = cny_value(state, trade.currency, used)?;
        let balance = state.ledger.corridor_balance(
            trade.merchant,
            AccountKind::MerchantCleared,
            enterprise,
            CNY,
        );
        if cny > balance {
            return refuse(
                Rejection::ExceedsClearedBalance,
                "trade_id",
                format!("{cny} of {balance}"),
            );
        }
        let cleared = postings.of_merchant(
            trade.merchant,
            enterprise,
            AccountKind::MerchantCleared,
            CNY,
        );
        let repaid = postings.of_merchant(trade.merchant, enterprise, AccountKind::Repaid, CNY);
        postings.transfer(cleared, repaid, cny);
    }
    match moved.settled_minor {
        0 => refuse(Rejection::NoOpenClawback, "trade_id", trade.trade_id),
        _ => Ok(moved),
    }
}

/// CNY of a value at the newest published rate.
fn cny_value(state: &State, currency: Currency, amount_minor: i64) -> Result<i64, Refusal> {
    if currency == CNY {
        return Ok(amount_minor);
    }
    let converted = state
        .remittances
        .rate(currency, CNY)
        .and_then(|(rate, _)| rate.convert_half_up(amount_minor));
    converted.ok_or_else(|| {
        Refusal::new(
            Rejection::RateMissing,
            "rate",
            format!("{}/CNY", currency.iso()),
        )
    })
}
