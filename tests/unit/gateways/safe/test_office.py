"""The office's books: what is taken in, what is refused, and whether parts add up (law 6)."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gateways.line import Line
from gateways.safe import feedback
from gateways.safe.books import RecordBooks
from gateways.safe.despatch import despatch
from gateways.safe.feedback import Feedback
from gateways.safe.institution import ForeignExchangeAdministration
from gateways.safe.office import Office
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.money.v1 import money_pb2 as money

Item = Callable[..., feed.BopRecordItem]
NOW_MS = 1_795_500_000_123
RESTORED = feed.BOP_RECORD_KIND_RESTORED
UNATTRIBUTED = feed.BOP_RECORD_KIND_UNATTRIBUTED
CHANGE, DELETE = feed.BOP_ACTION_CHANGE, feed.BOP_ACTION_DELETE
MERCHANT = "91440300MA5EXAMP72"


def number(serial: int) -> str:
    return f"440100000101261124N{serial:03d}"


def files(index: int, *items: feed.BopRecordItem) -> list[bytes]:
    position = money.Position(log="whampoa-1", index=index)
    rows = [feed.FeedRow(bop_record=it) for it in items]
    return [it.write() for it in despatch(feed.FeedEntry(position=position, rows=rows)).batches]


def send(office: Office, index: int, *items: feed.BopRecordItem) -> list[Feedback]:
    """Send an entry's batches; give the feedback on them."""
    before = len(office.books.letters(1, 10_000))
    for message in files(index, *items):
        assert office.deliver(message, "bop.batch", NOW_MS) == (b"", "")
    found = office.books.letters(before + 1, 10_000)
    return [feedback.parse(message, kind) for _, kind, message in found]


def reasons(told: list[Feedback]) -> dict[str, str]:
    return {it.rptno: it.description for feedback in told for it in feedback.refused}


def declare(office: Office, item: Item) -> None:
    told = send(
        office,
        1,
        item(),
        item(rptno=number(2), kind=RESTORED, uscc=MERCHANT, amount=20000),
        item(rptno=number(3), kind=UNATTRIBUTED, amount=30000),
    )
    assert [len(it.accepted) for it in told] == [1, 2]


def test_parts_sum_to_the_actual_record(office: Office, item: Item) -> None:
    declare(office, item)
    assert office.books.totals() == {
        "actual": 1,
        "restored": 1,
        "unattributed": 1,
        "actual_USD": 50000,
        "actual_settled_USD": 0,
        "restored_USD": 20000,
        "restored_settled_USD": 0,
        "unattributed_USD": 30000,
        "unattributed_settled_USD": 0,
        "deleted": 0,
        "accepted": 3,
        "refused": 0,
        "unbalanced": 0,
    }


def test_corrections_and_their_history(office: Office, item: Item) -> None:
    declare(office, item)
    more = item(
        rptno=number(2),
        kind=RESTORED,
        uscc=MERCHANT,
        action=CHANGE,
        amount=49999,
        settled_amount=40000,
        rate_e8=7 * 10**8,
    )
    gone = item(rptno=number(3), kind=UNATTRIBUTED, action=DELETE, amount=0)
    assert reasons(send(office, 2, more, gone)) == {}
    assert office.books.totals()["unbalanced"] == 1
    last = item(rptno=number(4), kind=UNATTRIBUTED, amount=1)
    assert reasons(send(office, 3, last)) == {}
    totals = office.books.totals()
    assert (totals["unbalanced"], totals["deleted"]) == (0, 1)
    assert totals["restored_settled_USD"] == 40000
    rows, count = office.books.rows("records", 1, 1)
    assert (count, rows[0]["amount"], rows[0]["rate_e8"]) == (4, "49999", "700000000")
    history, _ = office.books.rows("actions", 0, 0)
    assert [(it["rptno"][-1], it["action"], it["amount"]) for it in history] == [
        ("1", "A", "50000"),
        ("2", "A", "20000"),
        ("3", "A", "30000"),
        ("2", "C", "49999"),
        ("3", "D", ""),
        ("4", "A", "1"),
    ]


