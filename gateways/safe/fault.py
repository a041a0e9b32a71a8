"""Faults that SAFE is told to have, each for a bounded number of times."""

from __future__ import annotations

import time
from collections.abc import Mapping

# Slow: a delivery takes longer. Refuse: a record is refused though nothing is wrong with it.
# Repeat: a letter is written twice. Lose reply: a batch is taken in and its sender hears nothing.
# Down: a delivery is not taken in.
KINDS = ("slow", "refuse", "repeat", "lose_reply", "down")
COUNT_MAX = 10_000
_DELAY_MS = 500
_DELAY_MS_MAX = 5_000


class Faults:
    """How often each fault is still to happen."""

    def __init__(self) -> None:
        self._left = dict.fromkeys(KINDS, 0)
        self._delay_ms = _DELAY_MS

    def instruct(self, arguments: Mapping[str, str]) -> str:
        """Sets how often a fault happens from now on: `kind`, `count`, and of slow `delay_ms`."""
        kind = arguments.get("kind", "")
        if kind not in self._left:
            raise ValueError(f"arguments['kind']: {kind!r} is none of {', '.join(KINDS)}")
        count = _number(arguments, "count", 1, COUNT_MAX)
        self._delay_ms = _number(arguments, "delay_ms", _DELAY_MS, _DELAY_MS_MAX)
        self._left[kind] = count
        return f"fault {kind} {count} times"

    def happens(self, kind: str) -> bool:
        """Whether the fault happens now; counts it."""
        if self._left[kind] == 0:
            return False
        self._left[kind] -= 1
        return True

    def slow_down(self) -> None:
        """Takes its time when told to."""
        if self.happens("slow"):
            time.sleep(self._delay_ms / 1000)


def _number(arguments: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = arguments.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= most):
        raise ValueError(f"arguments[{name!r}]: {text!r} is not 0..{most}")
    return int(text)
