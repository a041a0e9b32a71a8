//! One entry of documents while it is written: rows find their places, steps follow from the places.

use super::desk::{Desk, newest};
use super::release::{Outcome, Planned};
use crate::decide::tax::{Labelled, Labels};
use crate::event::customs::{ClawbackRow, DocumentsRecorded};
use crate::ids::{Id, Step};
use crate::rejection::Rejection;
use crate::state::document::{OrderCase, Slots};
use crate::state::trade::{Trade, TradeRow};

pub struct Page {
    /// Index the entry will have.
    pub index: u64,
    pub event: DocumentsRecorded,
    /// Order of each document, where it has one.
    pub orders: Vec<Option<u32>>,
}

impl Page {
    pub fn new(index: u64) -> Self {
        let event = DocumentsRecorded {
            refused: Vec::new(),
            refused_fields: String::new(),
            repeated: Vec::new(),
            names_per_document: Vec::new(),
            secrets: Vec::new(),
            documents: Vec::new(),
            orders: Vec::new(),
            lists: Vec::new(),
            waybills: Vec::new(),
            lines: Vec::new(),
            names: Vec::new(),
            members: Vec::new(),
            trades: Vec::new(),
            clawbacks: Vec::new(),
            links: Vec::new(),
            items: Vec::new(),
        };
        Self {
            index,
            event,
            orders: Vec::new(),
        }
    }

    pub fn rows(&self) -> usize {
        let event = &self.event;
        event.first_trade_row()
            + event.trades.len()
            + event.clawbacks.len()
            + event.links.len()
            + event.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows() == 0 && self.event.refused.is_empty() && self.event.repeated.is_empty()
    }

    fn step(&self, row: usize) -> Step {
        Step {
            index: self.index,
            row: row as u16,
        }
    }

    /// Where the next document will stand.
    pub fn next_step(&self) -> Step {
        self.step(self.event.documents.len())
    }

    /// Notes a refused document: number and field path, never its value.
    pub fn refuse(&mut self, ordinal: u16, code: Rejection, field: &str) {
        if !self.event.refused.is_empty() {
            self.event.refused_fields.push('\n');
        }
        self.event.refused_fields.push_str(field);
        self.event.refused.push((ordinal, code as u16));
    }

    pub fn repeat(&mut self, ordinal: u16, step: Step) {
        self.event.repeated.push((ordinal, step));
    }

    /// Adds what an order's judgement changes. No document may join the page afterwards: their rows come first.
    pub fn put_outcome(
        &mut self,
        desk: &mut Desk<'_>,
        order_slot: u32,
        outcome: Outcome,
        labelled: Labelled,
    ) {
        for planned in outcome.trades {
            self.put_trade(desk, order_slot, planned);
        }
        self.event.links.extend(labelled.links);
        for mut item in labelled.items {
            if !item.previous.is_some() {
                item.previous = desk
                    .trade(item.trade_id)
                    .map_or(Step::NONE, |trade| trade.last);
            }
            self.event.items.push(item);
        }
    }

    fn put_trade(&mut self, desk: &mut Desk<'_>, order_slot: u32, planned: Planned) {
        let Some(order) = desk.orders.at(order_slot) else {
            return;
        };
        let trade_id = planned.row.trade_id;
        let mut row = planned.row;
        if planned.is_changed {
            row.previous = previous_of(desk, order, trade_id);
            let step = self.step(self.event.first_trade_row() + self.event.trades.len());
            let trade = changed(desk.trade(trade_id), &row, step);
            desk.put_trade(trade);
            if let Some(order) = desk.orders.at_mut(order_slot) {
                order.put_trade(&row);
            }
            self.event.trades.push(row.clone());
        }
        if let Some(clawback_minor) = planned.clawback_minor {
            let Some(mut trade) = desk.trade(trade_id).cloned() else {
                return;
            };
            self.event.clawbacks.push(ClawbackRow {
                trade_id,
                merchant: row.merchant,
                clawback_minor,
                previous: trade.last,
            });
            trade.clawback_minor = clawback_minor;
            desk.put_trade(trade);
        }
    }

    /// The finished entry; documents learn the first trade of their order, later pages the steps of this one.
    pub fn close(mut self, desk: &mut Desk<'_>, labels: &mut Labels<'_>) -> DocumentsRecorded {
        for (row, order) in self.event.documents.iter_mut().zip(&self.orders) {
            let order = order.and_then(|slot| desk.orders.at(slot));
            row.trade_id = order
                .and_then(|order| order.trades.first())
                .map_or(Id::ZERO, |trade| trade.trade_id);
        }
        let first_clawback = self.event.first_trade_row() + self.event.trades.len();
        for (ordinal, row) in self.event.clawbacks.iter().enumerate() {
            let step = Step {
                index: self.index,
                row: (first_clawback + ordinal) as u16,
            };
            desk.step_trade(row.trade_id, step);
        }
        let first_item = first_clawback + self.event.clawbacks.len() + self.event.links.len();
        for (ordinal, row) in self.event.items.iter().enumerate() {
            labels.step(
                row.item_id,
                Step {
                    index: self.index,
                    row: (first_item + ordinal) as u16,
                },
            );
        }
        self.event
    }
}

/// The step before a trade's next: its own newest, or the newest document of its order. Documents chain to the first
/// trade of their order, so that its steps lead through all of them; the other trades begin at the order's document.
fn previous_of(desk: &Desk<'_>, order: &OrderCase, trade_id: Id) -> Step {
    let last = desk.trade(trade_id).map_or(Step::NONE, |trade| trade.last);
    let is_first = order
        .trades
        .first()
        .is_none_or(|first| first.trade_id == trade_id);
    if is_first {
        return newest(order.last, last);
    }
    match (last.is_some(), order.reference()) {
        (false, Some(version)) => version.step,
        (false, None) => order.last,
        (true, _) => last,
    }
}

/// A trade as a row leaves it, the same that evolving makes of it.
pub fn changed(before: Option<&Trade>, row: &TradeRow, step: Step) -> Trade {
    Trade {
        trade_id: row.trade_id,
        order_key: row.order_key,
        merchant: row.merchant,
        currency: row.currency,
        declared_minor: row.declared_minor,
        remainder_e5: row.remainder_e5,
        verified_minor: row.verified_minor,
        used_minor: before.map_or(0, |trade| trade.used_minor),
        clawback_minor: before.map_or(0, |trade| trade.clawback_minor),
        decided: row.state,
        reason: row.reason,
        released_at_ms: row.released_at_ms,
        last: step,
    }
}
