//! Labels items: what the library, invoices and registrations say of one item, and the row that follows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::rate::{Policy, resolve};
use super::rules::{Findings, select};
use super::{day_of, is_valid_on};
use crate::contract::whampoa::tax::v1::Condition;
use crate::event::codec::Text;
use crate::event::tax::{Database, InvoiceKind, InvoiceRow, LinkRow, Regime, TaxItemRow};
use crate::ids::{Id, Step};
use crate::money::Currency;
use crate::state::State;
use crate::state::document::ListCase;
use crate::state::tax::{Invoice, ItemLink, TaxItem, add_link};

/// The e-commerce retail export mode, and the list type that ends in a declaration.
const RETAIL_MODE: u16 = 9610;
const TYPE_B: u8 = b'B';
/// Up to this rate a supplier's invoice caps the refund (tax.md section 4.1: small-scale or simple method).
const SMALL_RATE_BP: u16 = 300;
const VAT_GENERAL: u8 = 1;
const VAT_SMALL_SCALE: u8 = 2;

/// Rows that labelling brings.
#[derive(Debug, Default)]
pub struct Labelled {
    pub links: Vec<LinkRow>,
    pub items: Vec<TaxItemRow>,
}

impl Labelled {
    pub fn rows(&self) -> usize {
        self.links.len() + self.items.len()
    }
}

/// An item with the facts of its documents.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub item_id: Id,
    pub trade_id: Id,
    pub merchant: u32,
    pub list: u32,
    pub gnum: u16,
    pub gcode: u64,
    pub value_minor: i64,
    pub currency: Currency,
    pub qty_e5: u64,
    pub unit: Text<3>,
    pub export_date: u32,
    pub customs_code: Text<4>,
    pub trade_mode: u16,
    pub statistics_flag: u8,
    pub is_departed: bool,
    /// The list released it and nothing was taken back since.
    pub stands: bool,
}

impl Item {
    /// True while it is the same goods of the same merchant, so that its invoices stay.
    fn is_of(&self, row: &TaxItemRow) -> bool {
        (self.merchant, self.gcode, self.qty_e5, self.unit)
            == (row.merchant, row.gcode, row.qty_e5, row.unit)
    }

    /// An item again, from its row and its list.
    pub fn again(row: &TaxItemRow, list: &ListCase, is_departed: bool, stands: bool) -> Self {
        Self {
            item_id: row.item_id,
            trade_id: row.trade_id,
            merchant: row.merchant,
            list: row.list,
            gnum: row.gnum,
            gcode: row.gcode,
            value_minor: row.value_minor,
            currency: row.currency,
            qty_e5: row.qty_e5,
            unit: row.unit,
            export_date: row.export_date,
            customs_code: list.head.customs_code,
            trade_mode: list.head.trade_mode,
            statistics_flag: list.head.statistics_flag,
            is_departed,
            stands,
        }
    }
}

/// Labels as one request sees them.
pub struct Labels<'a> {
    pub(super) state: &'a State,
    items: HashMap<Id, TaxItem>,
    by_line: BTreeMap<(u32, u16), Id>,
    /// Quantity and amount of invoices used, where the request changed it.
    used: HashMap<u32, (i64, i64)>,
    /// Invoices and registrations that the request itself brings.
    pub(super) new_invoices: Vec<Invoice>,
    pub(super) new_zones: Vec<crate::event::tax::ZoneRow>,
    today: u32,
}

impl<'a> Labels<'a> {
    pub fn new(state: &'a State, now_ms: u64) -> Self {
        Self {
            state,
            items: HashMap::new(),
            by_line: BTreeMap::new(),
            used: HashMap::new(),
            new_invoices: Vec::new(),
            new_zones: Vec::new(),
            today: day_of(now_ms),
        }
    }

    pub fn item(&self, item_id: Id) -> Option<&TaxItem> {
        self.items
            .get(&item_id)
            .or_else(|| self.state.tax.item(item_id))
    }

