"""Messages against golden files written by hand from the tables, and what parsers refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateways.bank import notification, profile, status
from gateways.bank.board import Board
from gateways.bank.entry import Account, Batch, Claim, Credit, Detail, Entry, Exchange, Kind
from gateways.bank.order import Instruction, Order, OrderError, Payee, Purpose
from gateways.bank.rate import Rate
from gateways.bank.status import Report, State
from tests.unit.gateways.bank import judge
from tests.unit.gateways.bank.conftest import ENTERPRISE, NOW_MS, PAYEE, payment_id, plain

Golden = Callable[[str], bytes]
FOREIGN = Account(ENTERPRISE, "USD", "FTN4401")
CNY = Account(ENTERPRISE, "CNY")


def entry(
    kind: Kind, account: Account, minor: int, sequence: int, time_ms: int, detail: Detail
) -> Entry:
    name = f"B20261124{sequence:010d}"
    return Entry(kind, account, minor, name, time_ms, "2026-11-24", detail)


def remittance() -> Entry:
    told = Credit(5_000_000, 28_800, "Harbor & Sons", "USA", "settlement of November 货款")
    return Entry(
        Kind.REMITTANCE, FOREIGN, 4_971_200, "B202611240000000001", NOW_MS, "2026-11-23", told
    )


def recall() -> Entry:
    claim = Claim("B202611240000000001", NOW_MS, "DUPL")
    return entry(Kind.RECALL, FOREIGN, 10_005, 2, NOW_MS + 877, claim)


def conversion() -> tuple[Entry, Entry]:
    exchange = Exchange(payment_id(1), Rate("JPY", "CNY", 4_725_000))
    yen, time_ms = Account(ENTERPRISE, "JPY", "FTN4401"), NOW_MS + 1_877
    return (
        entry(Kind.SALE, yen, 1_001, 3, time_ms, exchange),
        entry(Kind.PURCHASE, CNY, 4_730, 3, time_ms, exchange),
    )


def debit() -> Entry:
    batch = Batch("ORDER-1", ((payment_id(1), 100_000_000), (payment_id(2), 7)))
    return entry(Kind.PAYOUT, CNY, 100_000_007, 5, NOW_MS + 2_877, batch)


@pytest.mark.parametrize(
    ("entries", "name"),
    [
        ((remittance(),), "remittance"),
        ((recall(),), "recall"),
        (conversion(), "conversion"),
        ((debit(),), "debit"),
    ],
)
def test_notifications_are_golden(golden: Golden, entries: tuple[Entry, ...], name: str) -> None:
    written = notification.write(entries)
    assert plain(written) == plain(golden(f"{name}.camt.054.xml"))
    assert notification.parse(golden(f"{name}.camt.054.xml")) == entries
    judge.check(written, profile.NOTIFICATION)


def order(purpose: Purpose, currency: str, *some: Instruction) -> Order:
    return Order("ORDER-1", NOW_MS, purpose, ENTERPRISE, currency, profile.BANK_CODE, some)


PAYOUT = order(
    Purpose.PAYOUT,
    "CNY",
    Instruction(payment_id(1), 100_000_000, PAYEE),
    Instruction(payment_id(2), 7, Payee("Pan & Sons", "6222000000000002", "10300000000002")),
)
SALE = order(Purpose.SALE, "USD", Instruction(payment_id(1), 60_000, None, payment_id(9)))
REPAYMENT = order(Purpose.REPAYMENT, "USD", Instruction(payment_id(1), 1_500, None, payment_id(9)))


@pytest.mark.parametrize(
    ("ordered", "name"), [(PAYOUT, "payout"), (SALE, "sale"), (REPAYMENT, "repayment")]
)
def test_orders_are_golden(golden: Golden, ordered: Order, name: str) -> None:
    assert plain(ordered.write()) == plain(golden(f"{name}.pain.001.xml"))
    assert Order.parse(ordered.write()) == ordered
    judge.check(ordered.write(), profile.ORDER)


@pytest.mark.parametrize(
    ("report", "name"),
    [
        (
            Report(
                "ANSWER-1",
                NOW_MS,
                "ORDER-1",
                (
                    State(payment_id(1), status.BOOKED),
                    State(payment_id(2), status.WAITING),
                    State(payment_id(3), status.REFUSED, "RR04"),
                ),
            ),
            "part",
        ),
        (Report("ANSWER-2", NOW_MS, "", (), "FF01", "GrpHdr/MsgId: missing or empty"), "refused"),
    ],
)
def test_answers_are_golden(golden: Golden, report: Report, name: str) -> None:
    written = status.write(report)
    assert plain(written) == plain(golden(f"{name}.pain.002.xml"))
    read = status.parse(written, profile.STATUS)
    assert read.states == report.states
    assert (read.reason, read.text) == (report.reason, report.text)
    judge.check(written, profile.STATUS)


def test_board_is_golden(golden: Golden) -> None:
    quotes = (Rate("EUR", "CNY", 800_000_000), Rate("USD", "CNY", 712_340_000))
    board = Board(NOW_MS, quotes, frozenset({("USD", "CNY")}))
    assert plain(board.write()) == plain(golden("board.xml"))
    assert Board.parse(golden("board.xml")) == board


def test_long_texts_are_told_in_lines() -> None:
    told = Credit(5, 0, "n" * 140, "HKG", "款 " * 200 + "<&>")
    entries = (entry(Kind.REMITTANCE, FOREIGN, 5, 1, NOW_MS, told),)
    written = notification.write(entries)
    assert notification.parse(written) == entries
    judge.check(written, profile.NOTIFICATION)


@pytest.mark.parametrize(
    ("name", "before", "after", "field"),
    [
        ("remittance", ">288.00</Ttl", ">287.00</Ttl", "Chrgs: 5000000 - 28700"),
        ("remittance", '<Amt Ccy="USD">49712.00', '<Amt Ccy="EUR">49712.00', "Ccy 'EUR'"),
        ("remittance", ">49712.00<", ">49712.001<", "at most 2 places"),
        ("remittance", "XBCT", "XXXX", "BkTxCd"),
        ("remittance", "<Cd>BOOK</Cd>", "<Cd>PDNG</Cd>", "Sts"),
        ("remittance", "beef", "beeg", "32 hexadecimal"),
        ("remittance", "14:00:00.123+08:00</DtTm>", "14:00:00.123Z</DtTm>", "BookgDt"),
        ("remittance", "<Ctry>US</Ctry>", "<Ctry>XX</Ctry>", "Ctry"),
        ("remittance", "2026-11-23", "2026-11", "ValDt"),
        ("remittance", "camt.054.001.08", "camt.054.001.09", "root is"),
        ("remittance", "<Document", '<!DOCTYPE a [<!ENTITY b "c">]><Document', "document type"),
        ("recall", "RMTC", "RMTD", "Prtry/Tp"),
        ("conversion", "0.04725000</XchgRate>", "0.04725</XchgRate>", "eight places"),
        ("debit", "<NbOfTxs>2", "<NbOfTxs>3", "NbOfTxs"),
        ("debit", ">0.07<", ">0.08<", "do not sum"),
    ],
)
def test_a_broken_notification_is_refused(
    golden: Golden, name: str, before: str, after: str, field: str
) -> None:
    message = golden(f"{name}.camt.054.xml").decode()
    assert before in message
    with pytest.raises(ValueError, match=field):
        notification.parse(message.replace(before, after, 1).encode())


@pytest.mark.parametrize(
    ("before", "after", "reason", "field"),
    [
        ("<NbOfTxs>2", "<NbOfTxs>3", "AM18", "NbOfTxs"),
        ("<CtrlSum>1000000.07", "<CtrlSum>1000000.08", "AM10", "CtrlSum"),
        ("0002</EndToEndId>", "0001</EndToEndId>", "AM05", "EndToEndId"),
        ('Ccy="CNY">0.07', 'Ccy="USD">0.07', "AM03", "InstdAmt"),
        ('">0.07', '">0.00', "AM12", "InstdAmt"),
        ('">0.07', '">0.7.', "FF01", "InstdAmt"),
        ("SUPP", "SALA", "FF01", "CtgyPurp"),
        ("<Nm>李商行</Nm>", "", "FF01", "Nm"),
        ("</Document>", "", "FF01", "XML"),
        ("0001</EndToEndId>", "001</EndToEndId>", "FF01", "EndToEndId"),
    ],
)
def test_a_broken_order_is_refused(
    golden: Golden, before: str, after: str, reason: str, field: str
) -> None:
    message = golden("payout.pain.001.xml").decode()
    assert before in message
    with pytest.raises(OrderError, match=field) as failure:
        Order.parse(message.replace(before, after, 1).encode())
    assert failure.value.reason == reason


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("<GrpSts>PART", "<GrpSts>ACSC", "GrpSts"),
        ("<TxSts>PDNG", "<TxSts>ACSP", "TxSts"),
        ("<TxSts>PDNG", "<TxSts>RJCT", "StsRsnInf"),
    ],
)
def test_a_broken_answer_is_refused(golden: Golden, before: str, after: str, field: str) -> None:
    message = golden("part.pain.002.xml").decode()
    assert before in message
    with pytest.raises(ValueError, match=field):
        status.parse(message.replace(before, after, 1).encode(), profile.STATUS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>", "<Sts><Cd>BOOK</Cd></Sts>"),
        ("<Ccy>USD</Ccy>", "<Ccy>usd</Ccy>"),
        ("<Ccy>USD</Ccy>", "<Ccy>USD</Ccy><Money>1</Money>"),
        ("<Sts><Cd>BOOK</Cd></Sts>", "<Sts><Cd>BOOKED</Cd></Sts>"),
        ("<Ccy>USD</Ccy><Prxy><Id>FTN4401</Id></Prxy>", "<Prxy><Id>F</Id></Prxy><Ccy>USD</Ccy>"),
    ],
)
def test_the_judge_judges(before: str, after: str) -> None:
    written = notification.write((remittance(),)).decode()
    assert before in written
    with pytest.raises((AssertionError, ValueError, TypeError)):
        judge.check(written.replace(before, after, 1).encode(), profile.NOTIFICATION)
