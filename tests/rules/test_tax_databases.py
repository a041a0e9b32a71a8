"""Law 7 under chance: whatever happens in whatever order, goods stand in one database at most."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.rules.customs import Line, Parcel
from tests.rules.parties import Party
from tests.rules.scenario import ORDINARY, SPECIAL, Scenario

PARCELS, LINES = 3, 2
TSHIRT = "6109100010"
RATE_BP = 1300
NUMBERS = st.integers(0, PARCELS - 1)


class Databases(RuleBasedStateMachine):
    """Parcels of one merchant under two agents, and everything that moves their labels."""

    field: Scenario
    merchant: Party
    agents: tuple[Party, Party]

    @initialize()
    def begin(self) -> None:
        field = self.field
        self.merchant = field.merchant("M")
        self.agents = (field.agent("First"), field.agent("Second"))
        for agent in self.agents:
            field.entrust(self.merchant, agent)
        self.run = field.new_id().hex()[-10:]
        self.bought = 0
        self.is_in_zone = False
        self.declared: set[tuple[int, int]] = set()

    def parcel(self, number: int, agent: int) -> Parcel:
        party = self.agents[agent]
        lines = tuple(Line(f"X-{at}", qty=at + 1) for at in range(LINES))
        return Parcel(
            f"{self.run}-{number}",
            party.code,
            party.code,
            owner=self.merchant.code,
            waybill_no=f"{self.run}-{number}-{agent}",
            lines=lines,
            export_date=20260801,
        )

    @rule(number=NUMBERS, agent=st.integers(0, 1))
    def declare_and_release(self, number: int, agent: int) -> None:
        parcel = self.parcel(number, agent)
        if (number, agent) not in self.declared:
            self.declared.add((number, agent))
            self.field.declare(parcel)
        self.field.approve(parcel, 800)
        self.check()

    @rule(number=NUMBERS, agent=st.integers(0, 1))
    def withdraw(self, number: int, agent: int) -> None:
        if (number, agent) in self.declared:
            self.field.withdraw(self.parcel(number, agent))
            self.field.submit(self.field.list_of(self.parcel(number, agent)))
            self.check()

    @rule(number=NUMBERS, agent=st.integers(0, 1))
    def depart(self, number: int, agent: int) -> None:
        self.field.depart(self.parcel(number, agent))
        self.check()

    @rule(number=NUMBERS)
    def return_goods(self, number: int) -> None:
        for trade in self.field.trades(self.parcel(number, 0)):
            if trade.verified_minor:
                self.field.return_goods(trade, 1)
        self.check()

    @rule(kind=st.sampled_from([SPECIAL, ORDINARY]), qty=st.integers(1, 4))
    def buy(self, kind: int, qty: int) -> None:
        amount = 1_000 * qty + 7
        self.bought += amount if kind == SPECIAL else 0
        invoice = self.field.invoice(self.merchant, amount, qty, kind=kind)  # type: ignore[arg-type]
        self.field.invoices(invoice)
        self.check()

    @rule(flag=st.integers(0, 2))
    def load_rates(self, flag: int) -> None:
        self.field.load_rates("2026B", (TSHIRT, RATE_BP, flag, 20200101, 0))
        self.check()

    @rule()
    def register_in_zone(self) -> None:
        if not self.is_in_zone:
            self.is_in_zone = True
            self.field.zone(self.merchant)
            self.check()

    @rule()
    def label(self) -> None:
        self.field.label(self.merchant)
        assert self.field.label(self.merchant) == 0, "labels of now are labels of now"
        self.check()

    def check(self) -> None:
        items = [
            item
            for item in self.field.rows("tax_items")
            if item.merchant_party_id == self.merchant.party_id
        ]
        # A line of an order is told from the others by its quantity.
        standing = Counter(
            (item.trade_id, item.qty_e5) for item in items if item.database != "none"
        )
        assert max(standing.values(), default=0) <= 1, standing
        for item in items:
            assert (item.database == "refund") == (item.regime == "refund_trade")
            assert item.database == "refund" or item.refund_minor == 0
        refunds = sum(item.refund_minor for item in items)
        assert refunds <= self.bought * RATE_BP // 10_000, "no fen of an invoice is refunded twice"


def test_goods_stand_in_one_database_at_most(field: Scenario) -> None:
    class OfThisField(Databases):
        pass

    OfThisField.field = field
    run_state_machine_as_test(
        OfThisField,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