def test_refusals_against_the_books(office: Office, item: Item) -> None:
    declare(office, item)
    part = {"kind": RESTORED, "uscc": MERCHANT, "amount": 1}
    cases = (
        (item(rptno=number(2), **part), "was reported before"),
        (item(rptno=number(9), action=CHANGE, **part), "to change or delete"),
        (item(rptno=number(9), action=DELETE, **part), "to change or delete"),
        (item(rptno=number(2), action=CHANGE, kind=UNATTRIBUTED, amount=1), "kind, actual record"),
        (item(rptno=number(9), actual_rptno=number(8), **part), "is no actual record"),
        (item(rptno=number(9), actual_rptno=number(2), **part), "is no actual record"),
        (item(rptno=number(9), **(part | {"amount": 50001})), "has 50000"),
        (item(rptno=number(9), currency="EUR", **part), "is in USD"),
        (item(rptno=number(9), kind=UNATTRIBUTED, uscc=MERCHANT), "is of 91350100M000100Y43"),
        (item(rptno=number(9), institution_code="440100000201", **part), "of institution"),
        (item(rptno=number(9)), "is not the actual record"),
        (item(action=DELETE, amount=0), "belong to the actual one"),
        (item(rptno=number(9), **(part | {"uscc": "9" * 18})), "check character"),
        (item(rptno=number(9), **(part | {"amount": 0})), "TXAMT"),
        (item(rptno=number(9), party_name="", **part), "CUSTNM: missing"),
    )
    before = office.books.rows("records", 0, 0)
    for index, (wrong, text) in enumerate(cases, 10):
        (found,) = reasons(send(office, index, wrong)).values()
        assert text in found, (text, found)
    assert office.books.rows("records", 0, 0) == before
    assert office.books.totals()["refused"] == len(cases)


def test_a_number_is_used_once_even_after_its_deletion(office: Office, item: Item) -> None:
    declare(office, item)
    gone = {"rptno": number(3), "kind": UNATTRIBUTED}
    send(office, 2, item(action=DELETE, amount=0, **gone))
    told = reasons(send(office, 3, item(amount=30000, **gone)))
    assert told[number(3)] == f"RPTNO: {number(3)} was reported before"
    told = reasons(send(office, 4, item(action=DELETE, amount=0, **gone)))
    assert "to change or delete" in told[number(3)]


def test_a_refused_record_may_come_again_under_its_number(office: Office, item: Item) -> None:
    assert len(reasons(send(office, 1, item(uscc="9" * 18)))) == 1
    assert reasons(send(office, 2, item())) == {}


def test_repeated_batches_change_nothing(office: Office, item: Item) -> None:
    declare(office, item)
    before = (office.books.totals(), office.books.letters(1, 99))
    (again,) = files(1, item())
    assert office.deliver(again, "bop.batch", NOW_MS + 5) == (b"", "")
    assert (office.books.totals(), office.books.letters(1, 99)) == before
    (other,) = files(1, item(amount=50001))
    answer = feedback.parse(*office.deliver(other, "bop.batch", NOW_MS))
    assert "was taken in before with other content" in answer.formats[0]
    assert office.books.totals() == before[0]


def test_a_file_that_cannot_be_read_is_answered_at_once(office: Office, item: Item) -> None:
    (message,) = files(1, item())
    for wrong, kind, text in (
        (message, "bop.feedback", "format"),
        (b"", "bop.batch", "XML"),
        (message.replace(b">50000</BATCHAMT", b">5</BATCHAMT"), "bop.batch", "BATCHAMT"),
    ):
        answer = feedback.parse(*office.deliver(wrong, kind, NOW_MS))
        assert text in answer.formats[0]
    assert office.books.letters(1, 9) == []
    assert office.books.totals()["refused"] == 0


