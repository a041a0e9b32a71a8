//! Entries and rows of tax labels and of the inputs that decide them.

use super::codec::{Text, code, entry, row};
use crate::ids::{Id, Step};
use crate::money::Currency;

code! {
    /// Regime of one item, by the numbers of the contract.
    Regime {
        TaxedFlag1 = 1,
        TaxedOverdue = 2,
        ExemptFlag2 = 3,
        ExemptSmall = 4,
        RefundTrade = 5,
        ExemptVoucher = 6,
        ExemptNoInvoice = 7,
        TaxedNoVoucher = 8,
        Review = 9,
    }
}

code! {
    /// The database an item stands in.
    Database {
        Refund = 1,
        ExemptNoInvoice = 2,
        Neither = 3,
    }
}

code! {
    /// Kind of purchase voucher.
    InvoiceKind {
        SpecialVat = 1,
        Ordinary = 2,
    }
}

row! {
    /// Label of one declared item: replaces the one before.
    TaxItemRow = 14 {
        item_id: Id,
        trade_id: Id,
        merchant: u32,
        regime: Regime,
        database: Database,
        /// Bit `1 << number` for every condition that failed.
        missing: u32,
        gcode: u64,
        value_minor: i64,
        currency: Currency,
        qty_e5: u64,
        unit: Text<3>,
        export_date: u32,
        rate_bp: u16,
        /// CNY fen.
        refund_minor: i64,
        previous: Step,
        /// Slot of the list and number of its line.
        list: u32,
        gnum: u16,
    }
}

row! {
    /// Quantity and amount of an invoice put to an item; negative when it is freed again.
    LinkRow = 90 {
        item_id: Id,
        invoice: u32,
        qty_e5: i64,
        amount_minor: i64,
    }
}

row! {
    /// One interval of the refund rate library.
    RateRow = 91 {
        code: Text<12>,
        refund_rate_bp: u16,
        levy_rate_bp: u16,
        flag: u8,
        valid_from: u32,
        valid_until: u32,
    }
}

entry! {
    RefundRatesLoaded = 60 { 10 library_version: String }
    rows { rates: RateRow }
}

row! {
    /// A purchase invoice.
    InvoiceRow = 92 {
        invoice_id: Id,
        index: u32,
        kind: InvoiceKind,
        buyer: u32,
        date: u32,
        amount_minor: i64,
        tax_rate_bp: u16,
        gcode: u64,
        qty_e5: u64,
        unit: Text<3>,
        content: [u8; 8],
    }
}

entry! {
    /// Invoices, with their numbers as private parts, and the labels they changed.
    InvoicesRecorded = 61 {}
    per_row { secrets }
    rows { invoices: InvoiceRow, links: LinkRow, items: TaxItemRow }
}

row! {
    /// A merchant's goods on the platform of a pilot zone.
    ZoneRow = 93 {
        registration_id: Id,
        index: u32,
        merchant: u32,
        customs_district: Text<2>,
        platform_reg_no: Text<32>,
        gcode: u64,
        valid_from: u32,
        valid_until: u32,
        content: [u8; 8],
    }
}

entry! {
    ZoneGoodsRegistered = 62 {}
    rows { zones: ZoneRow, links: LinkRow, items: TaxItemRow }
}

entry! {
    /// Labels of a merchant's items by the rules and inputs of now.
    ItemsLabelled = 63 { 10 merchant: u32 }
    rows { links: LinkRow, items: TaxItemRow }
}
