//! Waybills, arrivals and departures: CEB505 to 510.

use super::Kind::{Decimal, Exact, Int, Text, Token};
use super::{Body, FieldSpec, Message, d, o, r};

/// The messages of this family.
pub const MESSAGES: &[Message] = &[
    Message {
        number: 505,
        root: "CEB505Message",
        payload: "Logistics",
        head: None,
        fields: LOGISTICS,
        body: None,
        enveloped: true,
    },
    Message {
        number: 506,
        root: "CEB506Message",
        payload: "LogisticsReturn",
        head: None,
        fields: LOGISTICS_RETURN,
        body: None,
        enveloped: false,
    },
    Message {
        number: 507,
        root: "CEB507Message",
        payload: "Arrival",
        head: Some("ArrivalHead"),
        fields: ARRIVAL_HEAD,
        body: Some(Body {
            name: "ArrivalList",
            min: 0,
            max: u32::MAX,
            fields: ARRIVAL_LIST,
        }),
        enveloped: true,
    },
    Message {
        number: 508,
        root: "CEB508Message",
        payload: "ArrivalReturn",
        head: None,
        fields: ARRIVAL_RETURN,
        body: None,
        enveloped: false,
    },
    Message {
        number: 509,
        root: "CEB509Message",
        payload: "Departure",
        head: Some("DepartureHead"),
        fields: DEPARTURE_HEAD,
        body: Some(Body {
            name: "DepartureList",
            min: 1,
            max: u32::MAX,
            fields: DEPARTURE_LIST,
        }),
        enveloped: true,
    },
    Message {
        number: 510,
        root: "CEB510Message",
        payload: "DepartureReturn",
        head: None,
        fields: DEPARTURE_RETURN,
        body: None,
        enveloped: false,
    },
];

const LOGISTICS: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("appType", Exact(1)),
    r("appTime", Exact(14)),
    d("appStatus", Exact(1), "2"),
    r("logisticsCode", Text(0, 18)),
    r("logisticsName", Text(0, 100)),
    r("logisticsNo", Text(0, 32)),
    r("freight", Decimal),
    r("insuredFee", Decimal),
    r("currency", Exact(3)),
    r("grossWeight", Decimal),
    r("packNo", Int(9)),
    r("goodsInfo", Token(0, 200)),
    o("ebcCode", Text(0, 18)),
    o("ebcName", Text(0, 100)),
    o("ebcTelephone", Text(0, 50)),
    o("note", Text(0, 1000)),
];

const LOGISTICS_RETURN: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("logisticsCode", Text(0, 18)),
    r("logisticsNo", Text(0, 32)),
    r("returnStatus", Text(1, 10)),
    r("returnTime", Exact(17)),
    r("returnInfo", Text(0, 1000)),
];

const ARRIVAL_HEAD: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("appType", Exact(1)),
    r("appTime", Exact(14)),
    d("appStatus", Exact(1), "1"),
    r("customsCode", Exact(4)),
    r("copNo", Text(0, 30)),
    o("preNo", Exact(18)),
    r("operatorCode", Text(0, 18)),
    r("operatorName", Text(0, 100)),
    o("loctNo", Text(0, 10)),
    r("ieFlag", Exact(1)),
    r("trafMode", Token(1, 1)),
    o("billNo", Text(0, 37)),
    r("domesticTrafNo", Token(0, 100)),
    r("logisticsCode", Text(0, 18)),
    r("logisticsName", Text(0, 100)),
    r("msgCount", Int(9)),
    r("msgSeqNo", Int(9)),
    o("note", Text(0, 1000)),
];

const ARRIVAL_LIST: &[FieldSpec] = &[
    r("gnum", Int(5)),
    r("logisticsNo", Text(0, 32)),
    o("totalPackageNo", Text(0, 37)),
    o("note", Text(0, 1000)),
];

const ARRIVAL_RETURN: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("operatorCode", Text(0, 18)),
    r("logisticsCode", Text(0, 18)),
    r("preNo", Exact(18)),
    r("copNo", Text(0, 30)),
    r("billNo", Text(0, 37)),
    r("msgSeqNo", Int(9)),
    r("returnStatus", Text(1, 10)),
    r("returnTime", Exact(17)),
    r("returnInfo", Text(0, 1000)),
];

const DEPARTURE_HEAD: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("appType", Exact(1)),
    r("appTime", Exact(14)),
    r("appStatus", Exact(1)),
    r("customsCode", Exact(4)),
    r("copNo", Text(0, 30)),
    o("preNo", Exact(18)),
    r("logisticsCode", Text(0, 18)),
    r("logisticsName", Text(0, 100)),
    r("trafMode", Token(1, 1)),
    o("trafName", Text(0, 100)),
    o("voyageNo", Text(0, 32)),
    o("billNo", Text(0, 37)),
    r("leaveTime", Exact(14)),
    r("msgCount", Int(9)),
    r("msgSeqNo", Int(9)),
    o("note", Text(0, 1000)),
];

const DEPARTURE_LIST: &[FieldSpec] = &[
    r("gnum", Int(5)),
    o("totalPackageNo", Text(0, 37)),
    r("logisticsNo", Text(0, 32)),
    o("note", Text(0, 1000)),
];

const DEPARTURE_RETURN: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("logisticsCode", Text(0, 18)),
    r("copNo", Text(0, 30)),
    r("preNo", Exact(18)),
    r("msgSeqNo", Int(9)),
    r("returnStatus", Text(1, 10)),
    r("returnTime", Exact(17)),
    r("returnInfo", Text(0, 1000)),
];
