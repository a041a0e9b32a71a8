//! Law 7: an item stands in one tax database at the most, and in the one that its facts give it.

use std::collections::{BTreeMap, BTreeSet};

use whampoa_core::event::tax::{
    Database, InvoiceKind, InvoiceRow, LinkRow, RateRow, Regime, TaxItemRow, ZoneRow,
};
use whampoa_core::event::{At, Event};
use whampoa_core::ids::Id;
use whampoa_core::state::trade::TradeState;

use super::bop::china_date;
use super::document::{Documents, List};
use super::registry::Registry;
use super::trade::Trades;
use crate::same;

#[derive(Clone, Debug, PartialEq)]
struct Item {
    row: TaxItemRow,
    /// Quantity and amount by invoice.
    links: BTreeMap<u32, (i64, i64)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Invoice {
    row: InvoiceRow,
    used: (i64, i64),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tax {
    items: BTreeMap<Id, Item>,
    of_trade: BTreeMap<Id, BTreeSet<Id>>,
    of_list: BTreeMap<u32, BTreeSet<Id>>,
    invoices: Vec<Invoice>,
    zones: Vec<ZoneRow>,
    /// Intervals of a code by their first day.
    rates: BTreeMap<String, BTreeMap<u32, RateRow>>,
    touched: BTreeSet<Id>,
}

/// What an item is judged by, beside its own row.
struct Facts<'a> {
    registry: &'a Registry,
    documents: &'a Documents,
    trades: &'a Trades,
    today: u32,
}

/// What the library says of a code on a day: rate and flag, when it says one thing.
enum Policy {
    One(u16, u8),
    Several,
    Unknown,
}

fn is_on(day: u32, from: u32, until: u32) -> bool {
    day >= from && (until == 0 || day <= until)
}

impl Tax {
    pub fn apply(&mut self, event: &Event) {
        let (links, items) = match event {
            Event::DocumentsRecorded(event) => (&event.links, &event.items),
            Event::DisputeSettled(event) => (&event.links, &event.items),
            Event::ReturnReported(event) => (&event.links, &event.items),
            Event::ItemsLabelled(event) => (&event.links, &event.items),
            Event::InvoicesRecorded(event) => {
                for row in &event.invoices {
                    same!(
                        row.index as usize,
                        self.invoices.len(),
                        "index of an invoice"
                    );
                    self.invoices.push(Invoice {
                        row: row.clone(),
                        used: (0, 0),
                    });
                }
                (&event.links, &event.items)
            }
            Event::ZoneGoodsRegistered(event) => {
                self.zones.extend(event.zones.iter().cloned());
                (&event.links, &event.items)
            }
            Event::RefundRatesLoaded(event) => {
                for row in &event.rates {
                    let code = self.rates.entry(row.code.as_str().to_owned()).or_default();
                    code.insert(row.valid_from, row.clone());
                }
                return;
            }
            _ => return,
        };
        items.iter().for_each(|row| self.put(row));
        links.iter().for_each(|row| self.link(row));
    }

    fn put(&mut self, row: &TaxItemRow) {
        let id = row.item_id;
        if let Some(before) = self.items.get(&id) {
            let trade = self.of_trade.entry(before.row.trade_id).or_default();
            trade.remove(&id);
        }
        self.of_trade.entry(row.trade_id).or_default().insert(id);
        self.of_list.entry(row.list).or_default().insert(id);
        let links = self
            .items
            .remove(&id)
            .map(|item| item.links)
            .unwrap_or_default();
        self.items.insert(
            id,
            Item {
                row: row.clone(),
                links,
            },
        );
        self.touched.insert(id);
    }

    fn link(&mut self, row: &LinkRow) {
        let item = self
            .items
            .get_mut(&row.item_id)
            .expect("law 7: a link of an item");
        let invoice = &mut self.invoices[row.invoice as usize];
        let link = item.links.entry(row.invoice).or_default();
        for sums in [link, &mut invoice.used] {
            sums.0 += row.qty_e5;
            sums.1 += row.amount_minor;
        }
        let (qty, amount) = invoice.used;
        let whole = (invoice.row.qty_e5 as i64, invoice.row.amount_minor);
        assert!(
            (0..=whole.0).contains(&qty) && (0..=whole.1).contains(&amount),
            "law 7: invoice {} gives {qty} and {amount} of {whole:?}",
            invoice.row.invoice_id
        );
        item.links.retain(|_, link| link.0 != 0);
        self.touched.insert(row.item_id);
    }

