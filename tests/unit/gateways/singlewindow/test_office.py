"""The customs office: statuses of every document, the three-document match, books, scenarios."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.documents.world import CNY, Parcel
from gateways.singlewindow import dxp, status
from gateways.singlewindow.institution import follow_scenario
from tests.unit.gateways.singlewindow.conftest import Counter, NewCounter
from whampoa.customs.v1 import document_pb2 as document


@pytest.mark.parametrize(
    "order", [" ".join(it) for it in itertools.permutations(("order", "waybill", "list"))]
)
def test_a_list_is_released_whichever_document_comes_last(
    new_counter: NewCounter, parcels: list[Parcel], order: str
) -> None:
    counter, parcel = new_counter(), parcels[0]
    counter.declare([parcel], order)
    assert counter.said() == {
        (304, parcel.order_no): [2, 120],
        (506, parcel.waybill_no): [2, 120],
        (604, parcel.order_no): [2, 120, 399, 800, 899],
    }


def test_only_the_last_status_where_that_is_the_practice(
    new_counter: NewCounter, parcels: list[Parcel]
) -> None:
    counter, parcel = new_counter(statuses="final"), parcels[0]
    counter.declare([parcel], "list order waybill")
    assert counter.said() == {
        (304, parcel.order_no): [120],
        (506, parcel.waybill_no): [120],
        (604, parcel.order_no): [120, 899],
    }


def test_replies_of_a_message_come_together_and_to_its_sender(
    new_counter: NewCounter, parcels: list[Parcel]
) -> None:
    counter = new_counter()
    same = [replace(it, declarant=parcels[0].declarant) for it in parcels]
    counter.declare(same)
    letters = counter.letters()
    counts = [(it.number, len(it.accepted)) for it in letters]
    assert counts == [(304, 24), (506, 24), (604, 60)]
    for letter in letters:
        assert letter.envelope is not None
        assert letter.envelope.sender_id == dxp.CUSTOMS
        receiver = dxp.user_id(parcels[0].declarant.customs_code)
        assert letter.envelope.receiver_ids == (receiver,)


def test_numbers_of_customs(new_counter: NewCounter, parcels: list[Parcel]) -> None:
    counter = new_counter()
    counter.declare(parcels[:1])
    replies = [
        document.Document.FromString(raw).reply
        for letter in counter.letters()
        if letter.number == 604
        for raw in letter.accepted
    ]
    assert [len(it.invt_no) for it in replies] == [0, 0, 18, 18, 18]
    assert {len(it.pre_no) for it in replies} == {18}
    assert len({it.pre_no for it in replies}) == 1


Change = Callable[[Parcel, Parcel], Parcel]
DIFFERENCES: list[tuple[str, Change]] = [
    ("another order's waybill", lambda one, two: replace(one, waybill_no=two.waybill_no)),
    (
        "another price",
        lambda one, _: replace(one, lines=(replace(one.lines[0], price=1), *one.lines[1:])),
    ),
    ("another currency", lambda one, _: replace(one, currency=CNY)),
    (
        "a line too many",
        lambda one, _: replace(one, lines=(*one.lines, replace(one.lines[0], gnum=9))),
    ),
]


@pytest.mark.parametrize(("mismatch", "wanted"), [("review", 300), ("reject", 100)])
@pytest.mark.parametrize("change", [it[1] for it in DIFFERENCES], ids=[it[0] for it in DIFFERENCES])
def test_documents_that_differ(
    new_counter: NewCounter, parcels: list[Parcel], change: Change, mismatch: str, wanted: int
) -> None:
    counter = new_counter(mismatch=mismatch)
    two = parcels[0]
    one = next(it for it in parcels[1:] if it.carrier == two.carrier)
    counter.declare([two])
    counter.declare([one], "order waybill")
    counter.said()
    counter.declare([change(one, two)], "list")
    assert counter.said() == {(604, one.order_no): [2, 120, wanted]}
    totals = counter.customs.totals("lists")
    assert (totals["released"], totals["lists"]) == (1, 2)
    assert totals["released_usd_minor"] == two.value


def test_a_list_that_waits_too_long_is_sent_back(
    new_counter: NewCounter, parcels: list[Parcel]
) -> None:
    counter, parcel = new_counter(wait_seconds=5), parcels[0]
    counter.declare([parcel], "list order")
    assert not counter.customs.tick(counter.now_ms + 4_000)
    assert counter.customs.tick(counter.now_ms + 6_000)
    assert counter.said()[604, parcel.order_no] == [2, 120, 100]
    counter.now_ms += 7_000
    counter.declare([parcel], "waybill list")
    assert counter.said()[604, parcel.order_no] == [2, 120, 399, 800, 899]


def test_what_is_there_is_refused_and_what_was_rejected_is_taken(
    new_counter: NewCounter, parcels: list[Parcel]
) -> None:
    counter, parcel = new_counter(), parcels[0]
    counter.instruct("reject", book="waybills", pattern=parcel.waybill_no, status="-503002")
    counter.instruct("reject", book="lists", pattern=parcel.cop_no)
    counter.declare([parcel])
    assert counter.said() == {
        (304, parcel.order_no): [2, 120],
        (506, parcel.waybill_no): [2, -503002],
        (604, parcel.order_no): [2, 100],
    }
    counter.declare([parcel])
    assert counter.said() == {
        (304, parcel.order_no): [-304001],
        (506, parcel.waybill_no): [2, 120],
        (604, parcel.order_no): [2, 120, 399, 800, 899],
    }
    counter.declare([parcel], "list")
    assert counter.said() == {(604, parcel.order_no): [-604001]}
    assert counter.list_row(parcel)["status"] == "899"


def test_the_same_document_again_says_nothing(
    new_counter: NewCounter, parcels: list[Parcel]
) -> None:
    counter = new_counter()
    writer = counter.writer()
    sent = [*writer.orders(parcels), *writer.waybills(parcels), *writer.lists(parcels)]
    counter.instruct("reject", book="lists", pattern="*", count="1")
    counter.deliver(sent)
    assert counter.said()
    totals = counter.customs.totals("lists")
    counter.deliver(sent)
    assert counter.said() == {}
    assert counter.customs.totals("lists") == totals


def test_held_until_released(new_counter: NewCounter, parcels: list[Parcel]) -> None:
    counter = new_counter()
    one, two, three = parcels[:3]
    counter.instruct("hold", pattern=one.order_no)
    counter.instruct("hold", pattern=two.order_no, status="120")
    counter.instruct("hold", book="waybills", pattern=three.waybill_no)
    counter.declare([one, two, three])
    said = counter.said()
    assert said[604, one.order_no] == [2, 120, 399]
    assert said[604, two.order_no] == [2, 120]
    assert said[506, three.waybill_no] == [2]
    assert said[604, three.order_no] == [2, 120]
    assert counter.customs.totals("lists")["held"] == 2
    assert counter.instruct("release_held", pattern=one.order_no) == "1 lists released"
    assert counter.said() == {(604, one.order_no): [800, 899]}
    assert counter.instruct("release_held") == "1 lists released"
    assert counter.said() == {(604, two.order_no): [399, 800, 899]}
    assert counter.instruct("release_held", book="waybills") == "1 waybills released"
    assert counter.said() == {
        (506, three.waybill_no): [120],
        (604, three.order_no): [399, 800, 899],
    }
    assert counter.customs.totals("lists")["released"] == 3


def test_a_review_ends_by_instruction(new_counter: NewCounter, parcels: list[Parcel]) -> None:
    counter, parcel = new_counter(), parcels[0]
    counter.declare([parcel], "order waybill")
    counter.declare([replace(parcel, currency=CNY)], "list")
    assert counter.instruct("release_held") == "0 lists released"
    assert counter.instruct("release_held", review="true") == "1 lists released"
    assert counter.said()[604, parcel.order_no] == [2, 120, 300, 399, 800, 899]
    totals = counter.customs.totals("lists")
    assert totals["released_cny_minor"] == parcel.value


def test_withdrawn_by_customs_and_declared_anew(
    new_counter: NewCounter, parcels: list[Parcel]
) -> None:
    counter, parcel = new_counter(), parcels[0]
    counter.declare([parcel])
    invt_no = counter.list_row(parcel)["invt_no"]
    counter.said()
    assert counter.instruct("withdraw", pattern=parcel.order_no) == "1 lists withdrawn"
    assert counter.said() == {(606, invt_no): [399]}
    totals = counter.customs.totals("lists")
    assert (totals["released"], totals["withdrawn"]) == (0, 1)
    assert "released_usd_minor" not in totals
    counter.declare([parcel], "list")
    assert counter.said() == {(604, parcel.order_no): [2, 120, 399, 800, 899]}


def test_departure_closes_what_is_on_board(new_counter: NewCounter, parcels: list[Parcel]) -> None:
    counter = new_counter(closing="departure")
    carrier = parcels[0].carrier
    carried = [it for it in parcels if it.carrier == carrier]
    counter.declare(parcels)
    assert {tuple(it) for key, it in counter.said().items() if key[0] == 604} == {
        (2, 120, 399, 800)
    }
    numbers = [it.waybill_no for it in carried]
    counter.deliver([counter.writer().departure(carrier, "D1", numbers)])
    said = counter.said()
    assert said.pop((510, "D1")) == [2, 399]
    assert said == {(604, it.order_no): [899] for it in carried}


def test_an_aggregation_maps_every_line(new_counter: NewCounter, parcels: list[Parcel]) -> None:
    counter = new_counter()
    counter.instruct("hold", pattern=parcels[0].order_no)
    counter.declare(parcels)
    counter.letters()
    rows, _ = counter.customs.rows("lists", 0, 0)
    numbers = [it["invt_no"] for it in rows]
    counter.deliver([counter.writer().aggregation(parcels[0].declarant, "S1", numbers)])
    reply, result = counter.letters()
    assert (reply.number, len(reply.accepted), result.number) == (702, 2, 792)
    told = document.Document.FromString(result.accepted[0]).aggregation_result
    by_number = {it["invt_no"]: it["order_no"] for it in rows}
    lines = [(by_number[line.invt_no], line.gnum) for line in told.lines]
    # The list that is held is not released, so it is no part of a declaration.
    wanted = [(it.order_no, line.gnum) for it in parcels[1:] for line in it.lines]
    assert sorted(lines) == sorted(wanted)
    goods = {(line.gseqno, line.gcode) for line in told.lines}
    assert sorted(it[0] for it in goods) == sorted({it[0] for it in goods})


def test_books_count_value_exactly(new_counter: NewCounter, parcels: list[Parcel]) -> None:
    counter = new_counter()
    some = [replace(it, currency=CNY) if at % 2 else it for at, it in enumerate(parcels)]
    counter.declare(some)
    sums = {
        currency: sum(it.value for it in some if it.currency == code)
        for currency, code in (("cny", CNY), ("usd", "502"))
    }
    for book, names in (("orders", ["declared"]), ("lists", ["declared", "released"])):
        totals = counter.customs.totals(book)
        for name in names:
            assert {it: totals[f"{name}_{it}_minor"] for it in sums} == sums
    rows, count = counter.customs.rows("orders", 3, 4)
    assert (len(rows), count) == (4, len(some))
    assert [int(it["value_minor"]) for it in rows] == [it.value for it in by_lane(some)[3:7]]
    with pytest.raises(ValueError, match="book: 'letters' is none of"):
        counter.customs.rows("letters", 0, 0)


def by_lane(parcels: list[Parcel]) -> list[Parcel]:
    """Parcels in the order in which the writer puts them into messages: by declarant."""
    lanes: dict[int, list[Parcel]] = {}
    for parcel in parcels:
        lanes.setdefault(parcel.declarant.number, []).append(parcel)
    return [it for lane in lanes.values() for it in lane]


BAD = [
    ("remit", {}, "action: 'remit' is none of hold, reject"),
    ("hold", {}, "pattern: it is missing"),
    ("hold", {"pattern": "*", "book": "trades"}, "book: 'trades' is none of"),
    ("hold", {"pattern": "*", "status": "800"}, "status: lists are held at"),
    ("hold", {"pattern": "*", "count": "0"}, "count: 0 is neither"),
    ("reject", {"pattern": "*", "status": "120"}, "status: 120 is neither 100 nor negative"),
    ("reject", {"pattern": "*", "count": "x"}, "count: 'x' is no integer"),
    ("withdraw", {}, "pattern: it is missing"),
    ("release_held", {"book": "letters"}, "book: 'letters' is none of"),
    ("fault", {"kind": "late"}, "kind: 'late' is none of slow"),
    ("fault", {"kind": "slow", "ms": "-1"}, "ms: slow has no such argument"),
    ("fault", {"kind": "refuse", "reason": "RR04"}, "reason: refuse has no such argument"),
    ("fault", {"kind": "repeat", "count": "99999"}, "count: '99999' is not 0..10000"),
]


@pytest.mark.parametrize(("action", "arguments", "why"), BAD)
def test_bad_instructions(
    new_counter: NewCounter, action: str, arguments: dict[str, str], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        new_counter().instruct(action, **arguments)


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"statuses": "some"}, "institution.customs.statuses: 'some' is none of all, final"),
        ({"closing": 1}, "institution.customs.closing: 1 is none of"),
        ({"wait_seconds": 0}, "institution.customs.wait_seconds: 0 is no positive integer"),
        ({"wait_seconds": "5"}, "institution.customs.wait_seconds: '5' is no positive integer"),
    ],
)
def test_bad_practice(new_counter: NewCounter, section: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        new_counter(**section)


def test_messages_that_customs_cannot_read(new_counter: NewCounter) -> None:
    customs = new_counter().customs
    reply, _ = customs.deliver(b"<a/>", dxp.MESSAGE_FORMAT, 1)
    assert dxp.parse_response(reply)[0] == dxp.BAD_SCHEMA
    with pytest.raises(ValueError, match="format: 'pain', 'ceb' wanted"):
        customs.deliver(b"<a/>", "pain", 1)


def test_statuses_that_let_a_document_come_again() -> None:
    ends = [
        code for code in (-604001, -1, 100, 120, 2, 300, 399, 500, 800, 899) if status.is_end(code)
    ]
    assert ends == [-604001, -1, 100]
    for refusing in status.REFUSES_RESEND.values():
        assert not any(status.is_end(code) for code in refusing)


def test_faults_end(new_counter: NewCounter, parcels: list[Parcel]) -> None:
    counter = new_counter()
    (message,) = counter.writer().orders(parcels[:1])
    counter.instruct("fault", kind="refuse", count="1")
    reply, _ = counter.line.deliver(message, dxp.MESSAGE_FORMAT, counter.now_ms)
    assert dxp.is_passing(dxp.parse_response(reply)[0])
    counter.instruct("fault", kind="down")
    with pytest.raises(ConnectionError, match="down"):
        counter.line.admit()
    assert counter.line.admit() == 0
    counter.instruct("fault", kind="lose_reply")
    with pytest.raises(ConnectionError, match="lost"):
        counter.line.deliver(message, dxp.MESSAGE_FORMAT, counter.now_ms)
    assert counter.said() == {(304, parcels[0].order_no): [2, 120]}
    counter.deliver([message])
    assert counter.said() == {}
    counter.instruct("fault", kind="repeat")
    counter.deliver(counter.writer().waybills(parcels[:1]))
    one, two = counter.letters()
    assert one == two


def test_rules_of_the_configuration_are_added_once(new_counter: NewCounter) -> None:
    counter: Counter = new_counter()
    given = {"rules": [{"action": "hold", "book": "lists", "pattern": "A*"}]}
    for _ in range(2):
        follow_scenario(counter.customs, given)
    rows = counter.customs.books.connection.execute("SELECT pattern, status FROM rules").fetchall()
    assert [tuple(row) for row in rows] == [("A*", 399)]