    pub fn item_of_line(&self, list: u32, gnum: u16) -> Option<&TaxItem> {
        match self.by_line.get(&(list, gnum)) {
            Some(item_id) => self.items.get(item_id),
            None => self
                .state
                .tax
                .item_of_line(list, gnum)
                .and_then(|item| self.item(item.row.item_id)),
        }
    }

    /// Numbers of the lines of a list that have items, gone lines included.
    pub(super) fn lines_of(&self, list: u32) -> BTreeSet<u16> {
        let new = self.by_line.range((list, 0)..=(list, u16::MAX));
        let known = self.state.tax.lines_of(list);
        known.chain(new.map(|((_, gnum), _)| *gnum)).collect()
    }

    /// Moves an item's newest step.
    pub fn step(&mut self, item_id: Id, step: Step) {
        if let Some(item) = self.items.get_mut(&item_id) {
            item.last = step;
        }
    }

    /// Labels one item; rows are added only for what changes.
    pub fn label(&mut self, item: &Item, out: &mut Labelled) {
        let before = self.item(item.item_id).cloned();
        if before.is_none() && !item.stands {
            return;
        }
        let mut links = before
            .as_ref()
            .map_or(Vec::new(), |before| before.links.clone());
        let is_same = before
            .as_ref()
            .is_some_and(|before| item.is_of(&before.row));
        if !item.stands || !is_same {
            self.free(item, &mut links, out, |_| true);
        }
        if item.stands {
            self.allocate(item, &mut links, out);
        }
        let mut row = self.row(item, &links);
        let last = before.as_ref().map_or(Step::NONE, |before| before.last);
        row.previous = before
            .as_ref()
            .map_or(Step::NONE, |before| before.row.previous);
        let is_same = before.as_ref().is_some_and(|before| before.row == row);
        if !is_same {
            row.previous = last;
            out.items.push(row.clone());
        }
        self.by_line.insert((item.list, item.gnum), item.item_id);
        self.items
            .insert(item.item_id, TaxItem { row, last, links });
    }

    pub(super) fn invoice(&self, index: u32) -> Option<&Invoice> {
        match index.checked_sub(self.state.tax.invoices_len()) {
            Some(above) => self.new_invoices.get(above as usize),
            None => self.state.tax.invoice(index),
        }
    }

    fn used_of(&self, invoice: &Invoice) -> (i64, i64) {
        let used = self.used.get(&invoice.row.index).copied();
        used.unwrap_or((invoice.used_qty_e5, invoice.used_amount_minor))
    }

    /// Invoices of the merchant for the goods, in the unit of the list: special ones first, then the oldest.
    fn offers(&self, item: &Item) -> Vec<u32> {
        let key = (item.merchant, item.gcode);
        let known = self
            .state
            .tax
            .invoices_for(key.0, key.1)
            .iter()
            .filter_map(|index| self.state.tax.invoice(*index));
        let new = self
            .new_invoices
            .iter()
            .filter(|invoice| (invoice.row.buyer, invoice.row.gcode) == key);
        let mut rows: Vec<&InvoiceRow> = known
            .chain(new)
            .map(|invoice| &invoice.row)
            .filter(|row| row.unit == item.unit)
            .collect();
        rows.sort_by_key(|row| (row.kind, row.date, row.index));
        rows.iter().map(|row| row.index).collect()
    }

    /// Puts what invoices have left to an item until it is covered.
    fn allocate(&mut self, item: &Item, links: &mut Vec<ItemLink>, out: &mut Labelled) {
        if self.is_covered(item, links, &[InvoiceKind::SpecialVat]) {
            return;
        }
        let offers = self.offers(item);
        if self.is_special_left(&offers) {
            // Only special invoices open the refund: one that comes late takes the place of ordinary ones.
            self.free(item, links, out, |kind| kind == InvoiceKind::Ordinary);
        }
        let covered: i64 = links.iter().map(|link| link.qty_e5).sum();
        let mut wanted = i64::try_from(item.qty_e5).unwrap_or(i64::MAX) - covered;
        for index in offers {
            let Some(invoice) = self.invoice(index).filter(|_| wanted > 0) else {
                continue;
            };
            let (used_qty, used_amount) = self.used_of(invoice);
            let total = quantity(invoice);
            let qty_e5 = wanted.min(total - used_qty);
            if qty_e5 <= 0 {
                continue;
            }
            // The amount up to here rounded down, less what was given before: the parts add up to the whole.
            let up_to = i128::from(invoice.row.amount_minor) * i128::from(used_qty + qty_e5)
                / i128::from(total);
            let amount_minor = (up_to as i64 - used_amount).max(0);
            let delta = ItemLink {
                invoice: index,
                qty_e5,
                amount_minor,
            };
            self.link(item, links, delta, out);
            wanted -= qty_e5;
        }
    }

