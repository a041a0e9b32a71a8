"""Amounts, rates and the board: integers alone, rounded where the rule says so."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from gateways.bank import amount, country, rate
from gateways.bank.board import Board
from gateways.bank.rate import Rate

NOW_MS = 1_795_500_000_123
CNY_OF = {"EUR": 825_160_000, "JPY": 4_725_000, "USD": 712_340_000}


def board(*changed: str, **more: int) -> dict[tuple[str, str], int]:
    """Rates that follow from a board on which some quotes in CNY are new."""
    quotes = tuple(Rate(code, "CNY", rate_e8) for code, rate_e8 in (CNY_OF | more).items())
    news = Board(NOW_MS, quotes, frozenset((code, "CNY") for code in changed)).news()
    return {(it.base, it.quote): it.rate_e8 for it in news}


@pytest.mark.parametrize(
    ("currency", "minor", "text"),
    [
        ("USD", 5, "0.05"),
        ("JPY", 1_001, "1001"),
        ("KWD", 1_234_567, "1234.567"),
        ("CNY", 0, "0.00"),
    ],
)
def test_amounts(currency: str, minor: int, text: str) -> None:
    assert amount.write(minor, currency) == text
    assert amount.parse(text, currency, "Amt") == minor


def test_amounts_of_other_makers() -> None:
    assert amount.parse("5", "USD", "Amt") == 500
    assert amount.parse("5.1", "USD", "Amt") == 510
    for text, currency in (
        ("1.001", "USD"),
        ("1.0", "JPY"),
        ("-1", "USD"),
        ("1e3", "USD"),
        ("", "USD"),
    ):
        with pytest.raises(ValueError, match="Amt"):
            amount.parse(text, currency, "Amt")
    with pytest.raises(ValueError, match="Amt@Ccy: 'XXX'"):
        amount.parse("1.00", "XXX", "Amt")


@pytest.mark.parametrize(
    ("base", "rate_e8", "minor", "cny"),
    [
        ("USD", 712_340_000, 60_000, 427_404),
        # 0.5 of a fen goes up, less goes down.
        ("USD", 50_000_000, 1, 1),
        ("USD", 49_999_999, 1, 0),
        ("JPY", 4_725_000, 1_001, 4_730),
        ("KWD", 2_345_678_901, 1_234, 2_895),
    ],
)
def test_conversion_rounds_half_up_once(base: str, rate_e8: int, minor: int, cny: int) -> None:
    assert Rate(base, "CNY", rate_e8).convert(minor) == cny


def test_conversion_is_exact(chance: random.Random) -> None:
    for _ in range(2_000):
        base = chance.choice(list(amount.EXPONENTS))
        it = Rate(base, "CNY", chance.randrange(1, rate.RATE_E8_MAX))
        minor = chance.randrange(1, amount.MINOR_MAX)
        exact = Fraction(minor * it.rate_e8 * 100, 10**8 * 10 ** amount.exponent(base))
        assert Fraction(-1, 2) <= exact - it.convert(minor) < Fraction(1, 2) or (
            it.convert(minor) - exact == Fraction(1, 2)
        )


def test_every_pair_is_told_both_ways() -> None:
    told = board("USD", "EUR", "JPY")
    assert len(told) == 12
    assert told["USD", "CNY"] == 712_340_000
    # Trades in CNY are paid in USD at this one.
    assert told["CNY", "USD"] == 10**16 // 712_340_000
    assert told["EUR", "USD"] == 825_160_000 * 10**8 // 712_340_000
    assert told["JPY", "EUR"] == 4_725_000 * 10**8 // 825_160_000


def test_only_what_follows_from_news_is_told() -> None:
    assert set(board("USD")) == {
        *(("USD", other) for other in ("CNY", "EUR", "JPY")),
        *((other, "USD") for other in ("CNY", "EUR", "JPY")),
    }
    assert board() == {}


def test_a_stated_quote_goes_before_a_derived_one() -> None:
    quotes = (Rate("USD", "CNY", 712_340_000), Rate("CNY", "USD", 14_000_000))
    both = frozenset((it.base, it.quote) for it in quotes)
    told = {(it.base, it.quote): it.rate_e8 for it in Board(NOW_MS, quotes, both).news()}
    assert told == {("USD", "CNY"): 712_340_000, ("CNY", "USD"): 14_000_000}


def test_a_rate_has_eleven_digits() -> None:
    assert rate.parse(rate.write(rate.RATE_E8_MAX), "XchgRate") == rate.RATE_E8_MAX
    for wrong in (Rate("USD", "USD", 1), Rate("USD", "CNY", 0), Rate("USD", "CNY", 10**11)):
        with pytest.raises(ValueError, match=r"^(quote|rate_e8):"):
            wrong.check()


def test_countries() -> None:
    assert country.two_letters("USA", "c") == "US"
    assert country.three_letters("CN", "c") == "CHN"
    with pytest.raises(ValueError, match="c: 'USX'"):
        country.two_letters("USX", "c")
