"""An engine that stands still: callers' deadlines hold, nothing is done twice, all goes on."""

from __future__ import annotations

import random
import signal
import time
from typing import Any

import grpc
import pytest

from tests.faults.conftest import Rig
from tests.faults.traffic import Traffic
from tests.integration.load import Load

FROZEN_SECONDS = 2.0
DEADLINE_SECONDS = 0.5


def test_deadlines_hold_while_the_engine_stands_still(rig: Rig, chance: random.Random) -> None:
    engine = rig.engine
    traffic = Traffic(engine, chance)
    load = Load(engine, traffic.make, clients=3).start()
    load.wait_for(30)
    call = traffic.make(1_000)
    method: Any = engine.client(call.caller).channel.unary_unary(call.path)
    engine.signal(signal.SIGSTOP)
    begun = time.monotonic()
    with pytest.raises(grpc.RpcError) as failure:
        method(call.request, timeout=DEADLINE_SECONDS)
    waited = time.monotonic() - begun
    assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert DEADLINE_SECONDS <= waited < FROZEN_SECONDS
    answered = len(load.answered)
    time.sleep(FROZEN_SECONDS - waited)
    assert len(load.answered) <= answered + load.clients
    engine.signal(signal.SIGCONT)
    # What the caller gave up may have been done: asked again, it is answered once and for all.
    reply = method(call.request, timeout=30)
    assert method(call.request, timeout=30) == reply
    load.wait_for(answered + 30)
    assert not load.failed
    engine.kill()
    load.join()
    engine.start()
    for call, before in load.answered:
        assert engine.raw(call.caller, call.path, call.request) == before
    for call, _ in load.failed:
        engine.raw(call.caller, call.path, call.request)
    assert traffic.booked(engine) == traffic.expected