    /// Whether invoices of some kinds cover the whole item.
    fn is_covered(&self, item: &Item, links: &[ItemLink], kinds: &[InvoiceKind]) -> bool {
        let is_of_kind = |link: &&ItemLink| {
            self.invoice(link.invoice)
                .is_some_and(|invoice| kinds.contains(&invoice.row.kind))
        };
        let covered: i64 = links
            .iter()
            .filter(is_of_kind)
            .map(|link| link.qty_e5)
            .sum();
        covered >= i64::try_from(item.qty_e5).unwrap_or(i64::MAX)
    }

    fn is_special_left(&self, offers: &[u32]) -> bool {
        let invoices = offers.iter().filter_map(|index| self.invoice(*index));
        invoices
            .filter(|invoice| invoice.row.kind == InvoiceKind::SpecialVat)
            .any(|invoice| self.used_of(invoice).0 < quantity(invoice))
    }

    /// Gives the invoices of some kinds back what an item holds of them.
    fn free(
        &mut self,
        item: &Item,
        links: &mut Vec<ItemLink>,
        out: &mut Labelled,
        is_freed: impl Fn(InvoiceKind) -> bool,
    ) {
        for link in links.clone() {
            let kind = self.invoice(link.invoice).map(|invoice| invoice.row.kind);
            if kind.is_some_and(&is_freed) {
                let delta = ItemLink {
                    qty_e5: -link.qty_e5,
                    amount_minor: -link.amount_minor,
                    ..link
                };
                self.link(item, links, delta, out);
            }
        }
    }

    /// Moves a part of an invoice to an item, or back.
    fn link(
        &mut self,
        item: &Item,
        links: &mut Vec<ItemLink>,
        delta: ItemLink,
        out: &mut Labelled,
    ) {
        let used = self
            .invoice(delta.invoice)
            .map_or((0, 0), |invoice| self.used_of(invoice));
        let after = (used.0 + delta.qty_e5, used.1 + delta.amount_minor);
        self.used.insert(delta.invoice, after);
        out.links.push(LinkRow {
            item_id: item.item_id,
            invoice: delta.invoice,
            qty_e5: delta.qty_e5,
            amount_minor: delta.amount_minor,
        });
        add_link(links, delta);
    }

    fn row(&self, item: &Item, links: &[ItemLink]) -> TaxItemRow {
        let policy = resolve(&self.state.tax, item.gcode, item.export_date);
        let (rate_bp, flag) = match policy {
            Policy::One { rate_bp, flag } => (rate_bp, Some(flag)),
            _ => (0, None),
        };
        let (regime, database, missing) = match item.stands {
            true => self.regime(item, links, policy, rate_bp, flag),
            false => (
                Regime::Review,
                Database::Neither,
                bit(Condition::R4Departed),
            ),
        };
        let refund_minor = if regime == Regime::RefundTrade {
            self.refund(links, rate_bp)
        } else {
            0
        };
        TaxItemRow {
            item_id: item.item_id,
            trade_id: item.trade_id,
            merchant: item.merchant,
            regime,
            database,
            missing,
            gcode: item.gcode,
            value_minor: item.value_minor,
            currency: item.currency,
            qty_e5: item.qty_e5,
            unit: item.unit,
            export_date: item.export_date,
            rate_bp,
            refund_minor,
            previous: Step::NONE,
            list: item.list,
            gnum: item.gnum,
        }
    }

