//! Trades: the goods of one order that belong to one merchant in one currency, and the value put to use.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Table;
use crate::event::NO_INDEX;
use crate::event::codec::{Row, code, row};
use crate::ids::{Id, KeyDigest, Step};
use crate::money::Currency;
use crate::state::{Map, in_order};

code! {
    /// How far a trade has come.
    TradeState {
        Declared = 1,
        Matched = 2,
        Released = 3,
        Closed = 4,
        Disputed = 5,
    }
}

code! {
    /// Why this merchant is the genuine one, or why nobody is.
    MerchantReason {
        /// No relation and no document names one.
        Unknown = 0,
        /// A registered item prefix.
        Item = 1,
        /// A registered shop.
        Shop = 2,
        /// The producer or seller named in the list.
        Owner = 3,
        /// The consignor, itself a merchant.
        Consignor = 4,
        /// An officer settled a dispute.
        Officer = 5,
        /// Documents name another merchant than the relations.
        Contradiction = 6,
        /// The declarant is not entrusted by the merchant.
        NotEntrusted = 7,
        /// Declarations of the same order differ.
        OrderDiffers = 8,
        /// The list does not agree with the order.
        ListDiffers = 9,
        /// The waybill does not agree with the list.
        WaybillDiffers = 10,
        /// Same platform code absent, names disagree.
        PlatformDiffers = 11,
    }
}

/// What disputes a trade: bit `1 << number` for every reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disputes(pub u16);

impl Disputes {
    /// The first that applies is the one told.
    const PRECEDENCE: [MerchantReason; 6] = [
        MerchantReason::OrderDiffers,
        MerchantReason::PlatformDiffers,
        MerchantReason::ListDiffers,
        MerchantReason::WaybillDiffers,
        MerchantReason::Contradiction,
        MerchantReason::NotEntrusted,
    ];

    pub fn add(&mut self, reason: MerchantReason) {
        self.0 |= 1 << reason as u16;
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn first(self) -> Option<MerchantReason> {
        let holds = |reason: &MerchantReason| self.0 & 1 << *reason as u16 != 0;
        Self::PRECEDENCE.into_iter().find(holds)
    }
}

row! {
    /// The customs side of a trade as decided: replaces what stood before. `used` and `clawback` move by other rows.
    TradeRow = 12 {
        trade_id: Id,
        order_key: KeyDigest,
        merchant: u32,
        currency: Currency,
        declared_minor: i64,
        /// Remainder below the minor unit of the declared value, in 10^-5 units.
        remainder_e5: u32,
        verified_minor: i64,
        /// As documents and officers made it: a released trade counts as closed while all its value is used.
        state: TradeState,
        reason: MerchantReason,
        released_at_ms: u64,
        previous: Step,
        grant: u32,
    }
}

/// One trade in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    pub trade_id: Id,
    pub order_key: KeyDigest,
    /// Party index; `NO_INDEX` while unknown.
    pub merchant: u32,
    pub currency: Currency,
    pub declared_minor: i64,
    pub remainder_e5: u32,
    pub verified_minor: i64,
    pub used_minor: i64,
    pub clawback_minor: i64,
    /// As the newest trade row has it: `Closed` for a reason, or for want of lines.
    pub decided: TradeState,
    pub reason: MerchantReason,
    pub released_at_ms: u64,
    pub last: Step,
}

impl Trade {
    /// Where the trade stands. What was released closes when all that is verified is used (law 2), and is open again
    /// when value is given back or more is verified: it follows from the amounts, so no row tells it.
    pub fn state(&self) -> TradeState {
        if self.is_full() {
            TradeState::Closed
        } else {
            self.decided
        }
    }

    /// Released, and all that is verified is used.
    pub fn is_full(&self) -> bool {
        self.decided == TradeState::Released
            && self.verified_minor > 0
            && self.used_minor == self.verified_minor
    }

    /// verified − used, never negative; nothing while disputed or closed.
    pub fn open_minor(&self) -> i64 {
        match self.decided {
            TradeState::Released => (self.verified_minor - self.used_minor).max(0),
            _ => 0,
        }
    }

    fn queue_key(&self) -> (u64, Id) {
        (self.released_at_ms, self.trade_id)
    }
}

/// A trade with open value, in the order in which a merchant's trades are served: oldest release first, ties by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenTrade {
    pub released_at_ms: u64,
    pub trade_id: Id,
    pub slot: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Trades {
    slots: Vec<Trade>,
    #[serde(serialize_with = "in_order")]
    by_id: Map<Id, u32>,
    /// Per merchant and currency, sorted; a ring, because the oldest is served, and leaves, first.
    open: BTreeMap<(u32, Currency), VecDeque<OpenTrade>>,
    /// Running total of open value per merchant and currency.
    open_minor: BTreeMap<(u32, Currency), i128>,
    disputed: u32,
}

impl Trades {
    pub fn get(&self, trade_id: Id) -> Option<&Trade> {
        self.by_id
            .get(&trade_id)
            .map(|slot| &self.slots[*slot as usize])
    }

