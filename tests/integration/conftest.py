"""Real engines: one for the whole session where state does not matter, or one of a test's own."""

from __future__ import annotations

import os
import pwd
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.corridor import Corridor
from tests.integration.databases import Databases, programs
from tests.integration.engine_process import EngineProcess
from tests.integration.port import Port

NewEngine = Callable[..., EngineProcess]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """Give an engine that all tests share: they add to it and never stop it."""
    it = EngineProcess(tmp_path_factory.mktemp("shared") / "data").start()
    yield it
    assert it.stop() == 0, it.said[-5:]


@pytest.fixture(scope="session")
def corridor(engine: EngineProcess) -> Corridor:
    """Give parties on the shared engine."""
    return Corridor(engine, merchants=3, first=1)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Give a running PostgreSQL server, or skip."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed")
    if os.geteuid() == 0 and "postgres" not in {user.pw_name for user in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    server = Databases(found)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def new_engine(tmp_path: Path) -> Iterator[NewEngine]:
    """Give engines of the test's own, not started; whatever still runs at the end is killed."""
    made: list[EngineProcess] = []

    def make(*, segment_mib: int = 4, projections: str = "") -> EngineProcess:
        data_dir = tmp_path / f"data-{len(made)}"
        made.append(EngineProcess(data_dir, segment_mib=segment_mib, projections=projections))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
async def port(new_engine: NewEngine, tmp_path: Path) -> AsyncIterator[Port]:
    """Give an engine with customs and a gateway around it."""
    engine = new_engine().start()
    async with AsyncExitStack() as stack:
        it = Port(engine, tmp_path / "port")
        await stack.enter_async_context(it.customs())
        await stack.enter_async_context(it.gateway())
        yield it
    assert engine.stop() == 0, engine.said[-5:]
