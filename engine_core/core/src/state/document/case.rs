//! What documents of one key have said so far: one case per order, waybill, list, departure and other message.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::NO_INDEX;
use crate::event::codec::{Row, Text, Wire};
use crate::event::customs::{LineRow, ListRow, WaybillRow};
use crate::ids::{Id, KeyDigest, Step};
use crate::money::Currency;
use crate::state::trade::{Disputes, MerchantReason, TradeRow};

/// Status by which customs took the document, seized goods aside (reference customs.md section 7.1).
pub fn is_accepted(status: i32) -> bool {
    matches!(status, 120 | 300 | 399 | 500 | 800 | 899)
}

/// Customs has the document, or is about to: only an end without success lets it be sent again (section 7.4).
pub fn is_held(status: i32) -> bool {
    status > 0 && !matches!(status, 1 | 4) && !is_rejected(status)
}

/// An end from which the document may be sent again.
pub fn is_rejected(status: i32) -> bool {
    status == 100 || status < 0
}

pub const DECLARED: u8 = 2;

/// A line of an order or list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub gnum: u16,
    pub item: [u8; 8],
    pub currency: Currency,
    pub total_e5: u64,
    pub qty_e5: u64,
    pub unit: Text<3>,
    pub gcode: u64,
    /// The genuine merchant by the evidence of this document alone.
    pub merchant: u32,
    pub reason: MerchantReason,
}

impl Line {
    pub fn of(row: &LineRow) -> Self {
        Self {
            gnum: row.gnum,
            item: row.item,
            currency: row.currency,
            total_e5: row.total_e5,
            qty_e5: row.qty_e5,
            unit: row.unit,
            gcode: row.gcode,
            merchant: row.merchant,
            reason: row.reason,
        }
    }

    /// True when both say the same of the goods.
    pub fn agrees(&self, other: &Self) -> bool {
        (
            self.gnum,
            self.item,
            self.currency,
            self.total_e5,
            self.qty_e5,
        ) == (
            other.gnum,
            other.item,
            other.currency,
            other.total_e5,
            other.qty_e5,
        )
    }

    fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::with_capacity(LineRow::WIDTH);
        LineRow {
            key: KeyDigest::default(),
            gnum: self.gnum,
            item: self.item,
            currency: self.currency,
            total_e5: self.total_e5,
            qty_e5: self.qty_e5,
            unit: self.unit,
            gcode: self.gcode,
            merchant: self.merchant,
            reason: self.reason,
        }
        .put(&mut bytes);
        hasher.update(&bytes);
    }
}

/// What one consignor code declared of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub consignor: Text<18>,
    pub consignor_party: u32,
    pub app_status: u8,
    pub status: i32,
    pub stamp: u64,
    pub platform_differs: bool,
    pub lines: Vec<Line>,
    /// Row of the document.
    pub step: Step,
}

impl Version {
    pub fn is_accepted(&self) -> bool {
        self.app_status == DECLARED && is_accepted(self.status)
    }

    pub fn is_declared(&self) -> bool {
        self.app_status == DECLARED && !is_rejected(self.status)
    }

    pub fn says_the_same(&self, other: &Self) -> bool {
        self.lines.len() == other.lines.len()
            && self
                .lines
                .iter()
                .zip(&other.lines)
                .all(|(one, two)| one.agrees(two))
    }
}

/// A trade of an order: which lines are its own, and what an officer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTrade {
    pub trade_id: Id,
    /// Merchant that the evidence gives its lines; with the currency it picks them.
    pub by_evidence: u32,
    pub currency: Currency,
    /// Merchant named by an officer, and the disputes that were settled so.
    pub settled: Option<(u32, Disputes)>,
}

/// All that was declared under one trade key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCase {
    pub key: KeyDigest,
    /// When the key was seen first: the time in the ids of its trades.
    pub first_ms: u64,
    pub versions: Vec<Version>,
    /// Slots of the lists that name the order.
    pub lists: Vec<u32>,
    pub trades: Vec<OrderTrade>,
    pub documents: Vec<Id>,
    /// Row of the newest document of the case.
    pub last: Step,
}

