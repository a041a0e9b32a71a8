"""A full disk: writes are refused before they are decided, reads and drain go on, all resumes."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import pytest

from engine import bridge
from tests.faults.conftest import NewRig, Rig
from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess, accepted
from whampoa.columns import ROWS_MAX, SUBMIT_TRANSFERS, Transfers, new_ids
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.ids import uuid7
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.money.v1 import rejection_pb2 as rejection
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.registry.v1 import registry_service_pb2 as registry

REGISTER = "/whampoa.registry.v1.RegistryService/RegisterParties"
PARTIES = 100
# A refusal waits for nothing; the machine may be slow.
SOON_SECONDS = 2.0
# The engine looks for room once a second, and a spare segment has to be zeroed.
AGAIN_SECONDS = 20.0


def parties() -> bytes:
    """A request with more private parts than the blocks that a file may have left over."""
    rows = [
        registry.Party(party_id=uuid7(), roles=[registry.ROLE_PLATFORM], name="Harbor " * 15)
        for _ in range(PARTIES)
    ]
    return registry.RegisterPartiesRequest(request_id=uuid7(), parties=rows).SerializeToString()


def is_refused(reply: bytes) -> bool:
    """Whether the engine had no room; any other refusal is a fault of the test."""
    refusal = registry.RegisterPartiesResponse.FromString(reply).refusal
    if refusal.code == rejection.REJECTION_UNSPECIFIED:
        return False
    assert refusal.code == rejection.REJECTION_NO_ROOM, refusal
    assert refusal.transient
    return True


def refused_soon(engine: EngineProcess, path: str, request: bytes) -> None:
    begun = time.monotonic()
    assert is_refused(engine.raw("operator", path, request))
    assert time.monotonic() - begun < SOON_SECONDS


def taken_at_last(engine: EngineProcess, path: str, request: bytes) -> bytes:
    """The reply once there is room again."""
    deadline = time.monotonic() + AGAIN_SECONDS
    while is_refused(reply := engine.raw("operator", path, request)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return reply


def reads_go_on(engine: EngineProcess) -> None:
    """Status, queries and the feed, as fast as ever."""
    begun = time.monotonic()
    assert not engine.status().accepting_writes
    client = engine.client().query
    client.GetSummary(query.GetSummaryRequest(), timeout=SOON_SECONDS)
    request = feed.FollowRequest(kinds=[feed.FEED_KIND_DOCUMENTS], until_head=True)
    list(engine.client("singlewindow").feed.Follow(request, timeout=SOON_SECONDS))
    assert time.monotonic() - begun < 2 * SOON_SECONDS


@dataclass
class Stuck:
    """A request that was decided before anybody knew that there is no room for it."""

    engine: EngineProcess
    request: bytes

    def __post_init__(self) -> None:
        self.code: grpc.StatusCode | None = None
        self.reply = b""
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        try:
            self.reply = self.engine.raw("operator", REGISTER, self.request)
        except grpc.RpcError as failure:
            self.code = failure.code()

    def join(self) -> None:
        self._thread.join(AGAIN_SECONDS)
        assert not self._thread.is_alive()


def stuck(rig: Rig, target: str) -> tuple[bytes, bytes, Stuck]:
    """An engine whose disk ran full: an old request and its reply, and one that waits for room."""
    engine = rig.engine.start()
    old = parties()
    reply = engine.raw("operator", REGISTER, old)
    rig.disk.fill(target)
    waiting = Stuck(engine, parties())
    deadline = time.monotonic() + SOON_SECONDS
    while engine.status().accepting_writes:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return old, reply, waiting


@pytest.mark.parametrize("target", ["", "private/keys"])
def test_no_room_for_private_parts(new_rig: NewRig, target: str) -> None:
    rig = new_rig()
    old, old_reply, waiting = stuck(rig, target)
    engine = rig.engine
    entries = engine.status().entries
    later = parties()
    refused_soon(engine, REGISTER, later)
    # The one that waits, asked again, does not hold up anybody.
    refused_soon(engine, REGISTER, waiting.request)
    assert engine.raw("operator", REGISTER, old) == old_reply
    reads_go_on(engine)
    assert engine.status().entries == entries
    rig.disk.calm()
    waiting.join()
    assert not is_refused(waiting.reply)
    assert engine.raw("operator", REGISTER, waiting.request) == waiting.reply
    taken_at_last(engine, REGISTER, later)
    assert engine.status().entries == entries + 2
    assert engine.status().accepting_writes
    assert engine.stop() == 0
    assert bridge.verify(engine.data_dir)["ok"]


def test_an_engine_without_room_stops_when_asked(new_rig: NewRig) -> None:
    """What waits for room was never acknowledged; the exit code and a line say that it is left."""
    rig = new_rig()
    old, old_reply, waiting = stuck(rig, "private")
    engine = rig.engine
    entries = engine.status().entries
    refused_soon(engine, REGISTER, waiting.request)
    begun = time.monotonic()
    assert engine.stop() == 1
    assert time.monotonic() - begun < 15
    assert "storage space" in engine.said[-1]
    waiting.join()
    assert waiting.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    rig.disk.calm()
    engine.start()
    assert engine.status().entries == entries
    assert engine.raw("operator", REGISTER, old) == old_reply
    taken_at_last(engine, REGISTER, waiting.request)
    assert engine.status().entries == entries + 1


def transfers(engine: EngineProcess) -> Iterator[bytes]:
    """Full batches of transfers, which have no private parts."""
    corridor = Corridor(engine)
    accounts = [
        ledger.Account(account_id=uuid7(), party_id=corridor.enterprise, currency="USD", code=1)
        for _ in range(2)
    ]
    opening = ledger.OpenAccountsRequest(request_id=uuid7(), accounts=accounts)
    first, second = accepted(engine.client().ledger.OpenAccounts(opening)).account_indexes
    ones = np.full(ROWS_MAX, 1, np.uint32)
    while True:
        moved = Transfers(new_ids(ROWS_MAX), ones * first, ones * second, ones, ones)
        yield moved.encode(uuid7())


def test_no_room_for_the_next_segment(new_rig: NewRig) -> None:
    """Money moves until less than a spare segment is left; nothing of it waits for room."""
    rig = new_rig()
    engine = rig.engine.start()
    batches = transfers(engine)
    taken = [(it := next(batches), engine.raw("operator", SUBMIT_TRANSFERS, it))]
    rig.disk.fill("journal")
    deadline = time.monotonic() + AGAIN_SECONDS
    while not is_refused(reply := engine.raw("operator", SUBMIT_TRANSFERS, it := next(batches))):
        taken.append((it, reply))
        assert time.monotonic() < deadline
    refused_soon(engine, SUBMIT_TRANSFERS, it)
    reads_go_on(engine)
    entries = engine.status().entries
    # It stops in good order, and starts again on the full disk: nothing waited.
    assert engine.stop() == 0
    engine.start()
    reads_go_on(engine)
    for request, before in (taken[0], taken[-1]):
        assert engine.raw("operator", SUBMIT_TRANSFERS, request) == before
    assert engine.status().entries == entries
    refused_soon(engine, SUBMIT_TRANSFERS, it)
    rig.disk.calm()
    taken_at_last(engine, SUBMIT_TRANSFERS, it)
    assert engine.status().entries == entries + 1
    assert engine.stop() == 0
    assert bridge.verify(engine.data_dir)["ok"]


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_projections_without_room_fall_behind_alone(new_rig: NewRig, how: str) -> None:
    """Writes and the feed go on, also over a start; queries come back by themselves."""
    rig = new_rig()
    engine = rig.engine.start()
    for _ in range(3):
        taken_at_last(engine, REGISTER, parties())
    rig.disk.fill("projections")
    for _ in range(3):
        taken_at_last(engine, REGISTER, parties())
    assert engine.status().accepting_writes
    if how == "killed":
        engine.kill()
    else:
        assert engine.stop() == 0
    engine.start()
    taken_at_last(engine, REGISTER, parties())
    request = feed.FollowRequest(kinds=[feed.FEED_KIND_DOCUMENTS], until_head=True)
    last = list(engine.client("singlewindow").feed.Follow(request, timeout=SOON_SECONDS))[-1]
    assert last.next_index == engine.status().entries
    assert any(event["event"] == "projections wait" for event in engine.events())
    rig.disk.calm()
    deadline = time.monotonic() + AGAIN_SECONDS
    while engine.status().projected_index < engine.status().durable_index:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    summary = engine.client().query.GetSummary(query.GetSummaryRequest(), timeout=SOON_SECONDS)
    assert summary.counts["parties"] == 7 * PARTIES


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 24 MiB, or skip."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    except OSError as failure:
        pytest.skip(f"a small file system needs mount: {failure}")
    if done.returncode != 0:
        pytest.skip(f"a small file system needs root: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_small_disk_really_runs_full(small_disk: Path) -> None:
    """No shim: the kernel says that there is no room, and later that there is."""
    engine = EngineProcess(small_disk / "data")
    try:
        engine.start()
        batches = transfers(engine)
        next(batches)
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(bytes(1 << 12))
        taken = []
        deadline = time.monotonic() + AGAIN_SECONDS
        while not is_refused(
            reply := engine.raw("operator", SUBMIT_TRANSFERS, it := next(batches))
        ):
            taken.append((it, reply))
            assert time.monotonic() < deadline
        assert taken
        reads_go_on(engine)
        ballast.unlink()
        taken_at_last(engine, SUBMIT_TRANSFERS, it)
        for request, before in (taken[0], taken[-1]):
            assert engine.raw("operator", SUBMIT_TRANSFERS, request) == before
        assert engine.stop() == 0
        assert bridge.verify(engine.data_dir)["ok"]
    finally:
        engine.close()
