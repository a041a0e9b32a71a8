"""Customs' letters: their replies become documents of the engine, and wait for declarants."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from engine import formats
from gateways.client import Backoff, Institution
from gateways.cursor import Cursor
from gateways.letters import letters
from gateways.singlewindow import dxp, platform
from gateways.singlewindow.archive import Archive
from gateways.singlewindow.deposit import Depository, identified
from whampoa.customs.v1 import finding_pb2 as finding
from whampoa.institution.v1 import institution_service_pb2 as institution
from whampoa.money.v1 import rejection_pb2 as rejection

log = logging.getLogger(__name__)

# What customs sends.
DOWNSTREAM = frozenset({214, 216, 304, 404, 506, 508, 510, 604, 606, 608, 702, 792})
_LETTERS_AT_ONCE = 50
ORDER_REPLIES = 304
# An answer that arrives after a newer one, or a second time, changes nothing.
_HARMLESS = frozenset(
    {rejection.REJECTION_STALE_REPLY, rejection.REJECTION_DOCUMENT_EXISTS_DIFFERENT}
)


class Replies:
    """Works letters off in order, a few dozen at a time, so that statuses never go back."""

    def __init__(
        self,
        customs: Institution,
        archive: Archive,
        depository: Depository,
        codec: ThreadPoolExecutor,
        give_way: Callable[[], Awaitable[None]],
    ) -> None:
        self._customs = customs
        self._archive = archive
        self._depository = depository
        self._codec = codec
        self._give_way = give_way

    async def run(self, cursor: Cursor) -> None:
        """Letters from the cursor on, for ever."""
        async for batch in letters(self._customs, cursor.place.index, _LETTERS_AT_ONCE):
            await self._give_way()
            await self._work_off(batch.letters)
            cursor.advance(batch.next_sequence)

    async def _work_off(self, batch: Sequence[institution.Letter]) -> None:
        loop = asyncio.get_running_loop()
        readings = await asyncio.gather(
            *(loop.run_in_executor(self._codec, formats.read, letter.message) for letter in batch)
        )
        read = [
            (letter, reading)
            for letter, reading in zip(batch, readings, strict=True)
            if _is_readable(letter, reading)
        ]
        kept = [_addressed(letter, reading) for letter, reading in read]
        await asyncio.gather(self._deposit(read), self._archive.keep(kept))

    async def _named(self, reading: formats.Reading) -> list[bytes]:
        """The replies of a letter, those to orders with the names of platforms without a code."""
        if reading.number != ORDER_REPLIES:
            return reading.accepted
        answered = [platform.answered(raw) for raw in reading.accepted]
        await self._archive.fill([one for one in answered if one is not None])
        return [
            raw if one is None else one.reply.SerializeToString()
            for raw, one in zip(reading.accepted, answered, strict=True)
        ]

    async def _deposit(self, read: Sequence[tuple[institution.Letter, formats.Reading]]) -> None:
        backoff = Backoff()
        named = [await self._named(reading) for _, reading in read]
        while True:
            digests = [hashlib.sha256(letter.message).digest() for letter, _ in read]
            times = await asyncio.gather(*(self._archive.arrival(digest) for digest in digests))
            documents = [
                identified(document, time_ms, digest, ordinal)
                for (_, reading), raw, digest, time_ms in zip(
                    read, named, digests, times, strict=True
                )
                for document, ordinal in zip(raw, reading.ordinals, strict=True)
            ]
            refusals = (await self._depository.deposit(documents)).refusals
            if all(it.code != rejection.REJECTION_ID_OUT_OF_WINDOW for it in refusals.values()):
                break
            # They arrived, and then the gateway stood still for longer than ids are good.
            log.warning("%d replies are too old for the ids they had", len(refusals))
            await asyncio.gather(*(self._archive.renew(digest) for digest in digests))
            await backoff.pause()
        places = [
            f"letter {letter.sequence}, CEB{reading.number}[{ordinal}]"
            for letter, reading in read
            for ordinal in reading.ordinals
        ]
        for place, refusal in refusals.items():
            name = rejection.Rejection.Name(refusal.code)
            level = logging.INFO if refusal.code in _HARMLESS else logging.ERROR
            log.log(level, "%s: engine refused it, %s %s", places[place], name, refusal.field)


def _is_readable(letter: institution.Letter, reading: formats.Reading) -> bool:
    if reading.accepted and reading.number in DOWNSTREAM:
        return True
    why = f"CEB{reading.number} is no message of customs"
    if reading.findings:
        first = finding.Finding.FromString(reading.findings[0])
        why = f"{first.field} {first.rule}: {first.message}"
    log.error("letter %d cannot be read: %s", letter.sequence, why)
    return False


def _addressed(letter: institution.Letter, reading: formats.Reading) -> tuple[int, str, bytes]:
    receivers = reading.envelope.receiver_ids if reading.envelope else []
    return letter.sequence, receivers[0] if receivers else "", dxp.content(letter.message)
