"""Messages against golden files written by hand from the tables, and what parsers refuse."""

from collections.abc import Callable

import pytest

from gateways.pboc import notice, outcome, receipt, refund
from gateways.pboc.batch import Batch
from gateways.pboc.payment import Payment
from gateways.pboc.report import Outcome, Report
from gateways.pboc.status import Status
from gateways.pboc.transfer import Transfer

Golden = Callable[[str], bytes]
Pay = Callable[..., Payment]
SENDER, RECEIVER, NOW_MS = "10400000000001", "10300000000002", 1_795_500_000_123
NPC_ID = "20261124000000000001"


def test_transfer_is_golden(golden: Golden, pay: Pay) -> None:
    transfer = Transfer.of(pay(1, 100_000_001, "Pan & Sons"), NOW_MS)
    assert transfer.write() == golden("hvps.111.001.01.txt")
    assert Transfer.parse(transfer.write()) == transfer


def test_batch_is_golden(golden: Golden, pay: Pay) -> None:
    payments = (pay(2, 100_000_000), pay(3, 7, "王商行"))
    batch = Batch.of(payments, NOW_MS)
    assert batch.write() == golden("beps.382.001.01.txt")
    assert Batch.parse(batch.write()) == batch


def test_notice_is_golden(golden: Golden, pay: Pay) -> None:
    payment = pay(1, 100_000_001)
    outcomes = (Outcome(payment.payout_id, 100_000_001, Status.REJECTED, "RC04"),)
    report = Report(NPC_ID, NOW_MS, Transfer.of(payment, NOW_MS).message_id, outcomes)
    assert notice.write(report, SENDER) == golden("ccms.900.001.02.txt")
    assert outcome.read(golden("ccms.900.001.02.txt"), "ccms.900.001.02") == report


def test_receipt_is_golden(golden: Golden, pay: Pay) -> None:
    batch = Batch.of((pay(2, 100_000_000), pay(3, 7)), NOW_MS)
    outcomes = (Outcome(batch.payments[1].payout_id, 7, Status.RETURNED, "AC04"),)
    report = Report(NPC_ID, NOW_MS, batch.message_id, outcomes)
    assert receipt.write(report, SENDER, 2) == golden("beps.383.001.01.txt")
    assert outcome.read(golden("beps.383.001.01.txt"), "beps.383.001.01") == report


def test_refund_and_clearing_return_are_golden(golden: Golden, pay: Pay) -> None:
    payment = pay(1, 100_000_001)
    outcomes = (Outcome(payment.payout_id, 100_000_001, Status.RETURNED, "AC04"),)
    report = Report(NPC_ID, NOW_MS, Transfer.of(payment, NOW_MS).message_id, outcomes)
    assert refund.write(report, RECEIVER, SENDER) == golden("ccms.318.001.02.txt")
    assert outcome.read(golden("ccms.318.001.02.txt"), "ccms.318.001.02") == report
    assert list(outcome.returns(report)) == [golden("clearing.return.xml")]


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("1000000.07", "1000000.08", "TtlAmt"),
        ("1000000.07", "1000000.070", "TtlAmt"),
        (">0.07<", ">-0.07<", r"CdtrDtls\[2\]/Amt"),
        (">0.07<", ">0.7<", r"CdtrDtls\[2\]/Amt"),
        ("<CdtrNb>2</CdtrNb>", "<CdtrNb>3</CdtrNb>", "CdtrNb"),
        ("0000000000000002</TxId>", "0000000000000009</TxId>", r"CdtrDtls\[2\]/TxId"),
        ("0003</Inf>", "0002</Inf>", "stands twice"),
        ("<Document", '<!DOCTYPE a [<!ENTITY b "c">]><Document', "document type"),
        ("beps:2010", "beps:2011", "root is"),
        ("<Nm>王商行</Nm>", "", "Nm: missing"),
        ("</Document>", "", "XML"),
        ("beps.382.001.01     ", "hvps.111.001.01     ", "MesgType"),
    ],
)
def test_a_broken_batch_is_refused(golden: Golden, before: str, after: str, field: str) -> None:
    message = golden("beps.382.001.01.txt").decode()
    assert before in message
    with pytest.raises(ValueError, match=field):
        Batch.parse(message.replace(before, after, 1).encode())


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ('Ccy="CNY"', 'Ccy="USD"', "Ccy"),
        ("CLRG", "INDA", "SttlmMtd"),
        ("<NbOfTxs>1<", "<NbOfTxs>2<", "NbOfTxs"),
        ("{H:0210400000000001", "{H:0210400000000009", "OrigSender"),
        ("14:00:00.123+08:00", "14:00:00.123Z", "CreDtTm"),
        ("<MsgId>2026", "<MsgId>2027", "GrpHdr/MsgId"),
    ],
)
def test_a_broken_transfer_is_refused(golden: Golden, before: str, after: str, field: str) -> None:
    message = golden("hvps.111.001.01.txt").decode()
    assert before in message
    with pytest.raises(ValueError, match=field):
        Transfer.parse(message.replace(before, after, 1).encode())


def test_an_unknown_letter_is_refused() -> None:
    with pytest.raises(ValueError, match=r"format: 'pacs\.002'"):
        outcome.read(b"", "pacs.002")
