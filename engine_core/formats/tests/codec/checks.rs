//! Every check beyond the schema, as a table: what is changed in a right document, and what is told of it.

use crate::bodies::{GUID, message, numbers, right, spoil};
use whampoa_formats::proto::{Finding, Severity};
use whampoa_formats::read::{Reading, read};
use whampoa_formats::rule::RULES;
use whampoa_formats::write::Content;

/// Message, changes (path and text), rules and fields told.
type Case = (
    u16,
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str)],
);

#[rustfmt::skip]
const CASES: &[Case] = &[
    (303, &[("orderNo", " ")], &[("KEY_EMPTY", "OrderHead/orderNo")]),
    (303, &[("ebcName", "")], &[("TEXT_EMPTY", "OrderHead/ebcName")]),
    (303, &[("ebcCode", "123")], &[("PARTY_CODE_INVALID", "OrderHead/ebcCode")]),
    (303, &[("ebcCode", "NO")], &[("PARTY_CODE_INVALID", "OrderHead/ebcCode")]),
    (303, &[("ebcCode", "无")], &[("PARTY_CODE_INVALID", "OrderHead/ebcCode")]),
    (303, &[("ebcCode", "91350100M000100Y44")], &[("CREDIT_CODE_INVALID", "OrderHead/ebcCode")]),
    (303, &[("ebcCode", "91350100M000100Y43"), ("ebpCode", "无")], &[]),
    (303, &[("ebpCode", "无"), ("ebpName", "")], &[
        ("TEXT_EMPTY", "OrderHead/ebpName"), ("PLATFORM_NAME_EMPTY", "OrderHead/ebpName"),
    ]),
    (303, &[("currency", "aaa")], &[("CURRENCY_UNKNOWN", "OrderHead/currency")]),
    (303, &[("currency", "USD"), ("1/currency", "USD"), ("2/currency", "USD")], &[]),
    (303, &[("1/unit", "aaa")], &[("UNIT_UNKNOWN", "OrderList[1]/unit")]),
    (303, &[("appType", "4")], &[("APP_TYPE_INVALID", "OrderHead/appType")]),
    (303, &[("appStatus", "0")], &[("APP_STATUS_INVALID", "OrderHead/appStatus")]),
    (303, &[("appTime", "20260230101500")], &[("TIME_INVALID", "OrderHead/appTime")]),
    (303, &[("orderType", "I")], &[("ORDER_TYPE_INVALID", "OrderHead/orderType")]),
    (303, &[("freight", "-0.01")], &[("AMOUNT_NEGATIVE", "OrderHead/freight")]),
    (303, &[("2/qty", "0"), ("2/totalPrice", "0"), ("goodsValue", "30")], &[
        ("AMOUNT_NOT_POSITIVE", "OrderList[2]/qty"), ("AMOUNT_NOT_POSITIVE", "OrderList[2]/totalPrice"),
    ]),
    (303, &[("2/totalPrice", "1.49999"), ("goodsValue", "31.49999")], &[
        ("LINE_TOTAL_MISMATCH", "OrderList[2]/totalPrice"),
    ]),
    (303, &[("goodsValue", "31.50001")], &[("HEAD_TOTAL_MISMATCH", "OrderHead/goodsValue")]),
    // Two known currencies have no sum.
    (303, &[("2/currency", "142")], &[]),
    (303, &[("freight", "100000000000000")], &[("AMOUNT_TOO_LARGE", "OrderHead/freight")]),
    (303, &[("1/qty", "9999999999999999999"), ("1/price", "9999999999999999999"), ("1/totalPrice", "9999999999999999999"),
            ("goodsValue", "1")], &[
        ("AMOUNT_TOO_LARGE", "OrderList[1]/qty"), ("AMOUNT_TOO_LARGE", "OrderList[1]/price"),
        ("AMOUNT_TOO_LARGE", "OrderList[1]/totalPrice"), ("LINE_TOTAL_MISMATCH", "OrderList[1]/totalPrice"),
        ("HEAD_TOTAL_MISMATCH", "OrderHead/goodsValue"),
    ]),
    (303, &[("2/gnum", "1")], &[("LINE_NUMBER_REPEATED", "OrderList[2]/gnum")]),
    (303, &[("1/gnum", "3")], &[("LINE_NUMBER_START", "OrderList[1]/gnum")]),
    (303, &[("1/gnum", "2"), ("2/gnum", "1")], &[]),
    (303, &[("1/gnum", "0")], &[
        ("COUNT_NOT_POSITIVE", "OrderList[1]/gnum"), ("LINE_NUMBER_START", "OrderList[1]/gnum"),
    ]),
    (403, &[("charge", "0")], &[("AMOUNT_NOT_POSITIVE", "charge")]),
    (403, &[("accountingDate", "20261301000000")], &[("TIME_INVALID", "accountingDate")]),
    (403, &[("payCode", "1")], &[("PARTY_CODE_INVALID", "payCode")]),
    (505, &[("logisticsNo", "")], &[("KEY_EMPTY", "logisticsNo")]),
    (505, &[("packNo", "0")], &[("COUNT_NOT_POSITIVE", "packNo")]),
    (505, &[("grossWeight", "0")], &[("AMOUNT_NOT_POSITIVE", "grossWeight")]),
    (507, &[("ieFlag", "I")], &[("DIRECTION_INVALID", "ArrivalHead/ieFlag")]),
    (507, &[("2/logisticsNo", "GZ1")], &[("ROW_REPEATED", "ArrivalList[2]/logisticsNo")]),
    (509, &[("trafMode", "0")], &[("TRANSPORT_MODE_UNKNOWN", "DepartureHead/trafMode")]),
    (509, &[("msgSeqNo", "3")], &[("PART_INVALID", "DepartureHead/msgSeqNo")]),
    (509, &[("2/gnum", "101")], &[("LINE_NUMBER_REPEATED", "DepartureList[2]/gnum")]),
    (603, &[("customsCode", "9900")], &[("CUSTOMS_UNKNOWN", "InventoryHead/customsCode")]),
    (603, &[("country", "001")], &[("COUNTRY_UNKNOWN", "InventoryHead/country")]),
    (603, &[("wrapType", "9")], &[("WRAP_TYPE_UNKNOWN", "InventoryHead/wrapType")]),
    (603, &[("tradeMode", "0101")], &[("TRADE_MODE_INVALID", "InventoryHead/tradeMode")]),
    (603, &[("ieFlag", "a")], &[("DIRECTION_INVALID", "InventoryHead/ieFlag")]),
    (603, &[("statisticsFlag", "1")], &[("STATISTICS_FLAG_INVALID", "InventoryHead/statisticsFlag")]),
    (603, &[("ieDate", "20260230")], &[("TIME_INVALID", "InventoryHead/ieDate")]),
    (603, &[("netWeight", "0.71")], &[("NET_ABOVE_GROSS", "InventoryHead/netWeight")]),
    (603, &[("statisticsFlag", "A")], &[]),
    (603, &[("statisticsFlag", "A"), ("licenseNo", "L1")], &[("LICENCE_FORBIDDEN", "InventoryHead/licenseNo")]),
    (603, &[("tradeMode", "1210")], &[
        ("ZONE_FIELD_MISSING", "InventoryHead/iacCode"), ("ZONE_FIELD_MISSING", "InventoryHead/emsNo"),
    ]),
    (603, &[("tradeMode", "1210"), ("iacCode", "4401961234"), ("emsNo", "E1")], &[]),
    (603, &[("emsNo", "E1")], &[("ZONE_FIELD_MISPLACED", "InventoryHead/emsNo")]),
    (603, &[("1/gcode", "610910001x")], &[("TARIFF_CODE_INVALID", "InventoryList[1]/gcode")]),
    (603, &[("1/totalPrice", "200")], &[("LINE_TOTAL_MISMATCH", "InventoryList[1]/totalPrice")]),
    (603, &[("1/qty1", "4")], &[("FIRST_QUANTITY_MISMATCH", "InventoryList[1]/qty1")]),
    (603, &[("1/unit1", "035"), ("1/qty1", "0.6")], &[]),
    (603, &[("1/unit2", "035")], &[("SECOND_QUANTITY_MISMATCH", "InventoryList[1]/qty2")]),
    (603, &[("1/qty2", "0.6")], &[("SECOND_QUANTITY_MISMATCH", "InventoryList[1]/qty2")]),
    (603, &[("1/qty2", "-1")], &[("AMOUNT_NEGATIVE", "InventoryList[1]/qty2")]),
    (603, &[("1/currency", "142"), ("1/price", "1667"), ("1/totalPrice", "5001")], &[
        ("VALUE_ABOVE_CAP", "InventoryList[1]/totalPrice"),
    ]),
    (605, &[("invtNo", "")], &[("KEY_EMPTY", "invtNo")]),
    (605, &[("reason", "")], &[("TEXT_EMPTY", "reason")]),
    (701, &[("summaryFlag", "3")], &[("SUMMARY_FLAG_INVALID", "SummaryApplyHead/summaryFlag")]),
    (701, &[("startTime", "20260101000000")], &[("PERIOD_INVALID", "SummaryApplyHead/endTime")]),
    (701, &[("startTime", "20260102000000"), ("endTime", "20260101000000")], &[
        ("PERIOD_INVALID", "SummaryApplyHead/startTime"),
    ]),
    (701, &[("startTime", "20260101000000"), ("endTime", "20260131000000")], &[]),
    (701, &[("2/invtNo", "N1")], &[("ROW_REPEATED", "SummaryApplyList[2]/invtNo")]),
    (213, &[("tradeMode", "9610")], &[("TRADE_MODE_INVALID", "InvtRefundHead/tradeMode")]),
    (213, &[("country", "142")], &[("ORIGIN_IS_CHINA", "InvtRefundHead/country")]),
    (213, &[("ieFlag", "E")], &[("DIRECTION_INVALID", "InvtRefundHead/ieFlag")]),
    (604, &[("copNo", "")], &[("KEY_EMPTY", "copNo")]),
    (604, &[("returnStatus", "-603001")], &[]),
    (604, &[("returnStatus", "12x")], &[("RETURN_STATUS_INVALID", "returnStatus")]),
    (604, &[("returnStatus", "121")], &[("RETURN_STATUS_UNKNOWN", "returnStatus")]),
    (604, &[("returnTime", "20260105101560123")], &[("TIME_INVALID", "returnTime")]),
    (604, &[("statisticsFlag", "1")], &[("REPLY_FLAG_UNKNOWN", "statisticsFlag")]),
];

