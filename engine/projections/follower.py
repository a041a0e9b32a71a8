"""Brings the projections up to the durable head, for ever, and lets readers wait for a position."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.bridge import Bridge
from engine.logs import logger
from engine.projections.store import Away, Batch, Store

log = logger(__name__)

# How long to wait before a database that is away is tried again.
RETRY_SECONDS = 1.0
# An index that no entry reaches: rows of none are wanted.
_NOTHING = 2**63


class Lagging(Exception):
    """The projection did not reach the position in time."""


class ProjectionFollower:
    """One task that folds entries into the store."""

    def __init__(self, bridge: Bridge, store: Store) -> None:
        self._bridge = bridge
        self._store = store
        self._next_index = 0
        # Rows handed over and the index they reach; none before the store is open.
        self._given: tuple[int, Sequence[Batch]] | None = None
        self._advanced = asyncio.Event()

    @property
    def next_index(self) -> int:
        """Entries below are visible to queries."""
        return self._next_index

    async def open(self) -> None:
        """Opens the store; one that is away is opened once it is back, and queries say so."""
        if not await self._is_opened():
            # Nothing is followed before it is known from where: the feed goes on without rows.
            await self._bridge.project(_NOTHING)

    async def run(self) -> None:
        """Follows until it is cancelled. Writes go on while the database is away."""
        while self._given is None:
            await asyncio.sleep(RETRY_SECONDS)
            await self._is_opened()
        while True:
            next_index, batches = self._given
            if next_index > self._next_index:
                if not await self._is_applied(batches, next_index):
                    await asyncio.sleep(RETRY_SECONDS)
            elif self._next_index <= self._bridge.durable_index:
                self._given = await self._bridge.project(self._next_index)
            else:
                await self._bridge.moved()

    async def _is_opened(self) -> bool:
        """Opens the store; one that is ahead of the journal is of another life and made anew."""
        try:
            next_index = await asyncio.to_thread(self._store.open)
            if next_index > self._bridge.durable_index + 1:
                log.warning("projection is ahead of the journal, made again", at=next_index)
                await asyncio.to_thread(self._store.reset)
                next_index = 0
        except Away as away:
            log.error("projections wait", error=str(away))
            return False
        self._next_index = next_index
        self._given = await self._bridge.project(next_index)
        if self._given[0] > next_index:
            await self._is_applied(self._given[1], self._given[0])
        return True

    async def _is_applied(self, batches: Sequence[Batch], next_index: int) -> bool:
        """Applies rows, unless the database is away: queries fall behind, and say so."""
        try:
            await asyncio.to_thread(self._store.apply, batches, next_index)
        except Away as away:
            log.error("projections wait", error=str(away), next_index=self._next_index)
            return False
        self._next_index = next_index
        advanced, self._advanced = self._advanced, asyncio.Event()
        advanced.set()
        return True

    async def reach(self, index: int, seconds: float) -> None:
        """Returns once entry `index` is visible. Raises `Lagging` with the lag."""
        try:
            async with asyncio.timeout(seconds):
                while self._next_index <= index:
                    await self._advanced.wait()
        except TimeoutError:
            lag = index + 1 - self._next_index
            raise Lagging(f"queries are {lag} entries behind position {index}") from None
