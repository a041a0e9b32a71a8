//! Takes verified value back, and closes trades that will never be paid in full.

use super::desk::Desk;
use super::dispute::{check_text, trade_of};
use super::page::Page;
use super::release;
use crate::contract::whampoa::customs::v1::{CloseReason, CloseTradeRequest, ReportReturnRequest};
use crate::decide::tax::Labels;
use crate::decide::{Context, Decision};
use crate::event::codec::Secret;
use crate::event::customs::{ReturnReported, TradeClosed};
use crate::event::{Draft, NO_INDEX};
use crate::rejection::{Rejection, refuse};
use crate::state::State;
use crate::state::document::TradeOrigin;
use crate::state::trade::{TradeRow, TradeState};

/// Takes back verified value; used value that lost its proof so is claimed back.
pub fn report_return(
    state: &State,
    context: &Context<'_>,
    request: &ReportReturnRequest,
) -> Decision {
    let trade = trade_of(state, &request.trade_id)?;
    check_text(&request.reference, "reference")?;
    if request.amount_minor <= 0 {
        return refuse(
            Rejection::InvalidAmount,
            "amount_minor",
            request.amount_minor,
        );
    }
    match trade.state() {
        TradeState::Disputed => {
            return refuse(Rejection::TradeDisputed, "trade_id", trade.trade_id);
        }
        TradeState::Declared | TradeState::Matched => {
            return refuse(Rejection::TradeNotReleased, "trade_id", trade.trade_id);
        }
        TradeState::Released | TradeState::Closed => {}
    }
    if request.amount_minor > trade.verified_minor {
        return refuse(
            Rejection::ExceedsVerified,
            "amount_minor",
            request.amount_minor,
        );
    }
    let mut desk = Desk::new(state);
    let origin = desk.origin(trade.trade_id);
    let returned_minor = origin.returned_minor + request.amount_minor;
    desk.put_origin(
        trade.trade_id,
        TradeOrigin {
            returned_minor,
            ..origin
        },
    );
    let mut page = Page::new(context.next_index);
    let outcome = release::plan(&desk, origin.order, context.now_ms);
    let labelled = Labels::new(state, context.now_ms).of_order(&desk, origin.order, &outcome);
    page.put_outcome(&mut desk, origin.order, outcome, labelled);
    let clawback_minor = desk
        .trade(trade.trade_id)
        .map_or(0, |trade| trade.clawback_minor);
    let event = ReturnReported {
        trade_id: trade.trade_id,
        amount_minor: request.amount_minor,
        clawback_minor,
        reference: Secret::Open {
            value: request.reference.clone().into_bytes(),
            subject: trade.trade_id,
        },
        trades: page.event.trades,
        clawbacks: page.event.clawbacks,
        links: page.event.links,
        items: page.event.items,
    };
    Ok(vec![Draft::after(trade.last, trade.trade_id, event)])
}

/// Closes a trade for a reason; its values stay as they are. One whose value is all used is closed without.
pub fn close_trade(state: &State, _context: &Context<'_>, request: &CloseTradeRequest) -> Decision {
    let trade = trade_of(state, &request.trade_id)?;
    let reason = match CloseReason::try_from(request.reason) {
        Ok(CloseReason::Unspecified) | Err(_) => {
            return refuse(Rejection::FieldInvalid, "reason", request.reason);
        }
        Ok(reason) => reason as u8,
    };
    match trade.state() {
        TradeState::Disputed => {
            return refuse(Rejection::TradeDisputed, "trade_id", trade.trade_id);
        }
        TradeState::Closed => return refuse(Rejection::TradeClosed, "trade_id", trade.trade_id),
        _ => {}
    }
    let row = TradeRow {
        trade_id: trade.trade_id,
        order_key: trade.order_key,
        merchant: trade.merchant,
        currency: trade.currency,
        declared_minor: trade.declared_minor,
        remainder_e5: trade.remainder_e5,
        verified_minor: trade.verified_minor,
        state: TradeState::Closed,
        reason: trade.reason,
        released_at_ms: trade.released_at_ms,
        previous: trade.last,
        grant: NO_INDEX,
    };
    let event = TradeClosed {
        trade_id: trade.trade_id,
        reason,
        trades: vec![row],
    };
    Ok(vec![Draft::after(trade.last, trade.trade_id, event)])
}
