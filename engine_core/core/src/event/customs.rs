//! Entries and rows of customs documents, and of what they did to trades.

use super::codec::{Text, code, entry, row};
use super::tax::{LinkRow, TaxItemRow};
use crate::ids::{Id, KeyDigest, Step};
use crate::money::Currency;
use crate::state::trade::{MerchantReason, TradeRow};

/// What is private of a document: one blob per `DocumentRow`, kept under the document's key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DocumentSecret {
    /// Business key in words, for example "order 2018-1 of platform 1105910159".
    #[prost(string, tag = "1")]
    pub key_words: String,
    /// The document element as received.
    #[prost(bytes = "vec", tag = "2")]
    pub received: Vec<u8>,
    #[prost(string, tag = "3")]
    pub order_no: String,
    /// Code of the platform, or its name where it has no code.
    #[prost(string, tag = "4")]
    pub platform: String,
    /// The company that transmitted it.
    #[prost(string, tag = "5")]
    pub transmitter_code: String,
}

row! {
    /// A document as accepted. Its body stands in the rows of the other sections, in the order of the documents.
    DocumentRow = 10 {
        document_id: Id,
        doc_type: u16,
        /// Digest of the business key.
        key: KeyDigest,
        /// What customs answered; 0 on everything that is no reply.
        status: i32,
        /// Return time of a reply, application time else, as decimal digits.
        stamp: u64,
        /// First trade of the order it belongs to; zero while there is none.
        trade_id: Id,
        previous: Step,
        grant: u32,
        /// Keyed digest of the document.
        content: [u8; 8],
        /// Slot of the case it is about (order, waybill, list, departure or message by type).
        subject: u32,
        /// Ordinal of the version of an order.
        part: u16,
        /// 1 temporary save, 2 declared; 0 on replies and deletions.
        app_status: u8,
    }
}

row! {
    /// A line of an order or list, with the genuine merchant its own document gives it.
    LineRow = 11 {
        key: KeyDigest,
        gnum: u16,
        /// Digest of the first 20 characters of the item number.
        item: [u8; 8],
        currency: Currency,
        total_e5: u64,
        qty_e5: u64,
        unit: Text<3>,
        /// Commodity code; 0 on orders.
        gcode: u64,
        merchant: u32,
        reason: MerchantReason,
    }
}

row! {
    /// Used value that lost its proof, as it stands from here on.
    ClawbackRow = 13 {
        trade_id: Id,
        merchant: u32,
        clawback_minor: i64,
        previous: Step,
    }
}

row! {
    /// Head of an order: one version by consignor code.
    OrderRow = 15 {
        consignor: Text<18>,
        consignor_party: u32,
        lines: u16,
        /// The platform has no code and its name is not the one the trade is known by.
        platform_differs: bool,
    }
}

row! {
    /// Head of a declaration list.
    ListRow = 16 {
        order: u32,
        waybill: u32,
        consignor: Text<18>,
        consignor_party: u32,
        agent_party: u32,
        owner_party: u32,
        statistics_flag: u8,
        trade_mode: u16,
        export_date: u32,
        customs_code: Text<4>,
        lines: u16,
        platform_differs: bool,
    }
}

row! {
    /// Head of a waybill.
    WaybillRow = 17 {
        consignor: Text<18>,
        consignor_party: u32,
    }
}

code! {
    /// What a name stands for. Names open the case that has the next free slot of their table.
    NameKind {
        Order = 1,
        List = 2,
        Waybill = 3,
        Departure = 4,
        Message = 5,
    }
}

row! {
    /// A key by which a case is found.
    NameRow = 18 {
        key: KeyDigest,
        kind: NameKind,
        slot: u32,
    }
}

row! {
    /// A waybill of a departure, or a list of an aggregation.
    MemberRow = 19 {
        /// Ordinal of the document in the entry.
        document: u16,
        member: u32,
    }
}

entry! {
    /// Documents and what became of trades and tax items by them.
    DocumentsRecorded = 10 {
        /// Ordinal in the request and number of the refusal, of every refused document.
        10 refused: Vec<(u16, u16)>,
        /// Field paths of the refusals, one a line.
        11 refused_fields: String,
        /// Ordinal in the request and place of every document deposited before.
        12 repeated: Vec<(u16, Step)>,
        /// Names that each document brings, in order of the documents.
        13 names_per_document: Vec<u16>,
    }
    per_row { secrets }
    rows {
        documents: DocumentRow,
        orders: OrderRow,
        lists: ListRow,
        waybills: WaybillRow,
        lines: LineRow,
        names: NameRow,
        members: MemberRow,
        trades: TradeRow,
        clawbacks: ClawbackRow,
        links: LinkRow,
        items: TaxItemRow,
    }
}

impl DocumentsRecorded {
    /// Row of the entry at which the trades begin.
    pub fn first_trade_row(&self) -> usize {
        self.documents.len()
            + self.orders.len()
            + self.lists.len()
            + self.waybills.len()
            + self.lines.len()
            + self.names.len()
            + self.members.len()
    }
}

entry! {
    /// An officer named the merchant of a disputed trade.
    DisputeSettled = 11 {
        10 trade_id: Id,
        11 merchant: u32,
        /// Bit `1 << number` for every dispute that lay open.
        12 settled: u16,
    }
    secrets { 40 reason }
    rows { trades: TradeRow, clawbacks: ClawbackRow, links: LinkRow, items: TaxItemRow }
}

entry! {
    /// Verified value was taken back.
    ReturnReported = 12 {
        10 trade_id: Id,
        11 amount_minor: i64,
        /// Used value of the trade that has no proof any more.
        12 clawback_minor: i64,
    }
    secrets { 40 reference }
    rows { trades: TradeRow, clawbacks: ClawbackRow, links: LinkRow, items: TaxItemRow }
}

entry! {
    /// A trade is closed although open value remains.
    TradeClosed = 13 {
        10 trade_id: Id,
        /// Number of the close reason of the contract.
        11 reason: u8,
    }
    rows { trades: TradeRow }
}
