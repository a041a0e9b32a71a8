//! The state as one request sees it: documents of the same request build on each other before any entry is written.

use std::collections::HashMap;

use crate::ids::{Id, KeyDigest, Step};
use crate::state::State;
use crate::state::document::{
    Cases, DepartureCase, Deposit, ListCase, MessageCase, OrderCase, Slots, TradeOrigin,
    WaybillCase,
};
use crate::state::trade::Trade;

/// A table of the state with the changes of the request above it.
pub struct Layer<'a, T> {
    base: &'a [T],
    /// Point lookups only.
    changed: HashMap<u32, T>,
    new: Vec<T>,
}

impl<'a, T> Layer<'a, T> {
    fn over(base: &'a [T]) -> Self {
        Self {
            base,
            changed: HashMap::new(),
            new: Vec::new(),
        }
    }
}

impl<T: Clone> Slots<T> for Layer<'_, T> {
    fn at(&self, slot: u32) -> Option<&T> {
        match (slot as usize).checked_sub(self.base.len()) {
            Some(above) => self.new.get(above),
            None => self
                .changed
                .get(&slot)
                .or_else(|| self.base.get(slot as usize)),
        }
    }

    fn at_mut(&mut self, slot: u32) -> Option<&mut T> {
        match (slot as usize).checked_sub(self.base.len()) {
            Some(above) => self.new.get_mut(above),
            None => Some(
                self.changed
                    .entry(slot)
                    .or_insert_with(|| self.base[slot as usize].clone()),
            ),
        }
    }

    fn add(&mut self, case: T) {
        self.new.push(case);
    }

    fn count(&self) -> u32 {
        (self.base.len() + self.new.len()) as u32
    }
}

/// Everything documents of one request read and change.
pub struct Desk<'a> {
    pub state: &'a State,
    names: HashMap<KeyDigest, u32>,
    pub deposits: HashMap<Id, Deposit>,
    pub orders: Layer<'a, OrderCase>,
    pub lists: Layer<'a, ListCase>,
    pub waybills: Layer<'a, WaybillCase>,
    pub departures: Layer<'a, DepartureCase>,
    pub messages: Layer<'a, MessageCase>,
    trades: HashMap<Id, Trade>,
    origins: HashMap<Id, TradeOrigin>,
}

impl<'a> Desk<'a> {
    pub fn new(state: &'a State) -> Self {
        let documents = &state.documents;
        Self {
            state,
            names: HashMap::new(),
            deposits: HashMap::new(),
            orders: Layer::over(&documents.orders),
            lists: Layer::over(&documents.lists),
            waybills: Layer::over(&documents.waybills),
            departures: Layer::over(&documents.departures),
            messages: Layer::over(&documents.messages),
            trades: HashMap::new(),
            origins: HashMap::new(),
        }
    }

    pub fn deposit(&self, document_id: Id) -> Option<Deposit> {
        self.deposits
            .get(&document_id)
            .copied()
            .or_else(|| self.state.documents.deposit(document_id))
    }

    pub fn trade(&self, trade_id: Id) -> Option<&Trade> {
        self.trades
            .get(&trade_id)
            .or_else(|| self.state.trades.get(trade_id))
    }

    pub fn put_trade(&mut self, trade: Trade) {
        self.trades.insert(trade.trade_id, trade);
    }

    /// Moves a trade's newest step.
    pub fn step_trade(&mut self, trade_id: Id, step: Step) {
        if let Some(trade) = self.trades.get_mut(&trade_id) {
            trade.last = step;
        }
    }

    pub fn origin(&self, trade_id: Id) -> TradeOrigin {
        let origin = self.origins.get(&trade_id).copied();
        origin
            .or_else(|| self.state.documents.origin(trade_id))
            .unwrap_or_default()
    }

    pub fn put_origin(&mut self, trade_id: Id, origin: TradeOrigin) {
        self.origins.insert(trade_id, origin);
    }

    /// The newest step of an order's documents and its first trade: what the next document of the order follows.
    pub fn chain_of(&self, order: &OrderCase) -> Step {
        let trade = order
            .trades
            .first()
            .and_then(|trade| self.trade(trade.trade_id));
        newest(order.last, trade.map_or(Step::NONE, |trade| trade.last))
    }
}

/// The later of two steps; "none" is earlier than any.
pub fn newest(one: Step, two: Step) -> Step {
    match (one.is_some(), two.is_some()) {
        (true, true) => one.max(two),
        (true, false) => one,
        _ => two,
    }
}

impl Cases for Desk<'_> {
    fn named(&self, key: KeyDigest) -> Option<u32> {
        self.names
            .get(&key)
            .copied()
            .or_else(|| self.state.documents.named(key))
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
