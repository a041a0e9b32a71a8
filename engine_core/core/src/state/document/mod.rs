//! Customs documents: the cases they are about (orders, waybills, lists, departures, messages) and their statuses.

mod case;
mod record;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use case::{
    DECLARED, DepartureCase, Line, ListCase, MessageCase, OrderCase, OrderTrade, Version,
    WaybillCase, is_accepted, is_held, is_rejected,
};
pub use record::{Cases, Recorded, Slots, record};

use super::{State, Table};
use crate::event::At;
use crate::event::codec::Wire;
use crate::event::customs::{
    ClawbackRow, DisputeSettled, DocumentsRecorded, ReturnReported, TradeClosed,
};
use crate::ids::{Id, KeyDigest, Step};
use crate::state::trade::{Disputes, TradeRow};
use crate::state::{Map, in_order};

/// Where a document stands and what it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    pub step: Step,
    pub content: [u8; 8],
}

/// What customs documents know of a trade beyond the trade itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeOrigin {
    /// Slot of the order.
    pub order: u32,
    /// Its first row.
    pub created: Step,
    /// Value taken back by returns.
    pub returned_minor: i64,
    /// Number of the close reason; 0 while nobody closed it.
    pub closed: u8,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Documents {
    #[serde(serialize_with = "in_order")]
    deposits: Map<Id, Deposit>,
    /// By digest; the digest's kind keeps names of different tables apart.
    #[serde(serialize_with = "in_order")]
    names: Map<KeyDigest, u32>,
    pub orders: Vec<OrderCase>,
    pub lists: Vec<ListCase>,
    pub waybills: Vec<WaybillCase>,
    pub departures: Vec<DepartureCase>,
    pub messages: Vec<MessageCase>,
    #[serde(serialize_with = "in_order")]
    origins: Map<Id, TradeOrigin>,
}

impl Documents {
    pub fn deposit(&self, document_id: Id) -> Option<Deposit> {
        self.deposits.get(&document_id).copied()
    }

    pub fn len(&self) -> usize {
        self.deposits.len()
    }

    pub fn is_empty(&self) -> bool {
        self.deposits.is_empty()
    }

    /// Slot of the case that has this name.
    pub fn named(&self, key: KeyDigest) -> Option<u32> {
        self.names.get(&key).copied()
    }

    pub fn origin(&self, trade_id: Id) -> Option<TradeOrigin> {
        self.origins.get(&trade_id).copied()
    }

    /// The order a trade came from.
    pub fn order_of(&self, trade_id: Id) -> Option<&OrderCase> {
        self.origins
            .get(&trade_id)
            .and_then(|origin| self.orders.get(origin.order as usize))
    }
}

impl Cases for Documents {
    fn named(&self, key: KeyDigest) -> Option<u32> {
        Documents::named(self, key)
    }
    fn name(&mut self, key: KeyDigest, slot: u32) {
        self.names.insert(key, slot);
    }
    fn orders(&mut self) -> &mut dyn Slots<OrderCase> {
        &mut self.orders
    }
    fn lists(&mut self) -> &mut dyn Slots<ListCase> {
        &mut self.lists
    }
    fn waybills(&mut self) -> &mut dyn Slots<WaybillCase> {
        &mut self.waybills
    }
    fn departures(&mut self) -> &mut dyn Slots<DepartureCase> {
        &mut self.departures
    }
    fn messages(&mut self) -> &mut dyn Slots<MessageCase> {
        &mut self.messages
    }
}

impl State {
    pub fn record_documents(&mut self, at: &At, event: &DocumentsRecorded) {
        record::record_all(&mut self.documents, at, event);
        for (ordinal, row) in event.documents.iter().enumerate() {
            let deposit = Deposit {
                step: at.step(ordinal),
                content: row.content,
            };
            self.documents.deposits.insert(row.document_id, deposit);
        }
        let first = event.first_trade_row();
        self.put_trades(at, first, &event.trades, &event.clawbacks);
        let links = first + event.trades.len() + event.clawbacks.len();
        self.tax.put_labels(at, links, &event.links, &event.items);
    }

