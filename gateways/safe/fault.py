"""Faults that SAFE is told to have, each for a bounded number of times."""

from __future__ import annotations

import time
from collections.abc import Mapping

# Slow: a delivery takes longer. Refuse: a record is refused though nothing is wrong with it.
# Repeat: a letter is written twice. Lose reply: a batch is taken in and its sender hears nothing.
# Down: a delivery is not taken in.
KINDS = ("slow", "refuse", "repeat", "lose_reply", "down")
COUNT_MAX = 10_000
SLOW_SECONDS = 0.3


class Faults:
    """How often each fault is still to happen."""

    def __init__(self) -> None:
        self._left = dict.fromkeys(KINDS, 0)

    def instruct(self, arguments: Mapping[str, str]) -> str:
        """Sets how often a fault happens from now on: arguments `kind` and `count`."""
        kind, text = arguments.get("kind", ""), arguments.get("count", "1")
        if kind not in self._left:
            raise ValueError(f"arguments['kind']: {kind!r} is none of {', '.join(KINDS)}")
        if not (text.isascii() and text.isdigit() and int(text[:9]) <= COUNT_MAX):
            raise ValueError(f"arguments['count']: {text!r} is not 0..{COUNT_MAX}")
        self._left[kind] = int(text)
        return f"fault {kind} happens {text} times"

    def happens(self, kind: str) -> bool:
        """Whether the fault happens now; counts it."""
        if self._left[kind] == 0:
            return False
        self._left[kind] -= 1
        return True

    def slow_down(self) -> None:
        """Takes its time when told to."""
        if self.happens("slow"):
            time.sleep(SLOW_SECONDS)
