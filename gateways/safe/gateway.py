"""The bank's reporting desk: declarations asked of the engine, records to SAFE, feedback back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path

import grpc

from gateways.addresses import Addresses
from gateways.client import CALL_SECONDS_MAX, Backoff, Institution, Replied, follow, persist, words
from gateways.cursor import Cursor
from gateways.identity import Identity
from gateways.letters import letters
from gateways.process import first_failure
from gateways.safe import feedback, profile
from gateways.safe.batch import Batch
from gateways.safe.burst import Burst
from gateways.safe.despatch import despatch
from gateways.safe.feedback import Feedback, Refused
from whampoa import ids
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.forex.v1 import forex_service_pb2_grpc as forex_grpc
from whampoa.institution.v1 import institution_service_pb2 as institution
from whampoa.money.v1 import rejection_pb2 as rejection

log = logging.getLogger(__name__)

NAME = "safe"
_CALLS_AT_ONCE = 16
_HALF_DAY_MS = 12 * 3_600_000
# The engine keeps texts of a feedback together; more than this of one says nothing new.
_DESCRIPTION_CHARACTERS_MAX = 512


class Desk:
    """Declares remittances, sends their records, and tells the engine what SAFE said."""

    def __init__(self, engine: grpc.aio.Channel, safe: Institution) -> None:
        self._engine = engine
        self._forex = forex_grpc.ForexServiceStub(engine)
        self._safe = safe
        self._burst = Burst()
        self._slots = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def gather(self, cursor: Cursor) -> None:
        """Follows the remittances whose attribution or conversion changes."""
        kinds = [feed.FEED_KIND_ALLOCATED]
        async for response in follow(self._engine, kinds, cursor.place.index):
            self._burst.add(response)

    async def declare(self, cursor: Cursor) -> None:
        """Declares what was gathered; done once the engine has recorded or refused it."""
        while True:
            touched, next_index = await self._burst.take(profile.BURST_SECONDS)
            declared = (self._declare(it, entry) for it, entry in touched.items())
            await asyncio.gather(*declared)
            cursor.advance(next_index)

    async def send(self, cursor: Cursor) -> None:
        """Follows the records; an entry is done once SAFE has all its batches."""
        kinds = [feed.FEED_KIND_BOP_RECORDS]
        async for response in follow(self._engine, kinds, cursor.place.index):
            # A change must not overtake the record that it changes: one remittance, one line.
            lines: dict[bytes, list[feed.FeedEntry]] = {}
            for entry in response.entries:
                lines.setdefault(entry.rows[0].bop_record.remittance_id, []).append(entry)
            await asyncio.gather(*(self._send(entries) for entries in lines.values()))
            cursor.advance(response.next_index)

    async def receive(self, cursor: Cursor) -> None:
        """Works off SAFE's letters in order: the last word on a record is the one that counts."""
        async for batch in letters(self._safe, cursor.place.index):
            for told in _feedback(batch.letters):
                await self._tell(told)
            cursor.advance(batch.next_sequence)

    async def _declare(self, remittance_id: bytes, entry: feed.FeedEntry) -> None:
        what = f"declare remittance {remittance_id.hex()}"
        name = f"{entry.position.log}/{entry.position.index}"

        def call(time_ms: int) -> Awaitable[forex.DeclareRemittanceResponse]:
            request = forex.DeclareRemittanceRequest(
                request_id=ids.derive(time_ms, "bop-declare", name, remittance_id),
                remittance_id=remittance_id,
            )
            return self._forex.DeclareRemittance(request, timeout=CALL_SECONDS_MAX)

        await self._ask(call, entry.time_ms, what, rejection.REJECTION_ALREADY_DECLARED)

    async def _send(self, entries: Iterable[feed.FeedEntry]) -> None:
        for entry in entries:
            sent = despatch(entry)
            if sent.unsendable:
                position = f"{entry.position.log}/{entry.position.index}"
                told = Feedback(position, entry.time_ms, refused=sent.unsendable)
                await self._tell(told)
            for batch in sent.batches:
                await self._deliver(batch)

    async def _deliver(self, batch: Batch) -> None:
        async with self._slots:
            response = await self._safe.deliver(batch.write(), profile.BATCH)
        if not response.reply:
            return
        reference = batch.head.reference
        try:
            answer = feedback.parse(response.reply, response.reply_format)
        except ValueError as failure:
            log.error("batch %s: reply cannot be read: %s", reference, failure)
        else:
            log.error("batch %s was not taken in: %s", reference, "; ".join(answer.formats))

    async def _tell(self, told: Feedback) -> None:
        for it in told.refused:
            log.error("batch %s: %s refused: %s", told.reference, it.rptno, it.description)
        rows = [forex.BopFeedback(rptno=rptno, accepted=True) for rptno in told.accepted]
        rows += [_refused(it) for it in told.refused]
        if not rows:
            return

        def call(time_ms: int) -> Awaitable[forex.RecordBopFeedbackResponse]:
            request = forex.RecordBopFeedbackRequest(
                request_id=ids.derive(time_ms, "bop-feedback", told.reference), feedback=rows
            )
            return self._forex.RecordBopFeedback(request, timeout=CALL_SECONDS_MAX)

        await self._ask(call, told.time_ms, f"feedback on batch {told.reference}")

    async def _ask(
        self,
        call: Callable[[int], Awaitable[Replied]],
        time_ms: int,
        what: str,
        expected: rejection.Rejection.ValueType = rejection.REJECTION_UNSPECIFIED,
    ) -> None:
        """Calls with an id of a time until the engine's answer is final."""
        backoff = Backoff()
        while True:
            async with self._slots:
                refusal = (await persist(partial(call, time_ms), what)).refusal
            if refusal.code == rejection.REJECTION_ID_OUT_OF_WINDOW:
                # The gateway was away for long, and the engine does not know the id: so nothing
                # was done under it, and the request may go under one of this half day.
                now_ms = time.time_ns() // 1_000_000
                time_ms = now_ms - now_ms % _HALF_DAY_MS
            elif not refusal.transient:
                break
            log.warning("%s: refused for now: %s", what, refusal.message)
            await backoff.pause()
        if refusal.code not in {rejection.REJECTION_UNSPECIFIED, expected}:
            log.error("%s: engine refused: %s", what, words(refusal))


