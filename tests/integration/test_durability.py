"""What was acknowledged stays: kill -9 under load, a graceful stop, rot, a torn tail."""

from __future__ import annotations

import random
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from engine import bridge
from tests.integration.conftest import NewEngine
from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess, accepted
from tests.integration.load import Load, mixed
from tests.integration.segments import UNIT, flip, frames, unwrite
from whampoa.evidence.v1 import evidence_service_pb2 as evidence
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.ids import uuid7
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.money.v1.money_pb2 import Position
from whampoa.paging.v1.paging_pb2 import PageRequest
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.registry.v1 import registry_service_pb2 as registry


def loaded(engine: EngineProcess, chance: random.Random) -> Load:
    corridor = Corridor(engine, merchants=2)
    accounts = [
        ledger.Account(account_id=uuid7(), party_id=corridor.enterprise, currency="USD", code=1)
        for _ in range(2)
    ]
    request = ledger.OpenAccountsRequest(request_id=uuid7(), accounts=accounts)
    first, second = accepted(engine.client().ledger.OpenAccounts(request)).account_indexes
    return mixed(corridor, (first, second), chance)


def position_of(reply: bytes) -> Position:
    """Every response has its position in the same field."""
    return accepted(registry.RegisterPartiesResponse.FromString(reply)).position


def check_kept(load: Load) -> None:
    """Each acknowledged request is there, and asked again it gets the very same bytes."""
    engine = load.engine
    client = engine.client().evidence
    newest = max(position_of(reply).index for _, reply in load.answered)
    before = engine.status()
    assert before.entries > newest
    for call, reply in load.answered:
        request_id = call.request[2:18]
        outcome = client.GetOutcome(evidence.GetOutcomeRequest(request_id=request_id))
        assert (outcome.known, f"/{outcome.method}") == (True, call.path)
        assert outcome.position == position_of(reply)
        assert outcome.reply == reply
        assert engine.raw(call.caller, call.path, call.request) == reply
    # Nothing of this was written a second time.
    after = engine.status()
    assert (after.entries, after.state_hash) == (before.entries, before.state_hash)


def documents(engine: EngineProcess) -> list[feed.FeedEntry]:
    """All that the feed has for the Single Window gateway."""
    request = feed.FollowRequest(kinds=[feed.FEED_KIND_DOCUMENTS], until_head=True)
    stream = engine.client("singlewindow").feed.Follow(request, timeout=30)
    return [entry for response in stream for entry in response.entries]


def parties(engine: EngineProcess) -> int:
    at_least = Position(log="whampoa-1", index=engine.status().durable_index)
    request = query.GetSummaryRequest(at_least=at_least)
    return engine.client().query.GetSummary(request, timeout=60).counts["parties"]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_kill_under_load(new_engine: NewEngine, chance: random.Random) -> None:
    engine = new_engine().start()
    load = loaded(engine, chance).start()
    for round_number in range(1, 3):
        load.wait_for(120 * round_number)
        engine.kill()
        load.join()
        assert load.failed
        assert {code for _, code in load.failed} <= {
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.CANCELLED,
        }
        engine.start()
        check_kept(load)
        # What got no answer is simply sent again: it is answered once and for all.
        for call, _ in load.failed:
            reply = engine.raw(call.caller, call.path, call.request)
            assert position_of(reply).log == "whampoa-1"
            load.answered.append((call, reply))
        load.failed.clear()
        check_kept(load)
        load.start()
    engine.kill()
    load.join()
    report = bridge.verify(engine.data_dir)
    assert (report["ok"], report["first_bad"]) == (True, None)
    # Projections are behind, or were lost: the journal makes them again.
    engine.start()
    counted, followed = parties(engine), documents(engine)
    engine.stop()
    for left in engine.data_dir.glob("projections.sqlite*"):
        left.unlink()
    engine.start()
    assert parties(engine) == counted
    assert documents(engine) == followed
    check_kept(load)


