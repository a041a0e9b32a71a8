"""The engine of a run: the compiled core on a disk in memory, and the services of the server."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable
from typing import Any, cast

from prometheus_client import CollectorRegistry

from engine import _core
from engine.access import Access
from engine.bridge import Bridge
from engine.identity import Identity
from engine.metrics import CallMetrics
from engine.projections.schema import KEY_WIDTHS
from engine.services import write
from engine.services.feed import FeedService
from gateways.addresses import ENGINE
from tests.simulation.chance import stream
from tests.simulation.life import LIFE, Crash, Node
from tests.simulation.network import Network
from whampoa.evidence.v1.evidence_service_pb2 import GetStatusResponse
from whampoa.feed.v1.feed_service_pb2_grpc import add_FeedServiceServicer_to_server

LOG = "whampoa-1"
SEGMENT_BYTES = 1 << 20
SEED_BYTES = 32
# How long a write to the disk takes, at the most; requests that come meanwhile share the next one.
WRITE_SECONDS = 0.004

# Columns that a row has before anything moved.
_DEFAULTS = {"trades": {"used_minor": 0, "clawback_minor": 0}}

Row = dict[str, Any]
Tables = dict[str, dict[Any, Row]]


class SimulatedBridge:
    """What the services take for the bridge: the core decides at once, the disk takes its time."""

    def __init__(self, core: _core.Core, node: Node) -> None:
        self._core = core
        self._node = node
        life = LIFE.get()
        assert life is not None
        self._life = life
        self._tokens = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._moved = asyncio.Event()
        self._asked = asyncio.Event()

    async def submit(self, method: int, request: bytes, identity: Identity) -> bytes:
        self._life.check()
        token = next(self._tokens)
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[token] = reply
        now_ms, seed = time.time_ns() // 1_000_000, os.urandom(SEED_BYTES)
        try:
            self._mortal(
                lambda: self._core.submit(
                    token, method, request, identity.uri, identity.rights, now_ms, seed
                )
            )
            self._asked.set()
            self._hand_out()
            return await reply
        finally:
            self._waiting.pop(token, None)

    async def work_disk(self) -> None:
        """Writes what was decided, group by group."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await asyncio.sleep(self._life.chance.uniform(0.0, WRITE_SECONDS))
            while self._mortal(self._core.step):
                self._hand_out()
            if self._waiting:
                # The disk is full: what is decided waits.
                await asyncio.sleep(WRITE_SECONDS)
                self._asked.set()

    def _mortal(self, work: Callable[[], Any]) -> Any:
        """A fault of the disk is the end of the process."""
        try:
            return work()
        except _core.Fault:
            self._node.end()
            raise Crash(self._node.name) from None

    def _hand_out(self) -> None:
        for token, reply in self._core.take_replies():
            waiter = self._waiting.get(token)
            if waiter is not None and not waiter.done():
                waiter.set_result(reply)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    @property
    def durable_index(self) -> int:
        return self._core.durable_index()

    async def moved(self) -> None:
        await self._moved.wait()

    async def read_feed(
        self, from_index: int, kinds: list[int], max_entries: int, *, open_private: bool
    ) -> bytes:
        self._life.check()
        return self._core.read_feed(from_index, kinds, max_entries, open_private)


class Engine:
    """The engine's process; between its lives there is only its disk."""

    def __init__(self, seed: int, network: Network) -> None:
        self._seed = seed
        self._network = network
        self.disk = _core.Disk(seed)
        self.core: _core.Core | None = None
        self._tables: Tables = {}
        self._next = 0
        # Whether the next end takes with it what was not synced.
        self.loses_power = False
        self.opened = 0
        self.final_hash = ""

    def open(self) -> _core.Core:
        """Opens what is on the disk and brings the reading state to its head."""
        self.opened += 1
        core = self.core = _core.Core.open_stepped(self.disk, LOG, SEGMENT_BYTES)
        self._tables, self._next = {}, 0
        self.tables()
        return core

    async def run(self, node: Node, ready: Callable[[str], None], stop: asyncio.Event) -> None:
        """Serves until `stop` is set, then closes its files."""
        core = self.open()
        bridge = SimulatedBridge(core, node)
        server = self._network.server([Access(CallMetrics(CollectorRegistry()))])
        server.add_generic_rpc_handlers(write.handlers(cast("Bridge", bridge)))
        add_FeedServiceServicer_to_server(FeedService(cast("Bridge", bridge)), cast("Any", server))
        server.add_secure_port(ENGINE, None)
        await server.start()
        disk = asyncio.create_task(bridge.work_disk())
        ready(ENGINE)
        await stop.wait()
        await server.stop(None)
        disk.cancel()
        self.final_hash = GetStatusResponse.FromString(core.status(True)).state_hash
        core.close()
        self.core = None

    def ended(self) -> None:
        """The process is gone; its files are as it left them, or as a power cut does."""
        self.core = None
        if self.disk.is_off() or self.loses_power:
            self.loses_power = False
            self.disk.lose_power(stream(self._seed, "power", self.opened).getrandbits(63))
        # A cut that is still to come belonged to the life that ended.
        self.disk.power_off_in(1 << 60)

    def tables(self) -> Tables:
        """Everything that queries show, as the journal has it."""
        core = self.core
        assert core is not None
        while True:
            following, batches = core.project(self._next)
            for name, columns, values in batches:
                width = KEY_WIDTHS.get(name, 1)
                table = self._tables.setdefault(name, {})
                for cells in zip(*values, strict=True):
                    key = cells[0] if width == 1 else cells[:width]
                    table.setdefault(key, dict(_DEFAULTS.get(name, {}))).update(
                        zip(columns, cells, strict=True)
                    )
            if following == self._next:
                return self._tables
            self._next = following
