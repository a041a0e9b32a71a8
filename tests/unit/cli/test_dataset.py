"""Columns of data sets: names, exact values beside decimals, parties by code."""

from __future__ import annotations

import pytest

from whampoa.cli.dataset import DATA_SETS, TEXT
from whampoa.money.v1.money_pb2 import Position
from whampoa.query.v1.query_service_pb2 import PayoutView, TaxItemView

MERCHANT = bytes(range(16))
USCCS = {MERCHANT: "91350100M000100Y43"}


@pytest.mark.parametrize("name", DATA_SETS)
def test_columns_have_names_of_their_own(name: str) -> None:
    names = [column.name for column in DATA_SETS[name].columns()]
    assert len(names) == len(set(names))


def test_a_tax_item_in_its_columns() -> None:
    row = TaxItemView(
        item_id=b"\xff" * 16,
        merchant_party_id=MERCHANT,
        missing_conditions=["invoice", "departure"],
        currency="JPY",
        value_minor=12_345,
        qty_e5=150_000,
        refund_minor=7,
        last=Position(log="whampoa-1", index=9, row=2),
    )
    columns = DATA_SETS["refund-database"].columns()
    cells = {column.name: column.value(row, USCCS) for column in columns}
    assert cells["item_id"] == "ff" * 16
    assert cells["merchant_party_uscc"] == "91350100M000100Y43"
    assert cells["missing_conditions"] == "invoice;departure"
    assert (cells["value_minor"], cells["value"]) == (12_345, "12345")
    assert (cells["qty_e5"], cells["qty"]) == (150_000, "1.50000")
    # A refund is CNY, whatever the goods were sold for.
    assert (cells["refund_minor"], cells["refund"]) == (7, "0.07")
    assert (cells["last_index"], cells["last_row"]) == (9, 2)
    assert all(isinstance(cells[one.name], str) for one in columns if one.kind == TEXT)


def test_an_unknown_party_has_no_code() -> None:
    row = PayoutView(merchant_party_id=b"\x01" * 16, cny_minor=100)
    cells = {one.name: one.value(row, USCCS) for one in DATA_SETS["payouts"].columns()}
    assert cells["merchant_party_uscc"] == ""
    assert cells["cny"] == "1.00"
