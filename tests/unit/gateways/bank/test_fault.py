"""Faults to order: slow, refuse, repeat, lose a reply, down, each so many times and no more."""

from __future__ import annotations

import pytest

from gateways.bank import outcome, profile
from gateways.bank.order import Instruction, Order, Purpose
from tests.unit.gateways.bank.conftest import ENTERPRISE, NOW_MS, PAYEE, Branch, payment_id


def test_a_repeated_letter_gives_the_same_request(branch: Branch) -> None:
    branch.instruct("fault", kind="repeat")
    branch.remit(100)
    branch.remit(100)
    first, again, other = (
        next(outcome.of_letter(message, kind)) for kind, message in branch.letters
    )
    assert first == again
    assert first.request_id != other.request_id


def test_refusals_are_remembered_and_end(branch: Branch) -> None:
    one = branch.remit(1_000)
    branch.instruct("fault", kind="refuse", count="2", reason="AC06")
    assert branch.sell(1, one, 100) == "RJCT AC06"
    assert branch.pay((2, 10), (3, 10)) == ["RJCT AC06", "PDNG"]
    assert branch.sell(4, one, 100) == "ACSC"
    assert branch.sell(1, one, 100) == "RJCT AC06"
    assert branch.pay((2, 10), (3, 10)) == ["RJCT AC06", "PDNG"]
    assert branch.totals["debited:CNY"] == 10


def test_a_lost_reply_and_a_bank_that_is_down(branch: Branch) -> None:
    branch.sell(1, branch.remit(1_000), 1_000)
    some = (Instruction(payment_id(2), 700, PAYEE),)
    order = Order("m", NOW_MS, Purpose.PAYOUT, ENTERPRISE, "CNY", profile.BANK_CODE, some)
    branch.instruct("fault", kind="down", count="2")
    branch.instruct("fault", kind="lose_reply")
    for text, debited in (("down", 0), ("down", 0), ("lost", 700)):
        with pytest.raises(ConnectionError, match=text):
            branch.deliver(order.write())
        assert branch.totals.get("debited:CNY", 0) == debited
    assert branch.deliver(order.write()).states[0].status == "ACSC"
    assert branch.totals["debited:CNY"] == 700
