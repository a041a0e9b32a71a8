"""The bank under chance: whatever comes in whatever order, the books agree after every step."""

from __future__ import annotations

import random

from gateways.bank import outcome, profile
from gateways.bank.order import Instruction, Purpose
from tests.unit.gateways.bank.conftest import Branch, payment_id
from tests.unit.gateways.bank.test_bank import check_books
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.forex.v1 import forex_service_pb2 as forex

STEPS = 150


class Customer:
    """Does what comes to mind; remembers what the bank agreed to."""

    def __init__(self, branch: Branch, chance: random.Random) -> None:
        self.branch = branch
        self.chance = chance
        self.remittances: list[str] = []
        self.payouts: dict[int, int] = {}
        self.number = 0

    def step(self) -> None:
        acts = [self.remit, self.sell, self.pay, self.take, self.come_back, self.repay, self.trip]
        self.chance.choice(acts)()

    def remit(self) -> None:
        currency = self.chance.choice(["USD", "EUR", "JPY"])
        self.remittances.append(self.branch.remit(self.chance.randrange(1, 10_000), currency))

    def _some(self) -> tuple[str, str] | None:
        rows, _ = self.branch.bank.rows("remittances", 0, 0)
        row = self.chance.choice(rows) if rows else None
        return (row["remittance_id"], row["currency"]) if row else None

    def _next(self) -> int:
        self.number += 1
        return self.number

    def sell(self) -> None:
        if some := self._some():
            self.branch.sell(self._next(), some[0], self.chance.randrange(1, 6_000), some[1])

    def pay(self) -> None:
        payouts = [
            (self._next(), self.chance.randrange(1, 20_000))
            for _ in range(self.chance.randrange(1, 4))
        ]
        self.payouts |= dict(payouts)
        self.branch.pay(*payouts)

    def take(self) -> None:
        if some := self._some():
            action = self.chance.choice(["charge", "recall"])
            minor = str(self.chance.randrange(1, 4_000))
            try:
                self.branch.instruct(action, remittance=some[0], amount_minor=minor)
            except ValueError as failure:
                assert "of what was credited" in str(failure)  # noqa: PT017

    def come_back(self) -> None:
        rows, _ = self.branch.bank.rows("payouts", 0, 0)
        known = [row for row in rows if row["state"] in {"debited", "returned"}]
        if known:
            row = self.chance.choice(known)
            self.branch.come_back(int(row["payment_id"][-4:]), int(row["amount_minor"]))

    def repay(self) -> None:
        if some := self._some():
            given = Instruction(
                payment_id(self._next()), self.chance.randrange(1, 3_000), None, some[0]
            )
            self.branch.order(Purpose.REPAYMENT, some[1], given)

    def trip(self) -> None:
        kind = self.chance.choice(["refuse", "repeat"])
        self.branch.instruct("fault", kind=kind, count=str(self.chance.randrange(1, 3)))


def test_books_agree_whatever_comes(branch: Branch, chance: random.Random) -> None:
    customer = Customer(branch, chance)
    for _ in range(STEPS):
        customer.step()
    totals = check_books(branch)
    told = {
        request.request_id: request
        for kind, message in branch.letters
        if kind == profile.NOTIFICATION
        for request in outcome.of_letter(message, kind)
    }
    # What the engine is told sums up to what the books say, repeated letters counted once.
    requests = list(told.values())
    bought = sum(it.cny_minor for it in requests if isinstance(it, forex.ConfirmConversionRequest))
    assert bought == totals.get("bought:CNY", 0)
    for currency in ("USD", "EUR", "JPY"):
        credited = sum(
            it.remittance.credited_minor
            for it in requests
            if isinstance(it, forex.RecordRemittanceRequest) and it.remittance.currency == currency
        )
        assert credited == totals.get(f"credited:{currency}", 0)
    debits = [it for it in requests if isinstance(it, clearing.ConfirmDebitRequest)]
    paid = [int(payout_id.hex()[-4:]) for it in debits for payout_id in it.payout_ids]
    assert len(set(paid)) == len(paid)
    assert sum(customer.payouts[number] for number in paid) == totals.get("debited:CNY", 0)
    assert set(paid) <= set(customer.payouts)
