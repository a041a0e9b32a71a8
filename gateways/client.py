"""Calls to the engine and to institutions, repeated until they are answered; the feed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import grpc

from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.feed.v1 import feed_service_pb2_grpc as feed_grpc
from whampoa.institution.v1 import institution_service_pb2 as institution
from whampoa.institution.v1 import institution_service_pb2_grpc as institution_grpc
from whampoa.money.v1 import rejection_pb2 as rejection

log = logging.getLogger(__name__)
T = TypeVar("T")

CALL_SECONDS_MAX = 30.0
_PAUSE_SECONDS_FIRST = 0.05
_PAUSE_SECONDS_MAX = 2.0
# Codes after which the same request may be sent again: every request here is idempotent by its id.
_AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
}


class Backoff:
    """Pauses that grow until something succeeds."""

    def __init__(self) -> None:
        self._seconds = _PAUSE_SECONDS_FIRST

    async def pause(self) -> None:
        await asyncio.sleep(self._seconds)
        self._seconds = min(self._seconds * 2, _PAUSE_SECONDS_MAX)


async def persist(call: Callable[[], Awaitable[T]], what: str) -> T:
    """Repeats a call while its server is away or busy; other failures are raised."""
    backoff = Backoff()
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as failure:
            if failure.code() not in _AGAIN:
                raise
            log.warning("%s: %s %s, sent again", what, failure.code().name, failure.details())
        await backoff.pause()


class Replied(Protocol):
    """The reply of a write."""

    @property
    def refusal(self) -> rejection.Refusal: ...


async def tell(call: Callable[[], Awaitable[Replied]], what: str) -> None:
    """Sends a write to the engine until it is taken or refused for good, which is logged."""
    backoff = Backoff()
    while True:
        refusal = (await persist(call, what)).refusal
        if not refusal.transient:
            break
        log.warning("engine refused %s for now: %s", what, refusal.message)
        await backoff.pause()
    if refusal.code != rejection.REJECTION_UNSPECIFIED:
        log.error("engine refused %s: %s", what, words(refusal))


def words(refusal: rejection.Refusal) -> str:
    """Code, field, value and sentence of a refusal."""
    name = rejection.Rejection.Name(refusal.code)
    return f"{name}, {refusal.field} = {refusal.value!r}: {refusal.message}"


async def follow(
    channel: grpc.aio.Channel, kinds: Sequence[feed.FeedKind.ValueType], from_index: int
) -> AsyncIterator[feed.FollowResponse]:
    """Durable entries from `from_index` on, for ever: a broken stream is opened again."""
    stub = feed_grpc.FeedServiceStub(channel)
    backoff = Backoff()
    while True:
        try:
            request = feed.FollowRequest(from_index=from_index, kinds=kinds)
            async for response in stub.Follow(request):
                yield response
                from_index = max(from_index, response.next_index)
                backoff = Backoff()
        except grpc.aio.AioRpcError as failure:
            if failure.code() not in _AGAIN:
                raise
            log.warning("feed: %s %s, followed again", failure.code().name, failure.details())
        await backoff.pause()


class Institution:
    """The institution behind a gateway: messages in its own format, out and in."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = institution_grpc.InstitutionServiceStub(channel)

    async def deliver(self, message: bytes, message_format: str) -> institution.DeliverResponse:
        """Hands a message over; returns what the institution answered at once."""
        request = institution.DeliverRequest(message=message, format=message_format)
        return await persist(
            lambda: self._stub.Deliver(request, timeout=CALL_SECONDS_MAX),
            f"deliver {message_format}",
        )

    async def collect(
        self, from_sequence: int, limit: int = 100, wait_ms: int = 10_000
    ) -> institution.CollectResponse:
        """Waits for letters from `from_sequence` on; none after `wait_ms` is an empty response."""
        request = institution.CollectRequest(
            from_sequence=from_sequence, limit=limit, wait_ms=wait_ms
        )
        timeout = CALL_SECONDS_MAX + wait_ms / 1000
        return await persist(lambda: self._stub.Collect(request, timeout=timeout), "collect")