    pub fn at(&self, slot: u32) -> &Trade {
        &self.slots[slot as usize]
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub fn disputed(&self) -> u32 {
        self.disputed
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Trade> {
        self.slots.iter()
    }

    /// Open trades of a merchant in a currency, oldest release first.
    pub fn open_of(&self, merchant: u32, currency: Currency) -> impl Iterator<Item = &OpenTrade> {
        self.open.get(&(merchant, currency)).into_iter().flatten()
    }

    /// Currencies in which a merchant has, or had, open trades.
    pub fn currencies_of(&self, merchant: u32) -> impl Iterator<Item = Currency> {
        let keys = self
            .open
            .range((merchant, Currency(0))..=(merchant, Currency(u16::MAX)));
        keys.filter(|(_, trades)| !trades.is_empty())
            .map(|((_, currency), _)| *currency)
    }

    /// The running total, at most what an amount can be.
    pub fn open_minor_of(&self, merchant: u32, currency: Currency) -> i64 {
        let total = self.open_minor.get(&(merchant, currency));
        total.map_or(0, |total| i64::try_from(*total).unwrap_or(i64::MAX))
    }

    /// Merchants with open value, in index order, each with its currencies.
    pub fn open_keys(&self) -> impl Iterator<Item = (u32, Currency)> {
        self.open
            .iter()
            .filter(|(_, trades)| !trades.is_empty())
            .map(|(key, _)| *key)
    }

    /// Applies the customs side of a trade.
    pub fn put(&mut self, row: &TradeRow, step: Step) {
        let slot = match self.by_id.get(&row.trade_id) {
            Some(slot) => *slot,
            None => self.add(row),
        };
        self.change(slot, step, |trade| {
            trade.merchant = row.merchant;
            trade.declared_minor = row.declared_minor;
            trade.remainder_e5 = row.remainder_e5;
            trade.verified_minor = row.verified_minor;
            trade.decided = row.state;
            trade.reason = row.reason;
            trade.released_at_ms = row.released_at_ms;
        });
    }

    /// Changes one trade and keeps queues and totals in step.
    pub fn change(&mut self, slot: u32, step: Step, change: impl FnOnce(&mut Trade)) {
        self.leave_queue(slot);
        let trade = &mut self.slots[slot as usize];
        self.disputed -= u32::from(trade.decided == TradeState::Disputed);
        change(trade);
        trade.last = step;
        self.disputed += u32::from(trade.decided == TradeState::Disputed);
        self.join_queue(slot);
    }

    /// Puts `delta` (negative when undone) of a trade's value to use.
    pub fn use_value(&mut self, trade_id: Id, delta_minor: i64, step: Step) {
        let slot = self.by_id[&trade_id];
        let (before, open_before) = {
            let trade = &self.slots[slot as usize];
            (trade.queue_key(), trade.open_minor())
        };
        let trade = &mut self.slots[slot as usize];
        trade.used_minor += delta_minor;
        trade.last = step;
        let (key, open_after) = ((trade.merchant, trade.currency), trade.open_minor());
        // The common case keeps its place in the queue; only entering or leaving it moves anything.
        if (open_before > 0) == (open_after > 0) {
            *self.open_minor.entry(key).or_default() += i128::from(open_after - open_before);
        } else if open_after > 0 {
            self.join_queue(slot);
        } else {
            self.remove_from_queue(key, before, open_before);
        }
    }

    pub fn slot_of(&self, trade_id: Id) -> Option<u32> {
        self.by_id.get(&trade_id).copied()
    }

    fn add(&mut self, row: &TradeRow) -> u32 {
        let slot = self.slots.len() as u32;
        self.slots.push(Trade {
            trade_id: row.trade_id,
            order_key: row.order_key,
            merchant: NO_INDEX,
            currency: row.currency,
            declared_minor: 0,
            remainder_e5: 0,
            verified_minor: 0,
            used_minor: 0,
            clawback_minor: 0,
            decided: TradeState::Declared,
            reason: MerchantReason::Unknown,
            released_at_ms: 0,
            last: Step::NONE,
        });
        self.by_id.insert(row.trade_id, slot);
        slot
    }

    fn leave_queue(&mut self, slot: u32) {
        let trade = &self.slots[slot as usize];
        let (key, order, open) = (
            (trade.merchant, trade.currency),
            trade.queue_key(),
            trade.open_minor(),
        );
        if open > 0 {
            self.remove_from_queue(key, order, open);
        }
    }

    fn remove_from_queue(&mut self, key: (u32, Currency), order: (u64, Id), open_minor: i64) {
        if let Some(queue) = self.open.get_mut(&key)
            && let Ok(at) =
                queue.binary_search_by(|open| (open.released_at_ms, open.trade_id).cmp(&order))
        {
            queue.remove(at);
            *self.open_minor.entry(key).or_default() -= i128::from(open_minor);
        }
    }

    fn join_queue(&mut self, slot: u32) {
        let trade = &self.slots[slot as usize];
        let open_minor = trade.open_minor();
        if open_minor == 0 {
            return;
        }
        let (released_at_ms, trade_id) = trade.queue_key();
        let open = OpenTrade {
            released_at_ms,
            trade_id,
            slot,
        };
        let key = (trade.merchant, trade.currency);
        let queue = self.open.entry(key).or_default();
        // Releases arrive nearly in order, so the place is nearly always the end.
        let at = queue.partition_point(|other| *other < open);
        queue.insert(at, open);
        *self.open_minor.entry(key).or_default() += i128::from(open_minor);
    }
}

impl Table for Trades {
    fn digest(&self, hasher: &mut Sha256) {
        let mut slots: Vec<&Trade> = self.slots.iter().collect();
        slots.sort_by_key(|trade| trade.trade_id);
        let mut bytes = Vec::new();
        for trade in slots {
            bytes.clear();
            TradeRow {
                trade_id: trade.trade_id,
                order_key: trade.order_key,
                merchant: trade.merchant,
                currency: trade.currency,
                declared_minor: trade.declared_minor,
                remainder_e5: trade.remainder_e5,
                verified_minor: trade.verified_minor,
                state: trade.decided,
                reason: trade.reason,
                released_at_ms: trade.released_at_ms,
                previous: trade.last,
                grant: NO_INDEX,
            }
            .put(&mut bytes);
            hasher.update(&bytes);
            hasher.update(trade.used_minor.to_be_bytes());
            hasher.update(trade.clawback_minor.to_be_bytes());
        }
    }
}
