"""Amounts in messages: decimal text of the currency's own places, exact minor units inside."""

from __future__ import annotations

import re

CNY = "CNY"
# The currencies that the engine knows, with the places of their minor units (ISO 4217).
EXPONENTS = {
    **dict.fromkeys(("CNY", "USD", "EUR", "HKD", "MOP", "MYR", "PHP", "SGD", "THB", "TWD"), 2),
    **dict.fromkeys(("DKK", "GBP", "NOK", "SEK", "CHF", "RUB", "CAD", "AUD", "NZD"), 2),
    **dict.fromkeys(("JPY", "KRW"), 0),
    "KWD": 3,
}
# The engine takes no larger amounts.
MINOR_MAX = 1 << 53
_TEXT = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]+))?")


def exponent(currency: str, field: str = "currency") -> int:
    """Places of a currency's minor unit."""
    places = EXPONENTS.get(currency)
    if places is None:
        raise ValueError(f"{field}: {currency!r} is no currency that is traded here")
    return places


def minor_per_unit(currency: str) -> int:
    """Minor units of one whole unit."""
    scale: int = 10 ** exponent(currency)
    return scale


def write(minor: int, currency: str) -> str:
    """Minor units as decimal text with all places."""
    if minor < 0:
        raise ValueError(f"amount: {minor} is negative")
    places = exponent(currency)
    if places == 0:
        return str(minor)
    whole, fraction = divmod(minor, 10**places)
    return f"{whole}.{fraction:0{places}d}"


def parse(text: str, currency: str, field: str) -> int:
    """Decimal text as minor units; places beyond the currency's own are refused."""
    match = _TEXT.fullmatch(text)
    places = exponent(currency, f"{field}@Ccy")
    if match is None or len(match[2] or "") > places:
        raise ValueError(f"{field}: {text!r} is not an amount with at most {places} places")
    digits = match[1] + (match[2] or "").ljust(places, "0")
    return int(digits)
