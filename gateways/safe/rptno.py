"""Declaration numbers: institution code of 12 digits, YYMMDD, a letter and a serial."""

from __future__ import annotations

import re

from gateways.safe import moment

_NUMBER = re.compile(r"[0-9]{12}([0-9]{6})([NP-W])([0-9]{3})")
_ENTERPRISES = "NPQRST"
ENTERPRISE = "C"
_CENTURY = "20"


def date_of(number: str) -> str:
    """YYYYMMDD of a well-formed number."""
    return _CENTURY + number[12:18]


def fault(number: str, customer_type: str, today: str) -> str:
    """What is wrong with a number of a customer of a type (C, D or F); empty when it is right."""
    match = _NUMBER.fullmatch(number)
    if match is None:
        return f"{number!r} is not 12 + 6 digits, a letter N or P to W, and 3 digits"
    if not moment.is_date(_CENTURY + match[1]):
        return f"{match[1]} is no date"
    if date_of(number) > today:
        return f"its date {date_of(number)} is after {today}"
    if match[3] == "000":
        return "serial 000, 001 to 999 wanted"
    if (match[2] in _ENTERPRISES) is not (customer_type == ENTERPRISE):
        return f"letter {match[2]} is not of customer type {customer_type}"
    return ""
