//! Trades and law 2: value is declared, proven, put to use, and claimed back when its proof is lost.

use std::collections::{BTreeMap, BTreeSet};

use whampoa_core::contract::whampoa::customs::v1 as proto;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::contract::whampoa::registry::v1::Role;
use whampoa_core::event::clearing::AllocationRow;
use whampoa_core::event::customs::ClawbackRow;
use whampoa_core::event::registry::Purpose;
use whampoa_core::event::{At, Event, NO_INDEX};
use whampoa_core::ids::{Id, KeyDigest, Step};
use whampoa_core::money::Currency;
use whampoa_core::state::trade::{TradeRow, TradeState};

use super::Tables;
use super::document::Documents;
use super::grant::Use;
use super::registry::{Registry, given};
use super::verdict::{No, Verdict, accepts, decode, refuses};
use crate::same;

#[derive(Clone, Debug, PartialEq)]
pub struct Trade {
    pub order_key: KeyDigest,
    pub merchant: u32,
    pub currency: u16,
    pub declared: i64,
    pub verified: i64,
    pub used: i64,
    pub clawback: i64,
    pub decided: TradeState,
    pub released_at_ms: u64,
    pub returned: i64,
    pub last: Step,
}

impl Trade {
    /// A released trade is closed while all of it is used.
    pub fn state(&self) -> TradeState {
        let is_full = self.verified > 0 && self.used == self.verified;
        match self.decided {
            TradeState::Released if is_full => TradeState::Closed,
            state => state,
        }
    }

    pub fn open(&self) -> i64 {
        match self.decided {
            TradeState::Released if self.used < self.verified => self.verified - self.used,
            _ => 0,
        }
    }
}

/// What a merchant declared in one currency, what of it is disputed, what is open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    pub declared: i128,
    pub disputed: i128,
    pub open: i128,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trades {
    all: BTreeMap<Id, Trade>,
    /// Open trades by merchant: oldest release first, ties by id.
    open: BTreeMap<u32, BTreeSet<(u64, Id)>>,
    sums: BTreeMap<(u32, u16), Sums>,
    of_order: BTreeMap<KeyDigest, BTreeSet<Id>>,
    /// Trades under clawback, by merchant.
    clawed: BTreeMap<u32, BTreeSet<Id>>,
    /// Trades that changed since they were last looked at.
    pub touched: BTreeSet<Id>,
}

impl Trades {
    pub fn get(&self, id: Id) -> Option<&Trade> {
        self.all.get(&id)
    }

    pub fn open_of(&self, merchant: u32) -> Vec<(Id, &Trade)> {
        let ids = self.open.get(&merchant).into_iter().flatten();
        ids.map(|(_, id)| (*id, &self.all[id])).collect()
    }

    pub fn sums_of(&self, merchant: u32) -> impl Iterator<Item = (u16, Sums)> {
        let range = self.sums.range((merchant, 0)..=(merchant, u16::MAX));
        range.map(|((_, currency), sums)| (*currency, *sums))
    }

    pub fn of_order(&self, key: KeyDigest) -> impl Iterator<Item = (&Id, &Trade)> {
        let ids = self.of_order.get(&key).into_iter().flatten();
        ids.map(|id| (id, &self.all[id]))
    }

    pub fn is_clawed(&self, merchant: u32) -> bool {
        self.clawed
            .get(&merchant)
            .is_some_and(|trades| !trades.is_empty())
    }

    /// Takes a trade out of all lists and sums, changes it, and puts it back.
    fn change(&mut self, id: Id, change: impl FnOnce(&mut Trade)) {
        let mut trade = self
            .all
            .remove(&id)
            .unwrap_or_else(|| panic!("trade {id} is unknown"));
        self.count(id, &trade, -1);
        change(&mut trade);
        self.count(id, &trade, 1);
        self.all.insert(id, trade);
        self.touched.insert(id);
    }

