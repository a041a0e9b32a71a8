"""The feed: durable entries for gateways, each kind only to the gateway it is for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from engine import faults, identity
from engine.bridge import Bridge
from engine.methods import FEED_KINDS
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.feed.v1 import feed_service_pb2_grpc as feed_grpc

Context = grpc.aio.ServicerContext[Any, Any]

# Entries considered for one response: a few hundred kilobytes at most.
ENTRIES_PER_RESPONSE = 64
_NAMES: dict[int, str] = {number: name for name, number in feed.FeedKind.items()}


class FeedService(feed_grpc.FeedServiceServicer):
    """Streams entries from an index on, and waits for more."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    async def Follow(
        self, request: feed.FollowRequest, context: Context
    ) -> AsyncIterator[feed.FollowResponse]:
        kinds = await self._allowed(request, context)
        index = request.from_index
        head = self._bridge.durable_index + 1
        if index > head:
            # Waiting for entries that the log lost would pass over those that come instead.
            await faults.refuse_cursor(context, index, head)
        while True:
            raw = await self._bridge.read_feed(
                index, kinds, ENTRIES_PER_RESPONSE, open_private=True
            )
            response = feed.FollowResponse.FromString(raw)
            if response.next_index > index:
                yield response
                index = response.next_index
                continue
            if request.until_head:
                return
            # Whatever moved between the read and here is seen by the next read.
            if index > self._bridge.durable_index:
                await self._bridge.moved()

    async def _allowed(self, request: feed.FollowRequest, context: Context) -> list[int]:
        caller = identity.of_peer(context.auth_context())
        allowed = FEED_KINDS.get(caller.name if caller else "", frozenset())
        if not request.kinds:
            await faults.refuse_argument(context, "kinds", "name at least one", [])
        for kind in request.kinds:
            if kind not in _NAMES:
                await faults.refuse_argument(context, "kinds", "a FeedKind", kind)
            if _NAMES[kind] not in allowed:
                who = caller.uri if caller else "nobody"
                await faults.refuse_caller(context, f"{who} receives no {_NAMES[kind]}")
        return list(request.kinds)