/// Findings but for the missing signature, which no right document here has.
fn told(reading: &Reading) -> Vec<&Finding> {
    reading
        .findings
        .iter()
        .filter(|finding| finding.rule != "SIGNATURE_MISSING")
        .collect()
}

fn pairs<'f>(findings: &'f [&Finding]) -> Vec<(&'f str, &'f str)> {
    let mut pairs: Vec<_> = findings
        .iter()
        .map(|finding| (finding.rule.as_str(), finding.field.as_str()))
        .collect();
    pairs.sort_unstable();
    pairs
}

#[test]
fn right_documents_are_accepted() {
    for number in numbers() {
        let reading = read(&message(number, &[right(number)]));
        assert_eq!(told(&reading), Vec::<&Finding>::new(), "{number}");
        assert_eq!(
            (reading.number, reading.documents, reading.accepted.len()),
            (number, 1, 1)
        );
        let wants = matches!(number, 507 | 509 | 603 | 605 | 701);
        assert_eq!(
            reading.findings.len(),
            usize::from(wants),
            "{number}: signature"
        );
    }
}

#[test]
fn each_change_is_told_and_nothing_else() {
    for (number, changes, expected) in CASES {
        let mut content = right(*number);
        for (path, text) in *changes {
            spoil(&mut content, path, text);
        }
        let bytes = message(*number, &[content]);
        let reading = read(&bytes);
        let findings = told(&reading);
        let mut wanted = expected.to_vec();
        wanted.sort_unstable();
        assert_eq!(pairs(&findings), wanted, "{number} {changes:?}");
        let refuses = findings
            .iter()
            .any(|finding| finding.severity == i32::from(Severity::Refused));
        assert_eq!(reading.accepted.is_empty(), refuses, "{number} {changes:?}");
        for finding in findings {
            let name = finding.field.rsplit('/').next().unwrap_or_default();
            let at = usize::try_from(finding.offset).unwrap_or(usize::MAX);
            let present = bytes[at..].starts_with(format!("<{name}>").as_bytes());
            // An absent field is placed at the start of its row.
            assert!(
                present || finding.value.is_empty() || name == "qty2",
                "{finding:?}"
            );
            assert!(
                !finding.document_key.is_empty() && finding.message.ends_with('.'),
                "{finding:?}"
            );
        }
    }
}