    fn count(&mut self, id: Id, trade: &Trade, sign: i128) {
        let sums = self
            .sums
            .entry((trade.merchant, trade.currency))
            .or_default();
        sums.declared += sign * i128::from(trade.declared);
        sums.open += sign * i128::from(trade.open());
        if trade.decided == TradeState::Disputed {
            sums.disputed += sign * i128::from(trade.declared);
        }
        let place = (trade.released_at_ms, id);
        let open = self.open.entry(trade.merchant).or_default();
        let clawed = self.clawed.entry(trade.merchant).or_default();
        if sign < 0 {
            open.remove(&place);
            clawed.remove(&id);
            return;
        }
        if trade.open() > 0 {
            open.insert(place);
        }
        if trade.clawback > 0 {
            clawed.insert(id);
        }
    }

    fn put(&mut self, row: &TradeRow, step: Step) {
        let id = row.trade_id;
        if !self.all.contains_key(&id) {
            self.of_order.entry(row.order_key).or_default().insert(id);
            let trade = Trade {
                order_key: row.order_key,
                merchant: row.merchant,
                currency: row.currency.0,
                declared: 0,
                verified: 0,
                used: 0,
                clawback: 0,
                decided: TradeState::Declared,
                released_at_ms: 0,
                returned: 0,
                last: Step::NONE,
            };
            self.all.insert(id, trade);
        }
        same!(
            row.currency.0,
            self.all[&id].currency,
            "law 2: currency of trade {id}"
        );
        self.change(id, |trade| {
            trade.merchant = row.merchant;
            trade.declared = row.declared_minor;
            trade.verified = row.verified_minor;
            trade.decided = row.state;
            trade.released_at_ms = row.released_at_ms;
            trade.last = step;
        });
    }

    pub fn claw(&mut self, row: &ClawbackRow, step: Step) {
        let trade = self
            .all
            .get(&row.trade_id)
            .expect("law 2: a clawback of a trade");
        same!(
            row.merchant,
            trade.merchant,
            "law 2: merchant of the clawback of {}",
            row.trade_id
        );
        same!(
            row.previous,
            trade.last,
            "step before the clawback of {}",
            row.trade_id
        );
        self.change(row.trade_id, |trade| {
            trade.clawback = row.clawback_minor;
            trade.last = step;
        });
    }

    /// Value put to use by a row, or taken back.
    pub fn use_value(&mut self, row: &AllocationRow, step: Step) {
        let trade = self
            .all
            .get(&row.trade_id)
            .expect("law 2: money for a trade");
        same!(
            row.previous,
            trade.last,
            "step before the use of {}",
            row.trade_id
        );
        same!(
            row.merchant,
            trade.merchant,
            "law 2: merchant of the use of {}",
            row.trade_id
        );
        let sign = if row.is_undo { -1 } else { 1 };
        assert!(
            row.used_minor >= 0,
            "law 2: trade {} uses {}",
            row.trade_id,
            row.used_minor
        );
        self.change(row.trade_id, |trade| {
            trade.used += sign * row.used_minor;
            trade.last = step;
        });
    }

    pub fn apply(&mut self, at: &At, event: &Event) {
        match event {
            Event::DocumentsRecorded(event) => {
                self.rows(at, event.first_trade_row(), &event.trades, &event.clawbacks);
            }
            Event::DisputeSettled(event) => self.rows(at, 0, &event.trades, &event.clawbacks),
            Event::TradeClosed(event) => self.rows(at, 0, &event.trades, &[]),
            Event::ReturnReported(event) => {
                let before = self.all[&event.trade_id].verified;
                self.rows(at, 0, &event.trades, &event.clawbacks);
                let after = self.all[&event.trade_id].verified;
                assert!(
                    after <= before - event.amount_minor,
                    "law 2: {} of trade {} came back, verified {before} becomes {after}",
                    event.amount_minor,
                    event.trade_id
                );
                self.change(event.trade_id, |trade| trade.returned += event.amount_minor);
                let clawback = self.all[&event.trade_id].clawback;
                same!(
                    event.clawback_minor,
                    clawback,
                    "law 2: clawback of {}",
                    event.trade_id
                );
            }
            _ => {}
        }
    }

