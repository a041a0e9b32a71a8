"""What is beside the journal may rot, run full or be lost: the engine says so and goes on."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import NewEngine
from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess, accepted
from tests.integration.segments import flip
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.ids import uuid7
from whampoa.money.v1 import rejection_pb2 as rejection
from whampoa.money.v1.money_pb2 import Position
from whampoa.paging.v1.paging_pb2 import PageRequest
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.registry.v1 import registry_service_pb2 as registry

ORDERS = 12
CHANGES = {
    "old": "UPDATE projection_cursor SET version = 0",
    "of another": "UPDATE projection_cursor SET log = 'another', next_index = 3",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Give the data directory of an engine that stopped, and its state hash."""
    engine = EngineProcess(tmp_path_factory.mktemp("recovered") / "data").start()
    Corridor(engine).release(range(ORDERS))
    state_hash = engine.status().state_hash
    assert engine.stop() == 0
    return engine.data_dir, state_hash


@pytest.fixture
def stopped(written: tuple[Path, str], tmp_path: Path) -> Iterator[EngineProcess]:
    """Give a copy of it to damage."""
    shutil.copytree(written[0], tmp_path / "copy")
    engine = EngineProcess(tmp_path / "copy")
    yield engine
    engine.close()


def trades(engine: EngineProcess) -> list[query.TradeView]:
    page = PageRequest(page_size=1_000, at_least=Position(index=engine.status().durable_index))
    request = query.ListTradesRequest(page=page)
    return list(engine.client().query.ListTrades(request, timeout=60).trades)


def received(engine: EngineProcess) -> list[bytes]:
    """Documents as received, empty where the private part is lost."""
    request = feed.FollowRequest(kinds=[feed.FEED_KIND_DOCUMENTS], until_head=True)
    stream = engine.client("singlewindow").feed.Follow(request, timeout=60)
    return [row.document.received for it in stream for entry in it.entries for row in entry.rows]


def warnings(engine: EngineProcess) -> list[str]:
    return [event["event"] for event in engine.events() if event["level"] == "warning"]


@pytest.mark.parametrize("how", ["garbage", "a page in the middle", "empty", "old", "of another"])
def test_projections_that_are_no_good_are_made_again(stopped: EngineProcess, how: str) -> None:
    expected = trades(stopped.start())
    assert len(expected) == ORDERS
    assert stopped.stop() == 0
    file = stopped.data_dir / "projections.sqlite"
    for journal in stopped.data_dir.glob("projections.sqlite-*"):
        journal.unlink()
    if how == "garbage":
        file.write_bytes(b"garbage " * 5_000)
    elif how == "a page in the middle":
        raw = bytearray(file.read_bytes())
        raw[4096 * 3 : 4096 * 6] = b"\xa5" * (4096 * 3)
        file.write_bytes(raw)
    elif how == "empty":
        file.write_bytes(b"")
    else:
        with sqlite3.connect(file) as connection:
            connection.execute(CHANGES[how])
        connection.close()
    assert trades(stopped.start()) == expected
    damaged = how in ("garbage", "a page in the middle")
    assert warnings(stopped) == ["projections are damaged, made again"] * damaged
    assert stopped.stop() == 0


@pytest.mark.parametrize("name", ["values.wp", "keys.wk"])
def test_a_rotten_private_part_loses_itself_alone(
    stopped: EngineProcess, written: tuple[Path, str], name: str
) -> None:
    file = stopped.data_dir / "private" / name
    flip(file, file.stat().st_size // 2)
    stopped.start()
    assert stopped.status().state_hash == written[1]
    replayed = [event for event in stopped.events() if event["event"] == "journal replayed"]
    assert replayed[-1]["private_damaged"] == 1
    whole = received(stopped)
    assert len(whole) == 3 * ORDERS
    assert whole.count(b"") <= 1
    # What comes after it is kept, also over another start.
    corridor = Corridor(stopped, first=600)
    corridor.submit(corridor.declared(1))
    assert stopped.stop() == 0
    assert received(stopped.start())[-3:] == [b"<as received/>"] * 3


@pytest.mark.parametrize("lost", ["private", "private/values.wp", "private/keys.wk"])
def test_private_parts_may_be_gone(
    stopped: EngineProcess, written: tuple[Path, str], lost: str
) -> None:
    path = stopped.data_dir / lost
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    stopped.start()
    assert stopped.status().state_hash == written[1]
    assert set(received(stopped)) == {b""}
    corridor = Corridor(stopped, first=600)
    corridor.submit(corridor.declared(1))
    assert stopped.stop() == 0
    assert received(stopped.start())[-3:] == [b"<as received/>"] * 3


def test_a_full_disk_refuses_writes_until_there_is_room(new_engine: NewEngine) -> None:
    """Without a spare segment nothing is decided; reads and old replies go on."""
    engine = new_engine()
    obstacle = engine.data_dir / "journal" / "spare.new"
    obstacle.mkdir(parents=True)
    engine.start()
    party = registry.Party(party_id=uuid7(), roles=[registry.ROLE_PLATFORM], name="Harbor")
    request = registry.RegisterPartiesRequest(request_id=uuid7(), parties=[party])
    client = engine.client().registry
    deadline = time.monotonic() + 30
    while not (refusal := client.RegisterParties(request).refusal).code:
        # The first segment has room; what matters is that the next one cannot be made.
        request.request_id = uuid7()
        assert time.monotonic() < deadline
    assert refusal.code == rejection.REJECTION_NO_ROOM
    assert refusal.transient
    assert not engine.status().accepting_writes
    obstacle.rmdir()
    while client.RegisterParties(request).refusal.code == rejection.REJECTION_NO_ROOM:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    accepted(client.RegisterParties(request))
    assert engine.status().accepting_writes
    assert engine.stop() == 0
