"""A disk that fails a write or a sync: the engine ends, syncs nothing twice, and starts well."""

from __future__ import annotations

import errno
import random
import time

import pytest

from engine import bridge
from tests.faults.conftest import NewRig
from tests.faults.traffic import Traffic
from tests.integration.load import Load

END_SECONDS = 10
ANSWERS = 25


@pytest.mark.parametrize(
    ("what", "target"),
    [("write_error", "journal"), ("sync_error", "journal"), ("sync_error", "private/values")],
)
def test_the_engine_ends_and_nothing_is_lost(
    new_rig: NewRig, chance: random.Random, what: str, target: str
) -> None:
    rig = new_rig(logged=True)
    engine = rig.engine.start()
    traffic = Traffic(engine, chance)
    load = Load(engine, traffic.make, clients=3).start()
    load.wait_for(ANSWERS)
    rig.disk.tell(target, **{what: errno.EIO})
    begun = time.monotonic()
    while engine.is_running:
        assert time.monotonic() - begun < END_SECONDS
        time.sleep(0.01)
    load.join()
    assert engine.wait() == -6
    assert any("the engine stops" in line and "os error 5" in line for line in engine.said)
    # A sync that failed says nothing about what it would say the second time.
    failed = [it for it in rig.disk.calls() if it.result < 0 and it.path.startswith(target)]
    assert len([it for it in failed if it.name == "sync"]) <= 1
    rig.disk.calm()
    engine.start()
    for call, reply in load.answered:
        assert engine.raw(call.caller, call.path, call.request) == reply
    for call, _ in load.failed:
        engine.raw(call.caller, call.path, call.request)
    assert traffic.booked(engine) == traffic.expected
    assert engine.stop() == 0
    assert bridge.verify(engine.data_dir)["ok"]