def test_faults_happen_as_often_as_told(office: Office, item: Item) -> None:
    it = ForeignExchangeAdministration(office.books)
    line = Line(it)
    (message,) = files(1, item())
    for kind, count in (("down", "2"), ("lose_reply", "1"), ("repeat", "1"), ("refuse", "1")):
        said = line.instruct("fault", {"kind": kind, "count": count}, NOW_MS)
        assert said == f"fault {kind} {count} times"
    for _ in range(2):
        with pytest.raises(ConnectionError, match="down"):
            line.admit()
    assert line.admit() == 0
    with pytest.raises(ConnectionError, match="lost"):
        line.deliver(message, "bop.batch", NOW_MS)
    assert line.deliver(message, "bop.batch", NOW_MS) == (b"", "")
    letters = it.books.letters(1, 9)
    assert [kind for _, kind, _ in letters] == ["bop.feedback"] * 2
    assert letters[0][2] == letters[1][2]
    assert "refused as told" in next(
        iter(reasons([feedback.parse(letters[0][2], letters[0][1])]).values())
    )
    line.instruct("fault", {"kind": "slow", "delay_ms": "1"}, NOW_MS)
    assert [line.admit(), line.admit()] == [1, 0]
    (again,) = files(2, item())
    assert it.deliver(again, "bop.batch", NOW_MS) == (b"", "")
    assert it.totals("records")["actual"] == 1


@pytest.mark.parametrize(
    ("action", "arguments", "text"),
    [
        ("remit", {}, "action: 'remit'"),
        ("fault", {}, "kind"),
        ("fault", {"kind": "loud"}, "kind"),
        ("fault", {"kind": "slow", "count": "-1"}, "count"),
        ("fault", {"kind": "slow", "count": "10001"}, "count"),
        ("fault", {"kind": "slow", "delay_ms": "60001"}, "delay_ms"),
    ],
)
def test_bad_instructions(
    office: Office, action: str, arguments: dict[str, str], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        Line(ForeignExchangeAdministration(office.books)).instruct(action, arguments, NOW_MS)


def test_a_restart_keeps_all(tmp_path: Path, office: Office, item: Item) -> None:
    declare(office, item)
    again = RecordBooks(tmp_path / "books.sqlite")
    assert again.totals() == office.books.totals()
    assert again.letters(1, 9) == office.books.letters(1, 9)
    with pytest.raises(ValueError, match="neither"):
        again.rows("batches", 0, 0)
    again.close()


def test_any_split_adds_up(office: Office, item: Item, chance: random.Random) -> None:
    """Parts move between merchants by corrections; the books balance after every declaration."""
    whole = 1000
    parts: dict[int, int] = {1: whole}
    serials = {1: 2}
    send(office, 1, item(amount=whole), item(rptno=number(2), kind=RESTORED, amount=whole))
    for index in range(2, 40):
        source = chance.choice(sorted(parts))
        target = chance.randrange(1, 8)
        moved = chance.randrange(1, parts[source] + 1)
        before = dict(parts)
        parts[source] -= moved
        parts[target] = parts.get(target, 0) + moved
        told = []
        for merchant in sorted({source, target}):
            amount, known = parts[merchant], merchant in before
            if not known:
                serials[merchant] = max(serials.values()) + 1
            action = CHANGE if known else feed.BOP_ACTION_NEW
            action = action if amount else DELETE
            rptno = number(serials[merchant])
            told.append(item(rptno=rptno, kind=RESTORED, action=action, amount=amount))
        parts = {merchant: amount for merchant, amount in parts.items() if amount}
        assert reasons(send(office, index, *told)) == {}
        totals = office.books.totals()
        assert (totals["unbalanced"], totals["restored_USD"]) == (0, whole)
        assert totals["restored"] == len(parts)