def _feedback(batch: Iterable[institution.Letter]) -> Iterable[Feedback]:
    for letter in batch:
        try:
            yield feedback.parse(letter.message, letter.format)
        except ValueError as failure:
            log.error("letter %d (%s) cannot be read: %s", letter.sequence, letter.format, failure)


def _refused(it: Refused) -> forex.BopFeedback:
    description = it.description[:_DESCRIPTION_CHARACTERS_MAX]
    return forex.BopFeedback(rptno=it.rptno, accepted=False, description=description)


async def run(data_dir: Path, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Works until `stop` is set."""
    addresses = Addresses.read(data_dir, NAME)
    identity = Identity.read(data_dir, NAME)
    folder = data_dir / "gateways" / NAME
    declared, sent = Cursor(folder / "declared.json"), Cursor(folder / "cursor.json")
    received = Cursor(folder / "letters.json")
    async with (
        identity.channel(addresses.engine) as engine,
        identity.channel(addresses.institution) as safe,
    ):
        desk = Desk(engine, Institution(safe))
        tasks = [
            asyncio.create_task(desk.gather(declared)),
            asyncio.create_task(desk.declare(declared)),
            asyncio.create_task(desk.send(sent)),
            asyncio.create_task(desk.receive(received)),
        ]
        ready(addresses.engine)
        try:
            await first_failure(tasks, stop)
        finally:
            for cursor in (declared, sent, received):
                cursor.save()
