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


class Lagging(Exception):
    """The projection did not reach the position in time."""


class ProjectionFollower:
    """One task that folds entries into the store."""

    def __init__(self, bridge: Bridge, store: Store) -> None:
        self._bridge = bridge
        self._store = store
        self._next_index = 0
        self._advanced = asyncio.Event()

    @property
    def next_index(self) -> int:
        """Entries below are visible to queries."""
        return self._next_index

    async def open(self) -> None:
        """Opens the store; one that is ahead of the journal is of another life and made anew."""
        self._next_index = await asyncio.to_thread(self._store.open)
        if self._next_index > self._bridge.durable_index + 1:
            log.warning("projection is ahead of the journal, made again", at=self._next_index)
            await asyncio.to_thread(self._store.reset)
            self._next_index = 0
        await self._step()

    async def run(self) -> None:
        """Follows until it is cancelled."""
        while True:
            if self._next_index <= self._bridge.durable_index:
                await self._step()
            else:
                await self._bridge.moved()

    async def _step(self) -> None:
        next_index, batches = await self._bridge.project(self._next_index)
        if next_index > self._next_index:
            await self._apply(batches, next_index)
            self._next_index = next_index
            advanced, self._advanced = self._advanced, asyncio.Event()
            advanced.set()

    async def _apply(self, batches: Sequence[Batch], next_index: int) -> None:
        """Writes go on while the database is away: queries fall behind, and say so."""
        while True:
            try:
                return await asyncio.to_thread(self._store.apply, batches, next_index)
            except Away as away:
                log.error("projections wait", error=str(away), next_index=self._next_index)
            await asyncio.sleep(RETRY_SECONDS)

    async def reach(self, index: int, seconds: float) -> None:
        """Returns once entry `index` is visible. Raises `Lagging` with the lag."""
        try:
            async with asyncio.timeout(seconds):
                while self._next_index <= index:
                    await self._advanced.wait()
        except TimeoutError:
            lag = index + 1 - self._next_index
            raise Lagging(f"queries are {lag} entries behind position {index}") from None
