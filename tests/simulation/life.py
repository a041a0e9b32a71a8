"""Processes of a run: each lives until it is killed, and begins a new life from its files."""

from __future__ import annotations

import asyncio
import contextvars
import random
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from tests.simulation.chance import stream
from tests.simulation.clock import Loop

T = TypeVar("T")

# A disk has written down by itself what happened so long ago.
SETTLED_SECONDS = 5.0


class Crash(BaseException):
    """The process is no more: nothing of it goes on."""


class Life:
    """One process from its start to its end."""

    def __init__(self, node: Node, number: int) -> None:
        self.node = node
        self.number = number
        self.is_alive = True
        self.chance: random.Random = stream(node.seed, "process", node.name, number)
        # In the order in which they were made, so that they end in that order.
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.connections: list[sqlite3.Connection] = []
        self.writes = 0
        # Which write is the last, and whether it is still done.
        self.last_write: tuple[int, bool] | None = None
        self.last_ms = 0

    def check(self) -> None:
        """What is dead sends nothing and writes nothing."""
        if not self.is_alive:
            raise Crash(self.node.name)

    def write(self, do: Callable[[], T]) -> T:
        """Does what makes something durable; the process may end before or after it."""
        self.check()
        self.writes += 1
        if self.last_write is not None and self.writes >= self.last_write[0]:
            if self.last_write[1]:
                do()
            self.node.end()
            raise Crash(self.node.name)
        return do()


LIFE: contextvars.ContextVar[Life | None] = contextvars.ContextVar("LIFE", default=None)

Runs = Callable[["Node", Callable[[str], None], asyncio.Event], Awaitable[None]]


class Node:
    """A process that is started again whenever it ended."""

    def __init__(self, name: str, seed: int, loop: Loop, run: Runs) -> None:
        self.name = name
        self.seed = seed
        self.loop = loop
        self._run = run
        self.life: Life | None = None
        self.lives = 0
        # How far its wall clock is from the others'.
        self.skew_ns = 0
        # Told of every end: what it had open breaks off.
        self.on_end: list[Callable[[Life], None]] = []
        self.on_start: list[Callable[[], None]] = []
        self._stop = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._dying: list[asyncio.Task[None]] = []
        self.failure: BaseException | None = None
        # Files that were replaced lately: when, and what stood there before.
        self.replaced: dict[str, list[tuple[float, bytes | None]]] = {}

    @property
    def is_up(self) -> bool:
        return self.life is not None and self.life.is_alive

    async def start(self) -> None:
        """Begins a life; returns when it is ready."""
        for task in self._dying:
            await task
        self._dying.clear()
        self.lives += 1
        life = self.life = Life(self, self.lives)
        ready: asyncio.Future[None] = self.loop.create_future()
        self._stop = asyncio.Event()

        def is_ready(_address: str) -> None:
            if not ready.done():
                ready.set_result(None)

        self._main = self.spawn(self._live(life, is_ready, self._stop))
        self._main.add_done_callback(lambda _: is_ready(""))
        await ready
        for tell in self.on_start:
            tell()

    async def _live(self, life: Life, ready: Callable[[str], None], stop: asyncio.Event) -> None:
        try:
            await self._run(self, ready, stop)
        except asyncio.CancelledError:
            raise
        except Crash:
            return
        except BaseException as failure:
            if life.is_alive:
                self.failure = failure

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task of the process as it is now."""
        context = contextvars.copy_context()
        context.run(LIFE.set, self.life)
        return self.loop.create_task(work, context=context)

    def end(self) -> None:
        """kill -9: from now on nothing of the process is sent or written."""
        life = self.life
        if life is None or not life.is_alive:
            return
        life.is_alive = False
        for tell in self.on_end:
            tell(life)
        context = contextvars.copy_context()
        context.run(LIFE.set, None)
        self._dying.append(self.loop.create_task(_bury(life), context=context))

    def replace(self, target: str, before: bytes | None) -> None:
        """Notes a replaced file: without its folder synced the disk may still forget that."""
        self.replaced.setdefault(target, []).append((self.loop.now, before))

    def lose_power(self, chance: random.Random) -> None:
        """Files may be again what they were before they were replaced."""
        for target, versions in sorted(self.replaced.items()):
            young = [it for at, it in versions if self.loop.now - at < SETTLED_SECONDS]
            if young and chance.random() < 0.5:
                before = chance.choice(young)
                path = Path(target)
                path.unlink(missing_ok=True) if before is None else path.write_bytes(before)
        self.replaced.clear()

    async def stop(self) -> None:
        """Asks the process to stop, as SIGTERM does."""
        if self._main is None or not self.is_up:
            return
        self._stop.set()
        await asyncio.wait([self._main])
        if self.life is not None:
            self.life.is_alive = False


async def _bury(life: Life) -> None:
    """Takes away what a dead process left in memory; its files stay as they are."""
    while tasks := [task for task in life.tasks if not task.done()]:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for connection in life.connections:
        connection.close()


def tasks_of_lives(
    loop: asyncio.AbstractEventLoop, work: Any, context: contextvars.Context | None = None
) -> asyncio.Task[Any]:
    """Makes tasks, and notes whose they are."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context)
    life = LIFE.get() if context is None else context.get(LIFE)
    if life is not None:
        life.tasks[task] = None
        task.add_done_callback(lambda done: life.tasks.pop(done, None))
        if not life.is_alive:
            task.cancel()
    return task
