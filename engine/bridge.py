"""The one door to the compiled core: requests in, durable replies out, reads in threads."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from engine import _core
from engine.config import EngineConfig
from engine.identity import Identity

Fault = _core.Fault
Busy = _core.Busy
T = TypeVar("T")

SEED_BYTES = 32
_EVENT_BYTES = 8


class Bridge:
    """The core of one data directory, for one event loop."""

    def __init__(self, data_dir: Path, config: EngineConfig, *, accept_loss: bool) -> None:
        options = {
            "segment_bytes": config.segment_mib << 20,
            "snapshot_rows": config.snapshot_rows,
            "accept_loss": int(accept_loss),
        }
        self._core = _core.Core.open(data_dir, config.log, options)
        self._tokens = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._moved = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._core.event_fd(), self._on_event)

    @property
    def recovery(self) -> dict[str, Any]:
        """What opening found: entries, rows, seconds, the snapshot it began with, what was cut."""
        report: dict[str, Any] = json.loads(self._core.recovery())
        return report

    @property
    def damage(self) -> str | None:
        """What rotted in frames that the start did not read; they are checked while it serves."""
        return self._core.damage()

    async def submit(self, method: int, request: bytes, identity: Identity) -> bytes:
        """Hands a write over and waits until its reply may leave. Raises `Busy`."""
        token = next(self._tokens)
        reply: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[token] = reply
        now_ms = time.time_ns() // 1_000_000
        seed = os.urandom(SEED_BYTES)
        try:
            self._core.submit(token, method, request, identity.uri, identity.rights, now_ms, seed)
            return await reply
        finally:
            self._waiting.pop(token, None)

    def _on_event(self) -> None:
        os.read(self._core.event_fd(), _EVENT_BYTES)
        for token, reply in self._core.take_replies():
            waiter = self._waiting.get(token)
            # A caller that went away does not undo what was decided: it asks again by request id.
            if waiter is not None and not waiter.done():
                waiter.set_result(reply)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    @property
    def durable_index(self) -> int:
        """Index of the newest durable entry, -1 when there is none."""
        return self._core.durable_index()

    @property
    def waiting(self) -> int:
        """Writes whose reply is still to come."""
        return len(self._waiting)

    async def moved(self) -> None:
        """Returns when the durable head moved, or a reply left, after the call."""
        await self._moved.wait()

    async def read_feed(
        self, from_index: int, kinds: list[int], max_entries: int, *, open_private: bool
    ) -> bytes:
        """A serialized `FollowResponse`."""
        return await _thread(
            lambda: self._core.read_feed(from_index, kinds, max_entries, open_private)
        )

    async def project(self, from_index: int) -> tuple[int, list[Table]]:
        """Table rows from an entry on, and the index they reach."""
        return await _thread(lambda: self._core.project(from_index))

    async def trace(self, subject_id: bytes) -> bytes:
        """A serialized `TraceResponse`."""
        return await _thread(lambda: self._core.trace(subject_id))

    async def proof(self, subject_id: bytes, index: int, row: int) -> bytes:
        """A proof as JSON. Raises `Fault` when there is nothing to prove."""
        return await _thread(lambda: self._core.proof(subject_id, index, row))

    async def outcome(self, request_id: bytes) -> bytes:
        """A serialized `GetOutcomeResponse`."""
        return await _thread(lambda: self._core.outcome(request_id))

    async def status(self, *, with_hash: bool = True) -> bytes:
        """A serialized `GetStatusResponse`; laws are checked now, the state hash when asked for."""
        return await _thread(lambda: self._core.status(with_hash))

    async def accounts(self, party_id: bytes, from_index: int, limit: int) -> bytes:
        """A serialized `ListAccountsResponse`."""
        return await _thread(lambda: self._core.accounts(party_id, from_index, limit))

    def metrics(self) -> dict[str, int | list[tuple[int, int]]]:
        """Counters and histograms of the core."""
        return self._core.metrics()

    async def close(self) -> None:
        """Decides what is queued, makes it durable, writes the footer."""
        await _thread(self._core.close)
        self._loop.remove_reader(self._core.event_fd())


# Table name, columns, values per column.
Table = tuple[str, list[str], list[list[object]]]


async def _thread(call: Callable[[], T]) -> T:
    """The core releases the interpreter lock around its work, so a thread is enough."""
    return await asyncio.to_thread(call)


def verify(data_dir: Path, policy: str = "") -> dict[str, Any]:
    """Everything recomputed from the files alone. Raises `Fault` when they cannot be read."""
    report: dict[str, Any] = json.loads(_core.verify(data_dir, policy))
    return report


# Told which part of the work is done, how much, of how much.
Progress = Callable[[str, int, int], None]


def backup(
    data_dir: Path, target: Path, *, with_private: bool, with_laws: bool, progress: Progress
) -> dict[str, Any]:
    """Copies what is new of a log into a backup. Raises `Fault` in one line."""
    now_ms = time.time_ns() // 1_000_000
    raw = _core.backup(data_dir, target, with_private, with_laws, now_ms, progress)
    report: dict[str, Any] = json.loads(raw)
    return report


def restore(
    backup_dir: Path, data_dir: Path, *, until: int | None, accept_loss: bool, progress: Progress
) -> dict[str, Any]:
    """Makes a data directory of a backup; not `ok` when something is missing. Raises `Fault`."""
    raw = _core.restore(backup_dir, data_dir, until, accept_loss, progress)
    report: dict[str, Any] = json.loads(raw)
    return report
