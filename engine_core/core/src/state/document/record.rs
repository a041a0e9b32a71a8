//! Puts one recorded document into the cases: the same function while a request is decided and when an entry is applied.

use super::case::{DepartureCase, Line, ListCase, MessageCase, OrderCase, Version, WaybillCase};
use crate::contract::whampoa::customs::v1::DocumentType;
use crate::event::At;
use crate::event::customs::{
    DocumentRow, DocumentsRecorded, LineRow, ListRow, NameKind, NameRow, OrderRow, WaybillRow,
};
use crate::ids::{KeyDigest, Step};

/// A table of cases by slot.
pub trait Slots<T> {
    fn at(&self, slot: u32) -> Option<&T>;
    fn at_mut(&mut self, slot: u32) -> Option<&mut T>;
    fn add(&mut self, case: T);
    fn count(&self) -> u32;
}

impl<T> Slots<T> for Vec<T> {
    fn at(&self, slot: u32) -> Option<&T> {
        self.get(slot as usize)
    }
    fn at_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.get_mut(slot as usize)
    }
    fn add(&mut self, case: T) {
        self.push(case);
    }
    fn count(&self) -> u32 {
        self.len() as u32
    }
}

/// Cases and the names by which they are found: the state's own, or a request's view of them.
pub trait Cases {
    fn named(&self, key: KeyDigest) -> Option<u32>;
    fn name(&mut self, key: KeyDigest, slot: u32);
    fn orders(&mut self) -> &mut dyn Slots<OrderCase>;
    fn lists(&mut self) -> &mut dyn Slots<ListCase>;
    fn waybills(&mut self) -> &mut dyn Slots<WaybillCase>;
    fn departures(&mut self) -> &mut dyn Slots<DepartureCase>;
    fn messages(&mut self) -> &mut dyn Slots<MessageCase>;
}

/// One document with the rows that belong to it.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    pub row: &'a DocumentRow,
    pub order: Option<&'a OrderRow>,
    pub list: Option<&'a ListRow>,
    pub waybill: Option<&'a WaybillRow>,
    pub lines: &'a [LineRow],
    pub names: &'a [NameRow],
    pub members: &'a [u32],
    pub step: Step,
    pub time_ms: u64,
}

/// Status by which customs approves a departure or a withdrawal.
const APPROVED: i32 = 399;

/// Applies one document.
pub fn record(cases: &mut dyn Cases, recorded: &Recorded<'_>) {
    recorded
        .names
        .iter()
        .for_each(|name| open(cases, name, recorded.time_ms));
    let Ok(doc_type) = DocumentType::try_from(i32::from(recorded.row.doc_type)) else {
        return;
    };
    match doc_type {
        DocumentType::Order => record_order(cases, recorded),
        DocumentType::OrderReply => record_order_reply(cases, recorded),
        DocumentType::Waybill | DocumentType::WaybillReply => record_waybill(cases, recorded),
        DocumentType::List => record_list(cases, recorded),
        DocumentType::ListReply | DocumentType::Withdrawal | DocumentType::WithdrawalReply => {
            record_about_list(cases, recorded, doc_type);
        }
        DocumentType::Departure | DocumentType::DepartureReply => record_departure(cases, recorded),
        _ => record_message(cases, recorded),
    }
}

/// Gives a case a name; a name with the next free slot opens the case.
fn open(cases: &mut dyn Cases, name: &NameRow, time_ms: u64) {
    let key = name.key;
    match name.kind {
        NameKind::Order => push_at(cases.orders(), name.slot, || OrderCase::new(key, time_ms)),
        NameKind::List => push_at(cases.lists(), name.slot, || ListCase::new(key)),
        NameKind::Waybill => push_at(cases.waybills(), name.slot, || {
            WaybillCase::new(key, time_ms)
        }),
        NameKind::Departure => push_at(cases.departures(), name.slot, || DepartureCase::new(key)),
        NameKind::Message => push_at(cases.messages(), name.slot, || MessageCase::new(key)),
    }
    cases.name(key, name.slot);
}

fn push_at<T>(slots: &mut dyn Slots<T>, slot: u32, case: impl FnOnce() -> T) {
    if slot == slots.count() {
        slots.add(case());
    }
}

fn record_order(cases: &mut dyn Cases, recorded: &Recorded<'_>) {
    let (Some(head), Some(order)) = (recorded.order, cases.orders().at_mut(recorded.row.subject))
    else {
        return;
    };
    let part = usize::from(recorded.row.part);
    // A late reply to what was sent before is older than the newest known: its time stays.
    let stamp = order.versions.get(part).map_or(0, |before| before.stamp);
    let version = Version {
        consignor: head.consignor,
        consignor_party: head.consignor_party,
        app_status: recorded.row.app_status,
        status: 0,
        stamp,
        platform_differs: head.platform_differs,
        lines: recorded.lines.iter().map(Line::of).collect(),
        step: recorded.step,
    };
    match order.versions.get_mut(part) {
        Some(before) => *before = version,
        None => order.versions.push(version),
    }
    note(order, recorded);
}

fn record_order_reply(cases: &mut dyn Cases, recorded: &Recorded<'_>) {
    let Some(order) = cases.orders().at_mut(recorded.row.subject) else {
        return;
    };
    if let Some(version) = order.versions.get_mut(usize::from(recorded.row.part)) {
        version.status = recorded.row.status;
        version.stamp = recorded.row.stamp;
    }
    note(order, recorded);
}

fn note(order: &mut OrderCase, recorded: &Recorded<'_>) {
    order.documents.push(recorded.row.document_id);
    order.last = recorded.step;
}