    fn rows(&mut self, at: &At, first: usize, trades: &[TradeRow], clawbacks: &[ClawbackRow]) {
        for (ordinal, row) in trades.iter().enumerate() {
            self.put(row, at.step(first + ordinal));
        }
        for (ordinal, row) in clawbacks.iter().enumerate() {
            self.claw(row, at.step(first + trades.len() + ordinal));
        }
    }

    /// Law 2 for all that changed.
    pub fn check(&mut self, documents: &mut Documents) {
        let mut orders: BTreeSet<KeyDigest> = BTreeSet::new();
        for id in std::mem::take(&mut self.touched) {
            let trade = &self.all[&id];
            check_trade(id, trade);
            orders.insert(trade.order_key);
        }
        let mut slots = std::mem::take(&mut documents.touched);
        for key in orders {
            let slot = documents
                .order_of(key)
                .expect("law 2: a trade without an order");
            slots.remove(&slot);
            self.check_proof(key, slot, documents);
        }
        for slot in slots {
            if let Some(key) = documents.key_of(slot) {
                self.check_proof(key, slot, documents);
            }
        }
    }

    /// No more is verified than the documents prove, by currency.
    fn check_proof(&self, key: KeyDigest, slot: u32, documents: &Documents) {
        let mut verified: BTreeMap<u16, i128> = BTreeMap::new();
        let trades: Vec<_> = self.of_order(key).collect();
        for (_, trade) in &trades {
            *verified.entry(trade.currency).or_default() += i128::from(trade.verified);
        }
        if verified.values().all(|sum| *sum == 0) {
            return;
        }
        let proven = documents.proven_e5(slot);
        for (currency, sum) in verified {
            let exponent = Currency(currency).exponent();
            let most = proven.get(&currency).copied().unwrap_or(0) / 10_u64.pow(5 - exponent);
            assert!(
                sum <= i128::from(most),
                "law 2: of order {key:?} {sum} are verified in currency {currency}, and documents prove {most}: \
                 {trades:?}"
            );
        }
    }
}

fn check_trade(id: Id, trade: &Trade) {
    let Trade {
        declared,
        verified,
        used,
        clawback,
        ..
    } = *trade;
    assert!(
        0 <= used && used <= verified + clawback && clawback >= 0,
        "law 2: trade {id}: used {used}, verified {verified}, clawback {clawback}"
    );
    assert!(
        0 <= verified && verified <= declared,
        "law 2: trade {id}: verified {verified}, declared {declared}"
    );
    let lost = (used - verified).max(0);
    same!(
        clawback,
        lost,
        "law 2: clawback of trade {id}, {used} used of {verified}"
    );
    let may_verify = trade.merchant != NO_INDEX && trade.decided != TradeState::Disputed;
    assert!(
        verified == 0 || may_verify,
        "law 2: trade {id} is {:?} of party {} and verifies {verified}",
        trade.decided,
        trade.merchant
    );
    if trade.decided == TradeState::Released {
        let time = trade.released_at_ms;
        assert!(time > 0, "law 2: trade {id} is released at no time");
    }
}

/// Law 11 for the trades of documents: the match used the merchant's data.
pub fn check_grants(registry: &Registry, at: &At, event: &Event) {
    let rows = match event {
        Event::DocumentsRecorded(event) => &event.trades,
        Event::DisputeSettled(event) => &event.trades,
        Event::ReturnReported(event) => &event.trades,
        _ => return,
    };
    for row in rows {
        let what = format!("trade {}", row.trade_id);
        let currency = Some(row.currency.0);
        let wanted = Use {
            purpose: Purpose::CustomsMatch,
            currency,
            now_ms: at.time_ms,
        };
        if row.verified_minor > 0 {
            registry
                .grants
                .check_customs(row.grant, row.merchant, wanted, &what);
        } else if row.grant != NO_INDEX {
            registry
                .grants
                .check(row.grant, row.merchant, None, wanted, &what);
        }
    }
}

