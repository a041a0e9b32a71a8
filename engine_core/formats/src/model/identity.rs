//! What makes a document of each message the same document: its business key, in words and in fields.

/// The business key of the documents of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub number: u16,
    /// Words and fields in turn, as people read them.
    pub words: &'static [(&'static str, &'static str)],
    /// Fields beside those that two documents must share to be the same.
    pub beside: &'static [&'static str],
}

impl Identity {
    /// The field that leads the key.
    #[must_use]
    pub fn lead(&self) -> &'static str {
        self.words.first().map_or("guid", |(_, field)| field)
    }
}

const STATUS: &[&str] = &["returnStatus", "returnTime"];
const PART_STATUS: &[&str] = &["msgSeqNo", "returnStatus", "returnTime"];

static IDENTITIES: &[Identity] = &[
    key(213, &[("return", "coElNo"), ("of agent", "agentCode")], &[]),
    key(
        214,
        &[("reply to return", "coElNo"), ("of agent", "agentCode")],
        STATUS,
    ),
    key(
        215,
        &[("tally sheet", "coElNo"), ("of operator", "operatorCode")],
        &[],
    ),
    key(
        216,
        &[
            ("reply to tally sheet", "coElNo"),
            ("of operator", "operatorCode"),
        ],
        STATUS,
    ),
    key(
        303,
        &[("order", "orderNo"), ("of platform", "ebpCode")],
        &["ebcCode"],
    ),
    key(
        304,
        &[("reply to order", "orderNo"), ("of platform", "ebpCode")],
        &["ebcCode", "returnStatus", "returnTime"],
    ),
    key(
        403,
        &[
            ("collection note for order", "orderNo"),
            ("of consignor", "ebcCode"),
        ],
        &["ebpCode", "payNo"],
    ),
    key(
        404,
        &[
            ("reply to collection note for order", "orderNo"),
            ("of consignor", "ebcCode"),
        ],
        &["payNo", "returnStatus", "returnTime"],
    ),
    key(
        505,
        &[("waybill", "logisticsNo"), ("of carrier", "logisticsCode")],
        &[],
    ),
    key(
        506,
        &[
            ("reply to waybill", "logisticsNo"),
            ("of carrier", "logisticsCode"),
        ],
        STATUS,
    ),
    key(
        507,
        &[("arrival", "copNo"), ("of operator", "operatorCode")],
        &["msgSeqNo"],
    ),
    key(
        508,
        &[
            ("reply to arrival", "copNo"),
            ("of operator", "operatorCode"),
        ],
        PART_STATUS,
    ),
    key(
        509,
        &[("departure", "copNo"), ("of carrier", "logisticsCode")],
        &["msgSeqNo"],
    ),
    key(
        510,
        &[
            ("reply to departure", "copNo"),
            ("of carrier", "logisticsCode"),
        ],
        PART_STATUS,
    ),
    key(
        603,
        &[("list of order", "orderNo"), ("of platform", "ebpCode")],
        &["ebcCode", "logisticsCode", "logisticsNo"],
    ),
    key(
        604,
        &[("reply to list", "copNo"), ("of agent", "agentCode")],
        &["orderNo", "ebpCode", "returnStatus", "returnTime"],
    ),
    key(
        605,
        &[("withdrawal of list", "invtNo"), ("of agent", "agentCode")],
        &[],
    ),
    key(
        606,
        &[("reply to withdrawal", "copNo"), ("of agent", "agentCode")],
        STATUS,
    ),
    key(
        607,
        &[("master waybill", "copNo"), ("of agent", "agentCode")],
        &["msgSeqNo"],
    ),
    key(
        608,
        &[
            ("reply to master waybill", "copNo"),
            ("of agent", "agentCode"),
        ],
        PART_STATUS,
    ),
    key(
        701,
        &[("aggregation", "copNo"), ("of agent", "agentCode")],
        &["msgSeqNo"],
    ),
    key(
        702,
        &[("reply to aggregation", "copNo"), ("of agent", "agentCode")],
        PART_STATUS,
    ),
    key(
        792,
        &[
            ("aggregation result", "sumNo"),
            ("declared as", "declSeqNo"),
        ],
        &["msgSeqNo"],
    ),
];

/// The identity of the documents of a message of the table.
#[must_use]
pub fn identity(number: u16) -> Option<&'static Identity> {
    IDENTITIES.iter().find(|identity| identity.number == number)
}

const fn key(
    number: u16,
    words: &'static [(&'static str, &'static str)],
    beside: &'static [&'static str],
) -> Identity {
    Identity {
        number,
        words,
        beside,
    }
}
