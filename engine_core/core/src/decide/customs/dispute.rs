//! Settles a disputed trade: an officer names the genuine merchant.

use super::desk::Desk;
use super::page::Page;
use super::release;
use crate::contract::whampoa::customs::v1::SettleDisputeRequest;
use crate::contract::whampoa::registry::v1::Role;
use crate::decide::registry::{parse_id, party_with_role};
use crate::decide::tax::Labels;
use crate::decide::{Context, Decision};
use crate::event::codec::Secret;
use crate::event::customs::DisputeSettled;
use crate::event::{Draft, NO_INDEX};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;
use crate::state::document::Slots;
use crate::state::trade::{Disputes, Trade, TradeState};

pub(super) const TEXT_CHARACTERS_MAX: usize = 500;

/// The trade an id names.
pub(super) fn trade_of<'a>(state: &'a State, bytes: &[u8]) -> Result<&'a Trade, Refusal> {
    let trade_id = parse_id(bytes, "trade_id")?;
    state
        .trades
        .get(trade_id)
        .ok_or_else(|| Refusal::new(Rejection::UnknownTrade, "trade_id", trade_id))
}

/// A required text of a person.
pub(super) fn check_text(text: &str, field: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return refuse(Rejection::FieldMissing, field, "");
    }
    match text.chars().count() > TEXT_CHARACTERS_MAX {
        true => refuse(Rejection::FieldInvalid, field, "too long"),
        false => Ok(()),
    }
}

/// The officer's word stands against every dispute that lay open; another one of the same trade opens it again. What
/// nobody claims is settled in the same way.
pub fn settle_dispute(
    state: &State,
    context: &Context<'_>,
    request: &SettleDisputeRequest,
) -> Decision {
    let trade = trade_of(state, &request.trade_id)?;
    let merchant = party_with_role(
        state,
        &request.merchant_party_id,
        Role::Merchant,
        "merchant_party_id",
    )?;
    check_text(&request.reason, "reason")?;
    let is_open = match trade.state() {
        TradeState::Disputed => true,
        TradeState::Closed => false,
        _ => trade.merchant == NO_INDEX,
    };
    if !is_open {
        return refuse(Rejection::TradeNotDisputed, "trade_id", trade.trade_id);
    }
    // What was used was paid to the merchant of before: it is claimed back from him before another may use it.
    if merchant != trade.merchant && trade.used_minor > 0 {
        return refuse(
            Rejection::MerchantUnderClawback,
            "merchant_party_id",
            trade.used_minor,
        );
    }
    let mut desk = Desk::new(state);
    let slot = desk.origin(trade.trade_id).order;
    let settled = open_disputes(&desk, slot, trade, context.now_ms);
    if let Some(order) = desk.orders.at_mut(slot) {
        order.settle(trade.trade_id, merchant, settled);
    }
    let mut page = Page::new(context.next_index);
    let outcome = release::plan(&desk, slot, context.now_ms);
    let labelled = Labels::new(state, context.now_ms).of_order(&desk, slot, &outcome);
    page.put_outcome(&mut desk, slot, outcome, labelled);
    let event = DisputeSettled {
        trade_id: trade.trade_id,
        merchant,
        settled: settled.0,
        reason: Secret::Open {
            value: request.reason.clone().into_bytes(),
            subject: trade.trade_id,
        },
        trades: page.event.trades,
        clawbacks: page.event.clawbacks,
        links: page.event.links,
        items: page.event.items,
    };
    Ok(vec![Draft::after(trade.last, trade.trade_id, event)])
}

/// All that disputes a trade now, the reason told included.
fn open_disputes(desk: &Desk<'_>, order: u32, trade: &Trade, now_ms: u64) -> Disputes {
    let mut disputes = Disputes::default();
    disputes.add(trade.reason);
    let outcome = release::plan(desk, order, now_ms);
    let is_of_trade = |at: &usize| outcome.trades[*at].row.trade_id == trade.trade_id;
    outcome
        .lines
        .iter()
        .filter(|(_, at)| is_of_trade(at))
        .fold(disputes, |all, (line, _)| all.and(line.disputes))
}