#[test]
fn every_rule_of_documents_has_a_case() {
    let elsewhere = [
        "DOCUMENT_REPEATED",
        "GUID_REPEATED",
        "TRANSMITTER_CODE_INVALID",
        "SIGNATURE_MISSING",
        "ENVELOPE_TYPE_MISMATCH",
    ];
    for entry in RULES
        .iter()
        .filter(|entry| entry.severity != Severity::Malformed)
    {
        let covered = CASES
            .iter()
            .any(|(_, _, told)| told.iter().any(|(rule, _)| *rule == entry.code));
        assert!(
            covered || elsewhere.contains(&entry.code),
            "{} has no case",
            entry.code
        );
    }
}

#[test]
fn a_repeated_document_is_refused_and_the_first_goes_on() {
    let number = 505;
    let mut other = right(number);
    spoil(&mut other, "logisticsNo", "GZ2");
    let reading = read(&message(number, &[right(number), other, right(number)]));
    let ordinals: Vec<u32> = reading
        .accepted
        .iter()
        .map(|(ordinal, _)| *ordinal)
        .collect();
    let findings = told(&reading);
    assert_eq!(
        pairs(&findings),
        [
            ("DOCUMENT_REPEATED", "logisticsNo"),
            ("GUID_REPEATED", "guid")
        ]
    );
    assert_eq!(ordinals, [0]);
    assert_eq!(
        findings[1].document_key,
        "waybill GZ1 of carrier 4401961234"
    );
    assert_eq!(
        (
            findings[1].ordinal,
            findings[1].message.contains("ordinal 0")
        ),
        (2, true)
    );
}

