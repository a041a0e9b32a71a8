//! What an allocation must do, worked out from all trades one by one: caps, both levels, used value.

use std::collections::BTreeMap;

use whampoa_core::contract::whampoa::clearing::v1::AllocationMode;
use whampoa_core::event::registry::Purpose;
use whampoa_core::ids::Id;
use whampoa_core::money::{Currency, Rate};
use whampoa_core::share::Claim;
use whampoa_core::state::State;
use whampoa_core::state::remittance::Remittance;
use whampoa_core::state::trade::{Trade, TradeState};

use crate::reference;

/// A trade's place in an allocation.
struct Seat<'a> {
    trade: &'a Trade,
    rate: Option<Rate>,
    cap: i64,
}

/// trade, merchant, amount, used value: in order of merchant and service.
pub type Rows = Vec<(Id, u32, i64, i64)>;

pub fn expected(
    state: &State,
    remittance: &Remittance,
    (mode, amount): (AllocationMode, i64),
    advice: &[(Id, i64)],
    now_ms: u64,
) -> Rows {
    let mut merchants: BTreeMap<u32, (i64, Vec<Seat<'_>>)> = BTreeMap::new();
    for trade in state
        .trades
        .iter()
        .filter(|trade| trade.state() == TradeState::Released)
    {
        let Some(seat) = seat(state, remittance, trade, now_ms) else {
            continue;
        };
        let advised = |id: Id| {
            let first = advice.iter().find(|(advised, _)| *advised == id);
            first.map_or(0, |(_, minor)| (*minor).max(0))
        };
        let party = state.registry.id_of(trade.merchant);
        let (cap, limit) = match mode {
            AllocationMode::ByOrders => (seat.cap.min(advised(trade.trade_id)), i64::MAX),
            AllocationMode::ByMerchants => (seat.cap, advised(party)),
            _ => (seat.cap, i64::MAX),
        };
        let entry = merchants
            .entry(trade.merchant)
            .or_insert((limit, Vec::new()));
        if cap > 0 {
            entry.1.push(Seat { cap, ..seat });
        }
    }
    let claims: Vec<Claim> = merchants
        .iter()
        .map(|(merchant, (limit, seats))| {
            let cap = seats.iter().map(|seat| seat.cap).sum::<i64>().min(*limit);
            Claim {
                cap,
                weight: cap,
                tie: state.registry.id_of(*merchant).0,
            }
        })
        .collect();
    let shares = reference::share(amount, &claims);
    let mut rows = Vec::new();
    for ((merchant, (_, seats)), share) in merchants.into_iter().zip(shares) {
        serve(merchant, seats, share, &mut rows);
    }
    rows
}

/// A trade that may take money of this remittance, with all that is open of it.
fn seat<'a>(
    state: &State,
    remittance: &Remittance,
    trade: &'a Trade,
    now_ms: u64,
) -> Option<Seat<'a>> {
    let (registry, enterprise) = (&state.registry, remittance.service_enterprise());
    let (purpose, currency) = (Purpose::ForexSettlement, remittance.currency());
    let may = !registry.party(trade.merchant).sanctioned
        && registry.served_by(trade.merchant, enterprise, now_ms)
        && registry
            .grant_for(trade.merchant, enterprise, purpose, Some(currency), now_ms)
            .is_ok();
    if !may {
        return None;
    }
    let open = trade.verified_minor - trade.used_minor;
    let rate = rate(state, trade.currency, currency)?;
    let cap = rate.map_or(open, |rate| in_quote(rate, open));
    Some(Seat { trade, rate, cap })
}

/// The rate to compare at; `Some(None)` when both are one currency.
fn rate(state: &State, base: Currency, quote: Currency) -> Option<Option<Rate>> {
    if base == quote {
        return Some(None);
    }
    state
        .remittances
        .rate(base, quote)
        .map(|(rate, _)| Some(rate))
}

/// Both currencies of the runs have two decimals.
fn in_quote(rate: Rate, minor: i64) -> i64 {
    (i128::from(minor) * i128::from(rate.rate_e8) / 100_000_000) as i64
}

/// Level 2: oldest release first, ties by id, the last one partial.
fn serve(merchant: u32, mut seats: Vec<Seat<'_>>, share: i64, rows: &mut Rows) {
    let mut left = share;
    while left > 0 && !seats.is_empty() {
        let first = (0..seats.len())
            .min_by_key(|at| (seats[*at].trade.released_at_ms, seats[*at].trade.trade_id))
            .expect("not empty");
        let seat = seats.remove(first);
        let amount = seat.cap.min(left);
        left -= amount;
        rows.push((seat.trade.trade_id, merchant, amount, used(&seat, amount)));
    }
}

/// All that is open when the trade is filled; else the least value that is worth the amount.
fn used(seat: &Seat<'_>, amount: i64) -> i64 {
    let open = seat.trade.verified_minor - seat.trade.used_minor;
    let Some(rate) = seat.rate else { return amount };
    if amount == in_quote(rate, open) {
        return open;
    }
    let near = i128::from(amount) * 100_000_000 / i128::from(rate.rate_e8) - 2;
    let mut used = (near as i64).max(0);
    while used < open && in_quote(rate, used) < amount {
        used += 1;
    }
    used
}
