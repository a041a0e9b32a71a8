"""What happens to the processes of a city while they work: killed, frozen, out of room."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping

from bench.demo.processes import GATEWAYS
from tests.faults.city import EMULATED, ENGINE, City
from tests.faults.disk import Disk
from tests.faults.patience import PatientPartners

# Acknowledged requests that are sent again after each start of the engine.
SAMPLE = 20
CHOICES = (ENGINE, ENGINE, ENGINE, ENGINE, *GATEWAYS, *EMULATED)


class Disturber:
    """Disturbs one process after the other, from a seed of its own; all of them go on."""

    def __init__(
        self,
        city: City,
        partners: PatientPartners,
        chance: random.Random,
        disks: Mapping[str, Disk],
    ) -> None:
        self._city, self._partners, self._chance = city, partners, chance
        # With a disk to each process they run out of room and are frozen, too.
        self._disks = disks
        self._moved = asyncio.Condition()
        self.done: Counter[str] = Counter()
        self.start_seconds: list[float] = []
        self.sent_again = 0

    @property
    def deaths(self) -> int:
        return sum(n for what, n in self.done.items() if what.startswith("killed"))

    async def run(self, wanted: int) -> None:
        """Disturb so often."""
        while self.done.total() < wanted:
            await asyncio.sleep(self._chance.uniform(0, 0.4))
            self._city.check_alive()
            name = self._chance.choice(CHOICES)
            acts = [self._kill, self._kill, self._freeze, self._fill]
            await (self._chance.choice(acts) if self._disks else self._kill)(name)
            async with self._moved:
                self._moved.notify_all()

    async def reached(self, wanted: int) -> None:
        """Return once that often something happened."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.done.total() >= wanted)

    async def _kill(self, name: str) -> None:
        await self._city.kill(name)
        self.done[f"killed {name}"] += 1
        await asyncio.sleep(self._chance.choice((0, 0, 0.2, 0.5)))
        while self._chance.random() < 0.2:
            # While it starts: imports, recovery, catching up.
            await self._city.spawn(name)
            await asyncio.sleep(self._chance.uniform(0.1, 1.0))
            await self._city.kill(name)
            self.done[f"killed {name} starting"] += 1
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

    async def _freeze(self, name: str) -> None:
        self._city.signal(name, signal.SIGSTOP)
        await asyncio.sleep(self._chance.uniform(0.3, 2.0))
        self._city.signal(name, signal.SIGCONT)
        self.done[f"frozen {name}"] += 1

    async def _fill(self, name: str) -> None:
        with self._disks[name].full():
            await asyncio.sleep(self._chance.uniform(0.3, 2.0))
        self.done[f"out of room {name}"] += 1

    def __str__(self) -> str:
        starts = sorted(self.start_seconds) or [0.0]
        return (
            f"{self.deaths} deaths of {self.done.total()}: {dict(sorted(self.done.items()))};"
            f" starts {starts[len(starts) // 2]:.2f} s in the middle, {starts[-1]:.2f} s at most;"
            f" {self.sent_again} requests sent again"
        )
