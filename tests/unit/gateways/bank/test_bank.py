"""The bank's books: what is credited, sold, debited, taken back, and what is left."""

from __future__ import annotations

import sqlite3

import pytest

from gateways.bank import profile
from gateways.bank.order import Instruction, Purpose
from tests.unit.gateways.bank import judge
from tests.unit.gateways.bank.conftest import ENTERPRISE, PAYEE, Branch, payment_id


def check_books(branch: Branch) -> dict[str, int]:
    """Give the totals, which entries, balances and remittances have to agree on."""
    totals = branch.totals
    for currency in {key.partition(":")[2] for key in totals}:
        of = {word: totals.get(f"{word}:{currency}", 0) for word in _WORDS}
        gone = of["charged"] + of["recalled"] + of["repaid"] + of["sold"] + of["debited"]
        assert of["balance"] == of["credited"] + of["bought"] + of["returned"] - gone
        assert of["balance"] + of["debt"] >= 0
    running: dict[tuple[str, str], int] = {}
    rows, count = branch.bank.rows("statement", 0, 0)
    assert count == len(rows)
    for row in rows:
        key = (row["enterprise"], row["currency"])
        signed = int(row["amount_minor"]) * (1 if row["direction"] == "CRDT" else -1)
        running[key] = running.get(key, 0) + signed
        assert running[key] == int(row["balance_minor"])
    accounts, _ = branch.bank.rows("accounts", 0, 0)
    for row in accounts:
        key = (row["enterprise"], row["currency"])
        assert running.get(key, 0) == int(row["balance_minor"])
    for kind, message in branch.letters:
        if kind == profile.NOTIFICATION:
            judge.check(message, kind)
    return totals


_WORDS = (
    *("credited", "charged", "recalled", "repaid", "sold", "bought", "debited", "returned"),
    *("balance", "debt"),
)


def test_money_from_credit_to_payout(branch: Branch) -> None:
    one = branch.remit(5_000_000, charges_before_minor="28800")
    two = branch.remit(100_000, "JPY")
    assert branch.sell(1, one, 4_000_000) == "ACSC"
    assert branch.sell(2, two, 100_000, "JPY") == "ACSC"
    assert branch.pay((3, 20_000_000), (4, 8_966_100)) == ["ACSC", "ACSC"]
    assert check_books(branch) == {
        "credited:USD": 4_971_200,
        "sold:USD": 4_000_000,
        "balance:USD": 971_200,
        "credited:JPY": 100_000,
        "sold:JPY": 100_000,
        # 40,000.00 x 7.1234 + 100,000 x 0.04725.
        "bought:CNY": 28_493_600 + 472_500,
        "debited:CNY": 28_966_100,
    }
    assert branch.bank.totals("accounts")["returned:CNY"] == 0
    rows, _ = branch.bank.rows("conversions", 0, 0)
    assert [(row["state"], row["cny_minor"]) for row in rows] == [
        ("booked", "28493600"),
        ("booked", "472500"),
    ]
    rows, _ = branch.bank.rows("payouts", 0, 0)
    assert {row["state"] for row in rows} == {"debited"}
    # One entry for the whole batch.
    assert len({row["reference"] for row in rows}) == 1


def test_a_conversion_takes_no_more_than_its_remittance_has(branch: Branch) -> None:
    one, two = branch.remit(1_000), branch.remit(500)
    assert branch.sell(1, one, 1_001) == "RJCT AM04"
    assert branch.sell(2, one, 1_000) == "ACSC"
    assert branch.sell(3, one, 1) == "RJCT AM04"
    assert branch.sell(4, two, 500, "EUR") == "RJCT AC01"
    assert branch.sell(5, payment_id(99), 500) == "RJCT AC01"
    assert branch.sell(6, branch.remit(500, "SGD"), 500, "SGD") == "RJCT AM03"
    assert branch.sell(7, branch.remit(1, "JPY"), 1, "JPY") == "ACSC"
    branch.instruct("rate", base="JPY", quote="CNY", rate_e8="1")
    assert branch.sell(8, branch.remit(1, "JPY"), 1, "JPY") == "RJCT AM12"
    assert check_books(branch)["sold:USD"] == 1_000
    # What was refused stays refused, whatever has changed since.
    assert branch.sell(3, one, 1) == "RJCT AM04"


