"""The codec as Python sees it: readings, findings of the official samples, writing, envelopes."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from bench.documents import messages, world
from engine import formats
from whampoa.customs.v1 import document_pb2, finding_pb2

CEB = Path(__file__).resolve().parents[4] / "shared" / "reference" / "ceb"
SAMPLES = CEB / "samples-2018"
DOCUMENTED = Path(__file__).resolve().parents[3] / "docs" / "findings.md"
beside = pytest.mark.skipif(
    not CEB.is_dir(), reason="shared/reference/ceb is absent beside the project"
)

GUID = "0F8E2A6C-7D31-4B59-9C1E-5A7B3D9F1E24"
TRANSFER = {"copCode": "4401960101", "copName": "穗报关", "dxpMode": "DXP", "dxpId": "DXPENT01"}
WAYBILL = {
    "guid": GUID,
    "appType": "1",
    "appTime": "20260105101500",
    "appStatus": "2",
    "logisticsCode": "4401980001",
    "logisticsName": "Southern <Parcels> & Sons",
    "logisticsNo": "GZ0000000001CN",
    "freight": "0",
    "insuredFee": "0",
    "currency": "502",
    "grossWeight": "0.3",
    "packNo": "1",
    "goodsInfo": "衬衫",
    "ebcTelephone": "13900000000",
}
ORDER: dict[str, object] = {
    "guid": GUID,
    "appType": "1",
    "appTime": "20260105101500",
    "appStatus": "2",
    "orderType": "E",
    "orderNo": "W1",
    "ebpCode": "无",
    "ebpName": "Harbor",
    "ebcCode": "4401961234",
    "ebcName": "Shop",
    "goodsValue": "30",
    "freight": "0",
    "currency": "502",
    "rows": [
        {
            "gnum": "1",
            "itemNo": "I1",
            "itemName": "shirt",
            "unit": "011",
            "currency": "502",
            "qty": "3",
            "price": "10",
            "totalPrice": "30",
        }
    ],
}
REPLY = {
    "guid": GUID,
    "ebpCode": "无",
    "ebcCode": "4401961234",
    "orderNo": "W1",
    "returnStatus": "120",
    "returnTime": "20260105101500123",
    "returnInfo": "",
}
ENVELOPE = formats.Envelope(
    cop_msg_id="M1",
    sender_id="DXPENT01",
    receiver_ids=("DXPEDCCEB0000003",),
    create_time="2026-01-05T10:15:00",
    msg_type="CEB505Message",
)


def findings(reading: formats.Reading) -> list[finding_pb2.Finding]:
    return [finding_pb2.Finding.FromString(each) for each in reading.findings]


def documents(reading: formats.Reading) -> list[document_pb2.Document]:
    return [document_pb2.Document.FromString(each) for each in reading.accepted]


# File, documents accepted, and for each rule the field, the value and how often it is told.
SAMPLE_FINDINGS = {
    303: (
        [],
        {
            ("UNIT_UNKNOWN", "OrderList[1]/unit", "aaa"): 10,
            ("CURRENCY_UNKNOWN", "OrderList[1]/currency", "aaa"): 10,
            ("HEAD_TOTAL_MISMATCH", "OrderHead/goodsValue", "12345678912345.12345"): 10,
            ("DOCUMENT_REPEATED", "OrderHead/orderNo", "order2018050711340001"): 9,
        },
    ),
    505: ([0], {("DOCUMENT_REPEATED", "logisticsNo", "L2018050700001"): 9}),
    509: (
        [],
        {
            ("TRANSPORT_MODE_UNKNOWN", "DepartureHead/trafMode", "0"): 10,
            ("DOCUMENT_REPEATED", "DepartureHead/copNo", "Cop20180507001"): 9,
        },
    ),
    603: (
        [],
        {
            ("TRADE_MODE_INVALID", "InventoryHead/tradeMode", "0101"): 10,
            ("DIRECTION_INVALID", "InventoryHead/ieFlag", "a"): 10,
            ("TRANSPORT_MODE_UNKNOWN", "InventoryHead/trafMode", "0"): 10,
            ("COUNTRY_UNKNOWN", "InventoryHead/country", "001"): 10,
            ("LINE_TOTAL_MISMATCH", "InventoryList[1]/totalPrice", "200"): 10,
            ("FIRST_QUANTITY_MISMATCH", "InventoryList[1]/qty1", "200"): 10,
            ("DOCUMENT_REPEATED", "InventoryHead/orderNo", "order2018050711340001"): 9,
        },
    ),
    604: (
        [0],
        {
            ("REPLY_FLAG_UNKNOWN", "statisticsFlag", "1"): 10,
            ("DOCUMENT_REPEATED", "copNo", "Cop20180507001"): 9,
        },
    ),
}


@beside
@pytest.mark.parametrize("number", SAMPLE_FINDINGS)
def test_samples_are_taken_apart_as_they_are(number: int) -> None:
    message = (SAMPLES / f"CEB{number}Message.xml").read_bytes()
    reading = formats.read(message)
    ordinals, expected = SAMPLE_FINDINGS[number]
    told = findings(reading)
    assert (reading.number, reading.documents, reading.ordinals) == (number, 10, ordinals)
    assert Counter((each.rule, each.field, each.value) for each in told) == expected
    for each in told:
        name = each.field.rpartition("/")[2]
        assert message[each.offset :].startswith(f"<ceb:{name}>".encode())
        assert each.type == number
        assert each.document_key
        assert each.message.endswith(".")


@beside
def test_messages_of_the_2018_schema_are_refused_for_their_age() -> None:
    message = (SAMPLES / "CEB505Message.xml").read_bytes()
    old = message.replace(b"L2018050700001", b"L" * 80)
    reading = formats.read(old)
    assert (reading.version, reading.accepted) == ("2018", [])
    assert {each.rule for each in findings(reading)} == {"LENGTH_OF_2018"}
    reading = formats.read(message.replace(b"L2018050700001", b"L" * 81))
    assert reading.version == ""
    assert {each.rule for each in findings(reading)} == {"LENGTH_INVALID"}


def test_a_waybill_comes_back_as_it_was_written() -> None:
    reading = formats.read(formats.write(505, [WAYBILL], GUID, TRANSFER))
    assert reading.findings == []
    assert (reading.number, reading.documents, reading.ordinals) == (505, 1, [0])
    assert (reading.transmitter_code, reading.envelope) == ("4401960101", None)
    [document] = documents(reading)
    assert document.type == document_pb2.DOCUMENT_TYPE_WAYBILL
    assert document.document_id == b""
    assert document.transmitter_code == "4401960101"
    assert document.signature == document_pb2.SIGNATURE_STATE_ABSENT
    assert document.waybill.logistics_name == WAYBILL["logisticsName"]
    assert document.waybill.ebc_telephone == WAYBILL["ebcTelephone"]
    assert document.received.startswith(b"<Logistics xmlns=")


def test_an_order_comes_back_with_its_lines() -> None:
    reading = formats.read(formats.write(303, [ORDER], GUID, TRANSFER))
    [document] = documents(reading)
    [line] = document.order.lines
    assert (document.order.ebp_code, document.order.goods_value) == ("无", "30")
    assert (line.gnum, line.unit, line.qty, line.total_price) == (1, "011", "3", "30")


def test_a_reply_comes_back_with_its_key_and_status() -> None:
    reading = formats.read(formats.write(304, [REPLY], GUID))
    [document] = documents(reading)
    assert (reading.transmitter_code, document.reply.return_status) == ("", 120)
    assert (document.reply.order_no, document.reply.ebp_code) == ("W1", "无")


def without(fields: dict[str, str], *names: str) -> dict[str, object]:
    return {name: text for name, text in fields.items() if name not in names}


@pytest.mark.parametrize(
    ("number", "document", "transfer", "reason"),
    [
        (999, WAYBILL, TRANSFER, "number: 999 is no message"),
        (505, WAYBILL, None, "transfer: missing"),
        (304, REPLY, TRANSFER, "transfer: given"),
        (505, WAYBILL | {"colour": "red"}, TRANSFER, "Logistics[1]/colour: is no field"),
        (505, without(WAYBILL, "logisticsNo"), TRANSFER, "Logistics[1]/logisticsNo: is missing"),
        (505, WAYBILL | {"packNo": "one"}, TRANSFER, "Logistics[1]/packNo: "),
        (505, WAYBILL | {"packNo": 1}, TRANSFER, "packNo: a field is text, not int"),
        (505, WAYBILL | {"freight": "1e3"}, TRANSFER, "Logistics[1]/freight: "),
        (505, WAYBILL | {"logisticsNo": "x" * 33}, TRANSFER, "must have 0 to 32 characters"),
        (505, WAYBILL | {"goodsInfo": "\x00"}, TRANSFER, "which XML forbids"),
        (505, WAYBILL | {"rows": [{}]}, TRANSFER, "Logistics[1]/rows: given"),
        (303, ORDER | {"rows": []}, TRANSFER, "Order[1]/rows: 0 of them"),
        (303, ORDER | {"rows": [{"gnum": "1"}]}, TRANSFER, "Order[1]/OrderList[1]/itemNo"),
        (505, WAYBILL, without(TRANSFER, "copCode"), "BaseTransfer/copCode: is missing"),
    ],
)
def test_what_cannot_be_written_names_its_field(
    number: int, document: dict[str, object], transfer: dict[str, str] | None, reason: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        formats.write(number, [document], GUID, transfer)


def test_a_message_has_one_to_a_hundred_documents() -> None:
    for count in (0, 101):
        with pytest.raises(ValueError, match=f"documents: {count} of them"):
            formats.write(304, [REPLY] * count, GUID)
    with pytest.raises(ValueError, match="guid"):
        formats.write(304, [REPLY], "short")


def test_optional_fields_that_are_empty_are_left_out() -> None:
    message = formats.write(505, [WAYBILL | {"note": "", "ebcCode": ""}], GUID, TRANSFER)
    assert b"note" not in message
    assert b"ebcCode" not in message


def test_an_envelope_goes_on_and_comes_off() -> None:
    bare = formats.write(505, [WAYBILL], GUID, TRANSFER)
    reading = formats.read(formats.wrap(bare, ENVELOPE))
    assert reading.envelope == ENVELOPE
    assert reading.findings == []
    assert reading.accepted == formats.read(bare).accepted


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cop_msg_id": ""}, "CopMsgId"),
        ({"sender_id": "x" * 17}, "SenderId"),
        ({"receiver_ids": ()}, "ReceiverIds: 0 receivers"),
        ({"receiver_ids": ("x",) * 6}, "ReceiverIds: 6 receivers"),
        ({"create_time": "20260105101500"}, "CreatTime"),
        ({"msg_type": "x" * 31}, "MsgType"),
    ],
)
def test_an_envelope_with_a_wrong_field_names_it(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        formats.wrap(b"", formats.Envelope(**(vars(ENVELOPE) | change)))


_BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
_EXTERNAL = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x>&a;</x>'


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (_BOMB, "DTD_FORBIDDEN"),
        (_EXTERNAL, "DTD_FORBIDDEN"),
        (b"", "NOT_WELL_FORMED"),
        (b"not XML", "NOT_WELL_FORMED"),
        (b"<a>", "ROOT_UNKNOWN"),
        (b"<" * (13 << 20), "TOO_LARGE"),
        (b"\xff\xfe<\x00a\x00", "ENCODING_INVALID"),
        ('<?xml version="1.0" encoding="GB18030"?><a>货</a>'.encode("gb18030"), "ENCODING_INVALID"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_bytes_get_one_finding(message: bytes, rule: str) -> None:
    reading = formats.read(message)
    [finding] = findings(reading)
    assert (finding.rule, finding.severity) == (rule, finding_pb2.SEVERITY_MALFORMED)
    assert (reading.number, reading.accepted) == (0, [])


def test_personal_data_is_not_repeated_in_findings() -> None:
    message = formats.write(505, [WAYBILL], GUID, TRANSFER)
    reading = formats.read(message.replace(b"13900000000", b"13900000000" * 5))
    [finding] = findings(reading)
    assert (finding.field, finding.rule, finding.value) == (
        "ebcTelephone",
        "LENGTH_INVALID",
        "***",
    )
    assert "139" not in finding.message


def test_rules_are_a_closed_table() -> None:
    rules = formats.rules()
    assert [rule.number for rule in rules] == sorted({rule.number for rule in rules})
    severities = set(finding_pb2.Severity.values()) - {finding_pb2.SEVERITY_UNSPECIFIED}
    assert {rule.severity for rule in rules} == severities


def test_the_documented_rules_are_the_table() -> None:
    weights = {1: "warning", 2: "refused", 3: "malformed"}
    rows = [
        f"| {rule.number} | {rule.code} | {weights[rule.severity]} | {rule.sentence} |"
        for rule in formats.rules()
    ]
    lines = DOCUMENTED.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.match(r"\| \d", line)] == rows


def test_a_message_that_came_with_202205_says_so() -> None:
    tally = {
        "guid": GUID,
        "operatorCode": "4401961234",
        "logisticsCode": "4401980001",
        "logisticsNo": "GZ1",
        "coElNo": "C1",
        "returnStatus": "399",
        "returnTime": "20260105101500123",
        "returnInfo": "",
    }
    reading = formats.read(formats.write(216, [tally], GUID))
    assert (reading.version, reading.findings, len(reading.accepted)) == ("202205", [], 1)


def test_generated_parcels_are_accepted() -> None:
    made = world.build(seed=11, trades=450)
    writer = messages.Writer(11, 1_767_000_000_000)
    for kind in (writer.orders, writer.waybills, writer.lists):
        for message in kind(made.parcels):
            reading = formats.read(message)
            refused = [each for each in findings(reading) if each.severity > 1]
            assert [(each.rule, each.document_key) for each in refused] == []
            assert len(reading.accepted) == reading.documents