impl OrderCase {
    pub fn new(key: KeyDigest, first_ms: u64) -> Self {
        Self {
            key,
            first_ms,
            versions: Vec::new(),
            lists: Vec::new(),
            trades: Vec::new(),
            documents: Vec::new(),
            last: Step::NONE,
        }
    }

    /// The version that speaks for the order: the first that customs took, else the first declared.
    pub fn reference(&self) -> Option<&Version> {
        let accepted = self.versions.iter().find(|version| version.is_accepted());
        accepted.or_else(|| self.versions.iter().find(|version| version.is_declared()))
    }

    pub fn version_of(&self, consignor: Text<18>) -> Option<usize> {
        self.versions
            .iter()
            .position(|version| version.consignor == consignor)
    }

    /// Notes a trade row. What an officer settled keeps the evidence it was settled on.
    pub fn put_trade(&mut self, row: &TradeRow) {
        let known = self
            .trades
            .iter_mut()
            .find(|trade| trade.trade_id == row.trade_id);
        match known {
            Some(trade) if trade.settled.is_none() => trade.by_evidence = row.merchant,
            Some(_) => {}
            None => self.trades.push(OrderTrade {
                trade_id: row.trade_id,
                by_evidence: row.merchant,
                currency: row.currency,
                settled: None,
            }),
        }
    }

    pub fn settle(&mut self, trade_id: Id, merchant: u32, settled: Disputes) {
        for trade in self
            .trades
            .iter_mut()
            .filter(|trade| trade.trade_id == trade_id)
        {
            let before = trade
                .settled
                .map_or(Disputes::default(), |(_, before)| before);
            trade.settled = Some((merchant, before.and(settled)));
        }
    }

    pub(super) fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        self.key.put(&mut bytes);
        self.first_ms.put(&mut bytes);
        self.last.put(&mut bytes);
        self.lists.iter().for_each(|list| list.put(&mut bytes));
        self.documents.iter().for_each(|id| id.put(&mut bytes));
        for trade in &self.trades {
            let (merchant, disputes) = trade.settled.unwrap_or((NO_INDEX, Disputes::default()));
            (trade.trade_id, trade.by_evidence).put(&mut bytes);
            (trade.currency, trade.settled.is_some()).put(&mut bytes);
            (merchant, disputes.0).put(&mut bytes);
        }
        for version in &self.versions {
            (version.consignor, version.consignor_party).put(&mut bytes);
            (version.app_status, version.status).put(&mut bytes);
            (version.stamp, version.platform_differs).put(&mut bytes);
            version.step.put(&mut bytes);
        }
        hasher.update(&bytes);
        self.versions
            .iter()
            .flat_map(|version| &version.lines)
            .for_each(|line| line.digest(hasher));
    }
}

/// A declaration list of one consignor for one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCase {
    pub key: KeyDigest,
    pub head: ListRow,
    pub app_status: u8,
    pub status: i32,
    pub stamp: u64,
    pub is_withdrawn: bool,
    /// When the newest version was declared: grants and relations are looked up at this time.
    pub declared_ms: u64,
    /// When customs released the newest version; 0 while it did not.
    pub released_ms: u64,
    pub lines: Vec<Line>,
    pub last: Step,
}

impl ListCase {
    pub fn new(key: KeyDigest) -> Self {
        let head = ListRow {
            order: NO_INDEX,
            waybill: NO_INDEX,
            consignor: Text::default(),
            consignor_party: NO_INDEX,
            agent_party: NO_INDEX,
            owner_party: NO_INDEX,
            statistics_flag: 0,
            trade_mode: 0,
            export_date: 0,
            customs_code: Text::default(),
            lines: 0,
            platform_differs: false,
        };
        Self {
            key,
            head,
            app_status: 0,
            status: 0,
            stamp: 0,
            is_withdrawn: false,
            declared_ms: 0,
            released_ms: 0,
            lines: Vec::new(),
            last: Step::NONE,
        }
    }

