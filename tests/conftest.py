"""Seeds: every run says its seed, and SEED=n repeats it.

Tests that need chance take the fixture `chance`. Hypothesis starts from the same seed; with SEED
set it also forgets its database, so that nothing but the seed decides what is tried.
"""

import os
import random
import secrets

import hypothesis
import pytest

GIVEN = os.environ.get("SEED")
SEED = int(GIVEN) if GIVEN else secrets.randbelow(2**32)

hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.register_profile("repeat", deadline=None, database=None)
hypothesis.settings.load_profile("repeat" if GIVEN else "explore")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = SEED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"seed {SEED} (repeat with SEED={SEED})")


@pytest.fixture(scope="session")
def seed() -> int:
    """Give the seed of the run."""
    return SEED


@pytest.fixture
def chance(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """Give a generator that depends on the seed and the test alone, not on the order of tests."""
    return random.Random(f"{seed}:{request.node.nodeid}")
