//! One right document of each kind that is checked, to be spoiled by the tests.

use whampoa_formats::write::{Content, Fields, write};

pub const GUID: &str = "0F8E2A6C-7D31-4B59-9C1E-5A7B3D9F1E24";
const COMPANY: &str = "4401961234";

const COMMON: &[(&str, &str)] = &[
    ("guid", GUID),
    ("appType", "1"),
    ("appTime", "20260105101500"),
    ("appStatus", "2"),
];

type Pairs = &'static [(&'static str, &'static str)];

/// Number, head after the common fields, rows.
const RIGHT: &[(u16, Pairs, &[Pairs])] = &[
    (
        303,
        &[
            ("orderType", "E"),
            ("orderNo", "W1"),
            ("ebpCode", COMPANY),
            ("ebpName", "Platform"),
            ("ebcCode", COMPANY),
            ("ebcName", "Shop"),
            ("goodsValue", "31.5"),
            ("freight", "0"),
            ("currency", "502"),
        ],
        &[
            &[
                ("gnum", "1"),
                ("itemNo", "I1"),
                ("itemName", "shirt"),
                ("unit", "011"),
                ("currency", "502"),
                ("qty", "3"),
                ("price", "10.00"),
                ("totalPrice", "30"),
            ],
            &[
                ("gnum", "2"),
                ("itemNo", "I2"),
                ("itemName", "cap"),
                ("unit", "007"),
                ("currency", "502"),
                ("qty", "1"),
                ("price", "1.5"),
                ("totalPrice", "1.50"),
            ],
        ],
    ),
    (
        403,
        &[
            ("ebpCode", COMPANY),
            ("ebpName", "Platform"),
            ("ebcCode", COMPANY),
            ("ebcName", "Shop"),
            ("orderNo", "W1"),
            ("payName", "Pay"),
            ("charge", "31.5"),
            ("currency", "502"),
            ("accountingDate", "20260105101500"),
        ],
        &[],
    ),
    (
        505,
        &[
            ("logisticsCode", COMPANY),
            ("logisticsName", "Carrier"),
            ("logisticsNo", "GZ1"),
            ("freight", "0"),
            ("insuredFee", "0"),
            ("currency", "502"),
            ("grossWeight", "0.3"),
            ("packNo", "1"),
            ("goodsInfo", "shirts"),
        ],
        &[],
    ),
    (
        507,
        &[
            ("customsCode", "5100"),
            ("copNo", "C1"),
            ("operatorCode", COMPANY),
            ("operatorName", "Site"),
            ("ieFlag", "E"),
            ("trafMode", "5"),
            ("domesticTrafNo", "T1"),
            ("logisticsCode", COMPANY),
            ("logisticsName", "Carrier"),
            ("msgCount", "1"),
            ("msgSeqNo", "1"),
        ],
        &[
            &[("gnum", "1"), ("logisticsNo", "GZ1")],
            &[("gnum", "2"), ("logisticsNo", "GZ2")],
        ],
    ),
    (
        509,
        &[
            ("customsCode", "5100"),
            ("copNo", "C1"),
            ("logisticsCode", COMPANY),
            ("logisticsName", "Carrier"),
            ("trafMode", "5"),
            ("leaveTime", "20260106020000"),
            ("msgCount", "2"),
            ("msgSeqNo", "2"),
        ],
        &[
            &[("gnum", "101"), ("logisticsNo", "GZ1")],
            &[("gnum", "102"), ("logisticsNo", "GZ2")],
        ],
    ),
    (
        603,
        &[
            ("customsCode", "5100"),
            ("ebpCode", COMPANY),
            ("ebpName", "Platform"),
            ("orderNo", "W1"),
            ("logisticsCode", COMPANY),
            ("logisticsName", "Carrier"),
            ("logisticsNo", "GZ1"),
            ("copNo", "C1"),
            ("ieFlag", "E"),
            ("portCode", "5100"),
            ("ieDate", "20260105"),
            ("statisticsFlag", "B"),
            ("agentCode", COMPANY),
            ("agentName", "Agent"),
            ("ebcCode", COMPANY),
            ("ebcName", "Shop"),
            ("ownerCode", "NO"),
            ("ownerName", "Maker"),
            ("tradeMode", "9610"),
            ("trafMode", "5"),
            ("country", "502"),
            ("POD", "502"),
            ("freight", "0"),
            ("fCurrency", "502"),
            ("fFlag", "3"),
            ("insuredFee", "0"),
            ("iCurrency", "502"),
            ("iFlag", "3"),
            ("wrapType", "2"),
            ("packNo", "1"),
            ("grossWeight", "0.7"),
            ("netWeight", "0.6"),
        ],
        &[&[
            ("gnum", "1"),
            ("itemNo", "I1"),
            ("gcode", "6109100010"),
            ("gname", "shirt"),
            ("gmodel", "cotton"),
            ("barCode", "无"),
            ("country", "502"),
            ("currency", "502"),
            ("qty", "3"),
            ("qty1", "3"),
            ("unit", "011"),
            ("unit1", "011"),
            ("price", "10"),
            ("totalPrice", "30"),
        ]],
    ),
    (
        605,
        &[
            ("customsCode", "5100"),
            ("copNo", "C1"),
            ("invtNo", "510020261234567890"),
            ("reason", "sold out"),
            ("agentCode", COMPANY),
            ("agentName", "Agent"),
            ("ebcCode", COMPANY),
            ("ebcName", "Shop"),
        ],
        &[],
    ),
    (
        701,
        &[
            ("customsCode", "5100"),
            ("copNo", "C1"),
            ("agentCode", COMPANY),
            ("agentName", "Agent"),
            ("ebcCode", COMPANY),
            ("ebcName", "Shop"),
            ("declAgentCode", COMPANY),
            ("declAgentName", "Agent"),
            ("summaryFlag", "1"),
            ("itemNameFlag", "1"),
            ("msgCount", "1"),
            ("msgSeqNo", "1"),
        ],
        &[&[("invtNo", "N1")], &[("invtNo", "N2")]],
    ),
    (
        213,
        &[
            ("customsCode", "5100"),
            ("ebpCode", COMPANY),
            ("ebpName", "Platform"),
            ("ebcCode", COMPANY),
            ("ebcName", "Shop"),
            ("logisticsNo", "GZ1"),
            ("logisticsCode", COMPANY),
            ("logisticsName", "Carrier"),
            ("coElNo", "C1"),
            ("invtNo", "N1"),
            ("tradeMode", "9661"),
            ("agentCode", COMPANY),
            ("agentName", "Agent"),
            ("billNo", "B1"),
            ("ieFlag", "I"),
            ("trafMode", "5"),
            ("trafName", "T1"),
            ("portCode", "5100"),
            ("reason", "unsold"),
            ("country", "502"),
            ("voyageNo", "V1"),
        ],
        &[&[
            ("gnum", "2"),
            ("gcode", "6109100010"),
            ("gname", "shirt"),
            ("gmodel", "cotton"),
            ("qty", "1"),
            ("qty1", "1"),
            ("unit", "011"),
            ("unit1", "011"),
        ]],
    ),
    (
        604,
        &[
            ("agentCode", COMPANY),
            ("copNo", "C1"),
            ("preNo", "B20260105000000001"),
            ("invtNo", ""),
            ("ebcCode", COMPANY),
            ("ebpCode", COMPANY),
            ("orderNo", "W1"),
            ("statisticsFlag", "B"),
            ("returnStatus", "120"),
            ("returnTime", "20260105101500123"),
            ("returnInfo", ""),
        ],
        &[],
    ),
];

