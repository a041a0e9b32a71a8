"""Files against golden ones written by hand from the tables, and what readers refuse."""

from collections.abc import Callable

import pytest

from gateways.safe import batch, feedback
from gateways.safe.despatch import despatch
from gateways.safe.feedback import Fault, Feedback, Refused
from gateways.safe.record import Action, Kind, Record
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.money.v1 import money_pb2 as money

Golden = Callable[[str], bytes]
Item = Callable[..., feed.BopRecordItem]

ACTUAL = "440100000101261124N001"
MERCHANT = {
    "kind": feed.BOP_RECORD_KIND_RESTORED,
    "party_id": bytes.fromhex("0190000000007000800000000000cafe"),
    "uscc": "91440300MA5EXAMP72",
    "party_name": "李商行",
}


def written(index: int, *items: feed.BopRecordItem) -> list[bytes]:
    """Give the files of an entry; their references keep the golden files' own log digits."""
    rows = [feed.FeedRow(bop_record=it) for it in items]
    position = money.Position(log="whampoa-1", index=index)
    sent = despatch(feed.FeedEntry(position=position, rows=rows))
    assert sent.unsendable == ()
    files = [it.write() for it in sent.batches]
    log = sent.batches[0].head.reference.partition("-")[0].encode()
    assert len(log) == 6
    return [it.replace(log, b"c0ffee") for it in files]


def corrections(item: Item) -> list[feed.BopRecordItem]:
    """Give what the engine emits once money was attributed to another merchant."""
    return [
        item(
            rptno="440100000101261125T999",
            amount=12345,
            settled_amount=12000,
            rate_e8=712345678,
            report_date=20261125,
            **MERCHANT,
        ),
        item(
            rptno="440100000101261124N002",
            kind=feed.BOP_RECORD_KIND_UNATTRIBUTED,
            action=feed.BOP_ACTION_CHANGE,
            amount=37655,
        ),
        item(
            rptno="440100000101261124N003",
            **(MERCHANT | {"action": feed.BOP_ACTION_DELETE, "amount": 0}),
        ),
    ]


def test_the_actual_record_is_golden(golden: Golden, item: Item) -> None:
    assert written(41, item()) == [golden("bop.batch.actual.xml")]
    read = batch.parse(golden("bop.batch.actual.xml"))
    assert (read.head.actual_rptno, read.head.batches, read.amount) == (ACTUAL, 1, 50000)
    assert Record.of(read.records[0]) == Record(
        rptno=ACTUAL,
        kind=Kind.ACTUAL,
        action=Action.NEW,
        uscc="91350100M000100Y43",
        name="广州外贸综合服务有限公司",
        payer="(JW)Pan & Sons Ltd",
        country="USA",
        currency="USD",
        amount=50000,
        account="0190000000007000800000000000beef",
        reference="FTR20261124000017",
        transaction_code="121010",
        report_date="20261124",
    )


def test_restored_records_are_golden(golden: Golden, item: Item) -> None:
    assert written(57, *corrections(item)) == [golden("bop.batch.restored.xml")]
    read = batch.parse(golden("bop.batch.restored.xml"))
    new, changed, deleted = (Record.of(fields) for fields in read.records)
    assert (new.kind, new.amount, new.settled) == (Kind.RESTORED, 12345, 12000)
    assert (new.rate_e8, new.uscc) == (712345678, "91440300MA5EXAMP72")
    assert (changed.kind, changed.action) == (Kind.UNATTRIBUTED, Action.CHANGE)
    assert deleted == Record("440100000101261124N003", Kind.RESTORED, Action.DELETE)


def test_feedback_is_golden(golden: Golden) -> None:
    text = "no record 440100000101261124N003 to change or delete"
    fault = Fault("ACTIONTYPE", "操作类型", text)
    told = Feedback(
        reference="c0ffee-57-1",
        time_ms=1_795_572_900_123,
        accepted=("440100000101261125T999", "440100000101261124N002"),
        refused=(Refused("440100000101261124N003", (fault,)),),
    )
    assert told.write() == golden("bop.feedback.xml")
    assert feedback.parse(golden("bop.feedback.xml"), "bop.feedback") == told
    assert told.refused[0].description == f"ACTIONTYPE: {text}"