    /// Applies trades as decided; their rows begin at `first`.
    fn put_trades(
        &mut self,
        at: &At,
        first: usize,
        trades: &[TradeRow],
        clawbacks: &[ClawbackRow],
    ) {
        for (ordinal, row) in trades.iter().enumerate() {
            self.put_trade(row, at.step(first + ordinal));
        }
        for (ordinal, row) in clawbacks.iter().enumerate() {
            self.put_clawback(row, at.step(first + trades.len() + ordinal));
        }
    }

    fn put_trade(&mut self, row: &TradeRow, step: Step) {
        self.merchants
            .trade_changed(self.trades.get(row.trade_id), row);
        self.trades.put(row, step);
        let Some(order) = self.documents.named(row.order_key) else {
            return;
        };
        self.documents
            .origins
            .entry(row.trade_id)
            .or_insert(TradeOrigin {
                order,
                created: step,
                ..TradeOrigin::default()
            });
        if let Some(case) = self.documents.orders.get_mut(order as usize) {
            case.put_trade(row);
        }
    }

    pub(super) fn put_clawback(&mut self, row: &ClawbackRow, step: Step) {
        let Some(slot) = self.trades.slot_of(row.trade_id) else {
            return;
        };
        let before = self.trades.at(slot).clawback_minor;
        self.trades.change(slot, step, |trade| {
            trade.clawback_minor = row.clawback_minor
        });
        self.merchants
            .clawback_changed(row.merchant, before, row.clawback_minor);
    }

    pub fn settle_dispute(&mut self, at: &At, event: &DisputeSettled) {
        // Settled first: the rows that follow then keep the evidence the trade was settled on.
        if let Some(origin) = self.documents.origins.get(&event.trade_id)
            && let Some(order) = self.documents.orders.get_mut(origin.order as usize)
        {
            order.settle(event.trade_id, event.merchant, Disputes(event.settled));
        }
        self.put_trades(at, 0, &event.trades, &event.clawbacks);
        let links = event.trades.len() + event.clawbacks.len();
        self.tax.put_labels(at, links, &event.links, &event.items);
    }

    pub fn report_return(&mut self, at: &At, event: &ReturnReported) {
        self.put_trades(at, 0, &event.trades, &event.clawbacks);
        self.documents
            .origins
            .entry(event.trade_id)
            .or_default()
            .returned_minor += event.amount_minor;
        let links = event.trades.len() + event.clawbacks.len();
        self.tax.put_labels(at, links, &event.links, &event.items);
    }

    pub fn close_trade(&mut self, at: &At, event: &TradeClosed) {
        self.put_trades(at, 0, &event.trades, &[]);
        self.documents
            .origins
            .entry(event.trade_id)
            .or_default()
            .closed = event.reason;
    }
}

impl Table for Documents {
    fn digest(&self, hasher: &mut Sha256) {
        let mut deposits: Vec<_> = self.deposits.iter().collect();
        deposits.sort_by_key(|(id, _)| **id);
        let mut bytes = Vec::new();
        for (id, deposit) in deposits {
            bytes.clear();
            (*id, deposit.step).put(&mut bytes);
            deposit.content.put(&mut bytes);
            hasher.update(&bytes);
        }
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort();
        for (key, slot) in names {
            hasher.update(key.0);
            hasher.update(slot.to_be_bytes());
        }
        self.orders.iter().for_each(|case| case.digest(hasher));
        self.lists.iter().for_each(|case| case.digest(hasher));
        self.waybills.iter().for_each(|case| case.digest(hasher));
        self.departures.iter().for_each(|case| case.digest(hasher));
        self.messages.iter().for_each(|case| case.digest(hasher));
        let mut origins: Vec<_> = self.origins.iter().collect();
        origins.sort_by_key(|(id, _)| **id);
        for (id, origin) in origins {
            hasher.update(id.0);
            hasher.update(origin.order.to_be_bytes());
            hasher.update(origin.created.index.to_be_bytes());
            hasher.update(origin.created.row.to_be_bytes());
            hasher.update(origin.returned_minor.to_be_bytes());
            hasher.update([origin.closed]);
        }
    }
}
