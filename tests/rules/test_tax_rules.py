"""Tax labels: each branch of the rule table by date, what is missing, refunds, and law 7."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rules.customs import Line
from tests.rules.parties import GENERAL, SMALL_SCALE
from tests.rules.scenario import ORDINARY, SPECIAL, Scenario
from tests.rules.taxation import AMOUNT, LIBRARY, TSHIRT, E, labelled, missing, of, parcel_of
from whampoa.registry.v1.registry_service_pb2 import VAT_CLASS_UNSPECIFIED
from whampoa.tax.v1 import tax_service_pb2 as tax


def test_everything_in_place_is_a_refund(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(merchant, AMOUNT))
    item = labelled(field, parcel_of(merchant))
    assert of(item) == ("refund_trade", "refund")
    assert (item.missing_conditions, item.library_version) == ("", "2026B")
    assert (item.refund_rate_bp, item.refund_minor) == (1300, 65_000)
    assert (item.value_minor, item.currency, item.export_date) == (10_000, "USD", E)


# What differs from the refund above, and what is missing then.
VOUCHER_CASES: list[tuple[dict[str, Any], str]] = [
    ({"vat": VAT_CLASS_UNSPECIFIED}, "r1_general_taxpayer"),
    ({"filed": 0}, "r2_refund_filing"),
    ({"filed": 20270101}, "r2_refund_filing"),
    ({"departs": False}, "r4_departed"),
    ({"kind": ORDINARY}, "r8_special_invoice"),
    ({"rate": 0}, "r9_rate"),
    ({"flag": "A"}, "type_b_list"),
]


@pytest.mark.parametrize(("change", "condition"), VOUCHER_CASES)
def test_one_condition_missing_and_a_voucher_is_exempt(
    field: Scenario, change: dict[str, Any], condition: str
) -> None:
    merchant = field.merchant(
        "M", vat=change.get("vat", GENERAL), filed=change.get("filed", 20200101)
    )
    field.load_rates("2026B", (TSHIRT, change.get("rate", 1300), 0, 20200101, 0))
    field.invoices(field.invoice(merchant, AMOUNT, kind=change.get("kind", SPECIAL)))
    parcel = parcel_of(merchant, flag=change.get("flag", "B"))
    item = labelled(field, parcel, departs=change.get("departs", True))
    assert of(item) == ("exempt_voucher", "none")
    assert (missing(item), item.refund_minor) == ({condition}, 0)


@pytest.mark.parametrize(
    ("flag", "vat", "regime"),
    [(1, GENERAL, "taxed_flag1"), (2, GENERAL, "exempt_flag2"), (0, SMALL_SCALE, "exempt_small")],
)
def test_goods_and_taxpayers_that_are_never_refunded(
    field: Scenario, flag: int, vat: Any, regime: str
) -> None:
    merchant = field.merchant("M", vat=vat)
    field.load_rates("2026B", (TSHIRT, 1300, flag, 20200101, 0))
    field.invoices(field.invoice(merchant, AMOUNT))
    field.zone(merchant)
    item = labelled(field, parcel_of(merchant))
    assert of(item) == (regime, "none")
    assert item.refund_minor == 0


@pytest.mark.parametrize("status", [800, 899])
def test_a_closed_list_departed(field: Scenario, status: int) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(merchant, AMOUNT))
    parcel = parcel_of(merchant)
    field.declare(parcel)
    field.approve(parcel, status)
    assert missing(field.item(parcel)) == (set() if status == 899 else {"r4_departed"})


@pytest.mark.parametrize(
    ("exported", "last_day", "overdue"),
    [(20260801, 20290801, 20290802), (20280229, 20310228, 20310301)],
)
def test_thirty_six_months_after_the_export_it_is_taxed(
    field: Scenario, exported: int, last_day: int, overdue: int
) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(merchant, AMOUNT))
    parcel = parcel_of(merchant, export_date=exported)
    labelled(field, parcel)
    field.on(last_day, hour=23)
    assert field.label(merchant) == 0
    assert field.item(parcel).regime == "refund_trade"
    field.on(overdue, hour=1)
    assert field.label(merchant) == 1
    assert of(field.item(parcel)) == ("taxed_overdue", "none")


def test_exports_before_2026_are_never_overdue(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(merchant, AMOUNT))
    parcel = parcel_of(merchant, export_date=20251231)
    labelled(field, parcel)
    field.on(20351231)
    field.label(merchant)
    assert field.item(parcel).regime == "refund_trade"


def test_a_zone_exempts_what_has_no_invoice(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.zone(merchant)
    item = labelled(field, parcel_of(merchant))
    assert of(item) == ("exempt_no_invoice", "exempt_no_invoice")
    assert missing(item) == {"r8_special_invoice"}


ZONE_CASES: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    ({"gcode": "6402992900"}, {}, {"n1_zone_registration", "n2_zone_customs"}),
    ({"valid_until": 20260731}, {}, {"n1_zone_registration", "n2_zone_customs"}),
    ({"valid_from": E + 1}, {}, {"n1_zone_registration", "n2_zone_customs"}),
    ({"district": "53"}, {}, {"n2_zone_customs"}),
    ({}, {"mode": "9710"}, {"n2_zone_customs"}),
]


@pytest.mark.parametrize(("zone", "words", "lacking"), ZONE_CASES)
def test_outside_the_zone_and_without_a_voucher_it_is_taxed(
    field: Scenario, zone: dict[str, Any], words: dict[str, Any], lacking: set[str]
) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.zone(merchant, **zone)
    item = labelled(field, parcel_of(merchant, **words))
    assert of(item) == ("taxed_no_voucher", "none")
    assert missing(item) == {"r8_special_invoice"} | lacking


@pytest.mark.parametrize(
    ("exported", "regime"), [(20180930, "review"), (20181001, "exempt_no_invoice")]
)
def test_the_zone_rule_is_in_force_since_october_2018(
    field: Scenario, exported: int, regime: str
) -> None:
    merchant = field.merchant("M")
    field.load_rates("2018A", (TSHIRT, 1300, 0, 20180101, 0))
    field.zone(merchant)
    assert labelled(field, parcel_of(merchant, export_date=exported)).regime == regime


def test_a_voucher_for_a_part_is_for_a_person_to_look_at(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.zone(merchant)
    field.invoices(field.invoice(merchant, AMOUNT, 2))
    item = labelled(field, parcel_of(merchant, lines=(Line(qty=3),)))
    assert of(item) == ("review", "none")
    assert missing(item) == {"r8_special_invoice", "n4_no_voucher"}
    field.invoices(field.invoice(merchant, AMOUNT, 1))
    assert of(field.item(parcel_of(merchant))) == ("refund_trade", "refund")


@pytest.mark.parametrize("voucher", [None, SPECIAL, ORDINARY])
@pytest.mark.parametrize("vat", [GENERAL, SMALL_SCALE])
@pytest.mark.parametrize("code", ["ambiguous", "unknown"])
def test_a_code_without_one_policy_is_never_guessed(
    field: Scenario, code: str, vat: Any, voucher: Any
) -> None:
    merchant = field.merchant("M", vat=vat)
    rows = [(f"{TSHIRT}01", 1300, 0, 20200101, 0), (f"{TSHIRT}02", 0, 1, 20200101, 0)]
    field.load_rates("2026B", *(rows if code == "ambiguous" else [("640299", 1300, 0, E, 0)]))
    if voucher:
        field.invoices(field.invoice(merchant, AMOUNT, kind=voucher))
    item = labelled(field, parcel_of(merchant))
    assert of(item) == ("review", "none")
    assert f"{code}_code" in missing(item)


@pytest.mark.parametrize(
    ("rows", "rate"),
    [
        ([("6109", 900, 0, 20200101, 0), ("61091000", 1300, 0, 20200101, 0)], 1300),
        ([("6109", 900, 0, 20200101, 0), ("61091000", 1300, 0, 20270101, 0)], 900),
        ([("61091000", 900, 0, 20200101, 0), (TSHIRT, 1300, 0, 20200101, 0)], 1300),
        ([("61091000", 900, 0, 20200101, 0), (f"{TSHIRT}02", 1300, 0, 20200101, 0)], 1300),
        ([(f"{TSHIRT}01", 600, 0, 20200101, 0), (f"{TSHIRT}02", 600, 0, 20200101, 0)], 600),
    ],
    ids=["longest", "longest in force", "exact", "child before prefix", "children agree"],
)
def test_a_code_finds_its_policy(field: Scenario, rows: list[Any], rate: int) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", *rows)
    field.invoices(field.invoice(merchant, AMOUNT))
    assert labelled(field, parcel_of(merchant)).refund_rate_bp == rate


@pytest.mark.parametrize(
    ("exported", "regime", "refund"),
    [(20260331, "refund_trade", 45_000), (20260401, "exempt_voucher", 0)],
)
def test_the_rate_is_that_of_the_export_date(
    field: Scenario, exported: int, regime: str, refund: int
) -> None:
    """The cut of 2026-04-01 on photovoltaic cells: 9 % to 0 %."""
    cells = "8541430000"
    merchant = field.merchant("M")
    field.load_rates("2026A", (cells, 900, 0, 20250101, 20260331), (cells, 0, 0, 20260401, 0))
    field.invoices(field.invoice(merchant, AMOUNT, gcode=cells))
    parcel = parcel_of(merchant, export_date=exported, lines=(Line(gcode=cells),))
    item = labelled(field, parcel)
    assert (item.regime, item.refund_minor) == (regime, refund)


def test_a_new_library_labels_again_by_the_export_date(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026B", LIBRARY)
    field.invoices(field.invoice(merchant, AMOUNT))
    parcel = parcel_of(merchant)
    labelled(field, parcel)
    field.load_rates("2026C", (TSHIRT, 900, 0, 20200101, E), (TSHIRT, 600, 0, E + 1, 0))
    assert field.label(merchant) == 1
    item = field.item(parcel)
    assert (item.refund_rate_bp, item.refund_minor, item.library_version) == (900, 45_000, "2026C")
    assert field.label(merchant) == 0


def test_intervals_of_a_code_and_of_a_registration_do_not_overlap(field: Scenario) -> None:
    merchant = field.merchant("M")
    field.load_rates("2026A", (TSHIRT, 1300, 0, 20260101, 20260331))
    rows = [tax.RefundRate(code=TSHIRT, refund_rate_bp=900, valid_from=20260331)]
    request = tax.LoadRefundRatesRequest(library_version="2026B", rates=rows)
    assert field.refused(request) == "PERIOD_OVERLAPS"
    field.zone(merchant, valid_from=20260101, valid_until=20261231)
    again = tax.ZoneRegistration(
        registration_id=field.new_id(),
        merchant_party_id=merchant.party_id,
        customs_district="51",
        platform_reg_no="GZ-0002",
        gcode=TSHIRT,
        valid_from=20261231,
    )
    overlapping = tax.RegisterZoneGoodsRequest(registrations=[again])
    assert field.refused(overlapping) == "PERIOD_OVERLAPS"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), vouchers=st.sets(st.sampled_from(["special", "ordinary"])))
def test_a_label_does_not_depend_on_the_order_of_its_inputs(
    field: Scenario, seed: int, vouchers: set[str]
) -> None:
    merchant = field.merchant("M")
    parcel = parcel_of(merchant, f"O{field.new_id().hex()[-12:]}")
    inputs: list[Callable[[], object]] = [
        lambda: field.load_rates("2026B", LIBRARY),
        lambda: field.zone(merchant),
        lambda: field.export(parcel),
        lambda: field.depart(parcel),
    ]
    if "special" in vouchers:
        inputs.append(lambda: field.invoices(field.invoice(merchant, AMOUNT)))
    if "ordinary" in vouchers:
        inputs.append(lambda: field.invoices(field.invoice(merchant, AMOUNT, kind=ORDINARY)))
    random.Random(seed).shuffle(inputs)
    for give in inputs:
        give()
    field.label(merchant)
    if "special" in vouchers:
        expected = ("refund_trade", "refund")
    elif vouchers:
        expected = ("exempt_voucher", "none")
    else:
        expected = ("exempt_no_invoice", "exempt_no_invoice")
    assert of(field.item(parcel)) == expected
