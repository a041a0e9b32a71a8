//! What customs has said: just enough of the documents to know which lines are proven, and how far.

use std::collections::{BTreeMap, BTreeSet};

use whampoa_core::contract::whampoa::customs::v1 as proto;
use whampoa_core::contract::whampoa::customs::v1::DocumentType;
use whampoa_core::event::customs::{DocumentRow, DocumentsRecorded, LineRow, ListRow, NameKind};
use whampoa_core::event::{At, Event};
use whampoa_core::ids::{Id, KeyDigest};

use super::verdict::{No, Told, decode};
use crate::same;

const SENT: u8 = 2;

#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub currency: u16,
    pub total_e5: u64,
    pub qty_e5: u64,
    pub unit: String,
    pub gcode: u64,
}

type Lines = BTreeMap<u16, Line>;

#[derive(Clone, Debug, Default, PartialEq)]
struct Version {
    app_status: u8,
    status: i32,
    lines: Lines,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Order {
    versions: BTreeMap<u16, Version>,
    lists: BTreeSet<u32>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    pub order: u32,
    waybill: u32,
    app_status: u8,
    pub status: i32,
    is_withdrawn: bool,
    pub lines: Lines,
    pub statistics_flag: u8,
    pub trade_mode: u16,
    pub export_date: u32,
    pub customs_code: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Waybill {
    app_status: u8,
    status: i32,
    is_departed: bool,
    /// Lists that named it, now or before.
    lists: BTreeSet<u32>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Documents {
    deposited: BTreeSet<Id>,
    orders: BTreeMap<u32, Order>,
    order_slots: BTreeMap<KeyDigest, u32>,
    order_keys: BTreeMap<u32, KeyDigest>,
    lists: BTreeMap<u32, List>,
    waybills: BTreeMap<u32, Waybill>,
    departures: BTreeMap<u32, Vec<u32>>,
    /// Orders that were spoken of since they were last looked at.
    pub touched: BTreeSet<u32>,
}

/// Customs has taken it: entered, approved, or let go.
fn is_taken(app_status: u8, status: i32) -> bool {
    app_status == SENT && [120, 300, 399, 500, 800, 899].contains(&status)
}

fn lines_of(rows: &[LineRow]) -> Lines {
    rows.iter()
        .map(|row| {
            let line = Line {
                currency: row.currency.0,
                total_e5: row.total_e5,
                qty_e5: row.qty_e5,
                unit: row.unit.as_str().to_owned(),
                gcode: row.gcode,
            };
            (row.gnum, line)
        })
        .collect()
}

impl Documents {
    pub fn order_of(&self, key: KeyDigest) -> Option<u32> {
        self.order_slots.get(&key).copied()
    }

    pub fn key_of(&self, order: u32) -> Option<KeyDigest> {
        self.order_keys.get(&order).copied()
    }

    pub fn lists_of(&self, order: u32) -> impl Iterator<Item = u32> {
        let lists = self.orders.get(&order).map(|order| &order.lists);
        lists.into_iter().flatten().copied()
    }

    pub fn list(&self, slot: u32) -> Option<&List> {
        self.lists.get(&slot)
    }

    /// Released by customs, not withdrawn, on a waybill that customs has.
    pub fn proves(&self, list: &List) -> bool {
        let waybill = self.waybills.get(&list.waybill);
        is_taken(list.app_status, list.status)
            && !list.is_withdrawn
            && [800, 899].contains(&list.status)
            && waybill.is_some_and(|waybill| is_taken(waybill.app_status, waybill.status))
    }

    pub fn is_departed(&self, list: &List) -> bool {
        let waybill = self.waybills.get(&list.waybill);
        list.status == 899 || waybill.is_some_and(|waybill| waybill.is_departed)
    }

    /// The most that the documents of an order prove, by currency, in 10^-5 units: every line once, at the lower of what
    /// was ordered and what was listed.
    pub fn proven_e5(&self, order: u32) -> BTreeMap<u16, u64> {
        let mut proven: BTreeMap<u16, u64> = BTreeMap::new();
        let Some(order) = self.orders.get(&order) else {
            return proven;
        };
        let mut lines: BTreeMap<(u16, u16), u64> = BTreeMap::new();
        let versions = order.versions.values();
        for version in versions.filter(|it| is_taken(it.app_status, it.status)) {
            for list in order.lists.iter().filter_map(|slot| self.lists.get(slot)) {
                for (gnum, listed) in list.lines.iter().filter(|_| self.proves(list)) {
                    let Some(ordered) = version.lines.get(gnum) else {
                        continue;
                    };
                    let value = listed.total_e5.min(ordered.total_e5);
                    let most = lines.entry((*gnum, ordered.currency)).or_default();
                    *most = value.max(*most);
                }
            }
        }
        for ((_, currency), value) in lines {
            *proven.entry(currency).or_default() += value;
        }
        proven
    }

    pub fn apply(&mut self, _at: &At, event: &Event) {
        if let Event::DocumentsRecorded(event) = event {
            self.record(event);
        }
    }

    fn record(&mut self, event: &DocumentsRecorded) {
        for name in event
            .names
            .iter()
            .filter(|name| name.kind == NameKind::Order)
        {
            self.order_slots.insert(name.key, name.slot);
            self.order_keys.entry(name.slot).or_insert(name.key);
        }
        let (mut lists, mut orders) = (event.lists.iter(), event.orders.iter());
        let mut lines = &event.lines[..];
        for (ordinal, row) in event.documents.iter().enumerate() {
            let fresh = self.deposited.insert(row.document_id);
            assert!(fresh, "document {} is deposited twice", row.document_id);
            let kind = DocumentType::try_from(i32::from(row.doc_type)).unwrap_or_default();
            let list = if kind == DocumentType::List {
                lists.next()
            } else {
                None
            };
            let order = if kind == DocumentType::Order {
                orders.next()
            } else {
                None
            };
            let count = list
                .map(|it| it.lines)
                .or(order.map(|it| it.lines))
                .unwrap_or(0);
            let (own, rest) = lines.split_at(usize::from(count));
            lines = rest;
            let members = event
                .members
                .iter()
                .filter(|it| usize::from(it.document) == ordinal);
            let members: Vec<u32> = members.map(|it| it.member).collect();
            self.take(kind, row, list, own, members);
        }
    }

    fn take(
        &mut self,
        kind: DocumentType,
        row: &DocumentRow,
        list: Option<&ListRow>,
        lines: &[LineRow],
        members: Vec<u32>,
    ) {
        use DocumentType as T;
        let slot = row.subject;
        match kind {
            T::Order => {
                let version = Version {
                    app_status: row.app_status,
                    status: 0,
                    lines: lines_of(lines),
                };
                self.orders
                    .entry(slot)
                    .or_default()
                    .versions
                    .insert(row.part, version);
                self.touched.insert(slot);
            }
            T::OrderReply => {
                let order = self.orders.entry(slot).or_default();
                order.versions.entry(row.part).or_default().status = row.status;
                self.touched.insert(slot);
            }
            T::Waybill => {
                let waybill = self.waybills.entry(slot).or_default();
                (waybill.app_status, waybill.status) = (row.app_status, 0);
                self.touch_waybill(slot);
            }
            T::WaybillReply => {
                self.waybills.entry(slot).or_default().status = row.status;
                self.touch_waybill(slot);
            }
            T::List => self.take_list(row, list.expect("a list has a head"), lines),
            T::ListReply => {
                self.lists.entry(slot).or_default().status = row.status;
                self.touch_list(slot);
            }
            T::WithdrawalReply if row.status == 399 => {
                self.lists.entry(slot).or_default().is_withdrawn = true;
                self.touch_list(slot);
            }
            T::Departure => drop(self.departures.insert(slot, members)),
            T::DepartureReply if row.status == 399 => {
                for waybill in self.departures.get(&slot).cloned().unwrap_or_default() {
                    self.waybills.entry(waybill).or_default().is_departed = true;
                    self.touch_waybill(waybill);
                }
            }
            _ => {}
        }
    }

    fn take_list(&mut self, row: &DocumentRow, head: &ListRow, lines: &[LineRow]) {
        self.orders
            .entry(head.order)
            .or_default()
            .lists
            .insert(row.subject);
        self.waybills
            .entry(head.waybill)
            .or_default()
            .lists
            .insert(row.subject);
        let list = List {
            order: head.order,
            waybill: head.waybill,
            app_status: row.app_status,
            status: 0,
            is_withdrawn: false,
            lines: lines_of(lines),
            statistics_flag: head.statistics_flag,
            trade_mode: head.trade_mode,
            export_date: head.export_date,
            customs_code: head.customs_code.as_str().to_owned(),
        };
        self.lists.insert(row.subject, list);
        self.touch_list(row.subject);
    }

    fn touch_list(&mut self, slot: u32) {
        self.touched
            .extend(self.lists.get(&slot).map(|list| list.order));
    }

    fn touch_waybill(&mut self, waybill: u32) {
        let lists = self.waybills.get(&waybill).map(|waybill| &waybill.lists);
        let lists = lists
            .into_iter()
            .flatten()
            .filter_map(|slot| self.lists.get(slot));
        self.touched.extend(lists.map(|list| list.order));
    }
}

/// Every document of a request is recorded, known, or refused, and the reply says which.
pub fn check_reply(request: &[u8], told: &Told<'_>, known: &Documents) {
    let asked: proto::SubmitDocumentsRequest = match decode(request) {
        Ok(asked) => asked,
        Err(No::Refused(..) | No::Unjudged) => panic!("documents were taken from a broken request"),
    };
    let reply: proto::SubmitDocumentsResponse = told.reply();
    let mut recorded: Vec<Vec<u8>> = Vec::new();
    for (_, event) in told.entries {
        let Event::DocumentsRecorded(event) = event else {
            panic!("documents made {event:?}");
        };
        recorded.extend(event.documents.iter().map(|row| row.document_id.0.to_vec()));
    }
    let excepted: BTreeSet<usize> = reply
        .exceptions
        .iter()
        .map(|it| it.ordinal as usize)
        .collect();
    let mut expected: Vec<Vec<u8>> = Vec::new();
    for (ordinal, document) in asked.documents.iter().enumerate() {
        if !excepted.contains(&ordinal) {
            expected.push(document.document_id.clone());
        }
    }
    same!(recorded, expected, "documents recorded");
    same!(
        reply.accepted as usize,
        recorded.len(),
        "documents accepted"
    );
    for exception in &reply.exceptions {
        let id = &asked.documents[exception.ordinal as usize].document_id;
        let id: [u8; 16] = id.as_slice().try_into().unwrap_or_default();
        let is_known = known.deposited.contains(&Id(id)) || recorded.contains(&id.to_vec());
        assert!(
            !exception.repeated || is_known,
            "document {} is said to be repeated, and was never deposited",
            Id(id)
        );
    }
}
