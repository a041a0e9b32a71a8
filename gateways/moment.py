"""Moments in messages: Unix milliseconds inside, Beijing time outside."""

from __future__ import annotations

import datetime as dt
import re

_BEIJING = dt.timezone(dt.timedelta(hours=8))
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_TEXT = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}[+]08:00",
)


def beijing(time_ms: int) -> dt.datetime:
    """The moment on clocks in Beijing."""
    return (_EPOCH + time_ms * _MILLISECOND).astimezone(_BEIJING)


def date_digits(time_ms: int) -> str:
    """YYYYMMDD."""
    return beijing(time_ms).strftime("%Y%m%d")


def date(time_ms: int) -> str:
    """YYYY-MM-DD."""
    return beijing(time_ms).date().isoformat()


def time_digits(time_ms: int) -> str:
    """HHMMSS."""
    return beijing(time_ms).strftime("%H%M%S")


def write(time_ms: int) -> str:
    """An ISO date and time with milliseconds and the offset of Beijing."""
    return beijing(time_ms).isoformat(timespec="milliseconds")


def parse(text: str, field: str) -> int:
    """Unix milliseconds of what `write` writes."""
    if _TEXT.fullmatch(text) is None:
        raise ValueError(f"{field}: {text!r} is not a moment with milliseconds and +08:00")
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as failure:
        raise ValueError(f"{field}: {text!r}: {failure}") from None
    return from_epoch((moment - _EPOCH) // _MILLISECOND, text, field)


def from_epoch(time_ms: int, text: str, field: str) -> int:
    """Refuses a moment before 1970: no id and no message can carry it."""
    if time_ms < 0:
        raise ValueError(f"{field}: {text!r} lies before 1970")
    return time_ms
