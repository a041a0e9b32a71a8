//! Law 4: who shares in a remittance, how much, and to which trades it goes.

use std::collections::{BTreeMap, BTreeSet};

use whampoa_core::contract::whampoa::clearing::v1 as proto;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::event::clearing::AllocationRow;
use whampoa_core::event::registry::Purpose;
use whampoa_core::event::{At, Event, NO_INDEX};
use whampoa_core::ids::{Id, Step};
use whampoa_core::share::Claim;
use whampoa_core::state::trade::TradeState;

use super::Tables;
use super::grant::Use;
use super::remittance::Remittance;
use super::review::State;
use super::trade::Trade;
use super::verdict::{No, Verdict, accepts, decode, refuses};
use crate::reference;
use crate::same;

/// An open trade as one remittance sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    pub trade: Id,
    pub released_at_ms: u64,
    pub open: i64,
    pub rate: Option<(i64, Step)>,
    /// In the remittance's currency.
    pub cap: i64,
}

/// trade, merchant, amount, used value, rate.
pub type Row = (Id, u32, i64, i64, Step);

impl Tables {
    /// At the newest rate, rounded down; `None` without one.
    pub fn in_currency(&self, amount: i128, base: u16, quote: u16) -> Option<i128> {
        if base == quote {
            return Some(amount);
        }
        let (rate_e8, _) = self.remittances.rate(base, quote)?;
        Some(at_rate(amount, rate_e8, base, quote))
    }

    fn claim(&self, merchant: u32, amount: i64) -> Claim {
        let tie = self.registry.party(merchant).id.0;
        Claim {
            cap: amount,
            weight: amount,
            tie,
        }
    }

    /// Shares a total over merchants, each up to its weight; who gets nothing is left out.
    pub fn share_capped(&self, total: i64, weights: &[(u32, i64)]) -> Vec<(u32, i64)> {
        let claims: Vec<Claim> = weights
            .iter()
            .map(|(merchant, weight)| self.claim(*merchant, *weight))
            .collect();
        let shares = reference::share(total, &claims);
        let shared = weights
            .iter()
            .zip(shares)
            .map(|((merchant, _), share)| (*merchant, share));
        shared.filter(|(_, share)| *share > 0).collect()
    }

    /// Whether a merchant may be given money of a remittance: sanctions, relation, grant, in this order.
    pub fn may_share(&self, merchant: u32, remittance: &Remittance) -> Result<(), Rejection> {
        let (enterprise, now_ms) = (remittance.enterprise, self.now_ms);
        if self.registry.party(merchant).is_sanctioned {
            return Err(Rejection::PartySanctioned);
        }
        if !self.registry.serves(enterprise, merchant, now_ms) {
            return Err(Rejection::UnknownRelation);
        }
        let currency = Some(remittance.currency);
        let wanted = Use {
            purpose: Purpose::ForexSettlement,
            currency,
            now_ms,
        };
        self.registry
            .grants
            .between(merchant, enterprise, wanted)
            .map(|_| ())
    }

    fn seat(&self, id: Id, trade: &Trade, currency: u16) -> Option<Seat> {
        let open = trade.open();
        let rate = match trade.currency == currency {
            true => None,
            false => Some(self.remittances.rate(trade.currency, currency)?),
        };
        let cap = match rate {
            None => open,
            Some((e8, _)) => at_rate(i128::from(open), e8, trade.currency, currency) as i64,
        };
        Some(Seat {
            trade: id,
            released_at_ms: trade.released_at_ms,
            open,
            rate,
            cap,
        })
    }

    pub fn seats(&self, merchant: u32, currency: u16) -> Vec<Seat> {
        let open = self.trades.open_of(merchant);
        let seats = open
            .into_iter()
            .filter_map(|(id, trade)| self.seat(id, trade, currency));
        seats.filter(|seat| seat.cap > 0).collect()
    }