def test_feedback_on_a_whole_batch_is_golden(golden: Golden) -> None:
    formats = ("TOTALRECORDS: 2, the file has 1",)
    told = Feedback(reference="", time_ms=1_795_500_000_123, formats=formats)
    assert told.write() == golden("bop.feedback.format.xml")
    assert feedback.parse(golden("bop.feedback.format.xml"), "bop.feedback") == told


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("<APPTYPE>BOP<", "<APPTYPE>JSH<", "APPTYPE"),
        ("<CURRENTFILE>BOPA<", "<CURRENTFILE>BOPB<", "CURRENTFILE"),
        ("<INOUT>IN<", "<INOUT>OUT<", "INOUT"),
        ("<DATATYPE>DBA<", "<DATATYPE>DBB<", "DATATYPE"),
        ("<BACKFILL>N<", "<BACKFILL>Y<", "BACKFILL"),
        ("<BATCHREF>c0ffee-57-1<", "<BATCHREF>c0ffee 57<", "BATCHREF"),
        ("<BATCHREF>c0ffee-57-1<", "<BATCHREF>c0ffee-57-2<", "FIRSTREF"),
        ("<BATCHNO>1<", "<BATCHNO>2<", "BATCHNO"),
        ("<BATCHNO>1<", "<BATCHNO>one<", "BATCHNO"),
        ("<BATCHAMT>50000<", "<BATCHAMT>50001<", "BATCHAMT"),
        ("<TOTALRECORDS>3<", "<TOTALRECORDS>2<", "TOTALRECORDS"),
        ("<TOTALRECORDS>3<", "<TOTALRECORDS>101<", "TOTALRECORDS"),
        ("<BRANCH>440100000101</BRANCH>", "", "BRANCH: stands 0 times"),
        ("N003</RPTNO>", "N002</RPTNO>", "RPTNO"),
        ("<RPTNO>440100000101261124N003</RPTNO>", "", "RPTNO"),
        ("<TXAMT>12345</TXAMT>", "<TXAMT>12345</TXAMT><TXAMT>1</TXAMT>", "TXAMT: stands twice"),
        ("<MSG>", '<!DOCTYPE a [<!ENTITY b "c">]><MSG>', "document type"),
        ("gb18030", "utf-8", "does not begin"),
        ("</MSG>", "", "XML"),
    ],
)
def test_a_broken_batch_is_refused(golden: Golden, before: str, after: str, field: str) -> None:
    message = golden("bop.batch.restored.xml").decode("gb18030")
    assert before in message
    with pytest.raises(ValueError, match=field):
        batch.parse(message.replace(before, after, 1).encode("gb18030"))


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="gb18030"):
        batch.parse(b"\xff\xff")
    with pytest.raises(ValueError, match=r"at most"):
        batch.parse(b" " * ((4 << 20) + 1))
    with pytest.raises(ValueError, match=r"format: 'bop\.batch'"):
        feedback.parse(b"", "bop.batch")


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("<TOTALRECORDS>3<", "<TOTALRECORDS>2<", "TOTALRECORDS"),
        ("<SUCRECORDS>2<", "<SUCRECORDS>3<", "SUCRECORDS"),
        ("<FALRECORDS>1<", "<FALRECORDS>0<", "FALRECORDS"),
        ("<FORMATERRS>0<", "<FORMATERRS>1<", "FORMATERRS"),
        ("20261125101500123", "20261325101500123", "FDBKTIME"),
    ],
)
def test_broken_feedback_is_refused(golden: Golden, before: str, after: str, field: str) -> None:
    message = golden("bop.feedback.xml").decode("gb18030")
    assert before in message
    with pytest.raises(ValueError, match=field):
        feedback.parse(message.replace(before, after, 1).encode("gb18030"), "bop.feedback")