    /// Customs took the list and nobody withdrew it.
    pub fn stands(&self) -> bool {
        self.app_status == DECLARED && !self.is_withdrawn && is_accepted(self.status)
    }

    pub fn is_released(&self) -> bool {
        self.stands() && matches!(self.status, 800 | 899)
    }

    /// Since when the list, on its waybill, proves its lines; `None` while it does not.
    pub fn proves_from_ms(&self, waybill: &WaybillCase) -> Option<u64> {
        let proves = self.is_released() && waybill.is_accepted();
        proves.then(|| self.released_ms.max(waybill.accepted_ms))
    }

    pub(super) fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        self.key.put(&mut bytes);
        self.head.put(&mut bytes);
        (self.app_status, self.status).put(&mut bytes);
        (self.stamp, self.is_withdrawn).put(&mut bytes);
        (self.declared_ms, self.released_ms).put(&mut bytes);
        self.last.put(&mut bytes);
        hasher.update(&bytes);
        self.lines.iter().for_each(|line| line.digest(hasher));
    }
}

/// A waybill of one carrier; known from the first document that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaybillCase {
    pub key: KeyDigest,
    pub head: WaybillRow,
    pub first_ms: u64,
    /// 0 while only other documents name it.
    pub app_status: u8,
    pub status: i32,
    pub stamp: u64,
    /// When customs took the newest version; 0 while it did not.
    pub accepted_ms: u64,
    pub is_departed: bool,
    /// Slots of the lists that name it.
    pub lists: Vec<u32>,
    pub documents: Vec<Id>,
    pub last: Step,
}

impl WaybillCase {
    pub fn new(key: KeyDigest, first_ms: u64) -> Self {
        Self {
            key,
            head: WaybillRow {
                consignor: Text::default(),
                consignor_party: NO_INDEX,
            },
            first_ms,
            app_status: 0,
            status: 0,
            stamp: 0,
            accepted_ms: 0,
            is_departed: false,
            lists: Vec::new(),
            documents: Vec::new(),
            last: Step::NONE,
        }
    }

    pub fn is_accepted(&self) -> bool {
        self.app_status == DECLARED && is_accepted(self.status)
    }

    pub(super) fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        self.key.put(&mut bytes);
        self.head.put(&mut bytes);
        (self.first_ms, self.app_status).put(&mut bytes);
        (self.status, self.stamp).put(&mut bytes);
        (self.accepted_ms, self.is_departed).put(&mut bytes);
        self.last.put(&mut bytes);
        self.lists.iter().for_each(|list| list.put(&mut bytes));
        self.documents.iter().for_each(|id| id.put(&mut bytes));
        hasher.update(&bytes);
    }
}

/// One part of a departure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartureCase {
    pub key: KeyDigest,
    pub app_status: u8,
    pub status: i32,
    pub stamp: u64,
    /// Slots of the waybills on board.
    pub waybills: Vec<u32>,
    pub last: Step,
}

impl DepartureCase {
    pub fn new(key: KeyDigest) -> Self {
        Self {
            key,
            app_status: 0,
            status: 0,
            stamp: 0,
            waybills: Vec::new(),
            last: Step::NONE,
        }
    }

    pub(super) fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        self.key.put(&mut bytes);
        (self.app_status, self.status).put(&mut bytes);
        (self.stamp, self.last).put(&mut bytes);
        self.waybills
            .iter()
            .for_each(|waybill| waybill.put(&mut bytes));
        hasher.update(&bytes);
    }
}

/// A message that no trade depends on: collection note, aggregation and its result, withdrawal application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCase {
    pub key: KeyDigest,
    pub status: i32,
    pub stamp: u64,
    pub last: Step,
}

impl MessageCase {
    pub fn new(key: KeyDigest) -> Self {
        Self {
            key,
            status: 0,
            stamp: 0,
            last: Step::NONE,
        }
    }

    pub(super) fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        self.key.put(&mut bytes);
        (self.status, self.stamp).put(&mut bytes);
        self.last.put(&mut bytes);
        hasher.update(&bytes);
    }
}
