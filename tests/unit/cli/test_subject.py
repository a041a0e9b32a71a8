"""Names of subjects as people type them."""

from __future__ import annotations

import pytest

from whampoa.cli import subject
from whampoa.cli.output import Failure

KNOWN = [
    bytes.fromhex("01a2124041d373dea1b1ce91a201dbe9"),
    bytes.fromhex("01a21240ffff" + "0" * 20),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("01a2124041d373dea1b1ce91a201dbe9", 0),
        ("01A21240-41d3-73de-a1b1-ce91a201dbe9", 0),
        ("01a2124041", 0),
        ("01a21240ff", 1),
    ],
)
def test_an_id_or_its_unique_beginning(text: str, found: int) -> None:
    assert subject.among(text, KNOWN, "ID") == KNOWN[found]


@pytest.mark.parametrize(
    ("text", "said"),
    [("01a21240", "2 begin"), ("ffffff", "none begins"), ("01a", "at least"), ("zz", "at least")],
)
def test_what_names_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(Failure, match=f"ID: .*{said}"):
        subject.among(text, KNOWN, "ID")


def test_places_are_index_and_row() -> None:
    assert subject.position("12:3") == (12, 3)
    assert subject.position("12") is None
    assert subject.position("-1:3") is None
    with pytest.raises(Failure, match="REQUEST_ID: 32 hex digits"):
        subject.identifier("12", "REQUEST_ID")
