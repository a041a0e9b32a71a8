"""Names that bank and gateway derive in the same way, so that a repeat keeps its name."""

from __future__ import annotations

import re

from gateways import moment
from gateways.bank import profile
from whampoa import ids

_ENTERPRISE = re.compile(r"[0-9a-f]{32}")
_REFERENCE = re.compile(r"[0-9A-Za-z/-]+")


def remittance_id(bank_reference: str, booked_at_ms: int) -> bytes:
    """The id of the remittance that the bank credited under a reference at a time."""
    return ids.derive(booked_at_ms, "remittance", bank_reference)


def bank_reference(booked_at_ms: int, sequence: int) -> str:
    """The bank's reference of its entry number `sequence`."""
    return f"B{moment.date_digits(booked_at_ms)}{sequence:010d}"


def check_id(text: str, field: str) -> str:
    """Ids stand in messages as 32 hexadecimal digits."""
    if _ENTERPRISE.fullmatch(text) is None:
        raise ValueError(f"{field}: {text!r} is not 32 hexadecimal digits")
    return text


def check_reference(text: str, field: str) -> str:
    """A bank's reference has to fit the balance-of-payments declaration."""
    limit = profile.REFERENCE_CHARACTERS_MAX
    if _REFERENCE.fullmatch(text) is None or len(text) > limit:
        raise ValueError(f"{field}: {text!r} is not 1..{limit} letters, digits, '-' or '/'")
    return text
