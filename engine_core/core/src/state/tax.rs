//! Labels of declared items, and the library, invoices and registrations that decide them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{State, Table};
use crate::event::At;
use crate::event::codec::{Row, Text, Wire};
use crate::event::tax::{
    InvoiceRow, InvoicesRecorded, ItemsLabelled, LinkRow, RateRow, RefundRatesLoaded, TaxItemRow,
    ZoneGoodsRegistered, ZoneRow,
};
use crate::ids::{Id, Step};
use crate::state::{Map, in_order};

/// A declared item as labelled, and what invoices give it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxItem {
    pub row: TaxItemRow,
    pub last: Step,
    /// Invoices that cover it: index, quantity, amount without tax.
    pub links: Vec<ItemLink>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemLink {
    pub invoice: u32,
    pub qty_e5: i64,
    pub amount_minor: i64,
}

/// An invoice and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    pub row: InvoiceRow,
    pub used_qty_e5: i64,
    pub used_amount_minor: i64,
    pub recorded: Step,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Tax {
    items: Vec<TaxItem>,
    #[serde(serialize_with = "in_order")]
    by_item: Map<Id, u32>,
    /// By list and number of the line.
    by_line: BTreeMap<(u32, u16), u32>,
    by_merchant: BTreeMap<u32, Vec<u32>>,
    /// Intervals by code, in order of their first day.
    rates: BTreeMap<Text<12>, Vec<RateRow>>,
    library_version: String,
    invoices: Vec<Invoice>,
    #[serde(serialize_with = "in_order")]
    by_invoice: Map<Id, u32>,
    #[serde(serialize_with = "in_order")]
    invoices_by_goods: Map<(u32, u64), Vec<u32>>,
    zones: Vec<ZoneRow>,
    #[serde(serialize_with = "in_order")]
    by_registration: Map<Id, u32>,
    #[serde(serialize_with = "in_order")]
    zones_by_goods: Map<(u32, u64), Vec<u32>>,
}

impl Tax {
    pub fn items(&self) -> &[TaxItem] {
        &self.items
    }

    pub fn item(&self, item_id: Id) -> Option<&TaxItem> {
        self.by_item
            .get(&item_id)
            .map(|slot| &self.items[*slot as usize])
    }

    /// The item of a line of a list.
    pub fn item_of_line(&self, list: u32, gnum: u16) -> Option<&TaxItem> {
        self.by_line
            .get(&(list, gnum))
            .map(|slot| &self.items[*slot as usize])
    }

    /// Numbers of the lines of a list that have items, gone lines included.
    pub fn lines_of(&self, list: u32) -> impl Iterator<Item = u16> {
        let lines = self.by_line.range((list, 0)..=(list, u16::MAX));
        lines.map(|((_, gnum), _)| *gnum)
    }

    /// Items of a merchant in order of their first label.
    pub fn items_of(&self, merchant: u32) -> impl Iterator<Item = &TaxItem> {
        let slots = self
            .by_merchant
            .get(&merchant)
            .map_or(&[][..], Vec::as_slice);
        slots.iter().map(|slot| &self.items[*slot as usize])
    }

    pub fn library_version(&self) -> &str {
        &self.library_version
    }

    pub fn rates_of(&self, code: &str) -> &[RateRow] {
        Text::new(code)
            .and_then(|code| self.rates.get(&code))
            .map_or(&[], Vec::as_slice)
    }

    /// Intervals of the codes that begin with `prefix`, in code order.
    pub fn rates_below(&self, prefix: &str) -> impl Iterator<Item = &RateRow> {
        let first = Text::new(prefix).unwrap_or_default();
        let prefix = prefix.to_owned();
        let codes = self
            .rates
            .range(first..)
            .take_while(move |(code, _)| code.as_str().starts_with(&prefix));
        codes.flat_map(|(_, rows)| rows)
    }

    pub fn invoice(&self, index: u32) -> Option<&Invoice> {
        self.invoices.get(index as usize)
    }

    pub fn invoice_of(&self, invoice_id: Id) -> Option<&Invoice> {
        self.by_invoice
            .get(&invoice_id)
            .and_then(|index| self.invoice(*index))
    }

    pub fn invoices_len(&self) -> u32 {
        self.invoices.len() as u32
    }

    /// Invoices of a buyer for a commodity code, in order of arrival.
    pub fn invoices_for(&self, buyer: u32, gcode: u64) -> &[u32] {
        self.invoices_by_goods
            .get(&(buyer, gcode))
            .map_or(&[], Vec::as_slice)
    }

    pub fn zone_of(&self, registration_id: Id) -> Option<&ZoneRow> {
        self.by_registration
            .get(&registration_id)
            .and_then(|index| self.zones.get(*index as usize))
    }

    pub fn zones_len(&self) -> u32 {
        self.zones.len() as u32
    }

    pub fn zones_for(&self, merchant: u32, gcode: u64) -> impl Iterator<Item = &ZoneRow> {
        let indexes = self
            .zones_by_goods
            .get(&(merchant, gcode))
            .map_or(&[][..], Vec::as_slice);
        indexes.iter().map(|index| &self.zones[*index as usize])
    }

