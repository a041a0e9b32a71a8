"""Makes a failing case small: fewer faults, then fewer acts, as long as it still fails alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.simulation.run import Case

# What is wrong with a case; empty when nothing is.
Fails = Callable[[Case], str]


def shrink(case: Case, failure: str, fails: Fails, tries_max: int = 120) -> Case:
    """The smallest case found that fails in the same way as the given one."""
    left = tries_max

    def still(candidate: Case) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and _alike(fails(candidate), failure)

    without = case.without_faults
    kept = reduce(
        [it.number for it in case.faults],
        lambda few: still(replace(case, without_faults=without | _others(case, few))),
    )
    case = replace(case, without_faults=without | _others(case, kept))
    acts = [it.number for it in case.acts]
    dropped = case.without_acts
    kept = reduce(
        acts,
        lambda few: still(replace(case, without_acts=dropped | frozenset(acts).difference(few))),
    )
    return replace(case, without_acts=dropped | frozenset(acts).difference(kept))


def _others(case: Case, few: Sequence[int]) -> frozenset[int]:
    return frozenset(it.number for it in case.faults).difference(few)


def _alike(one: str, other: str) -> bool:
    """Failures are of one kind when the same exception tells them."""
    return bool(one) and one.partition(":")[0] == other.partition(":")[0]


def reduce(items: Sequence[int], fails: Callable[[Sequence[int]], bool]) -> list[int]:
    """Delta debugging: leaves out ever smaller parts while what is left still fails."""
    kept, parts = list(items), 2
    if kept and fails([]):
        return []
    while len(kept) >= 2:
        size = -(-len(kept) // parts)
        for start in range(0, len(kept), size):
            few = kept[:start] + kept[start + size :]
            if fails(few):
                kept, parts = few, max(parts - 1, 2)
                break
        else:
            if parts >= len(kept):
                break
            parts = min(parts * 2, len(kept))
    return kept