    /// Law 7 for all that changed, and for all whose trade or list did.
    pub fn check(&mut self, at: &At, registry: &Registry, documents: &Documents, trades: &Trades) {
        let today = china_date(at.time_ms);
        let facts = Facts {
            registry,
            documents,
            trades,
            today,
        };
        let relabelled = std::mem::take(&mut self.touched);
        let mut standing = relabelled.clone();
        for trade in &trades.touched {
            standing.extend(self.of_trade.get(trade).into_iter().flatten());
        }
        for list in documents
            .touched
            .iter()
            .flat_map(|order| documents.lists_of(*order))
        {
            standing.extend(self.of_list.get(&list).into_iter().flatten());
        }
        for id in &standing {
            let item = &self.items[id];
            if item.row.database != Database::Neither {
                self.check_stands(item, &facts);
            } else if !self.is_proven(item, &facts) {
                assert!(
                    item.links.is_empty(),
                    "law 7: item {id} keeps invoices: {item:?}"
                );
            }
        }
        for id in &relabelled {
            self.check_label(&self.items[id], &facts);
        }
    }

    /// The trade's value is proven and nothing of it came back, by a list that holds the line.
    fn is_proven(&self, item: &Item, facts: &Facts<'_>) -> bool {
        let row = &item.row;
        let trade = facts.trades.get(row.trade_id);
        let is_valued = trade.is_some_and(|trade| {
            matches!(trade.decided, TradeState::Released | TradeState::Closed)
                && trade.verified > 0
                && trade.returned == 0
                && trade.merchant == row.merchant
        });
        let list = facts.documents.list(row.list);
        let proves =
            |list: &List| facts.documents.proves(list) && list.lines.contains_key(&row.gnum);
        is_valued && list.is_some_and(proves)
    }

    /// What stands in a database is proven, and the same goods stand nowhere else.
    fn check_stands(&self, item: &Item, facts: &Facts<'_>) {
        let row = &item.row;
        assert!(
            self.is_proven(item, facts),
            "law 7: item {} stands in {} without proof: {item:?}, trade {:?}",
            row.item_id,
            row.database.name(),
            facts.trades.get(row.trade_id)
        );
        let order = facts
            .documents
            .list(row.list)
            .map_or(u32::MAX, |list| list.order);
        let others = facts.documents.lists_of(order);
        let others = others.filter_map(|list| self.of_list.get(&list)).flatten();
        for other in others.filter(|other| **other != row.item_id) {
            let other = &self.items[other].row;
            assert!(
                other.gnum != row.gnum || other.database == Database::Neither,
                "law 7: items {} and {} are the same goods in {} and {}",
                row.item_id,
                other.item_id,
                row.database.name(),
                other.database.name()
            );
        }
    }

    /// Label, rate and refund of an item follow from its facts.
    fn check_label(&self, item: &Item, facts: &Facts<'_>) {
        let row = &item.row;
        let id = row.item_id;
        let covered: i64 = item.links.values().map(|link| link.0).sum();
        assert!(
            item.links.values().all(|link| link.0 > 0) && covered <= row.qty_e5 as i64,
            "law 7: invoices give item {id} {covered} of {}",
            row.qty_e5
        );
        for invoice in item.links.keys().map(|at| &self.invoices[*at as usize].row) {
            let (of, goods) = ((invoice.buyer, invoice.gcode), (row.merchant, row.gcode));
            same!(
                (of, invoice.unit),
                (goods, row.unit),
                "law 7: goods of the invoice of {id}"
            );
        }
        let database = match row.regime {
            Regime::RefundTrade => Database::Refund,
            Regime::ExemptNoInvoice => Database::ExemptNoInvoice,
            _ => Database::Neither,
        };
        same!(
            row.database,
            database,
            "law 7: database of item {id}, {}",
            row.regime.name()
        );
        if row.regime != Regime::Review {
            let expected = self.regime(item, facts);
            same!(row.regime, expected, "law 7: regime of item {id}: {item:?}");
        }
        let rate = match self.policy(row.gcode, row.export_date) {
            Policy::One(rate, _) => rate,
            Policy::Several | Policy::Unknown => 0,
        };
        same!(row.rate_bp, rate, "law 7: refund rate of item {id}");
        let refund = match row.regime {
            Regime::RefundTrade => self.refund(item),
            _ => 0,
        };
        same!(row.refund_minor, refund, "law 7: refund of item {id}");
    }