    /// Puts an amount to a seat: all that is open when it is filled, else the least value worth the amount.
    fn used(&self, seat: &Seat, amount: i64, base: u16, quote: u16) -> i64 {
        let Some((e8, _)) = seat.rate else {
            return amount;
        };
        let worth = |used: i64| at_rate(i128::from(used), e8, base, quote);
        if worth(seat.open) == i128::from(amount) {
            return seat.open;
        }
        let (mut low, mut high) = (0, seat.open);
        while low < high {
            let middle = low + (high - low) / 2;
            match worth(middle) < i128::from(amount) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    pub fn row(&self, seat: &Seat, merchant: u32, amount: i64, quote: u16) -> Row {
        let base = self
            .trades
            .get(seat.trade)
            .expect("a seat is a trade's")
            .currency;
        let used = self.used(seat, amount, base, quote);
        (
            seat.trade,
            merchant,
            amount,
            used,
            seat.rate.map_or(Step::NONE, |(_, step)| step),
        )
    }
}

/// Rounded down; minor units of both currencies.
pub fn at_rate(amount: i128, rate_e8: i64, base: u16, quote: u16) -> i128 {
    let unit = |currency: u16| i128::from(whampoa_core::money::Currency(currency).minor_per_unit());
    (amount * i128::from(rate_e8) * unit(quote)).div_euclid(100_000_000 * unit(base))
}

/// One advised row.
struct Advice {
    row: u32,
    id: Id,
    amount: i64,
}

/// What every merchant may take at the most, and where it would go.
#[derive(Default)]
struct Wanted {
    merchants: BTreeMap<u32, (i64, Vec<Seat>)>,
    refused: Vec<(u32, u32)>,
}

fn advice(asked: &proto::AllocateRequest) -> Result<Vec<Advice>, No> {
    let count = asked.row_count as usize;
    let columns = [
        asked.id_high.len(),
        asked.id_low.len(),
        asked.advised_minor.len(),
    ];
    if columns.iter().any(|length| *length != count) {
        return Err(No::Unjudged);
    }
    let half = |value: u64| value.to_be_bytes();
    Ok((0..count)
        .map(|at| {
            let mut raw = [0; 16];
            raw[..8].copy_from_slice(&half(asked.id_high[at]));
            raw[8..].copy_from_slice(&half(asked.id_low[at]));
            let amount = asked.advised_minor[at] as i64;
            Advice {
                row: at as u32,
                id: Id(raw),
                amount: amount.clamp(-1, 1 << 53),
            }
        })
        .collect())
}

/// A trade that is advised, or the rule that keeps it out.
fn advised(
    tables: &Tables,
    remittance: &Remittance,
    told: &Advice,
) -> Result<(u32, Seat), Rejection> {
    if told.amount <= 0 {
        return Err(Rejection::InvalidAmount);
    }
    let trade = tables.trades.get(told.id).ok_or(Rejection::UnknownTrade)?;
    match trade.state() {
        TradeState::Disputed => return Err(Rejection::TradeDisputed),
        TradeState::Closed => return Err(Rejection::TradeClosed),
        TradeState::Declared | TradeState::Matched => return Err(Rejection::TradeNotReleased),
        TradeState::Released => {}
    }
    tables.may_share(trade.merchant, remittance)?;
    let seat = tables
        .seat(told.id, trade, remittance.currency)
        .ok_or(Rejection::RateMissing)?;
    if seat.cap == 0 {
        return Err(Rejection::ExceedsOpenValue);
    }
    Ok((
        trade.merchant,
        Seat {
            cap: seat.cap.min(told.amount),
            ..seat
        },
    ))
}

fn wanted(tables: &Tables, remittance: &Remittance, mode: i32, advice: &[Advice]) -> Wanted {
    let mut wanted = Wanted::default();
    let mut seen: BTreeSet<Id> = BTreeSet::new();
    let mut refuse = |row: u32, code: Rejection| wanted.refused.push((row, code as i32 as u32));
    let mut merchants: BTreeMap<u32, (i64, Vec<Seat>)> = BTreeMap::new();
    let currency = remittance.currency;
    for told in advice {
        let is_first = seen.insert(told.id);
        if mode == 1 {
            let outcome = match is_first {
                true => advised(tables, remittance, told),
                false => Err(Rejection::FieldInvalid),
            };
            match outcome {
                Err(code) => refuse(told.row, code),
                Ok((merchant, seat)) => {
                    let entry = merchants.entry(merchant).or_insert((i64::MAX, Vec::new()));
                    entry.1.push(seat);
                }
            }
            continue;
        }
        let party = tables.registry.index(told.id);
        let outcome = match party {
            _ if !is_first => Err(Rejection::FieldInvalid),
            _ if told.amount <= 0 => Err(Rejection::InvalidAmount),
            None => Err(Rejection::UnknownParty),
            Some(party) => tables.may_share(party, remittance).map(|()| party),
        };
        match outcome {
            Err(code) => refuse(told.row, code),
            Ok(merchant) => {
                let seats = tables.seats(merchant, currency);
                if seats.is_empty() {
                    refuse(told.row, Rejection::NothingToAllocate);
                }
                merchants.insert(merchant, (told.amount, seats));
            }
        }
    }
    if mode == 3 {
        for merchant in tables
            .registry
            .merchants_of(remittance.enterprise, tables.now_ms)
        {
            if tables.may_share(merchant, remittance).is_ok() {
                merchants.insert(merchant, (i64::MAX, tables.seats(merchant, currency)));
            }
        }
    }
    for (_, seats) in merchants.values_mut() {
        seats.sort_by_key(|seat| (seat.released_at_ms, seat.trade));
    }
    wanted.merchants = merchants;
    wanted
}

/// Level 1 over merchants, level 2 within each.
fn share(tables: &Tables, remittance: &Remittance, amount: i64, wanted: &Wanted) -> Vec<Row> {
    let mut caps: Vec<(u32, i64)> = Vec::new();
    for (merchant, (limit, seats)) in &wanted.merchants {
        let sum: i128 = seats.iter().map(|seat| i128::from(seat.cap)).sum();
        caps.push((*merchant, sum.min(i128::from(*limit)) as i64));
    }
    let mut rows = Vec::new();
    for (merchant, mut left) in tables.share_capped(amount, &caps) {
        for seat in &wanted.merchants[&merchant].1 {
            let part = seat.cap.min(left);
            if part > 0 {
                left -= part;
                rows.push(tables.row(seat, merchant, part, remittance.currency));
            }
        }
    }
    rows
}

/// The amount to share, when the remittance and the request allow it.
fn amount_of(asked: &proto::AllocateRequest, remittance: &Remittance) -> Result<i64, No> {
    match remittance.review.0 {
        State::Waiting | State::Proposed(..) => {
            return refuses(Rejection::ReviewPending, "remittance_id");
        }
        State::Rejected => return refuses(Rejection::ReviewRejected, "remittance_id"),
        State::Passed | State::Cleared => {}
    }
    let amount = match asked.amount_minor {
        0 => remittance.suspense,
        ..0 => return refuses(Rejection::InvalidAmount, "amount_minor"),
        amount if amount > remittance.suspense => {
            return refuses(Rejection::ExceedsSuspense, "amount_minor");
        }
        amount => amount,
    };
    match asked.mode {
        1 | 2 => Ok(amount),
        3 if asked.row_count == 0 => Ok(amount),
        3 => refuses(Rejection::FieldInvalid, "row_count"),
        _ => refuses(Rejection::FieldMissing, "mode"),
    }
}

pub fn allocate(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::AllocateRequest = decode(bytes)?;
    let advice = advice(&asked)?;
    let (id, remittance) = tables
        .remittances
        .named(&asked.remittance_id, "remittance_id")?;
    let (suspense, amount) = (remittance.suspense, amount_of(&asked, remittance)?);
    let wanted = wanted(tables, remittance, asked.mode, &advice);
    let rows = share(tables, remittance, amount, &wanted);
    if rows.is_empty() {
        return refuses(Rejection::NothingToAllocate, "remittance_id");
    }
    let total: i64 = rows.iter().map(|row| row.2).sum();
    let merchants: BTreeSet<u32> = rows.iter().map(|row| row.1).collect();
    let refused = wanted.refused;
    accepts(move |told| {
        let mut got: Vec<Row> = Vec::new();
        for (_, event) in told.entries {
            let Event::Allocated(event) = event else {
                panic!("an allocation was asked for: {event:?}");
            };
            same!(event.remittance_id, id, "law 4: remittance");
            assert!(
                event.allocations.iter().all(|row| !row.is_undo),
                "law 4: {id} undoes"
            );
            let rows = event.allocations.iter();
            got.extend(rows.map(|it| {
                (
                    it.trade_id,
                    it.merchant,
                    it.amount_minor,
                    it.used_minor,
                    it.rate,
                )
            }));
        }
        same!(
            got,
            rows,
            "law 4: rows of the allocation of {amount} of {id}"
        );
        let reply: proto::AllocateResponse = told.reply();
        let told_refused: Vec<(u32, u32)> = reply
            .refused_rows
            .iter()
            .copied()
            .zip(reply.refused_codes.iter().copied())
            .collect();
        same!(told_refused, refused, "law 4: advice refused by {id}");
        let sums = (
            reply.allocated_minor,
            reply.suspense_minor,
            reply.rows,
            reply.merchants,
        );
        let expected = (
            total,
            suspense - total,
            rows.len() as u32,
            merchants.len() as u32,
        );
        same!(sums, expected, "law 4: totals of the allocation of {id}");
    })
}

/// Laws 5 and 11 for every row: the trade is released, its money passed review, the grant covers it.
pub fn check_rows(tables: &Tables, at: &At, remittance_id: Id, rows: &[AllocationRow]) {
    let remittance = tables
        .remittances
        .get(remittance_id)
        .expect("a known remittance");
    for row in rows.iter().filter(|row| !row.is_undo) {
        let trade = tables.trades.get(row.trade_id).expect("a known trade");
        let id = row.trade_id;
        assert!(
            remittance.review.lets_go_on(),
            "law 5: trade {id} gets money of {remittance_id}, whose review is {:?}",
            remittance.review
        );
        assert!(
            trade.decided == TradeState::Released,
            "law 5: trade {id} gets money and is {:?}",
            trade.decided
        );
        let currency = Some(remittance.currency);
        let wanted = Use {
            purpose: Purpose::ForexSettlement,
            currency,
            now_ms: at.time_ms,
        };
        let grantee = Some(remittance.enterprise);
        let grants = &tables.registry.grants;
        grants.check(
            row.grant,
            row.merchant,
            grantee,
            wanted,
            &format!("allocation to {id}"),
        );
    }
    let undone = rows.iter().filter(|row| row.is_undo);
    undone.for_each(|row| same!(row.grant, NO_INDEX, "law 11: grant of what is taken back"));
}
