"""Makes the faults of a plan happen, and starts again what ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from gateways import fault
from tests.simulation.chance import stream
from tests.simulation.corridor import Corridor
from tests.simulation.faults import INSTITUTIONS, LINE_KINDS, Fault
from tests.simulation.life import Life, Node
from tests.simulation.people import People
from tests.simulation.weather import Window


class Breaking:
    """Makes the faults of a plan happen."""

    def __init__(self, corridor: Corridor, people: People, seed: int, faults: list[Fault]) -> None:
        self._corridor = corridor
        self._people = people
        self._seed = seed
        self._faults = faults
        self._tasks: list[asyncio.Task[None]] = []
        self._is_over = False
        self._is_full = False
        self.happened: list[Fault] = []
        for node in corridor.nodes.values():
            node.on_end.append(self._ended)
        # Processes that ended and are to be started again.
        self._down: dict[str, Node] = {}
        self._seconds_down: dict[str, float] = {}

    def _ended(self, life: Life) -> None:
        self._down[life.node.name] = life.node

    def begin(self, number: int) -> None:
        """The faults of a stage are on their way."""
        if not self._tasks:
            self._tasks.append(asyncio.create_task(self._restart()))
        for it in self._faults:
            if it.stage == number:
                self._tasks.append(asyncio.create_task(self._happen(it)))

    async def calm(self) -> None:
        """No more faults: lines are whole, every process is up, institutions do as they should."""
        self._is_over = True
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks[1:], return_exceptions=True)
        self._corridor.network.weather.clear()
        self._corridor.engine.disk.limit(None)
        self._corridor.engine.disk.power_off_in(1 << 60)
        for node in self._corridor.nodes.values():
            node.skew_ns = 0
            if node.life is not None:
                node.life.last_write = None
        while self._down or any(not it.is_up for it in self._corridor.nodes.values()):
            self._corridor.check()
            await asyncio.sleep(0.5)
        for task in self._tasks[:1]:
            task.cancel()
        for name in INSTITUTIONS:
            for kind in fault.KINDS:
                client = getattr(self._people, name)
                await client.instruct(fault.ACTION, kind=kind, count=0)

    async def _restart(self) -> None:
        """Whoever runs the corridor starts again what ended."""
        while True:
            for name, node in list(self._down.items()):
                del self._down[name]
                seconds = 0.1 if self._is_over else self._seconds_down.pop(name, 1.0)
                self._tasks.append(asyncio.create_task(self._start(node, seconds)))
            await asyncio.sleep(0.1)

    async def _start(self, node: Node, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        finally:
            if not node.is_up:
                self._corridor.network.note("start", node.name)
                await asyncio.shield(asyncio.ensure_future(node.start()))
        is_disk = self._is_full or self._corridor.engine.disk.is_off()
        if node.name == "engine" and node.failure is not None and is_disk:
            # An engine whose disk fails while it opens ends, and is started again.
            node.failure = None
            node.end()

    async def _happen(self, it: Fault) -> None:
        await asyncio.sleep(it.after_seconds)
        self.happened.append(it)
        self._corridor.network.note(it)
        if it.kind in LINE_KINDS:
            await self._weather(it)
        elif it.kind in fault.KINDS and it.where != "engine":
            await self._institution(it)
        else:
            await _HAPPENINGS[it.kind](self, it)

    async def _weather(self, it: Fault) -> None:
        window = Window(it, self._seed)
        network = self._corridor.network
        network.weather.append(window)
        network.break_streams(window.is_cut)
        await asyncio.sleep(it.seconds)
        network.weather.remove(window)

    async def _institution(self, it: Fault) -> None:
        arguments: dict[str, object] = {"kind": it.kind, "count": min(it.amount, 4)}
        if it.kind == fault.SLOW:
            arguments["delay_ms"] = min(int(it.seconds * 1000), 40_000)
        await getattr(self._people, it.where).instruct(fault.ACTION, **arguments)

    async def _kill(self, it: Fault) -> None:
        self._seconds_down[it.where] = it.seconds
        self._corridor.nodes[it.where].end()

    async def _lose_power(self, it: Fault) -> None:
        node = self._corridor.nodes[it.where]
        self._corridor.engine.loses_power = it.where == "engine"
        await self._kill(it)
        node.lose_power(stream(self._seed, "fault", it.number, "files"))

    async def _kill_at_write(self, it: Fault) -> None:
        life = self._corridor.nodes[it.where].life
        if life is not None and life.is_alive:
            self._seconds_down[it.where] = it.seconds
            life.last_write = (life.writes + it.amount, it.is_done)

    async def _power_off(self, it: Fault) -> None:
        self._seconds_down["engine"] = it.seconds
        self._corridor.engine.disk.power_off_in(it.amount)

    async def _disk_full(self, it: Fault) -> None:
        self._is_full = True
        self._corridor.engine.disk.limit(0)
        await asyncio.sleep(min(it.seconds, 40.0))
        self._corridor.engine.disk.limit(None)

    async def _jump(self, it: Fault) -> None:
        self._corridor.loop.jumped_ns += it.amount

    async def _skew(self, it: Fault) -> None:
        self._corridor.nodes[it.where].skew_ns = it.amount


_HAPPENINGS: dict[str, Callable[[Breaking, Fault], Coroutine[None, None, None]]] = {
    "kill": Breaking._kill,
    "kill_at_write": Breaking._kill_at_write,
    "lose_power": Breaking._lose_power,
    "power_off_at_change": Breaking._power_off,
    "disk_full": Breaking._disk_full,
    "jump": Breaking._jump,
    "skew": Breaking._skew,
}