fn asked_trade<'a>(tables: &'a Tables, bytes: &[u8]) -> Result<(Id, &'a Trade), No> {
    let id = given(bytes, "trade_id")?;
    match tables.trades.get(id) {
        Some(trade) => Ok((id, trade)),
        None => refuses(Rejection::UnknownTrade, "trade_id"),
    }
}

fn check_words(words: &str, field: &str) -> Result<(), No> {
    if words.trim().is_empty() {
        return refuses(Rejection::FieldMissing, field);
    }
    match words.chars().count() > 500 {
        true => refuses(Rejection::FieldInvalid, field),
        false => Ok(()),
    }
}

pub fn report_return(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::ReportReturnRequest = decode(bytes)?;
    let (id, trade) = asked_trade(tables, &asked.trade_id)?;
    check_words(&asked.reference, "reference")?;
    if asked.amount_minor < 1 {
        return refuses(Rejection::InvalidAmount, "amount_minor");
    }
    match trade.state() {
        TradeState::Disputed => return refuses(Rejection::TradeDisputed, "trade_id"),
        TradeState::Declared | TradeState::Matched => {
            return refuses(Rejection::TradeNotReleased, "trade_id");
        }
        TradeState::Released | TradeState::Closed => {}
    }
    if asked.amount_minor > trade.verified {
        return refuses(Rejection::ExceedsVerified, "amount_minor");
    }
    accepts(move |told| {
        let Event::ReturnReported(event) = told.only() else {
            panic!("a return was told: {:?}", told.only());
        };
        same!(
            (event.trade_id, event.amount_minor),
            (id, asked.amount_minor),
            "return"
        );
        let reply: proto::ReportReturnResponse = told.reply();
        same!(
            reply.clawback_minor,
            event.clawback_minor,
            "clawback of {id} in the reply"
        );
    })
}

pub fn close_trade(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::CloseTradeRequest = decode(bytes)?;
    let (id, trade) = asked_trade(tables, &asked.trade_id)?;
    if !(1..=4).contains(&asked.reason) {
        return refuses(Rejection::FieldInvalid, "reason");
    }
    match trade.state() {
        TradeState::Disputed => return refuses(Rejection::TradeDisputed, "trade_id"),
        TradeState::Closed => return refuses(Rejection::TradeClosed, "trade_id"),
        _ => {}
    }
    let before = trade.clone();
    accepts(move |told| {
        let Event::TradeClosed(event) = told.only() else {
            panic!("a closing was asked for: {:?}", told.only());
        };
        same!(
            (event.trade_id, i32::from(event.reason)),
            (id, asked.reason),
            "trade closed"
        );
        let row = &event.trades[0];
        same!(
            row.state,
            TradeState::Closed,
            "law 2: state of the closed trade {id}"
        );
        let values = (row.merchant, row.declared_minor, row.verified_minor);
        let expected = (before.merchant, before.declared, before.verified);
        same!(values, expected, "law 2: values of the closed trade {id}");
    })
}

pub fn settle_dispute(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::SettleDisputeRequest = decode(bytes)?;
    let (id, trade) = asked_trade(tables, &asked.trade_id)?;
    let field = "merchant_party_id";
    let merchant = tables
        .registry
        .with_role(&asked.merchant_party_id, Role::Merchant, field)?;
    check_words(&asked.reason, "reason")?;
    let is_open = match trade.state() {
        TradeState::Disputed => true,
        TradeState::Closed => false,
        _ => trade.merchant == NO_INDEX,
    };
    if !is_open {
        return refuses(Rejection::TradeNotDisputed, "trade_id");
    }
    if trade.used > 0 && trade.merchant != merchant {
        return refuses(Rejection::MerchantUnderClawback, field);
    }
    accepts(move |told| {
        let Event::DisputeSettled(event) = told.only() else {
            panic!("a dispute was to be settled: {:?}", told.only());
        };
        same!(
            (event.trade_id, event.merchant),
            (id, merchant),
            "dispute settled"
        );
    })
}
