"""Amounts for people: exact decimal text from integers, by the minor unit of the currency."""

from __future__ import annotations

# ISO 4217; every other currency of the engine has two digits.
_DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3}
_DIGITS_ELSE = 2


def minor_digits(currency: str) -> int:
    """Digits of the minor unit of a currency, ISO letters."""
    return _DIGITS.get(currency, _DIGITS_ELSE)


def decimal_text(scaled: int, digits: int) -> str:
    """An integer times 10^-digits as text, all digits kept."""
    sign, whole = ("-" if scaled < 0 else ""), str(abs(scaled)).rjust(digits + 1, "0")
    return f"{sign}{whole[:-digits]}.{whole[-digits:]}" if digits else sign + whole


def money_text(amount_minor: int, currency: str) -> str:
    """An amount in whole units: `12345` USD is `123.45`."""
    return decimal_text(amount_minor, minor_digits(currency))
