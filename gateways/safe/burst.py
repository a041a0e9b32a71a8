"""Gathers remittances whose attribution changes again and again, so that each is declared once."""

from __future__ import annotations

import asyncio

from whampoa.feed.v1 import feed_service_pb2 as feed


class Burst:
    """Remittances to declare, each with the newest entry that touched it."""

    def __init__(self) -> None:
        self._touched: dict[bytes, feed.FeedEntry] = {}
        self._next_index = 0
        self._news = asyncio.Event()

    def add(self, response: feed.FollowResponse) -> None:
        """Notes what a part of the feed touched."""
        for entry in response.entries:
            for row in entry.rows:
                self._touched[row.allocated.remittance_id] = entry
        self._next_index = response.next_index
        self._news.set()

    async def take(self, gather_seconds: float) -> tuple[dict[bytes, feed.FeedEntry], int]:
        """Waits for news and a little longer for more; also gives the index all of it is below."""
        await self._news.wait()
        if self._touched:
            await asyncio.sleep(gather_seconds)
        self._news.clear()
        touched, self._touched = self._touched, {}
        return touched, self._next_index