#[test]
fn platforms_without_a_code_are_told_apart_by_name() {
    let named = |name: &str, guid: &str| {
        let mut content = right(303);
        spoil(&mut content, "ebpCode", "无");
        spoil(&mut content, "ebpName", name);
        spoil(&mut content, "guid", guid);
        content
    };
    let guids = [
        GUID.to_owned(),
        GUID.replace("0F8", "0F9"),
        GUID.replace("0F8", "0FA"),
    ];
    let documents: Vec<Content> = ["Bazaar", "Harbor", "Bazaar"]
        .iter()
        .zip(&guids)
        .map(|(name, guid)| named(name, guid))
        .collect();
    let reading = read(&message(303, &documents));
    assert_eq!(
        pairs(&told(&reading)),
        [("DOCUMENT_REPEATED", "OrderHead/orderNo")]
    );
    assert_eq!(reading.accepted.len(), 2);
}

#[test]
fn findings_of_one_document_are_bounded() {
    let mut content = right(303);
    let row = content.rows[0].clone();
    content.rows = vec![row; 100];
    for at in 1..=100 {
        spoil(&mut content, &format!("{at}/unit"), "aaa");
    }
    let reading = read(&message(303, &[content]));
    assert_eq!((reading.findings.len(), reading.accepted.len()), (50, 0));
}
