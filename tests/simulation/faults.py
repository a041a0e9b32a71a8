"""Faults of a run: what breaks, when and for how long; each drawn from its own stream."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateways import fault
from tests.simulation.chance import stream

# Lines of the corridor, as processes: who asks whom.
LINES = (
    ("world", "engine"),
    ("world", "singlewindow-gateway"),
    ("bank-gateway", "engine"),
    ("bank-gateway", "bank-institution"),
    ("pboc-gateway", "engine"),
    ("pboc-gateway", "pboc-institution"),
    ("pboc-gateway", "bank-institution"),
    ("safe-gateway", "engine"),
    ("safe-gateway", "safe-institution"),
    ("singlewindow-gateway", "engine"),
    ("singlewindow-gateway", "customs-institution"),
)
LINE_KINDS = ("request_lost", "reply_lost", "doubled", "late", "cut")
_PROCESS_KINDS = ("kill", "kill_at_write", "lose_power")
_ENGINE_KINDS = ("power_off_at_change", "disk_full")
_CLOCK_KINDS = ("jump", "skew")
INSTITUTIONS = ("bank", "pboc", "safe", "customs")
# A line is the most likely to fail, then a process.
_FAMILIES: tuple[tuple[Sequence[str], int], ...] = (
    (LINE_KINDS, 8),
    (_PROCESS_KINDS, 6),
    (_ENGINE_KINDS, 2),
    (_CLOCK_KINDS, 1),
    (fault.KINDS, 3),
)
# Clocks of processes differ by less than ids may be ahead.
_SKEW_SECONDS_MAX = 60
_NS = 1_000_000_000
_HOUR_NS = 3_600 * _NS


@dataclass(frozen=True)
class Fault:
    """One fault: in which stage, how many seconds after its start, what, where, how much."""

    number: int
    # Documents and money of each round are a stage each.
    stage: int
    after_seconds: float
    kind: str
    where: str
    target: str = ""
    seconds: float = 0.0
    ratio: float = 0.0
    amount: int = 0
    is_done: bool = False

    def __str__(self) -> str:
        place = f"{self.where} to {self.target}" if self.target else self.where
        return (
            f"fault {self.number}: {self.kind} at {place}, stage {self.stage}"
            f" +{self.after_seconds:.2f} s for {self.seconds:.1f} s"
            f" ({self.amount}, {self.ratio:.2f}, {self.is_done})"
        )


def plan(seed: int, stages: int, count: int) -> list[Fault]:
    """The faults of a seed."""
    return [_draw(seed, number, stages) for number in range(count)]


def _draw(seed: int, number: int, stages: int) -> Fault:
    chance = stream(seed, "fault", number)
    families, weights = zip(*_FAMILIES, strict=True)
    family = chance.choices(families, weights)[0]
    kind = chance.choice(family)
    it = Fault(
        number=number,
        stage=chance.randrange(stages),
        # Money moves fast: most of what happens to it happens in the first seconds.
        after_seconds=chance.expovariate(1 / chance.choice((1.0, 3.0, 12.0))),
        kind=kind,
        where="engine",
        seconds=chance.choice((0.1, 1.0, 5.0, 30.0, 90.0)) * chance.uniform(0.5, 1.5),
        ratio=chance.choice((0.1, 0.3, 0.8)),
        amount=chance.randint(1, 12),
        is_done=chance.random() < 0.5,
    )
    return replace(it, **_place(kind, chance))


def _place(kind: str, chance: random.Random) -> dict[str, Any]:
    """Where a fault of a kind happens, and how much of it."""
    where, target = chance.choice(LINES)
    hours, seconds = chance.randint(1, 20) * _HOUR_NS, chance.randint(1, 30) * _NS
    if kind in LINE_KINDS:
        return {"where": where, "target": target}
    if kind in _PROCESS_KINDS:
        return {"where": chance.choice(_processes(kind))}
    if kind == "power_off_at_change":
        return {"amount": chance.randint(1, 60)}
    if kind == "jump":
        return {"where": "every clock", "amount": hours if chance.random() < 0.5 else -seconds}
    if kind == "skew":
        amount = chance.randint(-_SKEW_SECONDS_MAX, _SKEW_SECONDS_MAX) * _NS
        return {"where": chance.choice(_processes(kind)), "amount": amount}
    return {"where": chance.choice(INSTITUTIONS)} if kind in fault.KINDS else {}


# What a gateway complains of when its institution refuses as it was told.
_REFUSED = {
    "bank": r"^bank-gateway: bank refused \w+ \w+: RR04",
    "safe": r"^safe-gateway: batch .* (refused as told|is no actual record|to change or delete)",
}


def is_refusal(it: Fault, institution: str) -> bool:
    """Whether an institution is told to refuse what is right."""
    return it.kind == fault.REFUSE and it.where == institution


def expected(faults: Iterable[Fault]) -> list[re.Pattern[str]]:
    """Complaints that a plan explains."""
    return [
        re.compile(_REFUSED[it.where])
        for it in faults
        if it.kind == fault.REFUSE and it.where in _REFUSED
    ]


def _processes(kind: str) -> list[str]:
    """Processes to which something of a kind may happen: the engine writes in its own way."""
    names = sorted({name for line in LINES for name in line if name != "world"})
    return [name for name in names if kind != "kill_at_write" or name != "engine"]
