"""Accepted documents to customs: in the order of the feed, up to 100 of one kind a message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc

from gateways.client import Backoff, Institution, follow
from gateways.cursor import Cursor
from gateways.singlewindow import dxp
from whampoa.feed.v1 import feed_service_pb2 as feed

log = logging.getLogger(__name__)

DOCUMENTS_PER_MESSAGE = 100
# Customs reads messages of 8 MiB; the envelope makes a third more of it.
_BYTES_MAX = 6 << 20
_MESSAGES_AT_ONCE = 4


@dataclass(frozen=True)
class Bundle:
    """Documents of one type and one transmitter, in the order of the feed."""

    number: int
    transmitter: str
    time_ms: int
    elements: tuple[bytes, ...]


class Forwarder:
    """Delivers what the engine recorded, at least once: customs knows what it has already."""

    def __init__(
        self,
        engine: grpc.aio.Channel,
        customs: Institution,
        codec: ThreadPoolExecutor,
        give_way: Callable[[], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._customs = customs
        self._codec = codec
        self._give_way = give_way
        self._slots = asyncio.Semaphore(_MESSAGES_AT_ONCE)

    async def run(self, cursor: Cursor) -> None:
        """Follows the documents; entries are done once customs has all their messages."""
        kinds = [feed.FEED_KIND_DOCUMENTS]
        async for response in follow(self._engine, kinds, cursor.place.index):
            lanes = [self._lane(same) for same in bundles(response.entries)]
            await asyncio.gather(*lanes)
            cursor.advance(response.next_index)

    async def _lane(self, same: Sequence[Bundle]) -> None:
        # A later version of a document must not overtake an earlier one.
        for bundle in same:
            async with self._slots:
                await self._give_way()
                await self._deliver(bundle)

    async def _deliver(self, bundle: Bundle) -> None:
        loop = asyncio.get_running_loop()
        message = await loop.run_in_executor(self._codec, _message, bundle)
        backoff = Backoff()
        while True:
            answer = await self._customs.deliver(message, dxp.MESSAGE_FORMAT)
            try:
                code, info = dxp.parse_response(answer.reply)
            except ValueError as failure:
                code, info = dxp.BAD_FORMAT, str(failure)
            if not dxp.is_passing(code):
                break
            log.warning("customs cannot take CEB%d now: %s %s", bundle.number, code, info)
            await backoff.pause()
        if code != dxp.TAKEN:
            log.error("customs refused a CEB%d: %s %s", bundle.number, code, info)


def bundles(entries: Iterable[feed.FeedEntry]) -> list[list[Bundle]]:
    """Messages to be, one list for each type and transmitter."""
    lanes: dict[tuple[int, str], list[tuple[int, feed.DocumentItem]]] = {}
    for entry in entries:
        for row in entry.rows:
            item = row.document
            if not item.received:
                # Its private part was erased: there is nothing left to declare.
                continue
            lane = lanes.setdefault((item.type, item.transmitter_code), [])
            lane.append((entry.time_ms, item))
    return [list(_parts(key, lane)) for key, lane in lanes.items()]


def _parts(
    lane_key: tuple[int, str], lane: Sequence[tuple[int, feed.DocumentItem]]
) -> Iterator[Bundle]:
    number, transmitter = lane_key
    elements: list[bytes] = []
    keys: set[bytes] = set()
    size, time_ms = 0, lane[0][0]
    for at_ms, item in lane:
        is_full = len(elements) == DOCUMENTS_PER_MESSAGE or size + len(item.received) > _BYTES_MAX
        # A message in which a document stands twice is refused; a later version goes in the next.
        if elements and (is_full or item.key in keys):
            yield Bundle(number, transmitter, time_ms, tuple(elements))
            elements, size, time_ms = [], 0, at_ms
            keys = set()
        elements.append(item.received)
        keys.add(item.key)
        size += len(item.received)
    yield Bundle(number, transmitter, time_ms, tuple(elements))


def _message(bundle: Bundle) -> bytes:
    return dxp.forwarded(bundle.number, bundle.elements, bundle.transmitter, bundle.time_ms)
