"""Snapshots: a killed engine starts from one with the same state, or from the journal alone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess
from tests.integration.segments import flip, frames
from tests.integration.test_metrics import scrape

ORDERS = 8


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Give the directory of an engine that made a snapshot, went on, was killed; its state hash."""
    engine = EngineProcess(tmp_path_factory.mktemp("snapshots") / "data").start()
    corridor = Corridor(engine)
    corridor.release(range(ORDERS))
    assert engine.stop() == 0
    engine.start()
    later = Corridor(engine, first=600)
    later.submit(later.declared(1))
    state_hash = caught_up(engine)
    engine.kill()
    return engine.data_dir, state_hash


@pytest.fixture
def engine(killed: tuple[Path, str], tmp_path: Path) -> Iterator[EngineProcess]:
    """Give a copy of it to start."""
    shutil.copytree(killed[0], tmp_path / "copy")
    engine = EngineProcess(tmp_path / "copy")
    yield engine
    engine.close()


def caught_up(engine: EngineProcess) -> str:
    """The state hash once the follower has seen everything."""
    deadline = time.monotonic() + 30
    while (status := engine.status()).projected_index < status.durable_index:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return str(status.state_hash)


def replayed(engine: EngineProcess) -> dict[str, Any]:
    return [event for event in engine.events() if event["event"] == "journal replayed"][-1]


def snapshots(engine: EngineProcess) -> list[Path]:
    return sorted((engine.data_dir / "snapshots").iterdir())


def test_a_killed_engine_starts_from_its_snapshot(
    engine: EngineProcess, killed: tuple[Path, str]
) -> None:
    engine.start()
    report = replayed(engine)
    assert 0 < report["snapshot_index"] < report["entries"] - 1
    assert caught_up(engine) == killed[1]
    figures = scrape(engine)
    assert figures["whampoa_recovery_entries"] == report["entries"]
    assert figures["whampoa_recovery_rows"] == report["rows"]
    assert figures["whampoa_recovery_seconds"] == report["seconds"]
    assert figures["whampoa_snapshot_index"] == report["snapshot_index"]
    assert engine.stop() == 0
    # The stop made another one, of everything.
    assert caught_up(engine.start()) == killed[1]
    assert replayed(engine)["snapshot_index"] == report["entries"] - 1
    assert len(snapshots(engine)) == 2


def test_a_damaged_snapshot_is_told_and_not_used(
    engine: EngineProcess, killed: tuple[Path, str]
) -> None:
    (file,) = snapshots(engine)
    flip(file, file.stat().st_size // 2)
    engine.start()
    assert replayed(engine)["snapshot_index"] is None
    warning = next(event for event in engine.events() if event["level"] == "warning")
    assert (warning["event"], warning["file"]) == ("snapshot passed over", file.name)
    assert warning["why"] == "its sum does not fit"
    assert caught_up(engine) == killed[1]


def test_snapshots_may_be_gone(engine: EngineProcess, killed: tuple[Path, str]) -> None:
    shutil.rmtree(engine.data_dir / "snapshots")
    engine.start()
    assert replayed(engine)["snapshot_index"] is None
    assert caught_up(engine) == killed[1]


def test_rot_in_a_frame_that_the_start_did_not_read_is_told(engine: EngineProcess) -> None:
    frame = frames(engine.data_dir)[2]
    flip(frame.file, frame.offset + 600, 0x10)
    engine.start()
    assert replayed(engine)["snapshot_index"] is not None
    deadline = time.monotonic() + 30
    while not scrape(engine)["whampoa_journal_damaged"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while not (told := [it["what"] for it in engine.events() if it["level"] == "error"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert told[0].startswith(f"{frame.file.name} at offset {frame.offset}: ")
