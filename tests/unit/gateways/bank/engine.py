"""An engine that keeps what a bank may tell: it refuses what the real one would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import grpc

from gateways.identity import Context
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.clearing.v1 import clearing_service_pb2_grpc as clearing_grpc
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.feed.v1 import feed_service_pb2_grpc as feed_grpc
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.forex.v1 import forex_service_pb2_grpc as forex_grpc
from whampoa.money.v1 import rejection_pb2 as rejection

_KINDS = [
    feed.FEED_KIND_CONVERSION_REQUESTED,
    feed.FEED_KIND_MONEY_RETURNED,
    feed.FEED_KIND_PAYOUT_INSTRUCTED,
]


class Engine(
    feed_grpc.FeedServiceServicer,
    forex_grpc.ForexServiceServicer,
    clearing_grpc.ClearingServiceServicer,
):
    """Gives its entries; answers a request once, and the same request with the same reply."""

    def __init__(self) -> None:
        self.entries: list[feed.FeedEntry] = []
        self.remittances: dict[bytes, forex.Remittance] = {}
        self.charges: list[tuple[bytes, int]] = []
        self.recalls: list[tuple[bytes, int]] = []
        self.rates: dict[tuple[str, str], int] = {}
        self.conversions: dict[bytes, str] = {}
        self.payouts: dict[bytes, str] = {}
        self.refusals: list[str] = []
        self.repeats = 0
        # Requests that are refused for now, before any is taken.
        self.busy = 1
        self._taken: dict[bytes, bytes] = {}

    async def Follow(  # noqa: N802
        self, request: feed.FollowRequest, context: Context
    ) -> AsyncIterator[feed.FollowResponse]:
        del context
        assert list(request.kinds) == _KINDS
        at = request.from_index
        while True:
            if at < len(self.entries):
                some = self.entries[at:]
                at = len(self.entries)
                yield feed.FollowResponse(entries=some, next_index=at, head_index=at)
            await asyncio.sleep(0.01)

    def _answer(self, request: Any, reply: Callable[..., Any], act: Callable[[], bool]) -> Any:
        if self.busy:
            self.busy -= 1
            refusal = rejection.Refusal(code=rejection.REJECTION_NO_ROOM, transient=True)
            return reply(refusal=refusal)
        known = self._taken.get(request.request_id)
        if known is not None:
            assert known == request.SerializeToString(deterministic=True)
            self.repeats += 1
            return reply()
        if not act():
            self.refusals.append(str(request))
            refusal = rejection.Refusal(code=rejection.REJECTION_FIELD_INVALID, field="state")
            return reply(refusal=refusal)
        self._taken[request.request_id] = request.SerializeToString(deterministic=True)
        return reply()

    async def RecordRemittance(  # noqa: N802
        self, request: forex.RecordRemittanceRequest, context: Context
    ) -> Any:
        del context
        told = request.remittance

        def act() -> bool:
            if told.remittance_id in self.remittances:
                return False
            self.remittances[told.remittance_id] = told
            return told.instructed_minor - told.charges_before_minor == told.credited_minor

        return self._answer(request, forex.RecordRemittanceResponse, act)

    async def RecordCharge(  # noqa: N802
        self, request: forex.RecordChargeRequest, context: Context
    ) -> Any:
        del context

        def act() -> bool:
            self.charges.append((request.remittance_id, request.amount_minor))
            return request.remittance_id in self.remittances

        return self._answer(request, forex.RecordChargeResponse, act)

    async def RecallRemittance(  # noqa: N802
        self, request: forex.RecallRemittanceRequest, context: Context
    ) -> Any:
        del context

        def act() -> bool:
            self.recalls.append((request.remittance_id, request.amount_minor))
            return request.remittance_id in self.remittances

        return self._answer(request, forex.RecallRemittanceResponse, act)

    async def PublishRate(  # noqa: N802
        self, request: forex.PublishRateRequest, context: Context
    ) -> Any:
        del context

        def act() -> bool:
            self.rates[request.rate.base, request.rate.quote] = request.rate.rate_e8
            return True

        return self._answer(request, forex.PublishRateResponse, act)

    async def ConfirmConversion(  # noqa: N802
        self, request: forex.ConfirmConversionRequest, context: Context
    ) -> Any:
        del context

        def act() -> bool:
            rate = f"{request.rate.base}/{request.rate.quote}"
            return self._end(request.conversion_id, f"{request.cny_minor} at {rate}")

        return self._answer(request, forex.ConfirmConversionResponse, act)

    async def FailConversion(  # noqa: N802
        self, request: forex.FailConversionRequest, context: Context
    ) -> Any:
        del context

        def act() -> bool:
            return self._end(request.conversion_id, f"failed {request.reason}")

        return self._answer(request, forex.FailConversionResponse, act)

    def _end(self, conversion_id: bytes, how: str) -> bool:
        if conversion_id in self.conversions:
            return False
        self.conversions[conversion_id] = how
        return True

    async def ConfirmDebit(  # noqa: N802
        self, request: clearing.ConfirmDebitRequest, context: Context
    ) -> Any:
        del context

        def act() -> bool:
            if any(it in self.payouts for it in request.payout_ids):
                return False
            self.payouts |= dict.fromkeys(request.payout_ids, "debited")
            return True

        return self._answer(request, clearing.ConfirmDebitResponse, act)

    async def RecordSettlement(  # noqa: N802
        self, request: clearing.RecordSettlementRequest, context: Context
    ) -> Any:
        del context

        def act() -> bool:
            if any(it.payout_id in self.payouts for it in request.results):
                return False
            assert {it.outcome for it in request.results} == {clearing.PAYOUT_OUTCOME_REFUSED}
            self.payouts |= {it.payout_id: f"rejected {it.reason_code}" for it in request.results}
            return True

        return self._answer(request, clearing.RecordSettlementResponse, act)

    async def Allocate(self, request: object, context: Context) -> NoReturn:  # noqa: N802
        del request
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not part of this corridor")

    InstructPayouts = SettleClawback = Allocate
    ReturnSuspense = RequestConversion = DeclareRemittance = RecordBopFeedback = Allocate
