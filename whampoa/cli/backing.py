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


def absent(private: dict[str, Any]) -> str:
    """Private parts that cannot be opened, and whose they are."""
    ranges = ", ".join(
        str(first) if first == last else f"{first} to {last}"
        for first, last in private["missing_entries"]
    )
    return f"{private['missing']} of {private['total']} private parts are absent: entries {ranges}"
