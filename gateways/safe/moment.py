"""Dates and moments in SAFE's files: digits of Beijing time."""

from __future__ import annotations

import datetime as dt
import re

from gateways.moment import beijing, from_epoch

_MILLISECOND = dt.timedelta(milliseconds=1)
_DATE = re.compile(r"[0-9]{8}")
_MOMENT = re.compile(r"[0-9]{17}")


def is_date(text: str) -> bool:
    """Whether eight digits are a day of the calendar."""
    if _DATE.fullmatch(text) is None:
        return False
    try:
        dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def write(time_ms: int) -> str:
    """YYYYMMDDHHMMSS and milliseconds."""
    moment = beijing(time_ms)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}"


def parse(text: str, field: str) -> int:
    """Unix milliseconds of what `write` writes."""
    if _MOMENT.fullmatch(text) is None:
        raise ValueError(f"{field}: {text!r} is not 17 digits of a moment")
    epoch = beijing(0)
    try:
        moment = dt.datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=epoch.tzinfo)
    except ValueError as failure:
        raise ValueError(f"{field}: {text!r}: {failure}") from None
    return from_epoch((moment - epoch) // _MILLISECOND + int(text[14:]), text, field)
