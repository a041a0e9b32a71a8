"""Time of a run: an event loop whose clock moves only when nothing is ready, and wall clocks."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

# 25 November 2026, 10:00 in Beijing: every run begins then.
STARTED_NS = 1_795_572_000_000_000_000
STARTED_MS = STARTED_NS // 1_000_000
_NS = 1_000_000_000


class Stuck(RuntimeError):
    """Nothing is ready and nothing is due: the run waits for what never comes."""


class _Waiter:
    """Stands where a selector does: waiting is moving the clock."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        if timeout is None:
            raise Stuck("nothing is ready and nothing is due")
        if timeout > 0:
            self._loop.now += timeout
        return []


class Loop(asyncio.BaseEventLoop):
    """Ready callbacks run in the order in which they became ready; threads are callbacks too."""

    def __init__(self, thread_seconds: Callable[[], float]) -> None:
        super().__init__()
        self.now = 0.0
        # What every wall clock was moved by.
        self.jumped_ns = 0
        self._thread_seconds = thread_seconds
        # Executors are kept, so that none is taken for another that came in its place.
        self._free_at: dict[Executor, float] = {}
        self._selector = _Waiter(self)
        # Whether the process whose thread it is still lives.
        self.may_work: Callable[[], bool] = lambda: True

    def time(self) -> float:
        return self.now

    def wall_ns(self) -> int:
        """Unix nanoseconds on a clock that nobody moved but all together."""
        return STARTED_NS + round(self.now * _NS) + self.jumped_ns

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Does the work a little later: in order where the executor has one thread."""
        done: asyncio.Future[T] = self.create_future()
        at = self.now + self._thread_seconds()
        if executor is not None and getattr(executor, "_max_workers", 0) == 1:
            at = max(at, self._free_at.get(executor, 0.0))
            self._free_at[executor] = at
        context = contextvars.copy_context()
        self.call_at(at, context.run, partial(self._work, done, func, *args))
        return done

    def _work(self, done: asyncio.Future[T], func: Callable[..., T], *args: Any) -> None:
        if not self.may_work():
            done.cancel()
            return
        # A thread does not notice that nobody waits for it any more.
        try:
            result = func(*args)
        except BaseException as failure:
            if not done.done():
                done.set_exception(failure)
            return
        if not done.done():
            done.set_result(result)

    def _process_events(self, event_list: object) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody calls from another thread."""
