"""The join of order, waybill and list: what counts once, what disputes, what a reply changes."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rules.customs import CNY, NAMELESS, Line, Parcel
from tests.rules.parties import Party
from tests.rules.scenario import Scenario

VALUE = 10_000


def own(merchant: Party, order_no: str = "1001", **words: object) -> Parcel:
    """A parcel that a merchant files for itself."""
    return Parcel(order_no, merchant.code, merchant.code).but(**words)


def nameless(parcel: Parcel, name: str) -> Parcel:
    """The same on a foreign platform without a code."""
    return parcel.but(platform=NAMELESS, platform_name=name)


def seller_of_items(field: Scenario, *agents: Party) -> Party:
    """A merchant known by its items, who entrusts some agents."""
    merchant = field.merchant("M")
    field.own_items(merchant, "X-")
    for agent in agents:
        field.entrust(merchant, agent)
    return merchant


def test_documents_match_in_any_order(field: Scenario) -> None:
    merchant = field.merchant("M")
    for number, order in enumerate(itertools.permutations(range(3))):
        parcel = own(merchant, f"P{number}")
        documents = [field.order_of(parcel), field.waybill_of(parcel), field.list_of(parcel)]
        for at in order:
            field.submit(documents[at])
        replies = [
            field.order_reply(parcel, 120),
            field.waybill_reply(parcel, 120),
            field.list_reply(parcel, 800),
        ]
        for at in order:
            assert field.trade(parcel).verified_minor == 0
            field.submit(replies[at])
        trade = field.trade(parcel)
        assert (trade.state, trade.verified_minor) == ("released", VALUE), order
        assert field.trace(trade.trade_id).complete


def test_all_three_documents_in_one_request_or_each_in_its_own(field: Scenario) -> None:
    merchant = field.merchant("M")
    together, apart = own(merchant, "1"), own(merchant, "2")
    field.submit(
        field.order_of(together),
        field.waybill_of(together),
        field.list_of(together),
        field.order_reply(together, 120),
        field.waybill_reply(together, 120),
        field.list_reply(together, 800),
    )
    field.export(apart)
    one, two = field.trade(together), field.trade(apart)
    assert (one.state, one.verified_minor) == (two.state, two.verified_minor)


@pytest.mark.parametrize("status", [2, 120, 300, 500, 399, 800, 899, 100, -604_001, 3, 505])
def test_only_release_verifies(field: Scenario, status: int) -> None:
    parcel = own(field.merchant("M"))
    field.declare(parcel)
    field.approve(parcel)
    assert (field.trade(parcel).state, field.trade(parcel).verified_minor) == ("matched", 0)
    field.submit(field.list_reply(parcel, status))
    trade = field.trade(parcel)
    matched = {120, 300, 500, 399}
    state = "released" if status in {800, 899} else "matched" if status in matched else "declared"
    assert trade.state == state
    assert trade.verified_minor == (VALUE if status in {800, 899} else 0)


@pytest.mark.parametrize("lacking", ["order", "waybill", "list"])
def test_a_document_that_customs_did_not_take_verifies_nothing(
    field: Scenario, lacking: str
) -> None:
    parcel = own(field.merchant("M"))
    field.declare(parcel)
    if lacking != "order":
        field.submit(field.order_reply(parcel, 120))
    if lacking != "waybill":
        field.submit(field.waybill_reply(parcel, 120))
    if lacking != "list":
        field.submit(field.list_reply(parcel, 800))
    trade = field.trade(parcel)
    assert (trade.state, trade.verified_minor) == ("declared", 0)


def test_one_order_under_two_agents_is_one_trade_counted_once(field: Scenario) -> None:
    first, second = field.agent("First"), field.agent("Second")
    seller_of_items(field, first, second)
    parcel = own(first)
    field.export(parcel)
    again = parcel.by(second)
    field.export(again)
    trade = field.trade(parcel)
    assert (trade.state, trade.verified_minor, trade.declared_minor) == ("released", VALUE, VALUE)
    assert len(field.items(parcel)) == 1
    # What the first agent withdraws, the second still proves.
    field.withdraw(parcel)
    trade = field.trade(parcel)
    assert (trade.state, trade.verified_minor, trade.clawback_minor) == ("released", VALUE, 0)
    standing = [item for item in field.items(parcel) if item.missing_conditions != "r4_departed"]
    assert len(standing) == 1
    field.withdraw(again)
    assert field.trade(parcel).verified_minor == 0


def test_two_agents_on_a_platform_without_a_code_are_one_trade_by_its_name(
    field: Scenario,
) -> None:
    first, second = field.agent("First"), field.agent("Second")
    seller_of_items(field, first, second)
    parcel = nameless(own(first), "Bargain Harbor")
    field.export(parcel)
    field.export(parcel.by(second).but(platform="", platform_name=" ＢARGAIN　harbor "))
    trade = field.trade(parcel)
    assert (trade.state, trade.verified_minor) == ("released", VALUE)


@pytest.mark.parametrize("agents", [1, 2])
def test_two_platforms_without_a_code_never_share_an_order(field: Scenario, agents: int) -> None:
    """The same number on both, by one agent or by two, is two trades."""
    first = field.agent("First")
    second = field.agent("Second") if agents == 2 else first
    seller_of_items(field, first, second)
    harbor = nameless(own(first), "Bargain Harbor")
    bazaar = nameless(own(second, waybill_no="W2"), "Nordic Bazaar")
    bazaar = bazaar.but(lines=(Line(cents=2_500),))
    field.submit(field.order_of(harbor), field.order_of(bazaar))
    for parcel in (bazaar, harbor):
        field.submit(field.waybill_of(parcel), field.list_of(parcel))
        field.approve(parcel, 800)
    values = {trade.platform: (trade.state, trade.verified_minor) for trade in field.trades()}
    assert values == {
        "bargainharbor": ("released", VALUE),
        "nordicbazaar": ("released", 2_500),
    }


def test_a_platform_with_a_code_is_another_than_one_without(field: Scenario) -> None:
    merchant = field.merchant("M")
    coded = own(merchant)
    field.export(coded)
    uncoded = nameless(coded.but(waybill_no="W2"), "Canton Mall")
    field.declare(uncoded)
    field.approve(uncoded, 800)
    assert [trade.verified_minor for trade in field.trades()] == [VALUE, VALUE]


def test_the_same_number_and_name_with_other_content_is_disputed_not_rejected(
    field: Scenario,
) -> None:
    first, second = field.agent("First"), field.agent("Second")
    merchant = seller_of_items(field, first, second)
    parcel = nameless(own(first), "Bargain Harbor")
    field.export(parcel)
    other = parcel.by(second).but(lines=(Line(cents=77_700),))
    field.declare(other)
    assert field.trade(parcel).state == "released", "a filing customs did not take disputes nothing"
    field.approve(other)
    trade = field.trade(parcel)
    assert (trade.state, trade.merchant_reason) == ("disputed", "order_differs")
    assert trade.verified_minor == 0
    field.settle(trade, merchant)
    assert field.trade(parcel).verified_minor == VALUE


@pytest.mark.parametrize("first", ["order", "list"])
def test_a_list_that_spells_the_platform_otherwise_is_disputed(field: Scenario, first: str) -> None:
    merchant = field.merchant("M")
    parcel = nameless(own(merchant), "Bargain Harbor")
    misspelled = parcel.but(platform_name="Bargain Harbour")
    documents = [field.order_of(parcel), field.list_of(misspelled)]
    for document in documents if first == "order" else reversed(documents):
        field.submit(document)
    field.submit(
        field.waybill_of(parcel),
        field.order_reply(parcel, 120),
        field.waybill_reply(parcel, 120),
        field.list_reply(misspelled, 800),
    )
    trade = field.trade(parcel)
    assert (trade.state, trade.merchant_reason) == ("disputed", "platform_differs")
    field.settle(trade, merchant)
    assert field.trade(parcel).verified_minor == VALUE


@pytest.mark.parametrize(
    "listed",
    [
        (Line(cents=9_000),),
        (Line(cents=5_000, qty=2),),
        (Line("X-2"),),
        (Line(currency=CNY),),
        (Line(), Line("X-2", 100)),
    ],
    ids=["value", "quantity", "item", "currency", "more lines"],
)
def test_a_list_that_differs_from_its_order_is_disputed(
    field: Scenario, listed: tuple[Line, ...]
) -> None:
    trade = field.export(own(field.merchant("M"), listed=listed))
    assert (trade.state, trade.merchant_reason) == ("disputed", "list_differs")
    assert (trade.verified_minor, trade.declared_minor) == (0, VALUE)


def test_a_list_of_some_lines_verifies_those(field: Scenario) -> None:
    lines = (Line("X-1", 1_000), Line("X-2", 2_000))
    parcel = own(field.merchant("M"), lines=lines, listed=lines[:1])
    trade = field.export(parcel)
    assert (trade.state, trade.verified_minor, trade.declared_minor) == ("released", 1_000, 3_000)


def test_item_numbers_are_compared_on_what_fits_a_list(field: Scenario) -> None:
    merchant = field.merchant("M")
    long = "X-" + "1" * 24
    parcel = own(merchant, lines=(Line(long),), listed=(Line(long[:20]),))
    assert field.export(parcel).state == "released"
    shorter = own(merchant, "1002", lines=(Line(long),), listed=(Line(long[:19]),))
    assert field.export(shorter).merchant_reason == "list_differs"


def test_a_waybill_of_a_stranger_is_disputed(field: Scenario) -> None:
    merchant = field.merchant("M")
    parcel = own(merchant, waybill_consignor=field.merchant("Stranger").code)
    trade = field.export(parcel)
    assert (trade.state, trade.merchant_reason) == ("disputed", "waybill_differs")


@pytest.mark.parametrize("named", ["agent", "owner", "consignor"])
def test_a_waybill_may_name_any_party_of_its_list(field: Scenario, named: str) -> None:
    agent, merchant = field.agent("A"), field.merchant("M")
    field.entrust(merchant, agent)
    parcel = own(agent, owner=merchant.code)
    consignors = {"agent": agent.uscc, "owner": merchant.uscc, "consignor": agent.code}
    assert field.export(parcel.but(waybill_consignor=consignors[named])).state == "released"


def test_one_waybill_may_carry_what_two_entrusted_agents_declare(field: Scenario) -> None:
    first, second, stranger = field.agent("First"), field.agent("Second"), field.agent("Other")
    seller_of_items(field, first, second)
    parcel = own(first)
    field.export(parcel)
    again = parcel.by(second).but(waybill_no=parcel.way)
    field.submit(field.order_of(again), field.list_of(again))
    field.submit(field.order_reply(again, 120), field.list_reply(again, 800))
    assert (field.trade(parcel).state, field.trade(parcel).verified_minor) == ("released", VALUE)
    strange = own(first, "1002", waybill_consignor=stranger.code)
    assert field.export(strange).merchant_reason == "waybill_differs"


def test_a_waybill_under_two_orders_disputes_both_until_one_list_goes(field: Scenario) -> None:
    merchant = field.merchant("M")
    one, two = own(merchant, "1", waybill_no="W"), own(merchant, "2", waybill_no="W")
    field.export(one)
    field.submit(field.order_of(two), field.list_of(two), field.order_reply(two, 120))
    assert field.trade(one).state == "released"
    field.submit(field.list_reply(two, 399))
    for parcel in (one, two):
        assert field.trade(parcel).merchant_reason == "waybill_differs"
        assert field.trade(parcel).verified_minor == 0
    field.withdraw(two)
    assert (field.trade(one).state, field.trade(one).verified_minor) == ("released", VALUE)


def test_a_waybill_number_is_another_waybill_after_six_months(field: Scenario) -> None:
    merchant = field.merchant("M")
    one, two = own(merchant, "1", waybill_no="W"), own(merchant, "2", waybill_no="W")
    field.export(one)
    field.later(days=184)
    field.export(two)
    assert [field.trade(parcel).state for parcel in (one, two)] == ["released", "released"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_judgement_does_not_depend_on_the_order_of_arrival(
    field: Scenario, data: st.DataObject
) -> None:
    """Two agents file one order; whatever comes first, the same trade stands in the end."""
    draw = data.draw
    first, second = field.agent("First"), field.agent("Second")
    merchant = field.merchant("M")
    for agent in (first, second):
        field.entrust(merchant, agent)
    order_no = f"H{field.new_id().hex()[-12:]}"
    differs = draw(st.sampled_from([None, "listed", "lines", "waybill_consignor"]))
    parcel = own(first, order_no, owner=merchant.code)
    other = parcel.by(second)
    if differs == "waybill_consignor":
        other = other.but(waybill_consignor="4401969999")
    elif differs:
        other = other.but(**{differs: (Line(cents=4_000),)})
    declared = [
        one
        for filed in (parcel, other)
        for one in (field.order_of(filed), field.waybill_of(filed), field.list_of(filed))
    ]
    answers = [
        one
        for filed in (parcel, other)
        for one in (
            field.order_reply(filed, 120),
            field.waybill_reply(filed, 120),
            field.list_reply(filed, 800),
        )
    ]
    shuffled = random.Random(draw(st.integers(0, 2**32)))
    for documents in (declared, answers):
        shuffled.shuffle(documents)
        cut = draw(st.integers(0, len(documents)))
        for part in (documents[:cut], documents[cut:]):
            if part:
                field.submit(*part)
    trade = field.trade(parcel)
    reason = {None: "owner", "listed": "list_differs", "lines": "order_differs"}
    assert trade.merchant_reason == reason.get(differs, "waybill_differs")
    assert trade.verified_minor == (0 if differs else VALUE)
    items = field.items(parcel)
    assert len(items) == 1 or differs, "an item moves to another list only when its own falls"
