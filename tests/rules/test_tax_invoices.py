"""Invoices and items: the refund to the fen, labels that move, and what falls away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.customs import Line, Parcel
from tests.rules.scenario import ORDINARY, Scenario
from tests.rules.taxation import AMOUNT, LIBRARY, TSHIRT, E, labelled, missing, of, parcel_of
from whampoa.tax.v1 import tax_service_pb2 as tax


@pytest.mark.parametrize(
    ("bought", "refund"),
    [
        # 5,000 pieces at CNY 1,000: CNY 650,000.
        ([(500_000_000, 5_000, 1300)], 65_000_000),
        # Rounded down once over all invoices: 203 × 13 % = 26.39.
        ([(101, 2_500, 1300), (102, 2_500, 1300)], 26),
        # A supplier of 1 % or 3 % caps the rate.
        ([(1_000_000, 5_000, 100)], 10_000),
        ([(1_000_000, 2_000, 300), (1_000_000, 3_000, 1300)], 160_000),
        # More is bought than exported: the item takes its part, oldest first.
        ([(1_000_000, 10_000, 1300)], 65_000),
    ],
)
def test_the_refund_is_computed_in_integers_from_the_invoices(
    field: Scenario, bought: list[tuple[int, int, int]], refund: int
) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.invoices(
        *(field.invoice(merchant, amount, qty, rate_bp=rate) for amount, qty, rate in bought)
    )
    item = labelled(field, parcel_of(merchant, lines=(Line(qty=5_000, cents=1),)))
    assert (item.regime, item.refund_minor) == ("refund_trade", refund)


def test_an_invoice_shared_by_items_is_given_out_to_the_last_fen(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", (TSHIRT, 10_000, 0, 20200101, 0))
    field.invoices(field.invoice(merchant, 1_000, 7, rate_bp=10_000))
    refunds = []
    for number, qty in enumerate((1, 2, 3, 1)):
        parcel = parcel_of(merchant, f"{number}", lines=(Line(qty=qty),))
        refunds.append(labelled(field, parcel).refund_minor)
    assert refunds == [142, 286, 429, 143]
    extra = labelled(field, parcel_of(merchant, "9"))
    assert (extra.regime, extra.refund_minor) == ("taxed_no_voucher", 0)


def test_invoices_of_other_goods_units_and_buyers_cover_nothing(field: Scenario) -> None:
    merchant, other = field.merchant("M"), field.merchant("Other")
    field.load_rates("2026B", LIBRARY)
    field.invoices(
        field.invoice(other, AMOUNT),
        field.invoice(merchant, AMOUNT, gcode="6109100020"),
        field.invoice(merchant, AMOUNT, unit="007"),
    )
    assert labelled(field, parcel_of(merchant)).regime == "taxed_no_voucher"


def test_an_invoice_after_the_release_moves_the_item(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.zone(merchant)
    parcel = parcel_of(merchant)
    before = labelled(field, parcel)
    assert before.database == "exempt_no_invoice"
    assert field.invoices(field.invoice(merchant, AMOUNT)) == 1
    after = field.item(parcel)
    assert (after.database, after.item_id) == ("refund", before.item_id)
    assert field.invoices(field.invoice(merchant, AMOUNT)) == 0


def test_a_special_invoice_takes_the_place_of_an_ordinary_one(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    one, two = parcel_of(merchant, "1", lines=(Line(qty=2),)), parcel_of(merchant, "2")
    field.invoices(field.invoice(merchant, 900, 2, kind=ORDINARY))
    assert labelled(field, one).regime == "exempt_voucher"
    field.invoices(field.invoice(merchant, 2_000, 1))
    mixed = field.item(one)
    assert (mixed.regime, missing(mixed)) == ("exempt_voucher", {"r8_special_invoice"})
    field.invoices(field.invoice(merchant, 3_000, 1))
    assert (field.item(one).regime, field.item(one).refund_minor) == ("refund_trade", 650)
    # The ordinary invoice is free again.
    assert labelled(field, two).regime == "exempt_voucher"


def fall(field: Scenario, parcel: Parcel, how: str) -> None:
    """Takes the proof of a released parcel away."""
    match how:
        case "return":
            field.return_goods(field.trade(parcel), 10_000)
        case "part of it returned":
            field.return_goods(field.trade(parcel), 1)
        case "withdrawal":
            field.withdraw(parcel)
        case "inspection":
            field.submit(field.list_reply(parcel, 500))
        case _:
            agent = field.agent("Second")
            again = parcel.by(agent).but(lines=(Line(cents=1),))
            field.declare(again)
            field.approve(again)


@pytest.mark.parametrize(
    "how", ["return", "part of it returned", "withdrawal", "inspection", "dispute"]
)
def test_what_lost_its_proof_leaves_the_database_and_frees_its_invoices(
    field: Scenario, how: str
) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(merchant, AMOUNT))
    parcel, other = parcel_of(merchant, "1"), parcel_of(merchant, "2")
    assert labelled(field, parcel).database == "refund"
    assert labelled(field, other).regime == "taxed_no_voucher"
    fall(field, parcel, how)
    item = field.item(parcel)
    assert (of(item), item.refund_minor) == (("review", "none"), 0)
    field.label(merchant)
    assert of(field.item(parcel)) == ("review", "none")
    assert of(field.item(other)) == ("refund_trade", "refund")


def test_a_list_released_again_gets_its_label_back(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(merchant, AMOUNT))
    parcel = parcel_of(merchant)
    item_id = labelled(field, parcel).item_id
    field.withdraw(parcel)
    field.submit(field.list_of(parcel))
    field.release(parcel)
    item = field.item(parcel)
    assert (item.database, item.item_id, item.refund_minor) == ("refund", item_id, 65_000)


def test_lines_that_a_new_list_leaves_out_leave_the_database(field: Scenario) -> None:
    """Withdrawn and declared again within one request: nothing was judged in between."""
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(merchant, AMOUNT, 2))
    parcel = parcel_of(merchant, lines=(Line("X-1", 1_000), Line("X-2", 2_000)))
    field.export(parcel)
    field.depart(parcel)
    assert [item.database for item in field.items(parcel)] == ["refund", "refund"]
    shorter = parcel.but(listed=parcel.lines[:1])
    field.submit(
        field.withdrawal(parcel),
        field.withdrawal_reply(parcel, 399),
        field.list_of(shorter),
        field.list_reply(shorter, 800),
    )
    assert [item.database for item in field.items(parcel)] == ["refund", "none"]
    assert labelled(field, parcel_of(merchant, "2")).database == "refund"


def test_goods_that_change_hands_within_one_request_lose_their_invoices(field: Scenario) -> None:
    agent, first, second = field.agent("A"), field.merchant("First"), field.merchant("Second")
    for merchant in (first, second):
        field.entrust(merchant, agent)
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(first, AMOUNT))
    parcel = Parcel("1", agent.code, agent.code, owner=first.code, export_date=E)
    assert labelled(field, parcel).database == "refund"
    changed = parcel.but(owner=second.code)
    field.submit(
        field.withdrawal(parcel),
        field.withdrawal_reply(parcel, 399),
        field.list_of(changed),
        field.list_reply(changed, 800),
    )
    item = field.item(changed)
    assert (item.merchant_party_id, of(item)) == (second.party_id, ("taxed_no_voucher", "none"))
    assert labelled(field, parcel_of(first, "2")).database == "refund"


def test_the_label_follows_the_merchant_an_officer_names(field: Scenario) -> None:
    agent, first, second = field.agent("A"), field.merchant("First"), field.merchant("Second")
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(first, AMOUNT), field.invoice(second, 2 * AMOUNT))
    parcel = Parcel("1", agent.code, agent.code, owner=first.code, export_date=E)
    field.export(parcel)
    assert field.items(parcel) == []
    field.settle(field.trade(parcel), second)
    field.depart(parcel)
    item = field.item(parcel)
    assert (item.merchant_party_id, item.refund_minor) == (second.party_id, 130_000)


def test_the_same_goods_under_two_agents_stand_in_a_database_once(field: Scenario) -> None:
    merchant, first, second = field.merchant("M"), field.agent("First"), field.agent("Second")
    field.entrust(merchant, first)
    field.entrust(merchant, second)
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(merchant, AMOUNT, 2))
    parcel = Parcel("1", first.code, first.code, owner=merchant.code, export_date=E)
    again = parcel.by(second)
    for filed in (parcel, again):
        field.declare(filed)
        field.approve(filed, 899)
    assert [item.database for item in field.items(parcel)] == ["refund"]
    field.withdraw(parcel)
    assert [item.database for item in field.items(parcel)] == ["none", "refund"]


BAD_INVOICES: list[tuple[dict[str, Any], str]] = [
    ({"number": "123"}, "FIELD_INVALID"),
    ({"kind": 0}, "FIELD_INVALID"),
    ({"date": 20260231}, "FIELD_INVALID"),
    ({"amount_minor": 0}, "INVALID_AMOUNT"),
    ({"amount_minor": -1}, "INVALID_AMOUNT"),
    ({"tax_rate_bp": 10_001}, "FIELD_INVALID"),
    ({"gcode": "61091"}, "FIELD_INVALID"),
    ({"qty_e5": 0}, "INVALID_AMOUNT"),
    ({"unit": ""}, "FIELD_INVALID"),
    ({"buyer_party_id": b""}, "FIELD_MISSING"),
]


@pytest.mark.parametrize(("words", "reason"), BAD_INVOICES)
def test_bad_invoices_are_refused_whole(
    field: Scenario, words: dict[str, Any], reason: str
) -> None:
    merchant = field.merchant("M")
    good, bad = field.invoice(merchant, AMOUNT), field.invoice(merchant, AMOUNT)
    for name, value in words.items():
        setattr(bad, name, value)
    assert field.refused(tax.SubmitInvoicesRequest(invoices=[good, bad])) == reason
    field.load_rates("2026B", LIBRARY)
    assert labelled(field, parcel_of(merchant)).regime == "taxed_no_voucher"


def test_an_invoice_counts_once_and_is_never_changed(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    invoice = field.invoice(merchant, AMOUNT)
    field.invoices(invoice, invoice)
    field.invoices(invoice)
    assert labelled(field, parcel_of(merchant, "1")).regime == "refund_trade"
    assert labelled(field, parcel_of(merchant, "2")).regime == "taxed_no_voucher"
    invoice.amount_minor += 1
    request = tax.SubmitInvoicesRequest(invoices=[invoice])
    assert field.refused(request) == "INVOICE_EXISTS_DIFFERENT"
