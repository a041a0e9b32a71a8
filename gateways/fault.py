"""Faults that an institution is told to have, each for a bounded number of times."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Slow: a delivery waits, then is taken in. Refuse: what is right is refused, in the institution's
# words. Repeat: a letter is written a second time. Lose reply: a delivery is taken in and its
# sender hears nothing. Down: a delivery is not taken in.
SLOW, REFUSE, REPEAT, LOSE_REPLY, DOWN = "slow", "refuse", "repeat", "lose_reply", "down"
KINDS = (SLOW, REFUSE, REPEAT, LOSE_REPLY, DOWN)
# The action of an instruction that tells a fault.
ACTION = "fault"
COUNT_MAX = 10_000
DELAY_MS_MAX = 60_000
# Why something is refused when no reason is given: a regulatory reason.
REFUSED = "RR04"
_DELAY_MS = 500
_DIGITS = re.compile(r"[0-9]{1,9}")
_REASON = re.compile(r"[A-Z]{2}[0-9]{2}")


class Faults:
    """How often each fault is still to happen; a restart ends them."""

    def __init__(self, reason: str = "") -> None:
        # Empty where a refusal has no reason code.
        self._reason_default = reason
        self._left = dict.fromkeys(KINDS, 0)
        self.delay_ms = _DELAY_MS
        self.reason = reason

    def tell(self, arguments: Mapping[str, str]) -> str:
        """Sets how often a fault happens from now on, 0 for no more; says what was told."""
        kind = arguments.get("kind", "")
        if kind not in KINDS:
            raise ValueError(f"kind: {kind!r} is none of {', '.join(KINDS)}")
        known = {"kind", "count"}
        if kind == SLOW:
            known.add("delay_ms")
        elif kind == REFUSE and self._reason_default:
            known.add("reason")
        for name in arguments:
            if name not in known:
                raise ValueError(f"{name}: {kind} has no such argument")
        count = _number(arguments, "count", 1, COUNT_MAX)
        if kind == SLOW:
            self.delay_ms = _number(arguments, "delay_ms", _DELAY_MS, DELAY_MS_MAX)
        elif kind == REFUSE:
            self.reason = _reason(arguments.get("reason") or self._reason_default)
        self._left[kind] = count
        return f"fault {kind} {count} times"

    def happens(self, kind: str) -> bool:
        """Whether a fault happens now; counts it."""
        return self.take(kind, 1) == 1

    def take(self, kind: str, count: int) -> int:
        """Counts up to so many occasions of a fault; returns how many it happens on."""
        taken = min(count, self._left[kind])
        self._left[kind] -= taken
        return taken


def _number(arguments: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = arguments.get(name) or str(default)
    if _DIGITS.fullmatch(text) is None or int(text) > most:
        raise ValueError(f"{name}: {text!r} is not 0..{most}")
    return int(text)


def _reason(reason: str) -> str:
    if reason and _REASON.fullmatch(reason) is None:
        raise ValueError(f"reason: {reason!r} is not two letters and two digits, as AC04 is")
    return reason
