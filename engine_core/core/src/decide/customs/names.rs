//! The cases a document names: found by their keys, or opened with the next free slot of their table.

use std::collections::HashMap;

use super::desk::Desk;
use super::key::OrderKey;
use crate::event::customs::{NameKind, NameRow};
use crate::ids::KeyDigest;
use crate::state::document::{Cases, OrderCase, Slots};

/// A waybill number is unique for six months; the same number later is another waybill.
const WAYBILL_WINDOW_MS: u64 = 183 * 86_400_000;

/// Names that one document brings.
pub struct Names<'b, 'a> {
    desk: &'b Desk<'a>,
    pub rows: Vec<NameRow>,
    /// Names of this document, so that one that comes twice opens one case.
    fresh: HashMap<KeyDigest, u32>,
    opened: u32,
}

impl<'b, 'a> Names<'b, 'a> {
    pub fn new(desk: &'b Desk<'a>) -> Self {
        Self {
            desk,
            rows: Vec::new(),
            fresh: HashMap::new(),
            opened: 0,
        }
    }

    fn named(&self, key: KeyDigest) -> Option<u32> {
        match self.fresh.is_empty() {
            true => self.desk.named(key),
            false => self
                .fresh
                .get(&key)
                .copied()
                .or_else(|| self.desk.named(key)),
        }
    }

    /// Slot of the case with this key, opened when there is none.
    pub fn slot(&mut self, kind: NameKind, key: KeyDigest) -> u32 {
        self.named(key).unwrap_or_else(|| self.open(kind, key))
    }

    fn open(&mut self, kind: NameKind, key: KeyDigest) -> u32 {
        let next = match kind {
            NameKind::Order => self.desk.orders.count(),
            NameKind::List => self.desk.lists.count(),
            // A departure may be the first to name many waybills; of the other tables a document opens one case.
            NameKind::Waybill => self.desk.waybills.count() + self.opened,
            NameKind::Departure => self.desk.departures.count(),
            NameKind::Message => self.desk.messages.count(),
        };
        self.opened += u32::from(kind == NameKind::Waybill);
        self.put(kind, key, next);
        next
    }

    fn put(&mut self, kind: NameKind, key: KeyDigest, slot: u32) {
        self.rows.push(NameRow { key, kind, slot });
        self.fresh.insert(key, slot);
    }

    /// One more name of a case.
    pub fn alias(&mut self, kind: NameKind, key: KeyDigest, slot: u32) {
        if self.named(key) != Some(slot) {
            self.put(kind, key, slot);
        }
    }

    /// Slot of an order, and whether the platform's name differs from the one it is known by. An order and a list are
    /// joined by their number alone where the platform has no code; two orders, or two lists, never are.
    pub fn order(&mut self, order: &OrderKey, is_order: bool) -> (u32, bool) {
        let named = self.named(order.key);
        let by_number = order.nameless.and_then(|key| self.named(key));
        let lacks_this = |slot: &u32| match self.desk.orders.at(*slot) {
            Some(case) => case.versions.is_empty() == is_order,
            None => false,
        };
        let slot = named
            .or(by_number.filter(lacks_this))
            .unwrap_or_else(|| self.open(NameKind::Order, order.key));
        if let (Some(key), None) = (order.nameless, by_number) {
            self.alias(NameKind::Order, key, slot);
        }
        if is_order {
            self.alias(NameKind::Order, order.key, slot);
        }
        let differs = |case: &OrderCase| case.key != order.key;
        (slot, self.desk.orders.at(slot).is_some_and(differs))
    }

    /// Slot of a waybill within its six months.
    pub fn waybill(&mut self, key: KeyDigest, now_ms: u64) -> u32 {
        let is_current = |slot: &u32| match self.desk.waybills.at(*slot) {
            Some(waybill) => now_ms < waybill.first_ms + WAYBILL_WINDOW_MS,
            None => true,
        };
        self.named(key)
            .filter(is_current)
            .unwrap_or_else(|| self.open(NameKind::Waybill, key))
    }
}
