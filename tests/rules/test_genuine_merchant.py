"""Whose goods they are: every kind of evidence with its reason, and what contradiction does."""

from __future__ import annotations

import pytest

from tests.rules.customs import CNY, JPY, NAMELESS, Line, Parcel
from tests.rules.parties import Party
from tests.rules.scenario import Scenario

VALUE = 10_000


def filed_by(agent: Party, order_no: str = "1001", **words: object) -> Parcel:
    """A parcel in the agent's own name."""
    return Parcel(order_no, agent.code, agent.code).but(**words)


def test_a_registered_shop_names_the_merchant(field: Scenario) -> None:
    merchant, agent, mall = field.merchant("M"), field.agent("A"), field.platform("Mall")
    field.entrust(merchant, agent)
    field.open_shop(merchant, mall, "S1-")
    trade = field.export(filed_by(agent, "S1-77", platform=mall.code))
    assert (trade.state, trade.merchant_reason) == ("released", "shop")
    assert (trade.merchant_party_id, trade.verified_minor) == (merchant.party_id, VALUE)


@pytest.mark.parametrize("elsewhere", ["platform", "prefix"])
def test_a_shop_speaks_for_its_platform_and_prefix_only(field: Scenario, elsewhere: str) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    mall, other = field.platform("Mall"), field.platform("Other")
    field.open_shop(merchant, mall, "S1-")
    platform, order_no = (other, "S1-77") if elsewhere == "platform" else (mall, "S2-77")
    trade = field.export(filed_by(agent, order_no, platform=platform.code))
    assert (trade.state, trade.merchant_reason) == ("declared", "unknown")
    assert (trade.merchant_party_id, trade.verified_minor) == (None, 0)


