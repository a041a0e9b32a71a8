"""The bank gateway: orders from the feed to the bank, the bank's letters to the engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc

from gateways.addresses import Addresses
from gateways.bank import outcome, profile, status
from gateways.bank.despatch import Despatch
from gateways.bank.order import Order
from gateways.bank.outcome import Request
from gateways.bank.statement import Series, Statement
from gateways.client import CALL_SECONDS_MAX, Institution, Replied, follow, tell
from gateways.cursor import Cursor
from gateways.identity import Identity
from gateways.letters import letters
from gateways.process import first_failure
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.clearing.v1 import clearing_service_pb2_grpc as clearing_grpc
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.forex.v1 import forex_service_pb2_grpc as forex_grpc
from whampoa.institution.v1 import institution_service_pb2 as institution

log = logging.getLogger(__name__)

NAME = "bank"
_KINDS = [
    feed.FEED_KIND_CONVERSION_REQUESTED,
    feed.FEED_KIND_MONEY_RETURNED,
    feed.FEED_KIND_PAYOUT_INSTRUCTED,
]
_CALLS_AT_ONCE = 16
_LETTERS_AT_ONCE = 100


class Desk:
    """Orders one way, what became of money the other way."""

    def __init__(self, despatch: Despatch, engine: grpc.aio.Channel, bank: Institution) -> None:
        self._despatch = despatch
        self._engine = engine
        self._bank = bank
        self._statements = Series()
        self._slots = asyncio.Semaphore(_CALLS_AT_ONCE)
        money_in, money_out = (
            forex_grpc.ForexServiceStub(engine),
            clearing_grpc.ClearingServiceStub(engine),
        )
        self._calls: dict[type[Request], Callable[..., Awaitable[Replied]]] = {
            forex.RecordRemittanceRequest: money_in.RecordRemittance,
            forex.RecordChargeRequest: money_in.RecordCharge,
            forex.RecallRemittanceRequest: money_in.RecallRemittance,
            forex.PublishRateRequest: money_in.PublishRate,
            forex.ConfirmConversionRequest: money_in.ConfirmConversion,
            forex.FailConversionRequest: money_in.FailConversion,
            clearing.ConfirmDebitRequest: money_out.ConfirmDebit,
            clearing.RecordSettlementRequest: money_out.RecordSettlement,
        }

    async def send(self, cursor: Cursor) -> None:
        """Follows what is to be ordered; an entry is done once the bank answered all its orders."""
        async for response in follow(self._engine, _KINDS, cursor.place.index):
            orders = (
                self._order(order)
                for entry in response.entries
                for order in self._despatch.orders(entry)
            )
            await asyncio.gather(*orders)
            cursor.advance(response.next_index)

    async def receive(self, cursor: Cursor) -> None:
        """Works off the bank's letters in order: a charge follows the remittance it is about."""
        async for batch in letters(self._bank, cursor.place.index, _LETTERS_AT_ONCE):
            for letter in batch.letters:
                try:
                    requests = self._read(letter)
                except ValueError as failure:
                    place = f"letter {letter.sequence} ({letter.format})"
                    log.error("%s cannot be read: %s", place, failure)
                    requests = []
                for request in requests:
                    await self._tell(request)
                cursor.advance(letter.sequence + 1)

    def _read(self, letter: institution.Letter) -> list[Request]:
        if letter.format != profile.STATEMENT:
            return list(outcome.of_letter(letter.message, letter.format))
        complaint = self._statements.add(Statement.parse(letter.message))
        if complaint:
            log.error("statement %s", complaint)
        return []

    async def _order(self, order: Order) -> None:
        try:
            message = order.write()
        except ValueError as failure:
            log.error("order %s cannot be written: %s", order.message_id, failure)
            return
        async with self._slots:
            response = await self._bank.deliver(message, profile.ORDER)
        try:
            report = status.parse(response.reply, response.reply_format)
            requests = list(outcome.of_answer(order, report))
        except ValueError as failure:
            log.error("answer to order %s cannot be read: %s", order.message_id, failure)
            return
        for request in requests:
            await self._tell(request)

    async def _tell(self, request: Request) -> None:
        async def once() -> Replied:
            async with self._slots:
                return await self._calls[type(request)](request, timeout=CALL_SECONDS_MAX)

        await tell(once, f"{type(request).__name__} {request.request_id.hex()}")


async def run(data_dir: Path, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Works until `stop` is set."""
    addresses = Addresses.read(data_dir, NAME)
    despatch = Despatch.read(addresses.gateway_section)
    identity = Identity.read(data_dir, NAME)
    folder = data_dir / "gateways" / NAME
    sent, received = Cursor(folder / "cursor.json"), Cursor(folder / "letters.json")
    async with (
        identity.channel(addresses.engine) as engine,
        identity.channel(addresses.institution) as bank,
    ):
        desk = Desk(despatch, engine, Institution(bank))
        tasks = [
            asyncio.create_task(desk.send(sent)),
            asyncio.create_task(desk.receive(received)),
        ]
        ready(addresses.engine)
        try:
            await first_failure(tasks, stop)
        finally:
            sent.save()
            received.save()
