"""Bad weather on a line of the corridor: what it does to the calls that go over it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.simulation.chance import stream
from tests.simulation.faults import Fault
from tests.simulation.network import Fate


class Window:
    """Bad weather on one line for a while."""

    def __init__(self, it: Fault, seed: int) -> None:
        self._it = it
        self._seed = seed
        self._met = 0

    def _meets(self, source: str, target: str) -> bool:
        return {source, target} == {self._it.where, self._it.target}

    def is_cut(self, source: str, target: str) -> bool:
        return self._it.kind == "cut" and self._meets(source, target)

    def change(self, source: str, target: str, method: str, fate: Fate) -> Fate:
        if not self._meets(source, target):
            return fate
        self._met += 1
        chance = stream(self._seed, "fault", self._it.number, self._met)
        if self._it.kind == "cut":
            return replace(fate, is_told=chance.random() < 0.7)
        if chance.random() >= self._it.ratio:
            return fate
        is_told = chance.random() < 0.7
        late, later = chance.uniform(0.0, 8.0), chance.uniform(0.0, 20.0)
        changes: dict[str, Any] = {
            "request_lost": {"request_lost": True, "is_told": is_told},
            "reply_lost": {"reply_lost": True, "is_told": is_told},
            "doubled": {"again_seconds": later},
            "late": {"there_seconds": late, "back_seconds": later / 2},
        }
        return replace(fate, **changes[self._it.kind])
