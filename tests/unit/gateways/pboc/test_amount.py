"""Amounts and moments: exact both ways, strict about their text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways import moment
from gateways.pboc import amount


@given(st.integers(1, amount.MINOR_MAX))
def test_amounts_come_back(minor: int) -> None:
    assert amount.parse(amount.write(minor), "Amt") == minor


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.0", "1.000", "01.00", "-1.00", "+1.00", "1e2", ".01", "1,00", "0.00", "١.00"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^Amt: "):
        amount.parse(text, "Amt")


@pytest.mark.parametrize("minor", [0, -1, amount.MINOR_MAX + 1])
def test_amounts_outside_are_refused(minor: int) -> None:
    with pytest.raises(ValueError, match=str(minor)):
        amount.write(minor)


@given(st.integers(0, 4_000_000_000_000))
def test_moments_come_back(time_ms: int) -> None:
    assert moment.parse(moment.write(time_ms), "CreDtTm") == time_ms


def test_midnight_in_beijing() -> None:
    assert moment.write(1_795_536_000_000) == "2026-11-25T00:00:00.000+08:00"
    assert moment.date_digits(1_795_535_999_999) == "20261124"
    assert moment.time_digits(1_795_535_999_999) == "235959"
    with pytest.raises(ValueError, match=r"^CreDtTm: "):
        moment.parse("2026-02-30T00:00:00.000+08:00", "CreDtTm")