    /// Regime, database and the conditions that failed on the way to it.
    fn regime(
        &self,
        item: &Item,
        links: &[ItemLink],
        policy: Policy,
        rate_bp: u16,
        flag: Option<u8>,
    ) -> (Regime, Database, u32) {
        let party = self.state.registry.get(item.merchant);
        let vat_class = party.map_or(0, |party| party.vat_class);
        let filed = party.map_or(0, |party| party.refund_filing_date);
        let code_missing = match policy {
            Policy::One { .. } => 0,
            Policy::Ambiguous => bit(Condition::AmbiguousCode),
            Policy::Unknown => bit(Condition::UnknownCode),
        };
        let refund_missing = unless(vat_class == VAT_GENERAL, Condition::R1GeneralTaxpayer)
            | unless(filed != 0 && filed <= self.today, Condition::R2RefundFiling)
            | unless(item.is_departed, Condition::R4Departed)
            | unless(
                self.is_covered(item, links, &[InvoiceKind::SpecialVat]),
                Condition::R8SpecialInvoice,
            )
            | unless(rate_bp > 0, Condition::R9Rate)
            | unless(item.statistics_flag == TYPE_B, Condition::TypeBList)
            | code_missing;
        let (is_registered, is_in_zone) = self.zone(item);
        let zone_missing = unless(is_registered, Condition::N1ZoneRegistration)
            | unless(is_in_zone, Condition::N2ZoneCustoms)
            | unless(
                flag.is_some_and(|flag| flag != 1),
                Condition::N3NotCancelled,
            )
            | unless(links.is_empty(), Condition::N4NoVoucher)
            | code_missing;
        let found = Findings {
            export_date: item.export_date,
            today: self.today,
            flag,
            is_small_scale: vat_class == VAT_SMALL_SCALE,
            refund_missing,
            zone_missing,
            has_voucher: self.is_covered(item, links, InvoiceKind::ALL),
            has_part_of_voucher: !links.is_empty(),
            is_in_zone: is_registered && is_in_zone,
        };
        let (regime, database) = select(&found);
        let missing = match regime {
            Regime::RefundTrade => 0,
            Regime::TaxedNoVoucher | Regime::Review => refund_missing | zone_missing,
            _ => refund_missing,
        };
        (regime, database, missing)
    }

    /// Whether the merchant registered the goods in a zone, and whether the list went through that zone's customs.
    fn zone(&self, item: &Item) -> (bool, bool) {
        let new = self
            .new_zones
            .iter()
            .filter(|zone| (zone.merchant, zone.gcode) == (item.merchant, item.gcode));
        let known = self
            .state
            .tax
            .zones_for(item.merchant, item.gcode)
            .chain(new);
        let valid =
            known.filter(|zone| is_valid_on(item.export_date, zone.valid_from, zone.valid_until));
        let mut found = (false, false);
        for zone in valid {
            let is_office = item
                .customs_code
                .as_str()
                .starts_with(zone.customs_district.as_str());
            found = (
                true,
                found.1 || (is_office && item.trade_mode == RETAIL_MODE),
            );
        }
        found
    }

    /// CNY fen: allocated amounts without tax times the rate, rounded down once.
    fn refund(&self, links: &[ItemLink], rate_bp: u16) -> i64 {
        let of = |link: &ItemLink| {
            let paid_bp = self
                .invoice(link.invoice)
                .map_or(0, |invoice| invoice.row.tax_rate_bp);
            let rate_bp = if paid_bp <= SMALL_RATE_BP {
                rate_bp.min(paid_bp)
            } else {
                rate_bp
            };
            i128::from(link.amount_minor) * i128::from(rate_bp)
        };
        i64::try_from(links.iter().map(of).sum::<i128>() / 10_000).unwrap_or(i64::MAX)
    }
}

fn quantity(invoice: &Invoice) -> i64 {
    i64::try_from(invoice.row.qty_e5).unwrap_or(i64::MAX)
}

fn bit(condition: Condition) -> u32 {
    1 << condition as u32
}

fn unless(holds: bool, condition: Condition) -> u32 {
    if holds { 0 } else { bit(condition) }
}
