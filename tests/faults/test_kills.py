"""The engine killed at exact calls, under load and at its start: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from engine import bridge
from tests.faults.conftest import NewRig, Rig
from tests.faults.disk import Kind, Moment
from tests.faults.traffic import Traffic
from tests.integration.load import Call, Load
from whampoa.evidence.v1.evidence_service_pb2 import GetStatusResponse

KILLS = 8
# After so many a new log is begun, so that replays stay short.
KILLS_PER_LOG = 25
# Targets of a kill, as often as they are worth it.
TARGETS = ("journal", "journal", "journal", "private", "projections", "")
SAMPLE = 30
STARTS = 5
REACH_SECONDS = 2.0


@dataclass
class Tally:
    """What was done, for the report."""

    kills: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    sent_again: int = 0
    start_seconds: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        starts = sorted(self.start_seconds)
        return (
            f"{sum(self.kills.values())} kills: {dict(sorted(self.kills.items()))};"
            f" {self.requests} requests, {self.sent_again} sent again;"
            f" starts {starts[len(starts) // 2]:.2f} s in the middle, {starts[-1]:.2f} s at most"
        )


class Life:
    """One log: loaded, killed, started and checked, again and again."""

    def __init__(self, rig: Rig, chance: random.Random, tally: Tally) -> None:
        self._rig, self._chance, self._tally = rig, chance, tally
        self._traffic = Traffic(rig.engine.start(), chance)
        self._load = Load(rig.engine, self._traffic.make, clients=4)
        self._older: list[tuple[Call, bytes]] = []
        self._next_number = 0

    def round(self) -> None:
        """Load, a kill, a start that may be killed as well, and all that must hold then."""
        self._arm()
        self._load.start()
        self._await_kill()
        self._load.join()
        self._start()
        self._check()

    def end(self) -> None:
        """All requests were answered: the books are those of a run that nobody disturbed."""
        engine = self._rig.engine
        assert self._traffic.booked(engine) == self._traffic.expected
        engine.kill()
        report = bridge.verify(engine.data_dir)
        assert (report["ok"], report["first_bad"]) == (True, None)
        assert all(law["holds"] for law in report["laws"])
        self._tally.requests += len(self._older)

    def _arm(self) -> None:
        """Choose where the process dies: at a call, or whenever."""
        disk, chance = self._rig.disk, self._chance
        disk.calm()
        if chance.random() < 0.25:
            disk.tell("", short_writes=1)
        if chance.random() < 0.2:
            self._killer = "whenever"
            return
        kind = chance.choice((Kind.WRITE, Kind.WRITE, Kind.SYNC, Kind.SYNC, Kind.RENAME))
        moment = chance.choice(tuple(Moment))
        count = 1 if kind is Kind.RENAME else chance.randint(1, 60)
        disk.kill_at(kind, count, moment, "" if kind is Kind.RENAME else chance.choice(TARGETS))
        self._killer = f"{kind.name} {moment.name}".lower()

    def _await_kill(self) -> None:
        engine, disk = self._rig.engine, self._rig.disk
        if self._killer == "whenever":
            time.sleep(self._chance.uniform(0, 0.5))
        elif not disk.wait_for_kill(REACH_SECONDS):
            self._killer = "never reached"
        engine.kill()
        self._tally.kills[self._killer] += 1

    def _start(self) -> None:
        """Start, and now and then die while starting."""
        engine, disk, chance = self._rig.engine, self._rig.disk, self._chance
        disk.calm()
        while chance.random() < 0.3:
            kind = Kind.WRITE | Kind.SYNC | Kind.TRUNCATE | Kind.RENAME
            disk.kill_at(kind, chance.randint(1, 12), chance.choice(tuple(Moment)))
            try:
                engine.start()
            except AssertionError:
                assert engine.returncode == -9, engine.said[-3:]
            else:
                engine.kill()
            disk.calm()
            self._tally.kills["while starting"] += 1
        begun = time.monotonic()
        engine.start()
        self._tally.start_seconds.append(time.monotonic() - begun)

    def _followed(self) -> GetStatusResponse:
        """The status once the follower, whose state is hashed, has all entries: it goes on with
        every question, also where the projections have them all."""
        status = self._rig.engine.status()
        while True:
            before, status = status, self._rig.engine.status()
            is_followed = status.projected_index == status.durable_index
            if is_followed and status.state_hash == before.state_hash:
                return status

    def _check(self) -> None:
        """What was acknowledged is there, byte for byte; what was not is sent again."""
        engine, load = self._rig.engine, self._load
        before = self._followed()
        assert all(law.holds for law in before.laws)
        older = self._chance.sample(self._older, min(SAMPLE, len(self._older)))
        for call, reply in [*load.answered, *older]:
            assert engine.raw(call.caller, call.path, call.request) == reply
        after = self._followed()
        assert (after.entries, after.state_hash) == (before.entries, before.state_hash)
        self._older += load.answered
        for call, _ in load.failed:
            reply = engine.raw(call.caller, call.path, call.request)
            assert engine.raw(call.caller, call.path, call.request) == reply
            self._older.append((call, reply))
            self._tally.sent_again += 1
        load.answered.clear()
        load.failed.clear()


def killed(new_rig: NewRig, chance: random.Random, kills: int) -> Tally:
    tally = Tally()
    while sum(tally.kills.values()) < kills:
        life = Life(new_rig(), chance, tally)
        until = min(sum(tally.kills.values()) + KILLS_PER_LOG, kills)
        while sum(tally.kills.values()) < until:
            life.round()
        life.end()
    print(tally)  # noqa: T201
    return tally


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.HALFWAY])
def test_a_start_that_is_killed_while_it_makes_the_key_of_the_log(
    new_rig: NewRig, moment: Moment
) -> None:
    rig = new_rig()
    rig.disk.kill_at(Kind.WRITE, 1, moment, "keys/log.key")
    with pytest.raises(AssertionError, match="did not start"):
        rig.engine.start()
    assert rig.engine.returncode == -9
    rig.disk.calm()
    assert rig.engine.start().status().accepting_writes


def test_a_first_start_that_is_killed_anywhere(new_rig: NewRig, chance: random.Random) -> None:
    """Folders, keys, the first segments, the first projections: whatever is there already."""
    rig = new_rig()
    for count in sorted(chance.sample(range(1, 40), STARTS)):
        kind = Kind.WRITE | Kind.SYNC | Kind.RENAME | Kind.TRUNCATE
        rig.disk.kill_at(kind, count, chance.choice(tuple(Moment)))
        try:
            rig.engine.start()
        except AssertionError:
            assert rig.engine.returncode == -9, rig.engine.said[-3:]
        else:
            rig.engine.kill()
    rig.disk.calm()
    traffic = Traffic(rig.engine.start(), chance)
    call = traffic.make(0)
    rig.engine.raw(call.caller, call.path, call.request)
    assert traffic.booked(rig.engine) == traffic.expected
    assert rig.engine.stop() == 0
    assert bridge.verify(rig.engine.data_dir)["ok"]


@pytest.mark.slow
def test_killed_a_few_times(new_rig: NewRig, chance: random.Random) -> None:
    killed(new_rig, chance, KILLS)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_again_and_again(new_rig: NewRig, chance: random.Random, seed: int) -> None:
    kills = int(os.environ.get("WHAMPOA_KILLS", "150"))
    print(f"SEED={seed} WHAMPOA_KILLS={kills}")  # noqa: T201
    killed(new_rig, chance, kills)