def test_payouts_wait_for_money_in_order(branch: Branch) -> None:
    assert branch.pay((1, 300), (2, 5_000), (3, 1)) == ["PDNG", "PDNG", "PDNG"]
    assert check_books(branch)["waiting:CNY"] == 5_301
    remittance = branch.remit(10_000)
    assert branch.sell(4, remittance, 100) == "ACSC"
    # 712 fen came: the first goes, the second waits, and the third does not overtake it.
    totals = check_books(branch)
    assert (totals["debited:CNY"], totals["waiting:CNY"]) == (300, 5_001)
    assert branch.sell(5, remittance, 1_000) == "ACSC"
    totals = check_books(branch)
    assert totals["debited:CNY"] == 5_301
    assert "waiting:CNY" not in totals


def test_what_was_sold_is_called_back_as_a_debt(branch: Branch) -> None:
    one, two = branch.remit(10_000), branch.remit(10_000)
    branch.sell(1, one, 9_000)
    told = branch.instruct("recall", remittance=one, amount_minor="3000", reason="FRAD")
    assert told == f"recall {one} booked 3000 USD debt 2000"
    told = branch.instruct("charge", remittance=two, amount_minor="40")
    assert told == f"charge {two} booked 40 USD debt 0"
    totals = check_books(branch)
    assert (totals["balance:USD"], totals["debt:USD"]) == (7_960, 2_000)
    # The debt of one remittance takes nothing from another.
    assert branch.sell(2, two, 9_960) == "ACSC"
    assert check_books(branch)["balance:USD"] == -2_000
    branch.instruct("recall", remittance=one, amount_minor="7000")
    with pytest.raises(ValueError, match=r"amount_minor: 1 is outside 1\.\.0"):
        branch.instruct("recall", remittance=one, amount_minor="1")
    assert check_books(branch)["debt:USD"] == 9_000


def test_money_goes_back_to_its_payer(branch: Branch) -> None:
    one = branch.remit(1_000)
    for number, minor, ends in ((1, 400, "ACSC"), (2, 700, "RJCT"), (1, 400, "ACSC")):
        some = Instruction(payment_id(number), minor, None, one)
        report = branch.order(Purpose.REPAYMENT, "USD", some, message_id=f"m{branch.now_ms}")
        assert report.states[0].status == ends
    totals = check_books(branch)
    assert (totals["repaid:USD"], totals["balance:USD"]) == (400, 600)


