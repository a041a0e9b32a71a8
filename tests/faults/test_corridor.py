"""The whole corridor disturbed under load: the books are those of a run that nobody disturbed."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.demo.ids import Ids
from engine import bridge
from tests.faults.books import Books
from tests.faults.city import WORDS, City
from tests.faults.disk import Disk
from tests.faults.disturber import Disturber
from tests.faults.patience import PatientPartners
from tests.faults.workload import Workload

PARCELS = 24
PER_ROUND = 5


@asynccontextmanager
async def running(city: City) -> AsyncIterator[PatientPartners]:
    """Partners of a city that runs, stops well at the end, and holds in its files."""
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


class Comparison:
    """One workload, done twice under the same keys: in peace, and disturbed."""

    def __init__(self, folder: Path, library: Path, seed: int, times: int) -> None:
        self._folder, self._library, self._seed, self._times = folder, library, seed, times
        self._rounds = max(2, times // PER_ROUND)
        self._ids = Ids(time.time_ns() // 1_000_000)

    def _workload(self, partners: PatientPartners) -> Workload:
        return Workload(partners, self._ids, self._seed, self._rounds, PARCELS)

    async def run(self, *, only_kills: bool) -> None:
        begun = time.monotonic()
        calm = await City.found(self._folder / "calm")
        expected = await self._in_peace(calm)
        calm_seconds = time.monotonic() - begun
        data_dir = self._folder / "wild"
        disks = {} if only_kills else self._disks(data_dir)
        environments = {name: disk.environment for name, disk in disks.items()}
        wild = await City.found(data_dir, calm.data_dir / "keys", environments)
        begun = time.monotonic()
        found = await self._disturbed(wild, disks)
        print(  # noqa: T201
            f"{self._rounds} rounds of {PARCELS} parcels: {calm_seconds:.1f} s in peace,"
            f" {time.monotonic() - begun:.1f} s disturbed"
        )
        assert found.keys() == expected.keys()
        for book, rows in expected.items():
            assert rows, book
            assert found[book] == rows, book

    def _disks(self, data_dir: Path) -> dict[str, Disk]:
        data_dir.mkdir()
        return {
            name: Disk(self._library, data_dir, self._folder / "disks" / name) for name in WORDS
        }

    async def _in_peace(self, city: City) -> Books:
        async def nothing(_at: int) -> None:
            """Lets everything go its way."""

        async with running(city) as partners:
            return await self._workload(partners).run(nothing)

    async def _disturbed(self, city: City, disks: dict[str, Disk]) -> Books:
        """The disturber begins with the workload, and in every round it gets its share done."""
        chance = random.Random(f"disturbed:{self._seed}")
        async with running(city) as partners:
            disturber = Disturber(city, partners, chance, disks)

            async def between(at: int) -> None:
                await disturber.reached(self._times * (at + 1) // self._rounds)

            disturbing = asyncio.create_task(disturber.run(self._times))
            working = asyncio.create_task(self._workload(partners).run(between))
            try:
                found, _ = await asyncio.gather(working, disturbing)
            finally:
                # The first failure of either ends both.
                working.cancel()
                disturbing.cancel()
            print(disturber)  # noqa: T201
            return found


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_killed_frozen_and_out_of_room(tmp_path: Path, library: Path, seed: int) -> None:
    await Comparison(tmp_path, library, seed, 12).run(only_kills=False)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("only_kills", [True, False])
async def test_again_and_again(tmp_path: Path, library: Path, seed: int, only_kills: bool) -> None:
    times = int(os.environ.get("WHAMPOA_KILLS", "50"))
    print(f"SEED={seed} WHAMPOA_KILLS={times}")  # noqa: T201
    await Comparison(tmp_path, library, seed, times).run(only_kills=only_kills)
