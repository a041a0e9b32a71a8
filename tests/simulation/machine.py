"""What the code of a process finds around it: clocks, chance, files; from the seed, and mortal."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest import mock

from tests.simulation.clock import Loop
from tests.simulation.life import LIFE, Life
from whampoa import ids


class Connection(sqlite3.Connection):
    """A connection whose commits may be the last thing that a process did."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        life = LIFE.get()
        if life is not None:
            life.connections.append(self)

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        if sql == "COMMIT":
            done: sqlite3.Cursor = durable(lambda: super(Connection, self).execute(sql, *args))
            return done
        return super().execute(sql, *args)

    def __exit__(  # type: ignore[override]
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if kind is not None:
            return bool(super().__exit__(kind, error, trace))
        return bool(durable(lambda: super(Connection, self).__exit__(None, None, None)))


def durable(do: Callable[[], Any]) -> Any:
    """Does what makes something durable, in the name of the process that does it."""
    life = LIFE.get()
    return do() if life is None else life.write(do)


class _Clock:
    """Milliseconds that never step back within a process."""

    def now_ms(self) -> int:
        life = LIFE.get()
        now_ms = time.time_ns() // 1_000_000
        if life is None:
            return now_ms
        life.last_ms = max(life.last_ms, now_ms)
        return life.last_ms


def _wall(loop: Loop) -> Callable[[], int]:
    def time_ns() -> int:
        life: Life | None = LIFE.get()
        return loop.wall_ns() + (life.node.skew_ns if life is not None else 0)

    return time_ns


@contextmanager
def machine(loop: Loop) -> Iterator[None]:
    """For as long as it is open, the code of every process finds the run's clocks and files."""
    real_fsync, real_replace, real_connect = os.fsync, os.replace, sqlite3.connect
    real_urandom = os.urandom
    time_ns = _wall(loop)

    def seconds() -> float:
        return time_ns() / 1e9

    def urandom(count: int) -> bytes:
        life = LIFE.get()
        return real_urandom(count) if life is None else life.chance.randbytes(count)

    def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        if LIFE.get() is not None:
            kwargs.setdefault("factory", Connection)
        connection: sqlite3.Connection = real_connect(*args, **kwargs)
        return connection

    def replace(source: Any, target: Any) -> None:
        life = LIFE.get()
        if life is not None:
            life.check()
            path = Path(target)
            life.node.replace(str(path), path.read_bytes() if path.exists() else None)
        durable(lambda: real_replace(source, target))

    with (
        mock.patch.object(time, "time_ns", time_ns),
        mock.patch.object(time, "time", seconds),
        mock.patch.object(time, "monotonic", loop.time),
        mock.patch.object(os, "urandom", urandom),
        mock.patch.object(os, "fsync", lambda fd: durable(lambda: real_fsync(fd))),
        mock.patch.object(os, "replace", replace),
        mock.patch.object(sqlite3, "connect", connect),
        mock.patch.object(ids, "_clock", _Clock()),
    ):
        yield