def test_a_graceful_stop_answers_what_is_under_way(
    new_engine: NewEngine, chance: random.Random
) -> None:
    engine = new_engine().start()
    load = loaded(engine, chance).start()
    load.wait_for(100)
    started = time.monotonic()
    assert engine.stop() == 0
    # Less than the time calls are given to end: nothing was waited for in vain.
    assert time.monotonic() - started < 8
    load.join()
    codes = [code for _, code in load.failed]
    assert codes == [grpc.StatusCode.UNAVAILABLE] * load.clients
    assert frames(engine.data_dir)[-1].is_footer
    engine.start()
    replayed = [event for event in engine.events() if event["event"] == "journal replayed"]
    assert replayed[-1]["cut"] == {"cut": None, "lost": 0, "dropped": 0, "clean": True}
    check_kept(load)
    # Requests that were refused by the stop left nothing.
    client = engine.client().evidence
    for call, _ in load.failed:
        request = evidence.GetOutcomeRequest(request_id=call.request[2:18])
        assert not client.GetOutcome(request).known


def test_open_streams_do_not_hold_up_a_stop(new_engine: NewEngine) -> None:
    engine = new_engine().start()
    stream = engine.client("singlewindow").feed.Follow(
        feed.FollowRequest(kinds=[feed.FEED_KIND_DOCUMENTS])
    )
    corridor = Corridor(engine)
    corridor.submit(corridor.declared(1))
    seen = next(response for response in stream if response.entries)
    assert len(seen.entries[0].rows) == 3
    started = time.monotonic()
    engine.signal(15)
    with pytest.raises(grpc.RpcError) as failure:
        list(stream)
    assert engine.wait() == 0
    assert time.monotonic() - started < 5
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "stopping" in str(failure.value.details())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the data directory of an engine that stopped well after a few dozen frames."""
    engine = EngineProcess(tmp_path_factory.mktemp("written") / "data").start()
    corridor = Corridor(engine)
    for number in range(30):
        corridor.submit(corridor.declared(number))
    assert engine.stop() == 0
    return engine.data_dir


@pytest.fixture
def stopped(written: Path, tmp_path: Path) -> Iterator[EngineProcess]:
    """Give a copy of it to damage."""
    shutil.copytree(written, tmp_path / "copy")
    engine = EngineProcess(tmp_path / "copy")
    yield engine
    engine.close()


# Where in a frame: its head, an entry's header, a row, a salt, the padding.
@pytest.mark.parametrize("place", [2, 9, 30, 60, 150, 700, -1])
def test_a_flipped_byte_is_located(stopped: EngineProcess, place: int) -> None:
    whole = bridge.verify(stopped.data_dir)
    assert whole["ok"]
    frame = frames(stopped.data_dir)[12]
    offset = frame.offset + place % frame.length
    flip(frame.file, offset, 0x10)
    report = bridge.verify(stopped.data_dir)
    bad = report["first_bad"]
    assert not report["ok"]
    assert (bad["file"], bad["offset"]) == (frame.file.name, frame.offset)
    # Not repaired by the check; an engine that reads it refuses and names the place as well.
    assert bridge.verify(stopped.data_dir)["first_bad"] == bad
    shutil.rmtree(stopped.data_dir / "snapshots")
    with pytest.raises(AssertionError, match="did not start"):
        stopped.start()
    assert f"{frame.file.name} at offset {frame.offset}" in stopped.said[-1]
    assert "--accept-loss" in stopped.said[-1]
    flip(frame.file, offset, 0x10)
    assert {**bridge.verify(stopped.data_dir), "seconds": 0} == {**whole, "seconds": 0}


def test_rot_anywhere_is_found(stopped: EngineProcess, chance: random.Random) -> None:
    """One bit of any written byte of the journal, segment heads included."""
    end = max(frame.offset + frame.length for frame in frames(stopped.data_dir))
    (file,) = (stopped.data_dir / "journal").glob("*.wj")
    for _ in range(100):
        offset, mask = chance.randrange(end), 1 << chance.randrange(8)
        flip(file, offset, mask)
        assert not bridge.verify(stopped.data_dir)["ok"], (offset, mask)
        flip(file, offset, mask)
    assert bridge.verify(stopped.data_dir)["ok"]


def test_loss_is_accepted_only_when_asked(stopped: EngineProcess) -> None:
    whole = bridge.verify(stopped.data_dir)
    frame = frames(stopped.data_dir)[12]
    flip(frame.file, frame.offset + 100)
    stopped.start("--accept-loss")
    status = stopped.status()
    assert status.entries == frame.first_index < whole["entries"]
    (report,) = [it for it in stopped.events() if it.get("cut", {}) and it["cut"].get("cut")]
    assert report["cut"]["cut"]["file"] == frame.file.name
    assert report["cut"]["cut"]["offset"] == frame.offset
    assert report["cut"]["lost"] == whole["entries"] - frame.first_index
    assert frame.file.with_name(f"{frame.file.name}.lost-1").is_file()
    # Projections had seen more: they are made again.
    assert any("ahead of the journal" in it["event"] for it in stopped.events())
    at_least = Position(log="whampoa-1", index=status.durable_index)
    listed = stopped.client().query.ListDocuments(
        query.ListDocumentsRequest(page=PageRequest(page_size=1_000, at_least=at_least))
    )
    kept = {position.position.index for position in listed.documents}
    assert max(kept) < frame.first_index
    # The log goes on from there.
    corridor = Corridor(stopped, first=50)
    corridor.submit(corridor.declared(1))
    assert stopped.stop() == 0
    assert bridge.verify(stopped.data_dir)["ok"]
    stopped.start()


@pytest.mark.parametrize("kept_units", [0, 1])
def test_a_torn_tail_is_cut_and_reported(new_engine: NewEngine, kept_units: int) -> None:
    """The last frame was on its way when the power went: some of its units were never written."""
    engine = new_engine().start()
    corridor = Corridor(engine)
    for number in range(5):
        corridor.submit(corridor.declared(number))
    engine.kill()
    last = frames(engine.data_dir)[-1]
    assert last.length > UNIT
    unwrite(last, kept_units)
    report = bridge.verify(engine.data_dir)
    assert report["ok"]
    assert report["entries"] == last.first_index
    engine.start()
    assert engine.status().entries == last.first_index
    replayed = [it for it in engine.events() if it["event"] == "journal replayed"][-1]
    assert not replayed["cut"]["clean"]
    if kept_units:
        torn = report["torn"]
        assert (torn["file"], torn["offset"]) == (last.file.name, last.offset)
        assert torn["index"] == last.first_index
        cut = replayed["cut"]["cut"]
        assert (cut["file"], cut["offset"]) == (last.file.name, last.offset)
        assert cut["why"]
    corridor.submit(corridor.declared(9))
    assert engine.stop() == 0
    assert bridge.verify(engine.data_dir)["ok"]


def test_a_file_that_ends_early_is_cut(new_engine: NewEngine) -> None:
    engine = new_engine().start()
    corridor = Corridor(engine)
    for number in range(5):
        corridor.submit(corridor.declared(number))
    engine.kill()
    last = frames(engine.data_dir)[-1]
    with last.file.open("r+b") as opened:
        opened.truncate(last.offset + UNIT)
    torn = bridge.verify(engine.data_dir)["torn"]
    assert (torn["file"], torn["offset"]) == (last.file.name, last.offset)
    engine.start()
    assert engine.status().entries == last.first_index
    corridor.submit(corridor.declared(9))
    corridor.submit(corridor.answered(9))
    assert engine.stop() == 0
    assert bridge.verify(engine.data_dir)["ok"]


def test_two_engines_never_share_a_directory(new_engine: NewEngine) -> None:
    """The second is refused before it reads anything; the first serves on."""
    engine = new_engine().start()
    second = EngineProcess(engine.data_dir)
    with pytest.raises(AssertionError, match="did not start"):
        second.start()
    assert second.said[-1] == f"whampoa: {engine.data_dir} is served by another engine"
    assert engine.status().accepting_writes
    # A lock of the dead holds nobody up.
    engine.kill()
    assert second.start().status().accepting_writes
    second.kill()


def test_a_start_that_fails_says_why_in_one_line(new_engine: NewEngine) -> None:
    engine = new_engine()
    with socket.create_server(("127.0.0.1", engine.metrics_port)):
        with pytest.raises(AssertionError, match="did not start"):
            engine.start()
        assert engine.returncode == 1
        assert engine.said[-1].startswith("whampoa: [Errno 98] Address already in use")
    engine.start()
