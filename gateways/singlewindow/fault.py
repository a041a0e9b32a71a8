"""Faults a scenario gives to customs: slow, refuse, repeat, lose_reply, down; counted or timed."""

from __future__ import annotations

import time
from collections.abc import Mapping

SLOW, REFUSE, REPEAT, LOSE_REPLY, DOWN = "slow", "refuse", "repeat", "lose_reply", "down"
KINDS = (SLOW, REFUSE, REPEAT, LOSE_REPLY, DOWN)
COUNT_MAX = 10_000
MS_MAX = 60_000


class Faults:
    """What is still to go wrong; a restart ends all of it."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(KINDS, 0)
        self._slow_ms = 0
        self._down_until_ms = 0

    def order(self, arguments: Mapping[str, str], now_ms: int) -> str:
        """Reads `kind`, `count` and `ms`; says what was ordered."""
        kind = arguments.get("kind", "")
        if kind not in KINDS:
            raise ValueError(f"kind: {kind!r} is none of {', '.join(KINDS)}")
        count = _bounded(arguments, "count", 1, COUNT_MAX)
        ms = _bounded(arguments, "ms", 1_000, MS_MAX)
        if kind == DOWN:
            self._down_until_ms = now_ms + ms
            return f"down for {ms} ms"
        if kind == SLOW:
            self._slow_ms = ms
        self._counts[kind] = count
        return f"{kind}, {count} times"

    def use(self, kind: str) -> bool:
        """Whether this fault happens now; uses one up."""
        if self._counts[kind] == 0:
            return False
        self._counts[kind] -= 1
        return True

    def before(self, now_ms: int) -> None:
        """Waits where customs is slow; raises `ConnectionError` while it is down."""
        if now_ms < self._down_until_ms:
            raise ConnectionError("customs is down")
        if self.use(SLOW):
            time.sleep(self._slow_ms / 1000)


def _bounded(arguments: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = arguments.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= most:
        raise ValueError(f"{name}: {text!r} is no integer from 1 to {most}")
    return int(text)
