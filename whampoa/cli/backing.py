"""What `backup` and `restore` show alike: bars of their parts, private parts that are absent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from whampoa.cli.output import Advance

NAMES = {
    "copy": "bytes of the journal copied",
    "replay": "entries recomputed",
    "check": "bytes of the journal checked",
    "restore": "bytes of the journal restored",
}


class Bars:
    """A progress call: one bar for every part of the work."""

    def __init__(self, stages: Callable[[str, int], Advance]) -> None:
        self._stages = stages
        self._bars: dict[str, Advance] = {}
        self._done: dict[str, int] = {}
        self._started = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self._bars:
            self._bars[what] = self._stages(NAMES[what], total)
        self._bars[what](done - self._done.get(what, 0))
        self._done[what] = done

    @property
    def seconds(self) -> float:
        """Since the work began."""
        return time.monotonic() - self._started


class Pace:
    """A progress call that rests so that the process takes no more than a share of one core.

    Priority alone does not do it: two threads of one core, caches and the disk are shared whatever
    it says.
    """

    def __init__(
        self,
        percent: int,
        then: Callable[[str, int, int], None],
        worked: Callable[[], float] = time.process_time,
        now: Callable[[], float] = time.monotonic,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._percent = percent
        self._then = then
        self._clocks = (worked, now)
        self._rest = rest
        self._last = (worked(), now())

    def __call__(self, what: str, done: int, total: int) -> None:
        self._then(what, done, total)
        worked, passed = (
            clock() - before for clock, before in zip(self._clocks, self._last, strict=True)
        )
        missing = worked * 100 / self._percent - passed
        if missing > 0:
            self._rest(missing)
        self._last = (self._clocks[0](), self._clocks[1]())


def absent(private: dict[str, Any]) -> str:
    """Private parts that cannot be opened, and whose they are."""
    ranges = ", ".join(
        str(first) if first == last else f"{first} to {last}"
        for first, last in private["missing_entries"]
    )
    return f"{private['missing']} of {private['total']} private parts are absent: entries {ranges}"
