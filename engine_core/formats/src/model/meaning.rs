//! What fields of a name mean wherever they stand: the checks beyond the schema follow from it.

/// What a field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Text that says what it says.
    Plain,
    /// Text that identifies a document, a parcel or goods.
    Key,
    /// A company by customs number or credit code.
    Party,
    /// A platform: a company, or the word for a foreign one without a code.
    Platform,
    /// A producer: a company, or the word for one not registered.
    Producer,
    Currency,
    Unit,
    Country,
    Customs,
    TransportMode,
    WrapType,
    TradeMode,
    AppType,
    AppStatus,
    OrderType,
    Direction,
    StatisticsFlag,
    TariffCode,
    SummaryFlag,
    Time,
    /// A number above zero.
    Positive,
    /// A number not below zero.
    NotNegative,
    /// A count from one.
    Count,
    ReturnStatus,
}

const MEANINGS: &[(&str, Meaning)] = &[
    ("orderNo", Meaning::Key),
    ("logisticsNo", Meaning::Key),
    ("copNo", Meaning::Key),
    ("coElNo", Meaning::Key),
    ("invtNo", Meaning::Key),
    ("itemNo", Meaning::Key),
    ("ebcCode", Meaning::Party),
    ("agentCode", Meaning::Party),
    ("logisticsCode", Meaning::Party),
    ("operatorCode", Meaning::Party),
    ("declAgentCode", Meaning::Party),
    ("payCode", Meaning::Party),
    ("iacCode", Meaning::Party),
    ("ebpCode", Meaning::Platform),
    ("ownerCode", Meaning::Producer),
    ("currency", Meaning::Currency),
    ("fCurrency", Meaning::Currency),
    ("iCurrency", Meaning::Currency),
    ("unit", Meaning::Unit),
    ("unit1", Meaning::Unit),
    ("unit2", Meaning::Unit),
    ("country", Meaning::Country),
    ("customsCode", Meaning::Customs),
    ("portCode", Meaning::Customs),
    ("trafMode", Meaning::TransportMode),
    ("wrapType", Meaning::WrapType),
    ("tradeMode", Meaning::TradeMode),
    ("appType", Meaning::AppType),
    ("appStatus", Meaning::AppStatus),
    ("orderType", Meaning::OrderType),
    ("ieFlag", Meaning::Direction),
    ("statisticsFlag", Meaning::StatisticsFlag),
    ("gcode", Meaning::TariffCode),
    ("summaryFlag", Meaning::SummaryFlag),
    ("appTime", Meaning::Time),
    ("leaveTime", Meaning::Time),
    ("accountingDate", Meaning::Time),
    ("startTime", Meaning::Time),
    ("endTime", Meaning::Time),
    ("ieDate", Meaning::Time),
    ("opDate", Meaning::Time),
    ("returnTime", Meaning::Time),
    ("qty", Meaning::Positive),
    ("qty1", Meaning::Positive),
    ("price", Meaning::Positive),
    ("totalPrice", Meaning::Positive),
    ("goodsValue", Meaning::Positive),
    ("charge", Meaning::Positive),
    ("grossWeight", Meaning::Positive),
    ("netWeight", Meaning::Positive),
    ("qty2", Meaning::NotNegative),
    ("freight", Meaning::NotNegative),
    ("insuredFee", Meaning::NotNegative),
    ("packNo", Meaning::Count),
    ("msgCount", Meaning::Count),
    ("msgSeqNo", Meaning::Count),
    ("gnum", Meaning::Count),
    ("gseqno", Meaning::Count),
    ("returnStatus", Meaning::ReturnStatus),
];

/// The meaning of a name; looked up while compiling, so reading pays nothing.
pub(super) const fn of(name: &str) -> Meaning {
    let mut at = 0;
    while at < MEANINGS.len() {
        if same(MEANINGS[at].0.as_bytes(), name.as_bytes()) {
            return MEANINGS[at].1;
        }
        at += 1;
    }
    Meaning::Plain
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}
