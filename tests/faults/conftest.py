"""Real processes on a disk that fails as told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.disk import Disk, NoCompiler, compiled
from tests.integration.conftest import new_engine
from tests.integration.engine_process import EngineProcess

__all__ = ["new_engine"]


@dataclass(frozen=True)
class Rig:
    """An engine and its disk."""

    engine: EngineProcess
    disk: Disk


NewRig = Callable[..., Rig]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the compiled shim, or skip with what is missing."""
    try:
        return compiled(tmp_path_factory.mktemp("shim"))
    except NoCompiler as missing:
        pytest.skip(str(missing))


@pytest.fixture
def new_rig(library: Path, tmp_path: Path) -> Iterator[NewRig]:
    """Give engines on such disks, not started; whatever still runs at the end is killed."""
    made: list[Rig] = []

    def make(*, segment_mib: int = 4, logged: bool = False, data_dir: Path | None = None) -> Rig:
        folder = data_dir or tmp_path / f"data-{len(made)}"
        disk = Disk(library, folder, tmp_path / f"disk-{len(made)}", logged=logged)
        engine = EngineProcess(folder, segment_mib=segment_mib, environment=disk.environment)
        made.append(Rig(engine, disk))
        return made[-1]

    yield make
    for rig in made:
        rig.engine.close()


@pytest.fixture
def rig(new_rig: NewRig) -> Rig:
    """Give one engine, started."""
    it = new_rig()
    it.engine.start()
    return it
