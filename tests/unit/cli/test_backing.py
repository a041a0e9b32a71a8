"""The pace of a backup: rests follow what was worked, on clocks of the test."""

from __future__ import annotations

import pytest

from whampoa.cli.backing import Pace


@pytest.mark.parametrize(
    ("percent", "passed", "expected"),
    [(25, 1.0, 3.0), (25, 2.5, 1.5), (25, 4.0, 0.0), (100, 1.0, 0.0), (50, 1.0, 1.0)],
)
def test_a_second_of_work_is_followed_by_rest(percent: int, passed: float, expected: float) -> None:
    clocks = {"worked": 0.0, "now": 0.0}
    rests: list[float] = []
    told: list[tuple[str, int, int]] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        clocks["now"] += seconds

    pace = Pace(
        percent,
        lambda *what: told.append(what),
        worked=lambda: clocks["worked"],
        now=lambda: clocks["now"],
        rest=rest,
    )
    for done in (1, 2):
        clocks["worked"] += 1.0
        clocks["now"] += passed
        pace("copy", done, 2)
    assert sum(rests) == pytest.approx(2 * expected)
    assert told == [("copy", 1, 2), ("copy", 2, 2)]
