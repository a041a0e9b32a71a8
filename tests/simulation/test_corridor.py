"""The whole corridor from one seed: whatever breaks on the way, every book agrees in the end.

A seed that fails is shrunk and printed with the command that runs it alone. `make test` runs the
same few seeds; `-m soak` runs WHAMPOA_SEEDS of them from WHAMPOA_SEED on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.simulation.chance import stream
from tests.simulation.run import Case, Outcome, simulate
from tests.simulation.shrink import reduce, shrink

SEEDS = range(24)
_SOAK_SEEDS = 2_000
_ROOT = Path(__file__).parents[2]


@cache
def _calm(case: Case) -> Outcome:
    return simulate(case)


def _wrong(case: Case) -> str:
    """What is wrong with a case; empty when nothing is."""
    outcome, calm = simulate(case), _calm(case.calm())
    if outcome.failure or calm.failure:
        return outcome.failure or f"{calm.failure} without any fault"
    differences = [
        f"{name} is {outcome.totals.get(name)}, {calm.totals.get(name)} without faults"
        for name in sorted(outcome.totals | calm.totals)
        if outcome.totals.get(name) != calm.totals.get(name)
    ]
    return f"Totals: {'; '.join(differences[:5])}" if differences else ""


def _judge(case: Case) -> None:
    """Fails with the smallest case that still fails, and how to run it."""
    failure = _wrong(case)
    if not failure:
        return
    small = shrink(case, failure, _wrong)
    lines = [
        f"seed {case.seed}: {failure}",
        f"smallest case: {_wrong(small)}",
        *(f"  {it}" for it in small.faults),
        *(f"  {it}" for it in small.acts),
        f"repeat it with: {_command(small)}",
    ]
    pytest.fail("\n".join(lines), pytrace=False)


def _command(case: Case) -> str:
    words = [f"WHAMPOA_SEED={case.seed} WHAMPOA_SEEDS=1"]
    if case.without_faults:
        words.append(f"WHAMPOA_WITHOUT_FAULTS={_list(case.without_faults)}")
    if case.without_acts:
        words.append(f"WHAMPOA_WITHOUT_ACTS={_list(case.without_acts)}")
    return " ".join([*words, "pytest -m soak tests/simulation/test_corridor.py"])


def _list(numbers: frozenset[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def _given(name: str) -> frozenset[int]:
    return frozenset(int(it) for it in os.environ.get(name, "").split(",") if it)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_books_agree_after_every_fault(seed: int) -> None:
    _judge(Case(seed))


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_all_books_agree_for_many_seeds(seed: int) -> None:
    first = int(os.environ.get("WHAMPOA_SEED", seed))
    count = int(os.environ.get("WHAMPOA_SEEDS", _SOAK_SEEDS))
    messages = 0
    for number in range(first, first + count):
        case = Case(number, _given("WHAMPOA_WITHOUT_FAULTS"), _given("WHAMPOA_WITHOUT_ACTS"))
        _judge(case)
        messages += _calm(case.calm()).messages
        if number % 4 == 3:
            _calm.cache_clear()
    print(f"{count} seeds from {first} on, about {messages} messages")  # noqa: T201


def test_the_same_seed_gives_the_same_run(seed: int) -> None:
    """Also in another process, where sets and dictionaries of texts have another order."""
    case = Case(seed % 1000)
    here = simulate(case)
    words = (
        "from tests.simulation.run import Case, simulate;"
        f"it = simulate(Case({case.seed}));"
        "print(it.log_hash, it.state_hash, it.failure)"
    )
    there = subprocess.run(
        [sys.executable, "-c", words],
        cwd=_ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seed % 4_000_000_000)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.split() == [here.log_hash, here.state_hash, *here.failure.split()]


def test_different_seeds_give_different_runs() -> None:
    one, other = simulate(Case(0).calm()), simulate(Case(4).calm())
    assert one.log_hash != other.log_hash
    assert one.state_hash != other.state_hash


def test_leaving_a_fault_out_leaves_the_others_alone() -> None:
    case = Case(11)
    fewer = Case(11, without_faults=frozenset({3, 5}))
    assert fewer.faults == [it for it in case.faults if it.number not in {3, 5}]


def test_a_failing_case_shrinks_to_what_makes_it_fail() -> None:
    """Delta debugging finds the two culprits, whatever else is there."""
    chance = stream(7, "shrink")
    culprits = set(chance.sample(range(12), 2))

    def fails(case: Case) -> str:
        left = {it.number for it in case.faults}
        return "Broken: books differ" if culprits <= left else ""

    small = shrink(Case(7), "Broken: other words", fails)
    assert {it.number for it in small.faults} == culprits
    assert small.acts == []


def test_what_fails_by_itself_shrinks_to_nothing() -> None:
    assert reduce([1, 2, 3], lambda few: True) == []