    /// Applies labels as decided; the links' rows begin at `first`, those of the items follow.
    pub(super) fn put_labels(
        &mut self,
        at: &At,
        first: usize,
        links: &[LinkRow],
        items: &[TaxItemRow],
    ) {
        for (ordinal, row) in items.iter().enumerate() {
            self.put_item(row, at.step(first + links.len() + ordinal));
        }
        links.iter().for_each(|link| self.put_link(link));
    }

    fn put_item(&mut self, row: &TaxItemRow, step: Step) {
        let Some(slot) = self.by_item.get(&row.item_id).copied() else {
            let slot = self.items.len() as u32;
            self.by_item.insert(row.item_id, slot);
            self.by_line.insert((row.list, row.gnum), slot);
            self.by_merchant.entry(row.merchant).or_default().push(slot);
            self.items.push(TaxItem {
                row: row.clone(),
                last: step,
                links: Vec::new(),
            });
            return;
        };
        let item = &mut self.items[slot as usize];
        let before = item.row.merchant;
        item.row = row.clone();
        item.last = step;
        if before != row.merchant {
            self.by_merchant
                .entry(before)
                .or_default()
                .retain(|other| *other != slot);
            self.by_merchant.entry(row.merchant).or_default().push(slot);
        }
    }

    fn put_link(&mut self, link: &LinkRow) {
        let Some(slot) = self.by_item.get(&link.item_id) else {
            return;
        };
        let item = &mut self.items[*slot as usize];
        let delta = ItemLink {
            invoice: link.invoice,
            qty_e5: link.qty_e5,
            amount_minor: link.amount_minor,
        };
        add_link(&mut item.links, delta);
        if let Some(invoice) = self.invoices.get_mut(link.invoice as usize) {
            invoice.used_qty_e5 += link.qty_e5;
            invoice.used_amount_minor += link.amount_minor;
        }
    }

    fn put_rate(&mut self, row: &RateRow) {
        let rows = self.rates.entry(row.code).or_default();
        match rows.binary_search_by_key(&row.valid_from, |other| other.valid_from) {
            Ok(at) => rows[at] = row.clone(),
            Err(at) => rows.insert(at, row.clone()),
        }
    }
}

/// Adds a change to an item's links; a link whose quantity is gone goes too.
pub fn add_link(links: &mut Vec<ItemLink>, delta: ItemLink) {
    match links.iter_mut().find(|link| link.invoice == delta.invoice) {
        Some(link) => {
            link.qty_e5 += delta.qty_e5;
            link.amount_minor += delta.amount_minor;
        }
        None => links.push(delta),
    }
    links.retain(|link| link.qty_e5 != 0);
}

impl State {
    pub fn load_refund_rates(&mut self, _at: &At, event: &RefundRatesLoaded) {
        event.rates.iter().for_each(|row| self.tax.put_rate(row));
        self.tax.library_version.clone_from(&event.library_version);
    }

    pub fn record_invoices(&mut self, at: &At, event: &InvoicesRecorded) {
        let tax = &mut self.tax;
        for (ordinal, row) in event.invoices.iter().enumerate() {
            tax.by_invoice.insert(row.invoice_id, row.index);
            tax.invoices_by_goods
                .entry((row.buyer, row.gcode))
                .or_default()
                .push(row.index);
            let recorded = at.step(ordinal);
            tax.invoices.push(Invoice {
                row: row.clone(),
                used_qty_e5: 0,
                used_amount_minor: 0,
                recorded,
            });
        }
        tax.put_labels(at, event.invoices.len(), &event.links, &event.items);
    }

    pub fn register_zone_goods(&mut self, at: &At, event: &ZoneGoodsRegistered) {
        let tax = &mut self.tax;
        for row in &event.zones {
            tax.by_registration.insert(row.registration_id, row.index);
            tax.zones_by_goods
                .entry((row.merchant, row.gcode))
                .or_default()
                .push(row.index);
            tax.zones.push(row.clone());
        }
        tax.put_labels(at, event.zones.len(), &event.links, &event.items);
    }

    pub fn label_items(&mut self, at: &At, event: &ItemsLabelled) {
        self.tax.put_labels(at, 0, &event.links, &event.items);
    }
}

impl Table for Tax {
    fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        for item in &self.items {
            bytes.clear();
            item.row.put(&mut bytes);
            item.last.put(&mut bytes);
            for link in &item.links {
                (link.invoice, link.qty_e5).put(&mut bytes);
                link.amount_minor.put(&mut bytes);
            }
            hasher.update(&bytes);
        }
        for invoice in &self.invoices {
            bytes.clear();
            invoice.row.put(&mut bytes);
            (invoice.used_qty_e5, invoice.used_amount_minor).put(&mut bytes);
            hasher.update(&bytes);
        }
        bytes.clear();
        self.rates
            .values()
            .flatten()
            .for_each(|row| row.put(&mut bytes));
        self.zones.iter().for_each(|row| row.put(&mut bytes));
        hasher.update(&bytes);
        hasher.update(self.library_version.as_bytes());
    }
}
