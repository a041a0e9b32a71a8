//! Returns and tally sheets: CEB213 to 216.

use super::Kind::{Decimal, Exact, Int, Text};
use super::{Body, FieldSpec, Message, o, r};

/// The messages of this family.
pub const MESSAGES: &[Message] = &[
    Message {
        number: 213,
        root: "CEB213Message",
        payload: "InvtRefund",
        head: Some("InvtRefundHead"),
        fields: INVT_REFUND_HEAD,
        body: Some(Body {
            name: "InvtRefundList",
            min: 1,
            max: 100,
            fields: INVT_REFUND_LIST,
        }),
        enveloped: true,
    },
    Message {
        number: 214,
        root: "CEB214Message",
        payload: "RefundReturn",
        head: None,
        fields: REFUND_RETURN,
        body: None,
        enveloped: false,
    },
    Message {
        number: 215,
        root: "CEB215Message",
        payload: "InvtRefundDetail",
        head: None,
        fields: INVT_REFUND_DETAIL,
        body: None,
        enveloped: true,
    },
    Message {
        number: 216,
        root: "CEB216Message",
        payload: "InvtRefundDetailReturn",
        head: None,
        fields: INVT_REFUND_DETAIL_RETURN,
        body: None,
        enveloped: false,
    },
];

const INVT_REFUND_HEAD: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("appType", Exact(1)),
    r("appTime", Exact(14)),
    r("appStatus", Exact(1)),
    r("customsCode", Exact(4)),
    o("loctNo", Text(0, 10)),
    r("ebpCode", Text(0, 18)),
    r("ebpName", Text(0, 100)),
    r("ebcCode", Text(0, 18)),
    r("ebcName", Text(0, 100)),
    r("logisticsNo", Text(0, 80)),
    r("logisticsCode", Text(0, 18)),
    r("logisticsName", Text(0, 100)),
    r("coElNo", Text(0, 30)),
    o("preNo", Text(0, 18)),
    r("invtNo", Text(0, 20)),
    o("tradeMode", Exact(4)),
    r("agentCode", Text(0, 18)),
    r("agentName", Text(0, 100)),
    r("billNo", Text(0, 37)),
    r("ieFlag", Text(0, 1)),
    r("trafMode", Text(0, 1)),
    r("trafName", Text(0, 100)),
    r("portCode", Text(0, 4)),
    r("reason", Text(0, 500)),
    r("country", Text(0, 3)),
    r("voyageNo", Text(0, 32)),
    o("note", Text(0, 500)),
];

const INVT_REFUND_LIST: &[FieldSpec] = &[
    r("gnum", Int(4)),
    r("gcode", Text(0, 10)),
    r("gname", Text(0, 250)),
    r("gmodel", Text(0, 250)),
    r("qty", Decimal),
    r("qty1", Decimal),
    r("unit", Exact(3)),
    r("unit1", Exact(3)),
    o("qty2", Decimal),
    o("unit2", Exact(3)),
    o("note", Text(0, 500)),
];

const REFUND_RETURN: &[FieldSpec] = &[
    r("guid", Exact(36)),
    o("ebpCode", Text(0, 18)),
    o("ebcCode", Text(0, 18)),
    r("agentCode", Text(0, 18)),
    r("coElNo", Text(0, 30)),
    o("preNo", Text(0, 18)),
    r("invtNo", Text(0, 20)),
    r("returnStatus", Text(0, 10)),
    r("returnTime", Exact(17)),
    r("returnInfo", Text(0, 1000)),
];

const INVT_REFUND_DETAIL: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("appType", Exact(1)),
    r("appTime", Exact(14)),
    r("appStatus", Exact(1)),
    r("customsCode", Exact(4)),
    r("operatorCode", Text(0, 18)),
    r("operatorName", Text(0, 100)),
    r("logisticsCode", Text(0, 18)),
    r("logisticsName", Text(0, 100)),
    r("logisticsNo", Text(0, 80)),
    o("invtNo", Text(0, 20)),
    r("coElNo", Text(0, 20)),
    o("preNo", Text(0, 18)),
    r("billNo", Text(0, 37)),
    r("ieFlag", Exact(1)),
    r("trafMode", Exact(1)),
    r("trafName", Text(0, 100)),
    r("voyageNo", Text(0, 32)),
    o("location", Text(0, 250)),
    o("note", Text(0, 250)),
];

const INVT_REFUND_DETAIL_RETURN: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("operatorCode", Text(0, 18)),
    r("logisticsCode", Text(0, 18)),
    r("logisticsNo", Text(0, 80)),
    r("coElNo", Text(0, 30)),
    o("preNo", Text(0, 18)),
    r("returnStatus", Text(0, 10)),
    r("returnTime", Exact(17)),
    r("returnInfo", Text(0, 1000)),
];