def test_what_comes_back_from_clearing_is_credited_once(branch: Branch) -> None:
    remittance = branch.remit(10_000)
    branch.sell(1, remittance, 10_000)
    branch.pay((2, 71_234))
    assert branch.pay((3, 70_000)) == ["PDNG"]
    for _ in range(2):
        branch.come_back(2, 71_234)
    totals = check_books(branch)
    # The payout that waited went out of it.
    assert (totals["returned:CNY"], totals["debited:CNY"]) == (71_234, 141_234)
    assert totals["balance:CNY"] == 1_234
    rows, _ = branch.bank.rows("payouts", 0, 0)
    assert [(row["state"], row["reason"]) for row in rows] == [
        ("returned", "AC04"),
        ("debited", ""),
    ]
    for number, minor, field in ((2, 71_233, "amountMinor"), (9, 1, "payoutId")):
        with pytest.raises(ValueError, match=field):
            branch.come_back(number, minor)
    assert check_books(branch) == totals


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (b"<clearingReturn", "clearingReturn"),
        (b"<!DOCTYPE a><clearingReturn/>", "declarations"),
        (b"<other/>", "root is other"),
        (b"<clearingReturn payoutId='1'/>", "payoutId"),
        (b"x" * 5_000, "short"),
    ],
)
def test_broken_returns_are_refused(branch: Branch, message: bytes, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        branch.bank.deliver(message, profile.CLEARING_RETURN, branch.now_ms)


def test_an_order_that_comes_again_gets_the_same_answer(branch: Branch) -> None:
    branch.sell(1, branch.remit(1_000), 1_000)
    some = Instruction(payment_id(2), 700, PAYEE)
    first = branch.order(Purpose.PAYOUT, "CNY", some)
    totals, letters = branch.totals, branch.letters
    assert branch.order(Purpose.PAYOUT, "CNY", some) == first
    # The same payment under another message is only answered.
    again = branch.order(Purpose.PAYOUT, "CNY", some, message_id="other")
    assert again.states == first.states
    # Another payment under the same id, or another order under the same message id, is refused.
    other = Instruction(payment_id(2), 701, PAYEE)
    assert branch.order(Purpose.PAYOUT, "CNY", other, message_id="third").states[0].reason == "AM05"
    assert branch.order(Purpose.PAYOUT, "CNY", other).reason == "AM05"
    assert (branch.totals, branch.letters) == (totals, letters)


def test_orders_refused_as_a_whole(branch: Branch) -> None:
    some = Instruction(payment_id(1), 700, PAYEE)
    assert branch.order(Purpose.PAYOUT, "USD", some).reason == "AM03"
    assert branch.order(Purpose.PAYOUT, "CNY", some, enterprise="0" * 32).reason == "AC01"
    assert branch.order(Purpose.PAYOUT, "CNY", some, bank_code="1" * 14).reason == "RC01"
    assert branch.deliver(b"<order/>").reason == "FF01"
    # None of them took the id.
    branch.sell(2, branch.remit(1_000), 1_000)
    assert branch.pay((1, 700)) == ["ACSC"]


def test_a_new_rate_is_told_and_used(branch: Branch) -> None:
    branch.instruct("rate", base="USD", quote="CNY", rate_e8="700000000")
    assert branch.letters[-1][0] == profile.BOARD
    branch.sell(1, branch.remit(100), 100)
    assert branch.totals["bought:CNY"] == 700
    rows, _ = branch.bank.rows("quotes", 0, 0)
    assert {"base": "USD", "quote": "CNY", "rate_e8": "700000000"} in rows


def test_remittances_of_one_reference_differ(branch: Branch) -> None:
    one = branch.remit(100, reference="GZ-2026/1")
    assert branch.remit(100, reference="GZ-2026/1") != one
    rows, _ = branch.bank.rows("remittances", 0, 0)
    assert [row["reference"] for row in rows] == ["GZ-2026/1"] * 2
    with pytest.raises(ValueError, match="same millisecond"):
        branch.now_ms -= 1
        branch.remit(100, reference="GZ-2026/1")
    assert branch.totals["credited:USD"] == 200


@pytest.mark.parametrize(
    ("action", "arguments", "field"),
    [
        ("sell", {}, "action: 'sell'"),
        ("open_account", {"enterprise": "beef"}, "enterprise"),
        ("open_account", {"enterprise": ENTERPRISE, "name": "", "collection_account": "1"}, "name"),
        (
            "open_account",
            {"enterprise": ENTERPRISE, "name": "other", "collection_account": "1"},
            "has accounts as",
        ),
        ("remit", {"enterprise": "0" * 32}, "no account here"),
        ("remit", {"currency": "XAU"}, "currency"),
        ("remit", {"instructed_minor": "0"}, "charges_before_minor"),
        ("remit", {"instructed_minor": "1.5"}, "instructed_minor"),
        ("remit", {"instructed_minor": str(2**53 + 1)}, "instructed_minor"),
        ("remit", {"charges_before_minor": "100"}, "charges_before_minor"),
        ("remit", {"payer_country": "US"}, "payer_country"),
        ("remit", {"payer_name": ""}, "payer_name"),
        ("remit", {"payer_name": "a\x00b"}, "Nm"),
        ("remit", {"text": "x" * 1_401}, "text"),
        ("remit", {"reference": "x" * 23}, "reference"),
        ("remit", {"value_date": "2026-13-01"}, "value_date"),
        ("charge", {"remittance": "0" * 32, "amount_minor": "1"}, "not credited here"),
        ("rate", {"base": "USD", "quote": "USD", "rate_e8": "1"}, "quote"),
        ("rate", {"base": "USD", "quote": "CNY", "rate_e8": "0"}, "rate_e8"),
        ("fault", {"kind": "fire"}, "kind"),
        ("fault", {"kind": "down", "count": "10001"}, "count"),
        ("fault", {"kind": "slow", "delay_ms": "60001"}, "delay_ms"),
        ("fault", {"kind": "refuse", "reason": "no"}, "reason"),
    ],
)
def test_bad_instructions(
    branch: Branch, action: str, arguments: dict[str, str], field: str
) -> None:
    good = {
        "enterprise": ENTERPRISE,
        "currency": "USD",
        "instructed_minor": "100",
        "payer_name": "Harbor",
        "payer_country": "USA",
    }
    given = good | arguments if action == "remit" else arguments
    with pytest.raises(ValueError, match=field):
        branch.instruct(action, **given)
    assert branch.letters == []
    assert branch.totals == {}


def test_books_refuse_to_be_cheated(branch: Branch) -> None:
    branch.remit(100)
    with pytest.raises(sqlite3.IntegrityError), branch.bank.books.transaction() as connection:
        connection.execute("UPDATE remittances SET sold_minor = 101")
    with pytest.raises(ValueError, match="book: 'safe'"):
        branch.bank.rows("safe", 0, 0)
