"""Law 9 on a real engine: no reply, and no refusal that depended on it, precedes its fdatasync."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.conftest import NewRig, Rig
from tests.faults.disk import Call
from tests.faults.order import (
    CONTROL_BYTES_MAX,
    judge_answers,
    judge_one_by_one,
    judge_private,
    written,
)
from tests.faults.strace import NoWitness, Witness
from tests.integration.conftest import NewEngine
from tests.integration.engine_process import EngineProcess, accepted
from tests.integration.segments import Frame, frames
from tests.integration.test_durability import loaded, position_of
from whampoa.client import SyncClient
from whampoa.ids import uuid7
from whampoa.money.v1 import rejection_pb2 as rejection
from whampoa.registry.v1 import registry_service_pb2 as registry

REQUESTS = 25
ANSWERS = 400
DELAY_MS = 300


def party(name: str, customs_code: str = "") -> registry.RegisterPartiesRequest:
    """A party with a private name."""
    it = registry.Party(
        party_id=uuid7(),
        roles=[registry.ROLE_PLATFORM],
        name=name,
        customs_codes=[customs_code] if customs_code else [],
    )
    return registry.RegisterPartiesRequest(request_id=uuid7(), parties=[it])


def one_by_one(rig: Rig) -> tuple[list[Call], list[Frame]]:
    """Requests of one client, each sent when the one before is answered."""
    client = rig.engine.start().client().registry
    # The first call opens the connection: its handshake is longer than a control frame.
    accepted(client.RegisterParties(party("the first")))
    rig.disk.forget()
    before = len(frames(rig.engine.data_dir))
    for number in range(REQUESTS):
        accepted(client.RegisterParties(party(f"platform {number}")))
    # Not killed: the last call would be made and not logged.
    assert rig.engine.stop() == 0
    made = [frame for frame in frames(rig.engine.data_dir)[before:] if not frame.is_footer]
    return rig.disk.calls(), made


def test_no_reply_precedes_its_sync_one_by_one(new_rig: NewRig) -> None:
    calls, made = one_by_one(new_rig(logged=True))
    assert len(made) == REQUESTS
    assert list(judge_one_by_one(calls, made)) == []
    assert list(judge_private(calls, made)) == []
    # What it judges by is there: replies that are longer than control frames, private parts.
    assert sum(it.name == "send" and it.length > CONTROL_BYTES_MAX for it in calls) >= REQUESTS
    assert sum(it.name == "write" and it.path == "private/values.wp" for it in calls) == REQUESTS


def test_a_disk_that_lies_is_found_out_one_by_one(new_rig: NewRig) -> None:
    """It says that all is durable and syncs 40 ms later: the judge finds every early reply."""
    rig = new_rig(logged=True)
    rig.disk.tell("journal", late_sync_ms=40)
    calls, made = one_by_one(rig)
    complaints = list(judge_one_by_one(calls, made))
    assert len(complaints) >= REQUESTS - 2, complaints


def test_private_parts_that_are_synced_late_are_found(new_rig: NewRig) -> None:
    rig = new_rig(logged=True)
    rig.disk.tell("private", late_sync_ms=40)
    calls, made = one_by_one(rig)
    assert list(judge_one_by_one(calls, made)) == []
    assert len(list(judge_private(calls, made))) >= REQUESTS - 2


@pytest.mark.parametrize("late_sync_ms", [0, 40])
def test_no_reply_precedes_its_sync_under_load(
    new_rig: NewRig, chance: random.Random, late_sync_ms: int
) -> None:
    """Many clients at once; each notes when it had which answer. A lying disk is found out."""
    rig = new_rig(segment_mib=64, logged=True)
    load = loaded(rig.engine.start(), chance)
    rig.disk.tell("journal", late_sync_ms=late_sync_ms)
    answers: list[tuple[int, int]] = []

    def note(reply: bytes) -> None:
        received_ns = time.monotonic_ns()
        answers.append((position_of(reply).index, received_ns))

    load.on_answer = note
    load.start().wait_for(ANSWERS if not late_sync_ms else ANSWERS // 4)
    rig.engine.kill()
    load.join()
    time.sleep(late_sync_ms / 1000)
    calls, made = rig.disk.calls(), frames(rig.engine.data_dir)
    complaints = list(judge_answers(calls, made, answers))
    if late_sync_ms:
        assert len(complaints) > len(answers) // 2, complaints
        return
    assert complaints == []
    assert list(judge_private(calls, made)) == []
    assert not [it.fault() for it in written(calls, made)[:-1] if it.fault()]


def test_an_independent_witness_agrees(new_engine: NewEngine, tmp_path: Path) -> None:
    """strace sees the same order, of an engine without any shim."""
    engine = new_engine().start()
    client = engine.client().registry
    accepted(client.RegisterParties(party("the first")))
    before = len(frames(engine.data_dir))
    try:
        witness = Witness(engine.pid, engine.data_dir, tmp_path / "strace.log")
    except NoWitness as missing:
        pytest.skip(str(missing))
    for number in range(REQUESTS):
        accepted(client.RegisterParties(party(f"platform {number}")))
    assert engine.stop() == 0
    witness.dismiss()
    made = [frame for frame in frames(engine.data_dir)[before:] if not frame.is_footer]
    calls = witness.calls()
    assert len(made) == REQUESTS
    assert list(judge_one_by_one(calls, made)) == []
    assert list(judge_private(calls, made)) == []


def test_a_refusal_waits_for_the_sync_it_depended_on(new_rig: NewRig) -> None:
    """The second request is refused because of the first, which is on its way to the disk."""
    rig = new_rig(logged=True)
    engine = rig.engine.start()
    first, second = _two_clients(engine)
    told: list[tuple[int, int]] = []

    def take() -> None:
        reply = accepted(first.registry.RegisterParties(party("first", "4401000001")))
        told.append((reply.position.index, time.monotonic_ns()))

    rig.disk.tell("journal", sync_delay_ms=DELAY_MS)
    taking = threading.Thread(target=take)
    begun = time.monotonic()
    taking.start()
    time.sleep(DELAY_MS / 3000)
    refused = second.registry.RegisterParties(party("second", "4401000001"))
    refused_ns = time.monotonic_ns()
    assert refused.refusal.code == rejection.REJECTION_PARTY_CODE_TAKEN, refused
    assert time.monotonic() - begun >= DELAY_MS / 1000
    taking.join()
    ((index, _),) = told
    rig.disk.calm()
    calls, made = rig.disk.calls(), frames(engine.data_dir)
    assert list(judge_answers(calls, made, [*told, (index, refused_ns)])) == []


def _two_clients(engine: EngineProcess) -> tuple[SyncClient, SyncClient]:
    """Clients of two connections, both open, both callers known to the log."""
    clients = (engine.client("operator"), SyncClient(engine.address, engine.keys, "operator"))
    for number, client in enumerate(clients):
        accepted(client.registry.RegisterParties(party(f"known {number}")))
    return clients


def test_the_judge_needs_no_lying_disk(new_rig: NewRig) -> None:
    """A log whose order was turned by hand: each kind of fault has its complaint."""
    calls, made = one_by_one(new_rig(logged=True))
    at = REQUESTS // 2
    it = written(calls, made)[at]
    assert it.sync is not None
    assert it.write is not None
    index = made[at].first_index
    lost = [call for call in calls if call != it.sync]
    assert any(f"entry {index}:" in text for text in judge_one_by_one(lost, made))
    failed = [replace(call, result=-1) if call == it.sync else call for call in calls]
    assert any(f"entry {index}:" in text for text in judge_one_by_one(failed, made))
    early = [(index, it.sync.ended_ns - 1)]
    assert len(list(judge_answers(calls, made, early))) == 1
    assert list(judge_answers(calls, made, [(index, it.sync.ended_ns + 1)])) == []
    assert len(list(judge_answers(calls, made, [(made[-1].first_index + 1, 0)]))) == 1
    unwritten = [call for call in calls if call != it.write]
    assert list(judge_one_by_one(unwritten, made)) == [it_fault(index)]


def it_fault(index: int) -> str:
    return f"frame of entry {index}: no call wrote it"