fn record_waybill(cases: &mut dyn Cases, recorded: &Recorded<'_>) {
    let Some(waybill) = cases.waybills().at_mut(recorded.row.subject) else {
        return;
    };
    match recorded.waybill {
        Some(head) => {
            waybill.head = head.clone();
            waybill.app_status = recorded.row.app_status;
            (waybill.status, waybill.accepted_ms) = (0, 0);
        }
        None => (waybill.status, waybill.stamp) = (recorded.row.status, recorded.row.stamp),
    }
    if waybill.is_accepted() && waybill.accepted_ms == 0 {
        waybill.accepted_ms = recorded.time_ms;
    }
    waybill.documents.push(recorded.row.document_id);
    waybill.last = recorded.step;
    for list in waybill.lists.clone() {
        let order = cases.lists().at(list).map(|list| list.head.order);
        if let Some(order) = order.and_then(|order| cases.orders().at_mut(order)) {
            order.last = recorded.step;
        }
    }
}

fn record_list(cases: &mut dyn Cases, recorded: &Recorded<'_>) {
    let (Some(head), slot) = (recorded.list, recorded.row.subject) else {
        return;
    };
    let Some(list) = cases.lists().at_mut(slot) else {
        return;
    };
    let before = list.head.waybill;
    list.head = head.clone();
    list.app_status = recorded.row.app_status;
    (list.status, list.is_withdrawn) = (0, false);
    (list.declared_ms, list.released_ms) = (recorded.time_ms, 0);
    list.lines = recorded.lines.iter().map(Line::of).collect();
    list.last = recorded.step;
    if before != head.waybill {
        if let Some(waybill) = cases.waybills().at_mut(before) {
            waybill.lists.retain(|other| *other != slot);
        }
        if let Some(waybill) = cases.waybills().at_mut(head.waybill) {
            waybill.lists.push(slot);
        }
    }
    if let Some(order) = cases.orders().at_mut(head.order) {
        if !order.lists.contains(&slot) {
            order.lists.push(slot);
        }
        note(order, recorded);
    }
}

fn record_about_list(cases: &mut dyn Cases, recorded: &Recorded<'_>, doc_type: DocumentType) {
    let Some(list) = cases.lists().at_mut(recorded.row.subject) else {
        return;
    };
    match doc_type {
        DocumentType::ListReply => {
            (list.status, list.stamp) = (recorded.row.status, recorded.row.stamp);
            if list.is_released() && list.released_ms == 0 {
                list.released_ms = recorded.time_ms;
            }
        }
        DocumentType::WithdrawalReply if recorded.row.status == APPROVED => {
            list.is_withdrawn = true
        }
        _ => {}
    }
    list.last = recorded.step;
    let order = list.head.order;
    if let Some(order) = cases.orders().at_mut(order) {
        note(order, recorded);
    }
}

fn record_departure(cases: &mut dyn Cases, recorded: &Recorded<'_>) {
    let Some(departure) = cases.departures().at_mut(recorded.row.subject) else {
        return;
    };
    departure.last = recorded.step;
    if i32::from(recorded.row.doc_type) == DocumentType::Departure as i32 {
        departure.app_status = recorded.row.app_status;
        departure.status = 0;
        departure.waybills = recorded.members.to_vec();
        return;
    }
    (departure.status, departure.stamp) = (recorded.row.status, recorded.row.stamp);
    if departure.status != APPROVED {
        return;
    }
    for slot in departure.waybills.clone() {
        if let Some(waybill) = cases.waybills().at_mut(slot) {
            waybill.is_departed = true;
        }
    }
}

fn record_message(cases: &mut dyn Cases, recorded: &Recorded<'_>) {
    let Some(message) = cases.messages().at_mut(recorded.row.subject) else {
        return;
    };
    message.status = recorded.row.status;
    message.stamp = recorded.row.stamp;
    message.last = recorded.step;
}

/// Applies all documents of an entry: each takes its rows from the front of what is left of the other sections.
pub fn record_all(cases: &mut dyn Cases, at: &At, event: &DocumentsRecorded) {
    let (mut orders, mut lists, mut waybills) = (
        event.orders.iter(),
        event.lists.iter(),
        event.waybills.iter(),
    );
    let (mut lines, mut names, mut members) =
        (&event.lines[..], &event.names[..], &event.members[..]);
    for (ordinal, row) in event.documents.iter().enumerate() {
        let doc_type = DocumentType::try_from(i32::from(row.doc_type)).unwrap_or_default();
        let order = (doc_type == DocumentType::Order)
            .then(|| orders.next())
            .flatten();
        let list = (doc_type == DocumentType::List)
            .then(|| lists.next())
            .flatten();
        let waybill = (doc_type == DocumentType::Waybill)
            .then(|| waybills.next())
            .flatten();
        let count = order
            .map(|order| order.lines)
            .or(list.map(|list| list.lines))
            .unwrap_or(0);
        let named = event.names_per_document.get(ordinal).copied().unwrap_or(0);
        let on_board = members
            .iter()
            .take_while(|member| usize::from(member.document) == ordinal)
            .count();
        let slots: Vec<u32> = take(&mut members, on_board)
            .iter()
            .map(|member| member.member)
            .collect();
        let recorded = Recorded {
            row,
            order,
            list,
            waybill,
            lines: take(&mut lines, usize::from(count)),
            names: take(&mut names, usize::from(named)),
            members: &slots,
            step: at.step(ordinal),
            time_ms: at.time_ms,
        };
        record(cases, &recorded);
    }
}

fn take<'a, T>(rows: &mut &'a [T], count: usize) -> &'a [T] {
    let (front, rest) = rows.split_at(count.min(rows.len()));
    *rows = rest;
    front
}
