"""One engine for each test of the rules; its files are verified when the test is over."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rules.scenario import Scenario

# Rules are not about disks: where memory can be mounted as one, nothing waits for a real one.
_MEMORY = Path("/dev/shm")  # noqa: S108


@pytest.fixture
def field(chance: random.Random) -> Iterator[Scenario]:
    """A new corridor; afterwards its files replay to the laws, and every byte is proven."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        scenario = Scenario(Path(folder) / "data", chance)
        yield scenario
        report = scenario.close()
        assert report["ok"], report
