"""Rates as scaled integers: units of one currency for one unit of another, times 10^8."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateways.bank import amount

SCALE = 10**8
# Eleven digits in all, as messages carry them.
RATE_E8_MAX = 10**11 - 1
_TEXT = re.compile(r"([0-9]{1,3})\.([0-9]{8})")


@dataclass(frozen=True)
class Rate:
    """Units of `quote` for one whole unit of `base`."""

    base: str
    quote: str
    rate_e8: int

    def check(self) -> None:
        """Refuses a rate that no message can carry."""
        amount.exponent(self.base, "base")
        amount.exponent(self.quote, "quote")
        if self.base == self.quote:
            raise ValueError(f"quote: {self.quote} for {self.base} is no rate")
        if not 0 < self.rate_e8 <= RATE_E8_MAX:
            raise ValueError(f"rate_e8: {self.rate_e8} is outside 1..{RATE_E8_MAX}")

    def convert(self, base_minor: int) -> int:
        """An amount of the base currency in the quote currency, rounded half up, once."""
        product = base_minor * self.rate_e8 * amount.minor_per_unit(self.quote)
        divisor = SCALE * amount.minor_per_unit(self.base)
        return (2 * product + divisor) // (2 * divisor)

    def through(self, other: Rate) -> int:
        """The scaled rate from this base to the base of `other`, both told in one currency.

        It is rounded down, so that a trade never takes more foreign money than its value.
        """
        return self.rate_e8 * SCALE // other.rate_e8

    def inverse(self) -> int:
        """The scaled rate the other way, rounded down."""
        return SCALE * SCALE // self.rate_e8


def write(rate_e8: int) -> str:
    """A scaled rate as decimal text with eight places."""
    return f"{rate_e8 // SCALE}.{rate_e8 % SCALE:08d}"


def parse(text: str, field: str) -> int:
    """Decimal text with eight places as a scaled rate."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{field}: {text!r} is not a rate with eight places")
    return int(match[1]) * SCALE + int(match[2])
