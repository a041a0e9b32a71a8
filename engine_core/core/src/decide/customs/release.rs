//! What a judgement does to the trades of an order: values, states, clawbacks.
//!
//! Trades are made when an order is declared, from its own evidence. When later documents name other merchants, a
//! trade whose evidence is unchanged keeps its lines, a trade of nobody is taken over by the first merchant that needs
//! one in its currency, and a trade that is left without lines is closed with nothing declared (or, when value of it
//! was used, disputed and claimed back).

use std::collections::BTreeMap;

use super::desk::Desk;
use super::matching::{self, Judged, Stage};
use crate::event::NO_INDEX;
use crate::event::registry::Purpose;
use crate::ids::{Id, Step};
use crate::money::{Currency, Decimal5};
use crate::state::document::{OrderCase, OrderTrade, Slots};
use crate::state::trade::{Disputes, MerchantReason, Trade, TradeRow, TradeState};

/// A trade as it is to stand, with the clawback that follows; `row.previous` is filled when its place is known.
#[derive(Clone, Debug)]
pub struct Planned {
    pub row: TradeRow,
    /// New clawback, when it changes.
    pub clawback_minor: Option<i64>,
    /// False when the customs side of the trade stays as it is.
    pub is_changed: bool,
    /// Value taken back by returns; its items need a look.
    pub returned_minor: i64,
}

/// What one order's documents add up to.
#[derive(Debug, Default)]
pub struct Outcome {
    pub trades: Vec<Planned>,
    /// Every line of the order with the trade it belongs to (ordinal in `trades`).
    pub lines: Vec<(Judged, usize)>,
}

/// Lines of one merchant in one currency.
#[derive(Default)]
struct Group {
    declared_e5: u64,
    verified_e5: u64,
    stage: Option<Stage>,
    reason: Option<MerchantReason>,
    disputes: Disputes,
    declarant: u32,
}

impl Group {
    fn add(&mut self, line: &Judged) {
        self.declared_e5 = self.declared_e5.saturating_add(line.total_e5);
        if line.stage == Stage::Released {
            self.verified_e5 = self.verified_e5.saturating_add(line.verified_e5);
        }
        self.stage = self.stage.max(Some(line.stage));
        self.reason = self.reason.or(Some(line.reason));
        self.disputes = self.disputes.and(line.disputes);
        self.declarant = line.declarant;
    }
}

/// Judges an order anew and says what becomes of its trades.
pub fn plan(desk: &Desk<'_>, order_slot: u32, now_ms: u64) -> Outcome {
    let Some(order) = desk.orders.at(order_slot) else {
        return Outcome::default();
    };
    let Some(judged) = matching::judge(desk, order, now_ms) else {
        let trades = order
            .trades
            .iter()
            .filter_map(|trade| abandon(desk, order, trade))
            .collect();
        return Outcome {
            trades,
            lines: Vec::new(),
        };
    };
    let mut groups: BTreeMap<(u32, Currency), Group> = BTreeMap::new();
    for line in &judged {
        groups
            .entry((line.merchant, line.currency))
            .or_default()
            .add(line);
    }
    let (claims, left) = claim(desk, order, groups.keys().copied().collect());
    let mut outcome = Outcome::default();
    let mut ordinals = BTreeMap::new();
    for ((key, group), (trade_id, known)) in groups.iter().zip(claims) {
        ordinals.insert(*key, outcome.trades.len());
        outcome
            .trades
            .push(value(desk, order, (trade_id, known), *key, group, now_ms));
    }
    outcome
        .trades
        .extend(left.iter().filter_map(|trade| abandon(desk, order, trade)));
    outcome.lines = judged
        .into_iter()
        .map(|line| (ordinals[&(line.merchant, line.currency)], line))
        .map(|(at, line)| (line, at))
        .collect();
    outcome
}

type Claim = (Id, Option<OrderTrade>);

/// Gives every group its trade; the trades that no group needs are left over.
fn claim(
    desk: &Desk<'_>,
    order: &OrderCase,
    keys: Vec<(u32, Currency)>,
) -> (Vec<Claim>, Vec<OrderTrade>) {
    let mut left = order.trades.clone();
    let mut take =
        |fits: &dyn Fn(&OrderTrade) -> bool| left.iter().position(fits).map(|at| left.remove(at));
    let same: Vec<Option<OrderTrade>> = keys
        .iter()
        .map(|(merchant, currency)| {
            take(&|trade| trade.by_evidence == *merchant && trade.currency == *currency)
        })
        .collect();
    let mut claims: Vec<Claim> = Vec::with_capacity(keys.len());
    for ((merchant, currency), same) in keys.iter().zip(same) {
        let is_spare = |trade: &OrderTrade| {
            trade.by_evidence == NO_INDEX && trade.currency == *currency && trade.settled.is_none()
        };
        let known = same.or_else(|| take(&is_spare));
        let trade_id = match known {
            Some(trade) => trade.trade_id,
            None => new_id(desk, order, *merchant, *currency, &claims),
        };
        claims.push((trade_id, known));
    }
    (claims, left)
}