/// The numbers that have a right document here.
pub fn numbers() -> impl Iterator<Item = u16> {
    RIGHT.iter().map(|(number, ..)| *number)
}

/// The right document of a message.
pub fn right(number: u16) -> Content {
    let (_, head, rows) = RIGHT
        .iter()
        .find(|(known, ..)| *known == number)
        .expect("a known number");
    let fields = |pairs: &[(&str, &str)]| -> Fields {
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    };
    let mut content = Content {
        head: fields(head),
        rows: rows.iter().map(|row| fields(row)).collect(),
    };
    let common = if is_upstream(number) {
        fields(COMMON)
    } else {
        fields(&COMMON[..1])
    };
    content.head.extend(common);
    content
}

/// A message of these documents.
pub fn message(number: u16, documents: &[Content]) -> Vec<u8> {
    let transfer: Fields = [
        ("copCode", COMPANY),
        ("copName", "Agent"),
        ("dxpMode", "DXP"),
        ("dxpId", "DXPENT1"),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .to_vec();
    write(
        number,
        documents,
        GUID,
        is_upstream(number).then_some(&transfer),
    )
    .expect("a right shape")
}

/// Gives a field a text: of the head, or of a row as `2/unit`.
pub fn spoil(content: &mut Content, path: &str, text: &str) {
    let (fields, name) = match path.split_once('/') {
        Some((row, name)) => (
            &mut content.rows[row.parse::<usize>().expect("a row") - 1],
            name,
        ),
        None => (&mut content.head, path),
    };
    fields.retain(|(known, _)| known != name);
    fields.push((name.to_owned(), text.to_owned()));
}

fn is_upstream(number: u16) -> bool {
    number != 604
}
