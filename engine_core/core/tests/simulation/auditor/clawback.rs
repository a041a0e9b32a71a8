//! How a clawback ends: its value moves to other trades within the same remittance, or is repaid out of cleared CNY.

use std::collections::BTreeMap;

use whampoa_core::contract::whampoa::clearing::v1 as proto;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::event::Event;
use whampoa_core::event::ledger::AccountKind;
use whampoa_core::ids::{Id, Step};
use whampoa_core::money::Currency;

use super::Tables;
use super::allocation::{Row, Seat, at_rate};
use super::books::CNY;
use super::remittance::Remittance;
use super::trade::Trade;
use super::verdict::{No, Verdict, accepts, decode, id_in, refuses};
use crate::same;

pub fn settle_clawback(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::SettleClawbackRequest = decode(bytes)?;
    let id = id_in(&asked.trade_id, "trade_id")?;
    let Some(trade) = tables.trades.get(id) else {
        return refuses(Rejection::UnknownTrade, "trade_id");
    };
    if trade.clawback == 0 {
        return refuses(Rejection::NoOpenClawback, "trade_id");
    }
    if asked.reason.trim().is_empty() {
        return refuses(Rejection::FieldMissing, "reason");
    }
    let (rows, settled) = match asked.settlement {
        1 => reallocate(tables, id, trade)?,
        2 => repay(tables, id, trade)?,
        _ => return refuses(Rejection::FieldMissing, "settlement"),
    };
    let remaining = trade.clawback - settled;
    accepts(move |told| {
        let Event::ClawbackSettled(event) = told.only() else {
            panic!("a clawback was to be settled: {:?}", told.only());
        };
        let mut got = Vec::new();
        let mut left = event.allocations.iter();
        for moved in &event.moves {
            let own = left.by_ref().take(moved.rows as usize);
            got.extend(own.map(|it| {
                let row = (
                    it.trade_id,
                    it.merchant,
                    it.amount_minor,
                    it.used_minor,
                    it.rate,
                );
                (moved.remittance_id, it.is_undo, row)
            }));
        }
        same!(got, rows, "law 2: rows that settle the clawback of {id}");
        let reply: proto::SettleClawbackResponse = told.reply();
        let parts = (reply.settled_minor, reply.remaining_minor);
        same!(parts, (settled, remaining), "law 2: clawback of {id}");
    })
}

/// remittance, taken back, row.
type Move = (Id, bool, Row);

/// Newest remittance first, newest money first.
fn holders<'a>(tables: &'a Tables, id: Id, trade: &Trade) -> Vec<(Id, &'a Remittance, usize)> {
    let mut holders = Vec::new();
    for (remittance_id, remittance) in tables.remittances.iter().rev() {
        if remittance.shares.contains_key(&trade.merchant) {
            let places = remittance.placed.iter().enumerate().rev();
            let own = places.filter(|(_, placed)| placed.trade == id);
            holders.extend(own.map(|(at, _)| (*remittance_id, remittance, at)));
        }
    }
    holders
}

fn part_of(whole: i64, part: i64, of: i64) -> i64 {
    match of {
        0 => 0,
        of => (i128::from(whole) * i128::from(part) / i128::from(of)) as i64,
    }
}

