//! Orders and receipts: CEB303, 304, 403, 404.

use super::Kind::{Decimal, Exact, Int, Text};
use super::{Body, FieldSpec, Message, d, o, r};

/// The messages of this family.
pub const MESSAGES: &[Message] = &[
    Message {
        number: 303,
        root: "CEB303Message",
        payload: "Order",
        head: Some("OrderHead"),
        fields: ORDER_HEAD,
        body: Some(Body {
            name: "OrderList",
            min: 1,
            max: 100,
            fields: ORDER_LIST,
        }),
        enveloped: true,
    },
    Message {
        number: 304,
        root: "CEB304Message",
        payload: "OrderReturn",
        head: None,
        fields: ORDER_RETURN,
        body: None,
        enveloped: false,
    },
    Message {
        number: 403,
        root: "CEB403Message",
        payload: "Receipts",
        head: None,
        fields: RECEIPTS,
        body: None,
        enveloped: true,
    },
    Message {
        number: 404,
        root: "CEB404Message",
        payload: "ReceiptsReturn",
        head: None,
        fields: RECEIPTS_RETURN,
        body: None,
        enveloped: false,
    },
];

const ORDER_HEAD: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("appType", Exact(1)),
    r("appTime", Exact(14)),
    d("appStatus", Exact(1), "1"),
    r("orderType", Exact(1)),
    r("orderNo", Text(0, 60)),
    r("ebpCode", Text(0, 18)),
    r("ebpName", Text(0, 100)),
    r("ebcCode", Text(0, 18)),
    r("ebcName", Text(0, 100)),
    r("goodsValue", Decimal),
    d("freight", Decimal, "0"),
    r("currency", Exact(3)),
    o("note", Text(0, 1000)),
];

const ORDER_LIST: &[FieldSpec] = &[
    r("gnum", Int(5)),
    r("itemNo", Text(0, 30)),
    r("itemName", Text(0, 250)),
    o("itemDescribe", Text(0, 1000)),
    o("barCode", Text(0, 50)),
    r("unit", Exact(3)),
    r("currency", Exact(3)),
    r("qty", Decimal),
    r("price", Decimal),
    r("totalPrice", Decimal),
    o("note", Text(0, 1000)),
];

const ORDER_RETURN: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("ebpCode", Text(0, 18)),
    r("ebcCode", Text(0, 18)),
    r("orderNo", Text(0, 60)),
    r("returnStatus", Text(1, 10)),
    r("returnTime", Exact(17)),
    r("returnInfo", Text(0, 1000)),
];

const RECEIPTS: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("appType", Exact(1)),
    r("appTime", Exact(14)),
    d("appStatus", Exact(1), "1"),
    r("ebpCode", Text(0, 18)),
    r("ebpName", Text(0, 100)),
    r("ebcCode", Text(0, 18)),
    r("ebcName", Text(0, 100)),
    r("orderNo", Text(0, 60)),
    o("payCode", Text(0, 18)),
    r("payName", Text(0, 100)),
    o("payNo", Text(0, 60)),
    r("charge", Decimal),
    r("currency", Exact(3)),
    r("accountingDate", Exact(14)),
    o("note", Text(0, 1000)),
];

const RECEIPTS_RETURN: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("ebcCode", Text(0, 18)),
    r("orderNo", Text(0, 60)),
    o("payNo", Text(0, 60)),
    r("returnStatus", Text(1, 10)),
    r("returnTime", Exact(17)),
    r("returnInfo", Text(0, 1000)),
];
