"""Every text that a planted bug replaces stands in the core once, and every law has two bugs."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.mutants import PROJECT, Mutant, table

MUTANTS = table()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_to_replace_stands_once(mutant: Mutant) -> None:
    assert mutant.occurrences(PROJECT) == 1
    assert mutant.planted != mutant.source


def test_every_law_has_two() -> None:
    laws = Counter(mutant.law for mutant in MUTANTS)
    assert sorted(laws) == list(range(1, 13))
    assert min(laws.values()) >= 2
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
