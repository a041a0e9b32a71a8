//! Aggregation requests and results: CEB701, 702, 792.

use super::Kind::{Decimal, Exact, Int, Text};
use super::{Body, FieldSpec, Message, d, o, r};

/// The messages of this family.
pub const MESSAGES: &[Message] = &[
    Message {
        number: 701,
        root: "CEB701Message",
        payload: "SummaryApply",
        head: Some("SummaryApplyHead"),
        fields: SUMMARY_APPLY_HEAD,
        body: Some(Body {
            name: "SummaryApplyList",
            min: 0,
            max: u32::MAX,
            fields: SUMMARY_APPLY_LIST,
        }),
        enveloped: true,
    },
    Message {
        number: 702,
        root: "CEB702Message",
        payload: "SummaryReturn",
        head: None,
        fields: SUMMARY_RETURN,
        body: None,
        enveloped: false,
    },
    Message {
        number: 792,
        root: "CEB792Message",
        payload: "SummaryResult",
        head: Some("SummaryResultHead"),
        fields: SUMMARY_RESULT_HEAD,
        body: Some(Body {
            name: "SummaryResultList",
            min: 0,
            max: u32::MAX,
            fields: SUMMARY_RESULT_LIST,
        }),
        enveloped: false,
    },
];

const SUMMARY_APPLY_HEAD: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("appType", Exact(1)),
    r("appTime", Exact(14)),
    d("appStatus", Exact(1), "2"),
    r("customsCode", Exact(4)),
    r("copNo", Text(0, 30)),
    o("preNo", Text(0, 18)),
    o("sumNo", Text(0, 18)),
    r("agentCode", Text(0, 18)),
    r("agentName", Text(0, 100)),
    r("ebcCode", Text(0, 18)),
    r("ebcName", Text(0, 100)),
    r("declAgentCode", Text(0, 18)),
    r("declAgentName", Text(0, 100)),
    o("startTime", Exact(14)),
    o("endTime", Exact(14)),
    o("loctNo", Text(0, 10)),
    r("summaryFlag", Exact(1)),
    r("itemNameFlag", Exact(1)),
    r("msgCount", Int(9)),
    r("msgSeqNo", Int(9)),
    o("note", Text(0, 1000)),
];

const SUMMARY_APPLY_LIST: &[FieldSpec] = &[r("invtNo", Text(0, 20))];

const SUMMARY_RETURN: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("agentCode", Text(0, 18)),
    r("ebcCode", Text(0, 18)),
    r("copNo", Text(0, 30)),
    r("preNo", Exact(18)),
    o("sumNo", Exact(18)),
    r("msgSeqNo", Int(9)),
    r("returnStatus", Text(1, 10)),
    r("returnTime", Exact(17)),
    r("returnInfo", Text(0, 1000)),
];

const SUMMARY_RESULT_HEAD: &[FieldSpec] = &[
    r("guid", Exact(36)),
    r("customsCode", Exact(4)),
    r("sumNo", Exact(18)),
    r("opDate", Exact(17)),
    r("declSeqNo", Exact(18)),
    o("decTmpNo", Exact(18)),
    o("decPreNo", Exact(18)),
    o("entryId", Exact(18)),
    r("decState", Text(1, 3)),
    r("agentCode", Text(0, 18)),
    r("agentName", Text(0, 100)),
    r("ebcCode", Text(0, 18)),
    r("ebcName", Text(0, 100)),
    r("declAgentCode", Text(0, 18)),
    r("declAgentName", Text(0, 100)),
    r("grossWeight", Decimal),
    r("netWeight", Decimal),
    r("msgCount", Int(9)),
    r("msgSeqNo", Int(9)),
    o("note", Text(0, 1000)),
];

const SUMMARY_RESULT_LIST: &[FieldSpec] = &[
    r("invtNo", Text(0, 20)),
    r("logisticsNo", Text(0, 32)),
    r("gseqno", Int(5)),
    r("gnum", Int(5)),
    r("gcode", Exact(10)),
];
