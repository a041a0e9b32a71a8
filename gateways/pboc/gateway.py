"""The settlement bank's front: debited payouts to the clearing system, outcomes to the engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import grpc

from gateways.addresses import Addresses
from gateways.client import CALL_SECONDS_MAX, Institution, follow, tell
from gateways.cursor import Cursor
from gateways.identity import Identity
from gateways.letters import letters
from gateways.pboc import acknowledgement, outcome
from gateways.pboc.despatch import Despatch
from gateways.pboc.report import Report
from gateways.process import first_failure
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.clearing.v1 import clearing_service_pb2_grpc as clearing_grpc
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.institution.v1 import institution_service_pb2 as institution

log = logging.getLogger(__name__)

NAME = "pboc"
_CALLS_AT_ONCE = 16
_LETTERS_AT_ONCE = 200


class Front:
    """Sends payments one way and tells what became of them the other way."""

    def __init__(
        self,
        despatch: Despatch,
        engine: grpc.aio.Channel,
        centre: Institution,
        bank: Institution,
    ) -> None:
        self._despatch = despatch
        self._engine = engine
        self._clearing = clearing_grpc.ClearingServiceStub(engine)
        self._centre = centre
        self._bank = bank
        self._slots = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def send(self, cursor: Cursor) -> None:
        """Follows the debited payouts; an entry is done once the centre has all its messages."""
        kinds = [feed.FEED_KIND_PAYOUT_DEBITED]
        async for response in follow(self._engine, kinds, cursor.place.index):
            messages = (
                self._deliver(message, message_format)
                for entry in response.entries
                for message_format, message in self._despatch.messages(entry)
            )
            await asyncio.gather(*messages)
            cursor.advance(response.next_index)

    async def receive(self, cursor: Cursor) -> None:
        """Works off the centre's letters."""
        async for batch in letters(self._centre, cursor.place.index, _LETTERS_AT_ONCE):
            reports = list(_reports(batch.letters))
            # A return can only be recorded after its settlement; all else is in any order.
            for is_late in (False, True):
                some = [it for it in reports if outcome.follows_settlement(it[1]) is is_late]
                await asyncio.gather(*(self._record(*it) for it in some))
            cursor.advance(batch.next_sequence)

    async def _deliver(self, message: bytes, message_format: str) -> None:
        async with self._slots:
            response = await self._centre.deliver(message, message_format)
        try:
            reason = acknowledgement.parse(response.reply, response.reply_format)
        except ValueError as failure:
            reason = f"reply cannot be read: {failure}"
        if reason:
            log.error("%s was discarded by the centre: %s", message_format, reason)

    async def _record(self, message_format: str, report: Report) -> None:
        request = outcome.settlement(report, message_format)
        if request is None:
            log.info("%s %s: payments wait in a queue", message_format, report.message_id)
            return
        await asyncio.gather(
            self._tell_engine(request, report.message_id),
            *(self._tell_bank(message) for message in outcome.returns(report)),
        )

    async def _tell_engine(
        self, request: clearing.RecordSettlementRequest, message_id: str
    ) -> None:
        async def once() -> clearing.RecordSettlementResponse:
            async with self._slots:
                return await self._clearing.RecordSettlement(request, timeout=CALL_SECONDS_MAX)

        await tell(once, f"settlement {message_id}")

    async def _tell_bank(self, message: bytes) -> None:
        try:
            async with self._slots:
                await self._bank.deliver(message, outcome.RETURN_FORMAT)
        except grpc.aio.AioRpcError as failure:
            code, details = failure.code().name, failure.details()
            log.error("bank refused %s: %s %s", message.decode(), code, details)


def _reports(batch: Iterable[institution.Letter]) -> Iterable[tuple[str, Report]]:
    for letter in batch:
        try:
            yield letter.format, outcome.read(letter.message, letter.format)
        except ValueError as failure:
            log.error("letter %d (%s) cannot be read: %s", letter.sequence, letter.format, failure)


async def run(data_dir: Path, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Works until `stop` is set."""
    addresses = Addresses.read(data_dir, NAME)
    despatch = Despatch.read(addresses.gateway_section)
    identity = Identity.read(data_dir, NAME)
    folder = data_dir / "gateways" / NAME
    sent, received = Cursor(folder / "cursor.json"), Cursor(folder / "letters.json")
    async with (
        identity.channel(addresses.engine) as engine,
        identity.channel(addresses.institution) as centre,
        identity.channel(Addresses.read(data_dir, "bank").institution) as bank,
    ):
        front = Front(despatch, engine, Institution(centre), Institution(bank))
        tasks = [
            asyncio.create_task(front.send(sent)),
            asyncio.create_task(front.receive(received)),
        ]
        ready(addresses.engine)
        try:
            await first_failure(tasks, stop)
        finally:
            sent.save()
            received.save()
