"""Grants: who may use whose data, for what, until when; and that every use names its grant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.customs import Parcel
from tests.rules.parties import MATCH, SETTLEMENT, TAX, Party
from tests.rules.scenario import (
    BY_MERCHANTS,
    BY_ORDERS,
    REALLOCATED,
    Scenario,
    refused_rows,
)
from whampoa.registry.v1 import registry_service_pb2 as registry

VALUE = 10_000
NO_GRANT = 2**32 - 1
HOUR_MS = 3_600_000


def served(field: Scenario, enterprise: Party, order_no: str) -> Party:
    """A merchant of the enterprise with a released trade, and no grant."""
    merchant = field.merchant(f"M{order_no}")
    field.serve(merchant, enterprise)
    field.export(Parcel(order_no, merchant.code, merchant.code))
    return merchant


def give(field: Scenario, merchant: Party, enterprise: Party, how: str) -> None:
    """What stands in the register when money comes."""
    match how:
        case "none":
            pass
        case "to another":
            field.grant(merchant, field.enterprise("Other"))
        case "revoked":
            field.revoke(field.grant(merchant, enterprise))
        case "expired":
            field.grant(merchant, enterprise, valid_until_ms=field.now_ms + HOUR_MS)
            field.later(hours=2)
        case "not yet":
            field.grant(merchant, enterprise, valid_from_ms=field.now_ms + HOUR_MS)
        case "other currency":
            field.grant(merchant, enterprise, currency="EUR")
        case "to match documents":
            field.grant(merchant, enterprise, MATCH)
        case _:
            field.grant(merchant, enterprise, TAX)


REFUSALS = [
    ("none", "UNKNOWN_GRANT"),
    ("to another", "UNKNOWN_GRANT"),
    ("revoked", "GRANT_REVOKED"),
    ("expired", "GRANT_EXPIRED"),
    ("not yet", "OUTSIDE_GRANT"),
    ("other currency", "OUTSIDE_GRANT"),
    ("to match documents", "OUTSIDE_GRANT"),
    ("for tax", "OUTSIDE_GRANT"),
]


@pytest.mark.parametrize(("how", "reason"), REFUSALS)
def test_no_money_without_a_grant_in_any_mode(field: Scenario, how: str, reason: str) -> None:
    enterprise = field.enterprise("E")
    without, granted = served(field, enterprise, "1"), served(field, enterprise, "2")
    field.grant(granted, enterprise)
    give(field, without, enterprise, how)
    trades = {trade.merchant_party_id: trade.trade_id for trade in field.trades()}
    by_orders = {trades[without.party_id]: VALUE, trades[granted.party_id]: 1_000}
    by_merchants = {without.party_id: VALUE, granted.party_id: 2_000}

    reply = field.allocate(field.receive(enterprise, VALUE), mode=BY_ORDERS, advice=by_orders)
    assert (reply.allocated_minor, refused_rows(reply)) == (1_000, {0: reason})

    reply = field.allocate(field.receive(enterprise, VALUE), mode=BY_MERCHANTS, advice=by_merchants)
    assert (reply.allocated_minor, refused_rows(reply)) == (2_000, {0: reason})

    reply = field.allocate(field.receive(enterprise, VALUE))
    assert (reply.allocated_minor, reply.merchants) == (7_000, 1)

    # Nobody else is left: nothing at all is shared, and the first reason is told.
    alone = field.allocation(field.receive(enterprise, VALUE), BY_MERCHANTS, {without.party_id: 1})
    refusal = field.ask(alone).refusal
    assert refusal.code == 89
    assert refusal.value.upper().replace(" ", "_").startswith(reason)
    used = {trade.merchant_party_id: trade.used_minor for trade in field.trades()}
    assert used == {without.party_id: 0, granted.party_id: VALUE}


@pytest.mark.parametrize(
    "scope",
    [{}, {"currency": "USD"}, {"valid_from_ms": 1}, {"valid_until_ms": 2**46}],
    ids=["any", "its currency", "since", "until"],
)
def test_a_grant_that_covers_the_use_is_named_by_it(field: Scenario, scope: dict[str, Any]) -> None:
    enterprise = field.enterprise("E")
    merchant = served(field, enterprise, "1")
    other = field.merchant("Other")
    field.grant(other, enterprise)
    field.revoke(field.grant(merchant, enterprise))
    field.grant(merchant, enterprise, SETTLEMENT, **scope)
    field.allocate(field.receive(enterprise, VALUE))
    (trade,) = field.trades()
    trace = field.trace(trade.trade_id)
    assert trace.complete, trace.missing
    # The third grant ever registered, and where it was deposited.
    last = trace.steps[-1]
    assert last.grant_index == 2
    assert last.grant_position.index > 0
    assert trace.steps[0].grant_index == NO_GRANT


def test_a_trade_names_the_grant_to_match_documents(field: Scenario) -> None:
    merchant, agent = field.merchant("M"), field.agent("A")
    field.entrust(merchant, agent)
    field.grant(merchant, field.agent("B"), MATCH)
    field.grant(merchant, agent, MATCH)
    parcel = Parcel("1", agent.code, agent.code, owner=merchant.code)
    trade = field.export(parcel)
    steps = field.trace(trade.trade_id).steps
    # Of several grants the one to the declarant goes first.
    assert steps[-1].grant_index == 1


def test_a_revoked_grant_holds_back_the_payout_of_what_it_allowed(field: Scenario) -> None:
    enterprise = field.enterprise("E")
    merchant = served(field, enterprise, "1")
    grant = field.grant(merchant, enterprise)
    money = field.receive(enterprise, VALUE)
    field.allocate(money)
    field.revoke(grant)
    reply = field.convert(money)
    assert (reply.payouts, reply.withheld) == (0, 1)
    assert field.refused(field.payout_request(enterprise, merchant)) == "GRANT_REVOKED"
    assert field.refused(field.payout_request(enterprise)) == "EXCEEDS_CLEARED_BALANCE"
    field.grant(merchant, enterprise)
    assert field.tell(field.payout_request(enterprise)).payouts == 1


def test_a_revoked_grant_moves_no_clawback(field: Scenario) -> None:
    enterprise = field.enterprise("E")
    merchant = served(field, enterprise, "1")
    grant = field.grant(merchant, enterprise)
    field.allocate(field.receive(enterprise, VALUE))
    (trade,) = field.trades()
    field.export(Parcel("2", merchant.code, merchant.code))
    field.return_goods(trade, VALUE)
    field.revoke(grant)
    assert field.refused(field.clawback(trade, REALLOCATED)) == "GRANT_REVOKED"


def test_an_ended_service_gets_nothing(field: Scenario) -> None:
    enterprise = field.enterprise("E")
    merchant = field.merchant("M")
    relation = field.serve(merchant, enterprise)
    field.grant(merchant, enterprise)
    trade = field.export(Parcel("1", merchant.code, merchant.code))
    field.client("Other", enterprise)
    money = field.receive(enterprise, VALUE)
    field.end_relation(relation)
    for mode, subject in ((BY_ORDERS, trade.trade_id), (BY_MERCHANTS, merchant.party_id)):
        assert field.refused(field.allocation(money, mode, {subject: 1})) == "NOTHING_TO_ALLOCATE"
    assert field.refused(field.allocation(money)) == "NOTHING_TO_ALLOCATE"


def grant_of(field: Scenario, **words: Any) -> registry.RegisterGrantsRequest:
    """A request for one grant, with some words changed."""
    grant = registry.Grant(
        grant_id=field.new_id(),
        grantor_party_id=field.merchant("M").party_id,
        grantee_party_id=field.enterprise("E").party_id,
        purpose=SETTLEMENT,
        policy_sha256=bytes(32),
    )
    for name, value in words.items():
        setattr(grant, name, value)
    return registry.RegisterGrantsRequest(grants=[grant])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"grant_id": b"1"}, "FIELD_INVALID"),
        ({"grantor_party_id": bytes(16)}, "FIELD_INVALID"),
        ({"purpose": 0}, "FIELD_INVALID"),
        ({"currency": "usd"}, "UNKNOWN_CURRENCY"),
        ({"valid_from_ms": 5, "valid_until_ms": 5}, "FIELD_INVALID"),
        ({"policy_sha256": b""}, "FIELD_MISSING"),
        ({"policy_sha256": b"short"}, "FIELD_INVALID"),
    ],
)
def test_bad_grants_are_refused(field: Scenario, words: dict[str, Any], reason: str) -> None:
    assert field.refused(grant_of(field, **words)) == reason


def test_a_grant_is_registered_once_and_revoked_once(field: Scenario) -> None:
    request = grant_of(field)
    field.tell(request)
    request.request_id = b""
    field.tell(request)
    request.request_id = b""
    request.grants[0].currency = "USD"
    assert field.refused(request) == "GRANT_EXISTS_DIFFERENT"
    field.revoke(request.grants[0].grant_id)
    again = registry.RevokeGrantRequest(grant_id=request.grants[0].grant_id)
    assert field.refused(again) == "GRANT_REVOKED"
    unknown = registry.RevokeGrantRequest(grant_id=field.new_id())
    assert field.refused(unknown) == "UNKNOWN_GRANT"
