"""Everything killed at random under load: the books are those of a run that nobody disturbed."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.demo.ids import Ids
from bench.demo.processes import GATEWAYS
from engine import bridge
from tests.faults.books import Books
from tests.faults.city import EMULATED, ENGINE, City
from tests.faults.patience import PatientPartners
from tests.faults.workload import Workload

PARCELS = 24
KILLS_PER_ROUND = 4
# Acknowledged requests that are sent again after each start of the engine.
SAMPLE = 20
# How often each is killed, per round of the dice.
CHOICES = (ENGINE, ENGINE, ENGINE, ENGINE, *GATEWAYS, *EMULATED)


class Killer:
    """Kills and starts again, from a seed of its own, until it has done what is wanted."""

    def __init__(self, city: City, partners: PatientPartners, chance: random.Random) -> None:
        self._city, self._partners, self._chance = city, partners, chance
        self.kills: Counter[str] = Counter()
        self.start_seconds: list[float] = []
        self.sent_again = 0
        self._moved = asyncio.Condition()

    async def run(self, wanted: int) -> None:
        """Kill until so many processes died since the workload began."""
        while self.kills.total() < wanted:
            await asyncio.sleep(self._chance.uniform(0, 0.4))
            self._city.check_alive()
            await self._kill(self._chance.choice(CHOICES))
            async with self._moved:
                self._moved.notify_all()

    async def reached(self, wanted: int) -> None:
        """Return once so many processes died."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.kills.total() >= wanted)

    async def _kill(self, name: str) -> None:
        await self._city.kill(name)
        self.kills[name] += 1
        await asyncio.sleep(self._chance.choice((0, 0, 0.2, 0.5)))
        while self._chance.random() < 0.2:
            # While it starts: imports, recovery, catching up.
            await self._city.spawn(name)
            await asyncio.sleep(self._chance.uniform(0.1, 1.0))
            await self._city.kill(name)
            self.kills[f"{name} starting"] += 1
        begun = time.monotonic()
        await self._city.start(name)
        self.start_seconds.append(time.monotonic() - begun)
        if name == ENGINE:
            await self._send_again()

    async def _send_again(self) -> None:
        """The same requests, the same replies."""
        answered = self._partners.answered
        for it in self._chance.sample(answered, min(SAMPLE, len(answered))):
            reply = await it.again()
            assert reply.SerializeToString() == it.reply.SerializeToString(), it.request
            self.sent_again += 1


@asynccontextmanager
async def running(city: City) -> AsyncIterator[PatientPartners]:
    await city.start_all()
    try:
        async with PatientPartners(city.data_dir, city.addresses) as partners:
            yield partners
            city.check_alive()
            codes = await city.stop_all()
            assert set(codes.values()) == {0}, codes
    finally:
        await city.kill_all()
    report = bridge.verify(city.data_dir)
    assert (report["ok"], report["first_bad"]) == (True, None)
    assert all(law["holds"] for law in report["laws"])


async def undisturbed(city: City, ids: Ids, seed: int, rounds: int) -> Books:
    async def nothing(_at: int) -> None:
        """Lets everything go its way."""

    async with running(city) as partners:
        return await Workload(partners, ids, seed, rounds, PARCELS).run(nothing)


async def disturbed(city: City, ids: Ids, seed: int, rounds: int, kills: int) -> Books:
    """The same workload; the killer begins with it, and in every round it gets its share done."""
    chance = random.Random(f"kills:{seed}")
    async with running(city) as partners:
        killer = Killer(city, partners, chance)
        killing = asyncio.create_task(killer.run(kills))

        async def between(at: int) -> None:
            await killer.reached(kills * (at + 1) // rounds)

        working = asyncio.create_task(Workload(partners, ids, seed, rounds, PARCELS).run(between))
        try:
            found, _ = await asyncio.gather(working, killing)
        finally:
            # The first failure of either ends both.
            working.cancel()
            killing.cancel()
        starts = sorted(killer.start_seconds)
        print(  # noqa: T201
            f"{killer.kills.total()} kills: {dict(sorted(killer.kills.items()))};"
            f" starts {starts[len(starts) // 2]:.2f} s in the middle, {starts[-1]:.2f} s at most;"
            f" {killer.sent_again} requests sent again"
        )
        return found


async def same_books(tmp_path: Path, seed: int, kills: int) -> None:
    rounds = max(2, kills // KILLS_PER_ROUND)
    ids = Ids(time.time_ns() // 1_000_000)
    calm = await City.found(tmp_path / "calm")
    begun = time.monotonic()
    expected = await undisturbed(calm, ids, seed, rounds)
    calm_seconds = time.monotonic() - begun
    wild = await City.found(tmp_path / "wild", calm.data_dir / "keys")
    begun = time.monotonic()
    found = await disturbed(wild, ids, seed, rounds, kills)
    print(  # noqa: T201
        f"{rounds} rounds of {PARCELS} parcels: {calm_seconds:.1f} s undisturbed,"
        f" {time.monotonic() - begun:.1f} s with kills"
    )
    assert found.keys() == expected.keys()
    for book, rows in expected.items():
        assert rows, book
        assert found[book] == rows, book


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_everything_is_killed_a_few_times(tmp_path: Path, seed: int) -> None:
    await same_books(tmp_path, seed, 8)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_everything_is_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    kills = int(os.environ.get("WHAMPOA_KILLS", "60"))
    print(f"SEED={seed} WHAMPOA_KILLS={kills}")  # noqa: T201
    await same_books(tmp_path, seed, kills)