def test_a_registered_item_prefix_names_the_merchant_on_any_platform(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    field.entrust(merchant, agent)
    field.own_items(merchant, "I1-")
    parcel = filed_by(agent, platform=NAMELESS, platform_name="Bargain Harbor")
    trade = field.export(parcel.but(lines=(Line("I1-9"),)))
    assert (trade.merchant_reason, trade.merchant_party_id) == ("item", merchant.party_id)
    assert trade.verified_minor == VALUE


def test_the_longest_prefix_decides_and_the_platform_before_any(field: Scenario) -> None:
    mall, agent = field.platform("Mall"), field.agent("A")
    broad, narrow, here = field.merchant("B"), field.merchant("N"), field.merchant("H")
    for merchant in (broad, narrow, here):
        field.entrust(merchant, agent)
    field.own_items(broad, "I")
    field.own_items(narrow, "I1-")
    field.own_items(here, "I", mall)
    for item_no, platform, merchant in (
        ("I1-9", mall.code, narrow),
        ("I2-9", mall.code, here),
        ("I2-9", "1105910159", broad),
    ):
        parcel = filed_by(agent, f"{item_no}{platform}", platform=platform)
        trade = field.export(parcel.but(lines=(Line(item_no),)))
        assert trade.merchant_party_id == merchant.party_id, item_no


def test_an_item_is_stronger_than_a_shop(field: Scenario) -> None:
    keeper, maker = field.merchant("Keeper"), field.merchant("Maker")
    agent, mall = field.agent("A"), field.platform("Mall")
    field.open_shop(keeper, mall, "S1-")
    field.own_items(maker, "I1-")
    field.entrust(maker, agent)
    parcel = filed_by(agent, "S1-1", platform=mall.code, lines=(Line("I1-1"),))
    trade = field.export(parcel)
    assert (trade.merchant_reason, trade.merchant_party_id) == ("item", maker.party_id)


@pytest.mark.parametrize("as_code", ["code", "uscc"])
def test_the_owner_code_of_the_list_names_the_merchant(field: Scenario, as_code: str) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    field.entrust(merchant, agent)
    trade = field.export(filed_by(agent, owner=getattr(merchant, as_code)))
    assert (trade.merchant_reason, trade.merchant_party_id) == ("owner", merchant.party_id)
    assert trade.verified_minor == VALUE


def test_a_consignor_that_is_a_merchant_owns_the_goods(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    field.entrust(merchant, agent)
    trade = field.export(filed_by(agent, consignor=merchant.code))
    assert (trade.merchant_reason, trade.merchant_party_id) == ("consignor", merchant.party_id)


def test_a_merchant_files_for_itself_without_entrusting_anyone(field: Scenario) -> None:
    merchant = field.merchant("M")
    trade = field.export(filed_by(merchant))
    assert (trade.state, trade.verified_minor) == ("released", VALUE)


def test_names_in_the_documents_are_no_evidence(field: Scenario) -> None:
    field.merchant("Canton Mall")
    trade = field.export(filed_by(field.agent("A")))
    assert (trade.merchant_reason, trade.verified_minor) == ("unknown", 0)


def test_being_served_is_no_evidence_of_ownership(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    field.serve(merchant, field.enterprise("E"))
    field.entrust(merchant, agent)
    trade = field.export(filed_by(agent))
    assert (trade.merchant_reason, trade.verified_minor) == ("unknown", 0)


def test_an_officer_names_the_owner_of_what_nobody_claims(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    parcel = filed_by(agent)
    field.settle(field.export(parcel), merchant)
    trade = field.trade(parcel)
    assert (trade.state, trade.merchant_reason) == ("released", "officer")
    assert (trade.merchant_party_id, trade.verified_minor) == (merchant.party_id, VALUE)
    assert field.refused(field.settling(trade, merchant)) == "TRADE_NOT_DISPUTED"


CONTRADICTIONS = ["owner", "consignor", "two_items", "owner_and_consignor"]


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_contradiction_verifies_nothing_until_an_officer_settles(
    field: Scenario, kind: str
) -> None:
    merchant, other = field.merchant("M"), field.merchant("Other")
    agent, mall = field.agent("A"), field.platform("Mall")
    for one in (merchant, other):
        field.entrust(one, agent)
    field.open_shop(merchant, mall, "S1-")
    parcel = filed_by(agent, "S1-1", platform=mall.code)
    match kind:
        case "owner":
            parcel = parcel.but(owner=other.code)
        case "consignor":
            parcel = parcel.but(consignor=other.code)
        case "two_items":
            field.own_items(merchant, "I1-")
            field.own_items(other, "I1-")
            parcel = parcel.but(lines=(Line("I1-1"),))
        case _:
            parcel = parcel.but(order_no="X-1", owner=merchant.code, consignor=other.code)
    trade = field.export(parcel)
    assert (trade.state, trade.merchant_reason) == ("disputed", "contradiction")
    assert (trade.verified_minor, trade.declared_minor) == (0, VALUE)
    assert field.items(parcel) == []
    field.settle(trade, other)
    trade = field.trade(parcel)
    assert (trade.state, trade.merchant_reason) == ("released", "officer")
    assert (trade.merchant_party_id, trade.verified_minor) == (other.party_id, VALUE)
    assert len(field.items(parcel)) == 1


def test_only_disputes_are_settled_and_only_on_merchants(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    parcel = filed_by(agent, owner=merchant.code)
    trade = field.export(parcel)
    assert (trade.state, trade.merchant_reason) == ("disputed", "not_entrusted")
    assert field.refused(field.settling(trade, agent)) == "WRONG_ROLE"
    wordless = field.settling(trade, merchant)
    wordless.reason = " "
    assert field.refused(wordless) == "FIELD_MISSING"
    field.settle(trade, merchant)
    assert field.refused(field.settling(trade, merchant)) == "TRADE_NOT_DISPUTED"


def test_an_agent_has_to_be_entrusted_when_it_declares_or_by_now(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    parcel = filed_by(agent, owner=merchant.code)
    field.declare(parcel)
    field.approve(parcel)
    assert field.trade(parcel).merchant_reason == "not_entrusted"
    relation = field.entrust(merchant, agent)
    field.release(parcel)
    assert (field.trade(parcel).state, field.trade(parcel).verified_minor) == ("released", VALUE)
    later = filed_by(agent, "1002", owner=merchant.code)
    field.declare(later)
    field.end_relation(relation)
    field.approve(later, 800)
    assert field.trade(later).state == "released"
    late = filed_by(agent, "1003", owner=merchant.code)
    assert field.export(late).merchant_reason == "not_entrusted"


def test_a_service_enterprise_has_to_be_entrusted_as_an_agent_has(field: Scenario) -> None:
    merchant, enterprise = field.merchant("M"), field.enterprise("E")
    stranger = filed_by(enterprise, "1", owner=merchant.code)
    assert field.export(stranger).merchant_reason == "not_entrusted"
    field.entrust(merchant, enterprise)
    assert field.export(filed_by(enterprise, "2", owner=merchant.code)).state == "released"


def test_an_entrustment_is_bound_to_its_dates(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    start, end = field.now_ms + 3_600_000, field.now_ms + 2 * 3_600_000
    field.entrust(merchant, agent, valid_from_ms=start, valid_until_ms=end)
    states = []
    for number in range(3):
        states.append(field.export(filed_by(agent, f"1{number}", owner=merchant.code)).state)
        field.later(hours=1)
    assert states == ["disputed", "released", "disputed"]


def test_an_order_of_two_merchants_makes_two_trades(field: Scenario) -> None:
    one, two, agent = field.merchant("One"), field.merchant("Two"), field.agent("A")
    for merchant, prefix in ((one, "I1-"), (two, "I2-")):
        field.entrust(merchant, agent)
        field.own_items(merchant, prefix)
    lines = (Line("I1-1", 1_000), Line("I2-1", 2_500, 2), Line("I1-2", 300))
    parcel = filed_by(agent, lines=lines)
    field.declare(parcel)
    field.approve(parcel, 800)
    values = {trade.merchant_party_id: trade.verified_minor for trade in field.trades(parcel)}
    assert values == {one.party_id: 1_300, two.party_id: 5_000}
    assert sorted(item.value_minor for item in field.items(parcel)) == [300, 1_000, 5_000]


def test_an_order_in_two_currencies_makes_two_trades(field: Scenario) -> None:
    merchant = field.merchant("M")
    lines = (Line("X-1", 1_000), Line("X-2", 700, currency=CNY), Line("X-3", 5, currency=JPY))
    parcel = filed_by(merchant, lines=lines)
    field.declare(parcel)
    field.approve(parcel, 800)
    values = {trade.currency: trade.verified_minor for trade in field.trades(parcel)}
    assert values == {"USD": 1_000, "CNY": 700, "JPY": 5}


def test_a_line_of_nobody_does_not_hold_up_the_others(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    field.entrust(merchant, agent)
    field.own_items(merchant, "I1-")
    parcel = filed_by(agent, lines=(Line("I1-1", 1_000), Line("Z", 700)))
    field.declare(parcel)
    field.approve(parcel, 800)
    values = {trade.merchant_party_id: trade.verified_minor for trade in field.trades(parcel)}
    assert values == {merchant.party_id: 1_000, None: 0}


def test_the_owner_is_found_when_the_list_names_it_after_the_order(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    field.entrust(merchant, agent)
    parcel = filed_by(agent, owner=merchant.code)
    field.submit(field.order_of(parcel))
    before = field.trade(parcel)
    assert (before.merchant_party_id, before.merchant_reason) == (None, "unknown")
    field.submit(field.list_of(parcel), field.waybill_of(parcel))
    field.approve(parcel, 800)
    after = field.trade(parcel)
    assert (after.trade_id, after.merchant_party_id) == (before.trade_id, merchant.party_id)


def test_relations_that_change_owner_between_documents_are_a_contradiction(
    field: Scenario,
) -> None:
    first, second, agent = field.merchant("First"), field.merchant("Second"), field.agent("A")
    mall = field.platform("Mall")
    for merchant in (first, second):
        field.entrust(merchant, agent)
    shop = field.open_shop(first, mall, "S1-")
    parcel = filed_by(agent, "S1-1", platform=mall.code)
    field.submit(field.order_of(parcel), field.waybill_of(parcel))
    field.end_relation(shop)
    field.open_shop(second, mall, "S1-")
    field.submit(field.list_of(parcel))
    field.approve(parcel, 800)
    trade = field.trade(parcel)
    assert (trade.state, trade.merchant_reason) == ("disputed", "contradiction")


def test_settling_one_dispute_does_not_hide_another(field: Scenario) -> None:
    merchant, agent, second = field.merchant("M"), field.agent("A"), field.agent("B")
    field.entrust(merchant, agent)
    field.entrust(merchant, second)
    parcel = filed_by(agent, owner=merchant.code, waybill_consignor="4401969999")
    field.settle(field.export(parcel), merchant)
    assert field.trade(parcel).state == "released"
    other = parcel.by(second).but(waybill_consignor="", lines=(Line(cents=20_000),))
    field.declare(other)
    field.approve(other)
    trade = field.trade(parcel)
    assert (trade.state, trade.merchant_reason) == ("disputed", "order_differs")
    assert trade.verified_minor == 0
    field.settle(trade, merchant)
    trade = field.trade(parcel)
    assert (trade.state, trade.verified_minor) == ("released", VALUE)


def test_settling_covers_every_dispute_that_lay_open(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    parcel = filed_by(
        agent, owner=merchant.code, waybill_consignor="4401969999", listed=(Line(cents=9_000),)
    )
    trade = field.export(parcel)
    assert trade.merchant_reason == "list_differs"
    field.settle(trade, merchant)
    trade = field.trade(parcel)
    # Never more than customs released.
    assert (trade.state, trade.verified_minor) == ("released", 9_000)
