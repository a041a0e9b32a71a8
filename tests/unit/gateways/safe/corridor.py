"""An engine that keeps declarations: it emits records, and remembers what SAFE said of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import grpc

from engine.authority import STANDARD, Authority
from gateways.identity import Context
from whampoa import ids
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.feed.v1 import feed_service_pb2_grpc as feed_grpc
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.forex.v1 import forex_service_pb2_grpc as forex_grpc
from whampoa.money.v1 import rejection_pb2 as rejection

WINDOW_MS = 24 * 3_600_000
_Reply = forex.DeclareRemittanceResponse | forex.RecordBopFeedbackResponse


async def _unused(_request: object, context: Context) -> NoReturn:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not part of this corridor")


class Engine(feed_grpc.FeedServiceServicer, forex_grpc.ForexServiceServicer):
    """Emits the entries that a test adds; requests are answered once by their ids."""

    async def RecordRemittance(self, request: object, context: Context) -> NoReturn:  # noqa: N802
        await _unused(request, context)

    RecordCharge = RecallRemittance = ReturnSuspense = PublishRate = RecordRemittance
    RequestConversion = ConfirmConversion = FailConversion = RecordRemittance

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.entries: list[feed.FeedEntry] = []
        # What a declaration of a remittance emits next; nothing left is ALREADY_DECLARED.
        self.declarations: dict[bytes, list[feed.FeedEntry]] = {}
        self.declared: list[bytes] = []
        self.said: dict[str, tuple[bool, str]] = {}
        self.feedbacks = 0
        self.busy = 1
        self._replies: dict[bytes, _Reply] = {}

    def emit(self, entry: feed.FeedEntry, time_ms: int = 0) -> None:
        """Add an entry at the next index."""
        entry.position.log, entry.position.index = "whampoa-1", len(self.entries)
        entry.time_ms = time_ms or self.now_ms
        self.entries.append(entry)

    def allocate(self, remittance_id: bytes, time_ms: int = 0) -> None:
        """Say that a remittance's attribution changed."""
        item = feed.AllocatedItem(remittance_id=remittance_id)
        rows = [feed.FeedRow(allocated=item)]
        self.emit(feed.FeedEntry(kind=feed.FEED_KIND_ALLOCATED, rows=rows), time_ms)

    async def Follow(  # noqa: N802
        self, request: feed.FollowRequest, context: Context
    ) -> AsyncIterator[feed.FollowResponse]:
        del context
        at = request.from_index
        while True:
            if at < len(self.entries):
                some = [it for it in self.entries[at:] if it.kind in request.kinds]
                at = len(self.entries)
                yield feed.FollowResponse(entries=some, next_index=at, head_index=at)
            await asyncio.sleep(0.01)

    async def DeclareRemittance(  # noqa: N802
        self, request: forex.DeclareRemittanceRequest, context: Context
    ) -> forex.DeclareRemittanceResponse:
        del context
        response = forex.DeclareRemittanceResponse()
        code = self._refusal(request.request_id)
        if code is None:
            return self._replies[request.request_id]  # type: ignore[return-value]
        left = self.declarations.get(request.remittance_id, [])
        if code == rejection.REJECTION_UNSPECIFIED and not left:
            code = rejection.REJECTION_ALREADY_DECLARED
        if code != rejection.REJECTION_UNSPECIFIED:
            response.refusal.code = code
            response.refusal.transient = code == rejection.REJECTION_NO_ROOM
            return response
        self.declared.append(request.remittance_id)
        self.emit(left.pop(0))
        self._replies[request.request_id] = response
        return response

    async def RecordBopFeedback(  # noqa: N802
        self, request: forex.RecordBopFeedbackRequest, context: Context
    ) -> forex.RecordBopFeedbackResponse:
        del context
        response = forex.RecordBopFeedbackResponse()
        code = self._refusal(request.request_id)
        if code is None:
            return self._replies[request.request_id]  # type: ignore[return-value]
        if code != rejection.REJECTION_UNSPECIFIED:
            response.refusal.code = code
            response.refusal.transient = code == rejection.REJECTION_NO_ROOM
            return response
        self.feedbacks += 1
        for told in request.feedback:
            self.said[told.rptno] = (told.accepted, told.description)
        self._replies[request.request_id] = response
        return response

    def _refusal(self, request_id: bytes) -> rejection.Rejection.ValueType | None:
        """Give a refusal that any request may get, `None` for a request answered before."""
        if request_id in self._replies:
            return None
        if self.busy:
            self.busy -= 1
            return rejection.REJECTION_NO_ROOM
        if abs(ids.time_ms_of(request_id) - self.now_ms) > WINDOW_MS:
            return rejection.REJECTION_ID_OUT_OF_WINDOW
        return rejection.REJECTION_UNSPECIFIED


def make_keys(data_dir: Path) -> None:
    """Make the certificates that the processes of this corridor show."""
    authority = Authority(data_dir / "keys")
    authority.establish()
    wanted = {"engine", "safe", "safe-institution", "operator", "declarant"}
    for identity in STANDARD:
        if identity.name in wanted:
            authority.issue(identity)
