"""Amounts in messages: decimal text with two places, exact integers of fen inside."""

from __future__ import annotations

import re

# Eighteen digits in all, as ISO 20022 allows; the sum of a batch stays below an int64.
_TEXT = re.compile(r"(0|[1-9][0-9]{0,15})\.([0-9]{2})")
MINOR_MAX = 10**18 - 1


def write(minor: int) -> str:
    """Fen as yuan with two places."""
    if not 0 < minor <= MINOR_MAX:
        raise ValueError(f"amount: {minor} fen is outside 1..{MINOR_MAX}")
    return f"{minor // 100}.{minor % 100:02d}"


def parse(text: str, field: str) -> int:
    """Yuan with exactly two places as fen; zero is no payment."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{field}: {text!r} is not an amount with two decimal places")
    minor = int(match[1]) * 100 + int(match[2])
    if minor == 0:
        raise ValueError(f"{field}: zero is no amount of a payment")
    return minor