/// Trade id of a merchant's part of an order. A trade taken over keeps its first id, so a later one may need a number.
fn new_id(
    desk: &Desk<'_>,
    order: &OrderCase,
    merchant: u32,
    currency: Currency,
    claims: &[Claim],
) -> Id {
    let merchant_id = desk.state.registry.id_of(merchant);
    let mut number: u8 = 0;
    loop {
        let parts: [&[u8]; 4] = [
            &order.key.0,
            &merchant_id.0,
            &currency.0.to_be_bytes(),
            &[number],
        ];
        let parts = if number == 0 { &parts[..3] } else { &parts[..] };
        let id = Id::derive(order.first_ms, "trade", parts);
        let is_used = order.trades.iter().any(|trade| trade.trade_id == id)
            || claims.iter().any(|claim| claim.0 == id);
        if !is_used || number == u8::MAX {
            return id;
        }
        number += 1;
    }
}

/// The trade of a group as it is to stand.
fn value(
    desk: &Desk<'_>,
    order: &OrderCase,
    (trade_id, known): (Id, Option<OrderTrade>),
    (merchant, currency): (u32, Currency),
    group: &Group,
    now_ms: u64,
) -> Planned {
    let before = desk.trade(trade_id);
    let origin = desk.origin(trade_id);
    let settled = known.and_then(|trade| trade.settled);
    let cleared = settled.map_or(Disputes::default(), |(_, disputes)| disputes);
    let dispute = group.disputes.without(cleared).first();
    let merchant = settled.map_or(merchant, |(officer_named, _)| officer_named);
    let minor = |value_e5: u64| Decimal5(value_e5).to_minor(currency).unwrap_or((0, 0));
    let (declared_minor, remainder_e5) = minor(group.declared_e5);
    let stage = group.stage.unwrap_or(Stage::Declared);
    let state = match stage {
        _ if origin.closed != 0 => TradeState::Closed,
        _ if dispute.is_some() => TradeState::Disputed,
        // Nobody owns it, so nothing of it is verified.
        _ if merchant == NO_INDEX => TradeState::Declared,
        Stage::Declared => TradeState::Declared,
        Stage::Matched => TradeState::Matched,
        Stage::Released => TradeState::Released,
    };
    let is_proven = dispute.is_none() && merchant != NO_INDEX && stage == Stage::Released;
    let proven_minor = if is_proven {
        minor(group.verified_e5).0
    } else {
        0
    };
    let released_before = before.map_or(0, |trade| trade.released_at_ms);
    let reason = match (dispute, settled) {
        (Some(dispute), _) => dispute,
        (None, Some(_)) => MerchantReason::Officer,
        (None, None) => group.reason.unwrap_or(MerchantReason::Unknown),
    };
    let grant = desk.state.registry.any_grant_for(
        merchant,
        group.declarant,
        Purpose::CustomsMatch,
        currency,
        now_ms,
    );
    let row = TradeRow {
        trade_id,
        order_key: order.key,
        merchant,
        currency,
        declared_minor,
        remainder_e5,
        verified_minor: (proven_minor - origin.returned_minor).max(0),
        state,
        reason,
        released_at_ms: if released_before == 0 && state == TradeState::Released {
            now_ms
        } else {
            released_before
        },
        previous: Step::NONE,
        grant: grant.unwrap_or(NO_INDEX),
    };
    finish(before, row, origin.returned_minor)
}

/// A trade that has no lines any more.
fn abandon(desk: &Desk<'_>, order: &OrderCase, trade: &OrderTrade) -> Option<Planned> {
    let before = desk.trade(trade.trade_id)?;
    let origin = desk.origin(trade.trade_id);
    let is_used = before.used_minor > 0;
    let mut row = TradeRow {
        trade_id: trade.trade_id,
        order_key: order.key,
        merchant: before.merchant,
        currency: before.currency,
        declared_minor: 0,
        remainder_e5: 0,
        verified_minor: 0,
        state: TradeState::Closed,
        reason: before.reason,
        released_at_ms: before.released_at_ms,
        previous: Step::NONE,
        grant: NO_INDEX,
    };
    if let Some((officer_named, _)) = trade.settled {
        (row.merchant, row.reason) = (officer_named, MerchantReason::Officer);
    }
    if is_used {
        row.declared_minor = before.declared_minor;
        row.remainder_e5 = before.remainder_e5;
        if origin.closed == 0 && trade.settled.is_none() {
            (row.state, row.reason) = (TradeState::Disputed, MerchantReason::Contradiction);
        }
    }
    Some(finish(Some(before), row, origin.returned_minor))
}

/// Completes a planned trade with what follows from the value already used.
fn finish(before: Option<&Trade>, row: TradeRow, returned_minor: i64) -> Planned {
    let (used_minor, claimed_minor) =
        before.map_or((0, 0), |trade| (trade.used_minor, trade.clawback_minor));
    let clawback_minor = (used_minor - row.verified_minor).max(0);
    let is_changed = before.is_none_or(|trade| {
        (
            trade.merchant,
            trade.declared_minor,
            trade.remainder_e5,
            trade.verified_minor,
        ) != (
            row.merchant,
            row.declared_minor,
            row.remainder_e5,
            row.verified_minor,
        ) || (trade.decided, trade.reason, trade.released_at_ms)
            != (row.state, row.reason, row.released_at_ms)
    });
    Planned {
        row,
        clawback_minor: (clawback_minor != claimed_minor).then_some(clawback_minor),
        is_changed,
        returned_minor,
    }
}
