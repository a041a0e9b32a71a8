"""Codes that pass their check: unified social credit codes, customs codes, guids, China time."""

from __future__ import annotations

import datetime as dt
import random

# GB 32100-2015: 31 symbols, weights modulo 31 (reference customs.md section 11.1).
_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
CHINA = dt.timezone(dt.timedelta(hours=8))
_GUANGZHOU = "9144010"


def uscc(number: int) -> str:
    """The credit code of the `number`th made-up company of Guangzhou."""
    body = f"{_GUANGZHOU}1MA{number:07d}"
    total = sum(
        _SYMBOLS.index(letter) * weight for letter, weight in zip(body, _WEIGHTS, strict=True)
    )
    return body + _SYMBOLS[(31 - total % 31) % 31]


def customs_code(number: int) -> str:
    """A registration number at Guangzhou customs of a private company."""
    return f"440196{number:04d}"


def guid(chance: random.Random) -> str:
    """36 characters as the standard wants them, capitals included."""
    raw = f"{chance.getrandbits(128):032X}"
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


def china_time(time_ms: int) -> str:
    """YYYYMMDDhhmmss in China."""
    return dt.datetime.fromtimestamp(time_ms // 1000, CHINA).strftime("%Y%m%d%H%M%S")