    /// The longest code that says something, children before parents.
    fn policy(&self, gcode: u64, day: u32) -> Policy {
        let code = format!("{gcode:010}");
        let on_day = |rows: &BTreeMap<u32, RateRow>| -> Vec<(u16, u8)> {
            let rows = rows
                .values()
                .filter(|it| is_on(day, it.valid_from, it.valid_until));
            rows.map(|it| (it.refund_rate_bp, it.flag)).collect()
        };
        let below = self
            .rates
            .iter()
            .filter(|(known, _)| known.starts_with(&code));
        let mut said: Vec<(u16, u8)> = below.flat_map(|(_, rows)| on_day(rows)).collect();
        for length in (4..code.len()).rev() {
            if said.is_empty() {
                said = self
                    .rates
                    .get(&code[..length])
                    .map(on_day)
                    .unwrap_or_default();
            }
        }
        said.dedup();
        match said[..] {
            [] => Policy::Unknown,
            [(rate, flag)] => Policy::One(rate, flag),
            _ => Policy::Several,
        }
    }

    /// The regimes of reference tax.md in their order.
    fn regime(&self, item: &Item, facts: &Facts<'_>) -> Regime {
        let row = &item.row;
        let list = facts
            .documents
            .list(row.list)
            .expect("law 7: an item's list");
        let merchant = facts.registry.party(row.merchant);
        let kind = |at: &u32| self.invoices[*at as usize].row.kind;
        let covered = |special_only: bool| {
            let links = item.links.iter();
            let links = links.filter(|it| !special_only || kind(it.0) == InvoiceKind::SpecialVat);
            links.map(|it| it.1.0).sum::<i64>() >= row.qty_e5 as i64
        };
        let policy = self.policy(row.gcode, row.export_date);
        let (is_registered, is_zone) = self.zone(row, list);
        let is_late = row.export_date >= 20_260_101 && facts.today > row.export_date + 30_000;
        let (rate, flag) = match policy {
            Policy::One(_, 1) => return Regime::TaxedFlag1,
            _ if is_late => return Regime::TaxedOverdue,
            Policy::Several | Policy::Unknown => return Regime::Review,
            Policy::One(rate, flag) => (rate, flag),
        };
        let filed = merchant.refund_filing_date;
        let may_refund = merchant.vat_class == 1
            && filed != 0
            && filed <= facts.today
            && facts.documents.is_departed(list)
            && covered(true)
            && rate > 0
            && list.statistics_flag == b'B';
        match () {
            () if flag == 2 => Regime::ExemptFlag2,
            () if merchant.vat_class == 2 => Regime::ExemptSmall,
            () if may_refund => Regime::RefundTrade,
            () if covered(false) => Regime::ExemptVoucher,
            () if is_registered && is_zone && item.links.is_empty() => Regime::ExemptNoInvoice,
            () if item.links.is_empty() && !(is_registered && is_zone) => Regime::TaxedNoVoucher,
            () => Regime::Review,
        }
    }

    /// The merchant registered the goods in a zone, and the list went through that zone's customs.
    fn zone(&self, row: &TaxItemRow, list: &List) -> (bool, bool) {
        let zones = || {
            self.zones.iter().filter(|zone| {
                (zone.merchant, zone.gcode) == (row.merchant, row.gcode)
                    && is_on(row.export_date, zone.valid_from, zone.valid_until)
            })
        };
        let is_there = |zone: &ZoneRow| {
            list.trade_mode == 9610
                && list
                    .customs_code
                    .starts_with(zone.customs_district.as_str())
        };
        (zones().count() > 0, zones().any(is_there))
    }

    /// Amounts without tax times the rate, at a small-scale invoice's own rate at the most, rounded down once.
    fn refund(&self, item: &Item) -> i64 {
        let of = |(at, link): (&u32, &(i64, i64))| {
            let paid = self.invoices[*at as usize].row.tax_rate_bp;
            let rate = if paid <= 300 {
                paid.min(item.row.rate_bp)
            } else {
                item.row.rate_bp
            };
            i128::from(link.1) * i128::from(rate)
        };
        (item.links.iter().map(of).sum::<i128>() / 10_000) as i64
    }
}
