//! Trades and documents as table rows.
//!
//! Value used and clawbacks are columns of `money`: they move with it, and so may the state.

use prost::Message;

use super::{Batches, Cell, Private, snake};
use crate::contract::whampoa::customs::v1::DocumentType;
use crate::event::codec::FIRST_PRIVATE_ROW_FIELD;
use crate::event::customs::{DocumentSecret, DocumentsRecorded};
use crate::event::{At, Event};
use crate::ids::{Id, Step};
use crate::state::State;
use crate::state::document::{OrderCase, TradeOrigin};
use crate::state::trade::{Trade, TradeRow};

pub fn project(state: &State, at: &At, event: &Event, private: &dyn Private, out: &mut Batches) {
    let (first, rows) = match event {
        Event::DocumentsRecorded(event) => {
            documents(at, event, private, out);
            (event.first_trade_row(), &event.trades)
        }
        Event::DisputeSettled(event) => (0, &event.trades),
        Event::ReturnReported(event) => (0, &event.trades),
        Event::TradeClosed(event) => (0, &event.trades),
        _ => return,
    };
    for (ordinal, row) in rows.iter().enumerate() {
        trade(state, row, at.step(first + ordinal), private, out);
    }
    if let Event::DocumentsRecorded(event) = event {
        links(state, at, event, out);
    }
}

fn open(private: &dyn Private, step: Step) -> Option<DocumentSecret> {
    let bytes = private.open(step.index, FIRST_PRIVATE_ROW_FIELD + step.row)?;
    DocumentSecret::decode(bytes.as_slice()).ok()
}

/// Table `documents`: key `document_id`; `doc_key` is private and null when erased.
fn documents(at: &At, event: &DocumentsRecorded, private: &dyn Private, out: &mut Batches) {
    for (ordinal, row) in event.documents.iter().enumerate() {
        let step = at.step(ordinal);
        out.row(
            "documents",
            [
                ("document_id", row.document_id.into()),
                ("type", i64::from(row.doc_type).into()),
                (
                    "doc_key",
                    open(private, step).map_or(Cell::Null, |secret| secret.key_words.into()),
                ),
                ("status", i64::from(row.status).into()),
                ("position_index", step.index.into()),
                ("position_row", i64::from(step.row).into()),
                (
                    "trade_id",
                    if row.trade_id == Id::ZERO {
                        Cell::Null
                    } else {
                        row.trade_id.into()
                    },
                ),
            ],
        );
    }
}

/// Table `trades`: key `trade_id`; `order_no` and `platform` are private and null when erased.
fn trade(state: &State, row: &TradeRow, step: Step, private: &dyn Private, out: &mut Batches) {
    let order = state.documents.order_of(row.trade_id);
    let document = order
        .and_then(OrderCase::reference)
        .or(order.and_then(|order| order.versions.first()));
    let secret = document.and_then(|version| open(private, version.step));
    let (order_no, platform) = secret.map_or((Cell::Null, Cell::Null), |secret| {
        (secret.order_no.into(), secret.platform.into())
    });
    let merchant = state
        .registry
        .get(row.merchant)
        .map_or(Cell::Null, |party| party.party_id.into());
    let known = state.trades.get(row.trade_id);
    let stands = known.map_or(row.state, Trade::state);
    out.row(
        "trades",
        [
            ("trade_id", row.trade_id.into()),
            ("order_no", order_no),
            ("platform", platform),
            ("merchant_party_id", merchant),
            ("currency", row.currency.iso().into()),
            ("declared_minor", row.declared_minor.into()),
            ("verified_minor", row.verified_minor.into()),
            ("state", snake(stands.name()).into()),
            ("merchant_reason", snake(row.reason.name()).into()),
            ("released_at_ms", row.released_at_ms.into()),
            ("last_index", step.index.into()),
            ("last_row", i64::from(step.row).into()),
        ],
    );
}

/// Table `trade_documents`: both columns are its key. A document of an order proves every trade of it. Documents that
/// came before their trade are joined with the trade, those of a waybill with the list that names it.
fn links(state: &State, at: &At, event: &DocumentsRecorded, out: &mut Batches) {
    let cases = &state.documents;
    let mut link = |order: &OrderCase, documents: &[Id], trade: Option<Id>| {
        for known in order
            .trades
            .iter()
            .filter(|known| trade.is_none_or(|trade| trade == known.trade_id))
        {
            for document_id in documents {
                let cells = [
                    ("trade_id", known.trade_id.into()),
                    ("document_id", (*document_id).into()),
                ];
                out.row("trade_documents", cells);
            }
        }
    };
    for row in &event.documents {
        let Some(order) = cases.order_of(row.trade_id) else {
            continue;
        };
        link(order, &[row.document_id], None);
        if i32::from(row.doc_type) == DocumentType::List as i32 {
            let list = cases.lists.get(row.subject as usize);
            let waybill = list.and_then(|list| cases.waybills.get(list.head.waybill as usize));
            link(
                order,
                waybill.map_or(&[], |waybill| &waybill.documents),
                None,
            );
        }
    }
    for (ordinal, row) in event.trades.iter().enumerate() {
        let is_new =
            |origin: &TradeOrigin| origin.created == at.step(event.first_trade_row() + ordinal);
        let Some(origin) = cases.origin(row.trade_id).filter(is_new) else {
            continue;
        };
        let Some(order) = cases.orders.get(origin.order as usize) else {
            continue;
        };
        link(order, &order.documents, Some(row.trade_id));
        for list in order
            .lists
            .iter()
            .filter_map(|slot| cases.lists.get(*slot as usize))
        {
            let waybill = cases.waybills.get(list.head.waybill as usize);
            link(
                order,
                waybill.map_or(&[], |waybill| &waybill.documents),
                Some(row.trade_id),
            );
        }
    }
}
