"""Servers around the gateway: an engine that keeps payout states, and a bank that listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import grpc

from engine.authority import STANDARD, Authority
from gateways.identity import Context, Identity
from gateways.process import Runnable
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.clearing.v1 import clearing_service_pb2_grpc as clearing_grpc
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.feed.v1 import feed_service_pb2_grpc as feed_grpc
from whampoa.institution.v1 import institution_service_pb2 as institution
from whampoa.institution.v1 import institution_service_pb2_grpc as institution_grpc
from whampoa.money.v1 import rejection_pb2 as rejection

_ALLOWED = {
    clearing.PAYOUT_OUTCOME_SETTLED: clearing.PAYOUT_OUTCOME_UNSPECIFIED,
    clearing.PAYOUT_OUTCOME_REJECTED: clearing.PAYOUT_OUTCOME_UNSPECIFIED,
    clearing.PAYOUT_OUTCOME_RETURNED: clearing.PAYOUT_OUTCOME_SETTLED,
}


class Engine(feed_grpc.FeedServiceServicer, clearing_grpc.ClearingServiceServicer):
    """Gives its entries and records outcomes in the order that the real one allows."""

    async def Allocate(self, request: object, context: Context) -> NoReturn:  # noqa: N802
        await _unused(request, context)

    ConfirmDebit = InstructPayouts = SettleClawback = Allocate

    def __init__(self) -> None:
        self.entries: list[feed.FeedEntry] = []
        self.states: dict[bytes, clearing.PayoutOutcome.ValueType] = {}
        self.results: list[clearing.PayoutResult] = []
        self.refused = 0
        self.busy = 1
        self._requests: set[bytes] = set()

    async def Follow(  # noqa: N802
        self, request: feed.FollowRequest, context: Context
    ) -> AsyncIterator[feed.FollowResponse]:
        del context
        assert list(request.kinds) == [feed.FEED_KIND_PAYOUT_DEBITED]
        at = request.from_index
        while True:
            if at < len(self.entries):
                some = self.entries[at:]
                at = len(self.entries)
                yield feed.FollowResponse(entries=some, next_index=at, head_index=at)
            await asyncio.sleep(0.01)

    async def RecordSettlement(  # noqa: N802
        self, request: clearing.RecordSettlementRequest, context: Context
    ) -> clearing.RecordSettlementResponse:
        del context
        if self.busy:
            self.busy -= 1
            refusal = rejection.Refusal(code=rejection.REJECTION_NO_ROOM, transient=True)
            return clearing.RecordSettlementResponse(refusal=refusal)
        if request.request_id in self._requests:
            return clearing.RecordSettlementResponse()
        for result in request.results:
            before = self.states.get(result.payout_id, clearing.PAYOUT_OUTCOME_UNSPECIFIED)
            if before != _ALLOWED[result.outcome]:
                self.refused += 1
                refusal = rejection.Refusal(code=rejection.REJECTION_PAYOUT_STATE)
                return clearing.RecordSettlementResponse(refusal=refusal)
            self.states[result.payout_id] = result.outcome
        self._requests.add(request.request_id)
        self.results += request.results
        return clearing.RecordSettlementResponse()


class Bank(institution_grpc.InstitutionServiceServicer):
    """Keeps what is delivered to it."""

    async def Collect(self, request: object, context: Context) -> NoReturn:  # noqa: N802
        await _unused(request, context)

    ReadBooks = Instruct = Collect

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []

    async def Deliver(  # noqa: N802
        self, request: institution.DeliverRequest, context: Context
    ) -> institution.DeliverResponse:
        del context
        self.received.append((request.format, request.message))
        return institution.DeliverResponse()


async def _unused(_request: object, context: Context) -> NoReturn:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not part of this corridor")


def make_keys(data_dir: Path) -> None:
    """Make the certificates that the processes of this corridor show."""
    authority = Authority(data_dir / "keys")
    authority.establish()
    wanted = {"engine", "bank-institution", "pboc", "pboc-institution", "operator", "declarant"}
    for identity in STANDARD:
        if identity.name in wanted:
            authority.issue(identity)


@asynccontextmanager
async def serving(server: grpc.aio.Server, identity: Identity) -> AsyncIterator[str]:
    """Serve on a free port for as long as the block runs."""
    port = server.add_secure_port("127.0.0.1:0", identity.server_credentials())
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@asynccontextmanager
async def running(run: Runnable, data_dir: Path) -> AsyncIterator[str]:
    """Run a gateway or an emulator; give the address it is ready at."""
    stop = asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(run(data_dir, ready.set_result, stop))
    either: list[asyncio.Future[Any]] = [task, ready]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield ready.result() if ready.done() else str(task.result())
    finally:
        stop.set()
        await task
