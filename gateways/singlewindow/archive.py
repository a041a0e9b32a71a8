"""What the gateway keeps for itself: first arrivals, whose DXP ids are, replies."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from gateways.books import is_full
from gateways.client import Backoff
from gateways.singlewindow import platform

log = logging.getLogger(__name__)
T = TypeVar("T")
_Waiting = tuple[bytes, Sequence[platform.Order], asyncio.Future[int]]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS arrivals (
    digest BLOB PRIMARY KEY,
    time_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (
    receiver TEXT PRIMARY KEY,
    client TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replies (
    sequence INTEGER PRIMARY KEY,
    receiver TEXT NOT NULL,
    message BLOB NOT NULL,
    time_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS replies_by_receiver ON replies (receiver, sequence);
"""
# Kept so long; a message that comes again later is a new one.
KEEP_MS = 30 * 86_400_000


class Archive:
    """One SQLite file and the thread that works on it; what is awaited is on the disk."""

    def __init__(self, path: Path, owners: Mapping[str, str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA + platform.SCHEMA)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="archive")
        self._waiting: list[_Waiting] = []
        self._flushing: asyncio.Task[None] | None = None
        self._prepare(owners)
        self._owners: dict[str, str] = dict(
            self._connection.execute("SELECT receiver, client FROM owners").fetchall()
        )

    def _prepare(self, owners: Mapping[str, str]) -> None:
        oldest = _now_ms() - KEEP_MS
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM arrivals WHERE time_ms < ?", (oldest,))
            connection.execute("DELETE FROM replies WHERE time_ms < ?", (oldest,))
            connection.execute("DELETE FROM platforms WHERE time_ms < ?", (oldest,))
            # What the configuration says wins over who came first.
            connection.executemany(
                "INSERT OR REPLACE INTO owners (receiver, client) VALUES (?, ?)",
                owners.items(),
            )

    def close(self) -> None:
        """Ends what is under way and closes the file."""
        self._thread.shutdown()
        self._connection.close()

    async def arrival(self, digest: bytes, orders: Sequence[platform.Order] = ()) -> int:
        """When bytes of this digest came first; those of many messages share one sync.

        `orders` are those in it whose platform's name is needed again; kept the first time only.
        """
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((digest, orders, answer))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await answer

    async def _flush(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            arriving = [(digest, orders) for digest, orders, _ in waiting]
            try:
                times = await self._work(partial(self._arrivals, arriving))
            except Exception as failure:
                for _, _, answer in waiting:
                    if not answer.done():
                        answer.set_exception(failure)
                continue
            for digest, _, answer in waiting:
                if not answer.done():
                    answer.set_result(times[digest])

    def _arrivals(
        self, arriving: Sequence[tuple[bytes, Sequence[platform.Order]]]
    ) -> dict[bytes, int]:
        now_ms = _now_ms()
        found = {}
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for digest, orders in arriving:
                row = connection.execute(
                    "SELECT time_ms FROM arrivals WHERE digest = ?", (digest,)
                ).fetchone()
                if row is None:
                    connection.execute("INSERT INTO arrivals VALUES (?, ?)", (digest, now_ms))
                    platform.note(connection, orders, now_ms)
                found[digest] = now_ms if row is None else int(row[0])
        return found

    async def fill(self, answered: Sequence[platform.Answered]) -> None:
        """Adds the platform's name to replies that do not tell it."""
        if answered:
            await self._work(lambda: self._fill(answered))

    def _fill(self, answered: Sequence[platform.Answered]) -> None:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            platform.fill(connection, answered)

    async def renew(self, digest: bytes) -> int:
        """Lets bytes arrive anew: nothing of them was deposited while their ids were young."""
        return await self._work(partial(self._renew, digest))

    def _renew(self, digest: bytes) -> int:
        now_ms = _now_ms()
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT OR REPLACE INTO arrivals (digest, time_ms) VALUES (?, ?)", (digest, now_ms)
            )
        return now_ms

    async def owner(self, receiver: str, client: str) -> str:
        """Whose a DXP id is: the client's own when nobody had it before."""
        known = self._owners.get(receiver)
        if known is None:
            known = await self._work(lambda: self._claim(receiver, client))
            self._owners[receiver] = known
        return known

    def _claim(self, receiver: str, client: str) -> str:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT OR IGNORE INTO owners (receiver, client) VALUES (?, ?)", (receiver, client)
            )
            statement = "SELECT client FROM owners WHERE receiver = ?"
            return str(connection.execute(statement, (receiver,)).fetchone()[0])

    def receivers_of(self, client: str) -> list[str]:
        """The DXP ids of a client."""
        return [receiver for receiver, owner in self._owners.items() if owner == client]

    async def keep(self, letters: Iterable[tuple[int, str, bytes]]) -> None:
        """Keeps letters by their sequence number for their receivers; known ones stay."""
        rows = [(*letter, _now_ms()) for letter in letters]
        await self._work(lambda: self._keep(rows))

    def _keep(self, rows: Sequence[tuple[int, str, bytes, int]]) -> None:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR IGNORE INTO replies (sequence, receiver, message, time_ms)"
                " VALUES (?, ?, ?, ?)",
                rows,
            )

    async def replies(
        self, receivers: Sequence[str] | None, after: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """Replies after a sequence number for some receivers; for everybody when `None`."""
        return await self._work(lambda: self._replies(receivers, after, limit))

    def _replies(
        self, receivers: Sequence[str] | None, after: int, limit: int
    ) -> list[tuple[int, bytes]]:
        if receivers is None:
            rows = self._connection.execute(
                "SELECT sequence, message FROM replies WHERE sequence > ?"
                " ORDER BY sequence LIMIT ?",
                (after, limit),
            )
            return rows.fetchall()
        found: list[tuple[int, bytes]] = []
        for receiver in set(receivers):
            found += self._connection.execute(
                "SELECT sequence, message FROM replies WHERE receiver = ? AND sequence > ?"
                " ORDER BY sequence LIMIT ?",
                (receiver, after, limit),
            ).fetchall()
        return sorted(found)[:limit]

    async def _work(self, work: Callable[[], T]) -> T:
        """Whole transactions; on a full disk they wait until there is room again."""
        backoff = Backoff()
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
            except sqlite3.OperationalError as failure:
                if not is_full(failure):
                    raise
                log.warning("the archive waits for room: %s", failure)
            await backoff.pause()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
