"""Decimal text of amounts: exact, and by the same minor units as the core."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whampoa.amounts import decimal_text, minor_digits, money_text

CORE = Path(__file__).resolve().parents[3] / "engine_core/core/src/money.rs"


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (0, "USD", "0.00"),
        (5, "USD", "0.05"),
        (-5, "USD", "-0.05"),
        (123_456, "CNY", "1234.56"),
        (123, "JPY", "123"),
        (-1, "KRW", "-1"),
        (1, "KWD", "0.001"),
        (2**63 - 1, "USD", "92233720368547758.07"),
    ],
)
def test_money_is_written_exactly(minor: int, currency: str, text: str) -> None:
    assert money_text(minor, currency) == text


@given(st.integers(-(2**64), 2**64), st.integers(0, 8))
def test_text_and_integer_are_one_value(scaled: int, digits: int) -> None:
    text = decimal_text(scaled, digits)
    assert Decimal(text).scaleb(digits) == scaled
    assert len(text.partition(".")[2]) == digits


def test_minor_units_are_those_of_the_core() -> None:
    table = re.findall(r'row\("([A-Z]{3})", \d+, (\d),', CORE.read_text("utf-8"))
    assert len(table) > 20
    assert {iso: minor_digits(iso) for iso, _ in table} == {
        iso: int(digits) for iso, digits in table
    }
