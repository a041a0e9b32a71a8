"""The corridor of a run: engine, four gateways, four institutions, and who calls them."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from engine.authority import STANDARD
from gateways import emulator
from gateways.addresses import INSTITUTION_OF
from gateways.identity import Identity
from tests.simulation.chance import stream
from tests.simulation.channel import Channel
from tests.simulation.clock import Loop
from tests.simulation.engine import Engine
from tests.simulation.life import LIFE, Crash, Life, Node, tasks_of_lives
from tests.simulation.machine import machine
from tests.simulation.network import Network

GATEWAYS = ("bank", "pboc", "safe", "singlewindow")
# Institutions look less often what is due: a run's hours are long.
_TICK_SECONDS = 5.0
_DOMAIN = "spiffe://whampoa/"
_URIS = {it.name: it.uri for it in STANDARD}


class Corridor:
    """Everything of one run, in one process and one thread."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        threads = stream(seed, "threads")
        self.loop = Loop(lambda: threads.uniform(0.0, 0.002))
        self.loop.set_task_factory(tasks_of_lives)
        self.loop.may_work = _may_work
        self.problems: list[str] = []
        self.loop.set_exception_handler(self._broke)
        self.network = Network(self.loop, seed)
        self.engine = Engine(seed, self.network)
        self.nodes: dict[str, Node] = {}
        self._add("engine", self.engine.run)
        for name in GATEWAYS:
            self._add(INSTITUTION_OF[name], _product(folder, name, "institution"), "institution")
            self._add(name, _product(folder, name, "gateway"), "gateway")
        self.world = Node("world", seed, self.loop, _nothing)
        self.nodes["engine"].on_end.append(lambda _: self.engine.ended())
        self._ending = False

    def _add(self, name: str, run: Any, kind: str = "") -> None:
        node = Node(name if not kind else f"{name}-{kind}", self.seed, self.loop, run)
        node.on_end.append(self.network.ended)
        self.nodes[node.name] = node

    def _broke(self, _loop: object, context: dict[str, Any]) -> None:
        failure = context.get("exception")
        if not isinstance(failure, Crash):
            self.problems.append(f"{context.get('message')}: {failure!r}")

    @contextmanager
    def opened(self) -> Iterator[None]:
        """The code of every process finds the run's clocks, files and network around it."""
        logs = _Logs(self)
        root = logging.getLogger("gateways")
        level, propagates = root.level, root.propagate
        root.addHandler(logs)
        root.setLevel(logging.WARNING)
        root.propagate = False
        try:
            with (
                machine(self.loop),
                mock.patch.object(Identity, "read", _read),
                mock.patch.object(Identity, "channel", self._channel),
                mock.patch.object(
                    Identity, "server", lambda _, keeper: self.network.server([keeper])
                ),
                mock.patch.object(Identity, "server_credentials", return_value=None),
                mock.patch.object(emulator, "TICK_SECONDS", _TICK_SECONDS),
            ):
                yield
        finally:
            root.removeHandler(logs)
            root.setLevel(level)
            root.propagate = propagates

    @property
    def _channel(self) -> Callable[[Identity, str], Channel]:
        def channel(identity: Identity, address: str) -> Channel:
            return Channel(self.network, address, uri(identity.name))

        return channel

    async def start(self) -> None:
        """Every process, and then the world."""
        for node in self.nodes.values():
            await node.start()
        await self.world.start()

    async def stop(self) -> None:
        """Asks every process to stop: gateways first, the engine last."""
        for node in reversed(self.nodes.values()):
            await node.stop()

    def close(self) -> None:
        """Buries whatever still lives, and closes the loop."""
        loop = self.loop
        for node in (*self.nodes.values(), self.world):
            node.end()
        while tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    def check(self) -> None:
        """Raises what broke a process that nobody killed."""
        for node in self.nodes.values():
            if node.failure is not None:
                raise RuntimeError(f"{node.name} failed") from node.failure

    async def quiet(self, what: str, seconds: float = 4_000.0) -> None:
        """Returns when nothing is under way any more: every letter read, every entry followed."""
        deadline = self.loop.now + seconds
        while not self._is_quiet():
            self.check()
            if self.loop.now > deadline:
                raise TimeoutError(f"no end of {what}: {self._unquiet()}")
            await asyncio.sleep(1.0)

    def _is_quiet(self) -> bool:
        return not self._unquiet()

    def _unquiet(self) -> str:
        """Why it is not quiet; empty when it is."""
        network = self.network
        for node in self.nodes.values():
            if not node.is_up:
                return f"{node.name} is down"
        # A pause before something is sent again is no longer than two seconds.
        if self.loop.now - network.moved_at < 3.0:
            return "the last message is not long ago"
        collects = follows = 0
        for call in network.calls:
            if not call.is_waiting or call.arrives_at > self.loop.now:
                return f"{call.method} of {call.source} is under way"
            if call.method == "Follow":
                follows += 1
            else:
                collects += 1
        # Every gateway collects; the SAFE gateway follows two kinds of entries on two streams.
        if (collects, follows) != (4, 5):
            return f"{collects} collect, {follows} follow"
        return ""


def complaint(failure: BaseException) -> str:
    """A failure and what caused it, in one line."""
    cause = f" from {failure.__cause__!r}" if failure.__cause__ is not None else ""
    return f"{type(failure).__name__}: {failure}{cause}"


class _Logs(logging.Handler):
    """Whatever a process complains about."""

    def __init__(self, corridor: Corridor) -> None:
        super().__init__(logging.ERROR)
        self._corridor = corridor

    def emit(self, record: logging.LogRecord) -> None:
        life = LIFE.get()
        who = life.node.name if life is not None else "nobody"
        self._corridor.problems.append(f"{who}: {record.getMessage()}")


def _may_work() -> bool:
    life: Life | None = LIFE.get()
    return life is None or life.is_alive


def _product(folder: Path, name: str, kind: str) -> Any:
    module = importlib.import_module(f"gateways.{name}.{kind}")

    async def run(node: Node, ready: Callable[[str], None], stop: asyncio.Event) -> None:
        await module.run(folder, ready, stop)

    return run


async def _nothing(_node: Node, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """The world calls and is not called."""
    ready("")
    await stop.wait()


def uri(name: str) -> str:
    """The identity in the certificate of a name."""
    known = _URIS.get(name)
    return known or f"{_DOMAIN}declarant/{name}"


def _read(_folder: Path, name: str) -> Identity:
    return Identity(name=name, authority=b"", certificate=b"", key=b"")
