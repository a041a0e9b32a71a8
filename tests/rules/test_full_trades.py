"""A trade closes by itself when all its verified value is used, and opens again when that ends."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from tests.rules.customs import Line, Parcel
from tests.rules.parties import Party
from tests.rules.scenario import BY_MERCHANTS, BY_ORDERS, REALLOCATED, Scenario
from whampoa.customs.v1 import customs_service_pb2 as service

VALUE = 10_000


@dataclass
class Paid:
    """A trade of which everything was paid."""

    field: Scenario
    enterprise: Party
    merchant: Party
    parcel: Parcel
    money: SimpleNamespace

    @property
    def trade(self) -> SimpleNamespace:
        return self.field.trade(self.parcel)

    def stands(self) -> tuple[str, int, int, int]:
        """State, verified, used and claimed back."""
        trade = self.trade
        return trade.state, trade.verified_minor, trade.used_minor, trade.clawback_minor

    def closing(self) -> service.CloseTradeRequest:
        return service.CloseTradeRequest(
            trade_id=self.trade.trade_id,
            reason=service.CLOSE_REASON_EXPIRED,
        )

    def refused_row(self) -> str:
        """Why an order that advises this trade gets nothing."""
        more = self.field.receive(self.enterprise, VALUE)
        advised = self.field.allocation(more, BY_ORDERS, {self.trade.trade_id: 1})
        value: str = self.field.ask(advised).refusal.value
        return value


@pytest.fixture
def paid(field: Scenario) -> Paid:
    enterprise = field.enterprise("E")
    merchant = field.client("M", enterprise)
    parcel = Parcel("1", merchant.code, merchant.code)
    field.export(parcel)
    money = field.receive(enterprise, VALUE)
    field.allocate(money, amount_minor=VALUE - 1)
    assert field.trade(parcel).state == "released"
    field.allocate(money)
    return Paid(field, enterprise, merchant, parcel, money)


def test_the_last_cent_closes_a_trade(paid: Paid) -> None:
    assert paid.stands() == ("closed", VALUE, VALUE, 0)
    assert paid.refused_row() == "trade closed"
    assert paid.field.refused(paid.closing()) == "TRADE_CLOSED"
    assert paid.field.refused(paid.field.settling(paid.trade, paid.merchant)) == (
        "TRADE_NOT_DISPUTED"
    )


def test_a_trade_without_verified_value_is_not_full(paid: Paid) -> None:
    parcel = Parcel("2", paid.merchant.code, paid.merchant.code)
    paid.field.export(parcel)
    paid.field.return_goods(paid.field.trade(parcel), VALUE)
    trade = paid.field.trade(parcel)
    assert (trade.state, trade.verified_minor, trade.used_minor) == ("released", 0, 0)
    more = paid.field.receive(paid.enterprise, VALUE)
    for mode, advised, why in (
        (BY_ORDERS, trade.trade_id, "exceeds open value"),
        (BY_MERCHANTS, paid.merchant.party_id, "nothing to allocate"),
    ):
        reply = paid.field.ask(paid.field.allocation(more, mode, {advised: 1}))
        assert reply.refusal.value == why


def test_a_return_of_the_rest_closes_and_a_recall_opens(paid: Paid) -> None:
    paid.field.recall(paid.money, 4_000)
    assert paid.stands() == ("released", VALUE, 6_000, 0)
    paid.field.return_goods(paid.trade, 4_000)
    assert paid.stands() == ("closed", 6_000, 6_000, 0)
    paid.field.recall(paid.money, 1)
    assert paid.stands() == ("released", 6_000, 5_999, 0)
    paid.field.allocate(paid.field.receive(paid.enterprise, VALUE))
    assert paid.stands() == ("closed", 6_000, 6_000, 0)


def test_a_return_of_used_value_opens_a_clawback_until_it_is_moved(paid: Paid) -> None:
    field = paid.field
    field.return_goods(paid.trade, 3_000)
    assert paid.stands() == ("released", 7_000, VALUE, 3_000)
    assert paid.refused_row() == "exceeds open value"
    other = Parcel("2", paid.merchant.code, paid.merchant.code, lines=(Line(cents=3_000),))
    field.export(other)
    field.tell(field.clawback(paid.trade, REALLOCATED))
    assert paid.stands() == ("closed", 7_000, 7_000, 0)
    assert field.trade(other).state == "closed"


def test_more_verified_value_opens_it_again(field: Scenario) -> None:
    enterprise = field.enterprise("E")
    merchant, agent = field.client("M", enterprise), field.agent("A")
    lines = (Line(cents=1_000), Line(cents=2_000))
    parcel = Parcel("1", merchant.code, merchant.code, owner=merchant.code, lines=lines)
    field.export(parcel.but(listed=parcel.lines[:1]))
    field.allocate(field.receive(enterprise, 3_000))
    trade = field.trade(parcel)
    assert (trade.state, trade.verified_minor, trade.used_minor) == ("closed", 1_000, 1_000)
    field.entrust(merchant, agent)
    rest = parcel.by(agent)
    field.declare(rest)
    assert field.trade(parcel).state == "closed"
    field.approve(rest, 800)
    trade = field.trade(parcel)
    assert (trade.state, trade.verified_minor, trade.used_minor) == ("released", 3_000, 1_000)


def test_a_full_trade_may_be_disputed_and_is_full_again_when_that_is_settled(paid: Paid) -> None:
    field = paid.field
    rival = paid.parcel.by(field.agent("A")).but(lines=(Line(cents=50_000),))
    field.declare(rival)
    field.approve(rival, 800)
    assert paid.stands() == ("disputed", 0, VALUE, VALUE)
    field.settle(paid.trade, paid.merchant)
    assert paid.stands() == ("closed", VALUE, VALUE, 0)


def test_closed_for_a_reason_stays_closed_when_value_comes_back(paid: Paid) -> None:
    paid.field.recall(paid.money, 4_000)
    paid.field.tell(paid.closing())
    assert paid.stands() == ("closed", VALUE, 6_000, 0)
    paid.field.recall(paid.money, 6_000)
    assert paid.stands() == ("closed", VALUE, 0, 0)
    paid.field.release(paid.parcel, 899)
    assert paid.stands() == ("closed", VALUE, 0, 0)
    assert paid.refused_row() == "trade closed"


def test_neither_tax_labels_nor_rows_change_because_a_trade_is_full(paid: Paid) -> None:
    field = paid.field
    steps = [step.text for step in field.trace(paid.trade.trade_id).steps]
    assert len([text for text in steps if "put to" in text]) == 2
    assert "put to" in steps[-1], "the allocation is the last row of the trade"
    before = field.item(paid.parcel)
    field.label(paid.merchant)
    assert field.item(paid.parcel) == before
    field.release(paid.parcel, 899)
    assert paid.stands() == ("closed", VALUE, VALUE, 0)
    assert not [row for row in field.trace(paid.trade.trade_id).steps if "trade closed" in row.text]