/// Money goes to other open trades of the merchant within the same remittance.
fn reallocate(tables: &Tables, id: Id, trade: &Trade) -> Result<(Vec<Move>, i64), No> {
    let (mut rows, mut settled) = (Vec::new(), 0);
    let mut spent: BTreeMap<Id, i64> = BTreeMap::new();
    for (remittance_id, remittance, at) in holders(tables, id, trade) {
        let placed = &remittance.placed[at];
        let wanted = (trade.clawback - settled).min(placed.used);
        let amount = part_of(placed.amount, wanted, placed.used);
        if let Err(code) = tables.may_share(trade.merchant, remittance) {
            return refuses(code, "trade_id");
        }
        let (mut left, mut taken) = (amount, Vec::new());
        for seat in tables.seats(trade.merchant, remittance.currency) {
            let before = spent.entry(seat.trade).or_default();
            let other = tables.trades.get(seat.trade).expect("a seat is a trade's");
            let open = seat.open - *before;
            let cap = match seat.rate {
                None => open,
                Some((e8, _)) => {
                    at_rate(i128::from(open), e8, other.currency, remittance.currency) as i64
                }
            };
            let part = cap.min(left);
            if part <= 0 {
                continue;
            }
            let row = tables.row(
                &Seat { open, cap, ..seat },
                trade.merchant,
                part,
                remittance.currency,
            );
            *before += row.3;
            left -= part;
            taken.push((remittance_id, false, row));
        }
        let moved = amount - left;
        if moved == 0 {
            continue;
        }
        let value = if left == 0 {
            wanted
        } else {
            part_of(wanted, moved, amount)
        };
        settled += value;
        rows.push((
            remittance_id,
            true,
            (id, trade.merchant, moved, value, Step::NONE),
        ));
        rows.extend(taken);
    }
    match settled {
        0 => refuses(Rejection::NothingToAllocate, "trade_id"),
        _ => Ok((rows, settled)),
    }
}

/// The use is given up and its CNY goes out of the merchant's cleared balance.
fn repay(tables: &Tables, id: Id, trade: &Trade) -> Result<(Vec<Move>, i64), No> {
    let (mut rows, mut settled) = (Vec::new(), 0);
    let mut owed: BTreeMap<u32, i64> = BTreeMap::new();
    for (remittance_id, remittance, at) in holders(tables, id, trade) {
        let used = (trade.clawback - settled).min(remittance.placed[at].used);
        if used > 0 {
            settled += used;
            *owed.entry(remittance.enterprise).or_default() += used;
            rows.push((
                remittance_id,
                true,
                (id, trade.merchant, 0, used, Step::NONE),
            ));
        }
    }
    for (enterprise, used) in owed {
        let Some(cny) = repaid_cny(tables, trade.currency, used) else {
            return refuses(Rejection::RateMissing, "rate");
        };
        let kind = AccountKind::MerchantCleared as u8;
        let balance = tables
            .ledger
            .balance((trade.merchant, kind, enterprise, CNY));
        if cny > balance {
            return refuses(Rejection::ExceedsClearedBalance, "trade_id");
        }
    }
    match settled {
        0 => refuses(Rejection::NoOpenClawback, "trade_id"),
        _ => Ok((rows, settled)),
    }
}

/// CNY of a value at the newest rate, half up.
pub fn repaid_cny(tables: &Tables, currency: u16, used: i64) -> Option<i128> {
    if currency == CNY {
        return Some(i128::from(used));
    }
    let (rate_e8, _) = tables.remittances.rate(currency, CNY)?;
    let unit = i128::from(Currency(currency).minor_per_unit());
    let (product, divisor) = (
        i128::from(used) * i128::from(rate_e8) * 100,
        100_000_000 * unit,
    );
    Some((2 * product + divisor).div_euclid(2 * divisor))
}

/// What a repayment does to the books: of every enterprise whose remittances gave value up.
pub fn book_repayment(tables: &mut Tables, event: &Event) {
    let Event::ClawbackSettled(event) = event else {
        return;
    };
    if event.settlement != 2 {
        return;
    }
    let mut owed: BTreeMap<u32, i64> = BTreeMap::new();
    let mut rows = event.allocations.iter();
    for moved in &event.moves {
        let enterprise = tables.remittances.at(moved.remittance_id).enterprise;
        let own = rows.by_ref().take(moved.rows as usize);
        *owed.entry(enterprise).or_default() += own.map(|row| row.used_minor).sum::<i64>();
    }
    let trade = tables.trades.get(event.trade_id).expect("a known trade");
    let (merchant, currency) = (trade.merchant, trade.currency);
    for (enterprise, used) in owed {
        let cny =
            repaid_cny(tables, currency, used).expect("law 2: a rate for the repayment") as i64;
        let pair = (merchant, enterprise);
        tables
            .books
            .of(pair, AccountKind::MerchantCleared, CNY, -cny);
        tables.books.of(pair, AccountKind::Repaid, CNY, cny);
    }
}
