"""Documents into the engine: ids that a repeat keeps, requests within the limits, refusals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import grpc

from gateways.client import CALL_SECONDS_MAX, Backoff, persist
from gateways.identity import ENGINE_REQUEST_BYTES_MAX
from whampoa import ids
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.money.v1 import money_pb2 as money
from whampoa.money.v1 import rejection_pb2 as rejection

log = logging.getLogger(__name__)

DOCUMENTS_MAX = 1_000
_METHOD = "/whampoa.customs.v1.CustomsService/SubmitDocuments"
# Tags of SubmitDocumentsRequest and Document: field number and wire type 2, then the length.
_REQUEST_ID = b"\x0a\x10"
_DOCUMENT = b"\x12"
_DOCUMENT_ID = b"\x0a\x10"
_BYTES_MAX = ENGINE_REQUEST_BYTES_MAX - 4096
# Documents of a request that was refused as a whole are sent one by one, so many at a time.
_SINGLES_AT_ONCE = 8


def identified(document: bytes, time_ms: int, digest: bytes, ordinal: int) -> bytes:
    """A serialized document with its id: the same bytes that first came then have the same id."""
    return document + _DOCUMENT_ID + ids.derive(time_ms, "document", digest, str(ordinal))


@dataclass
class Deposited:
    """What became of documents, by their place among those handed over."""

    accepted: int = 0
    repeated: int = 0
    position: money.Position | None = None
    refusals: dict[int, rejection.Refusal] = field(default_factory=dict)


class Depository:
    """Submits documents; what the engine cannot take now it takes later."""

    def __init__(self, engine: grpc.aio.Channel) -> None:
        self._call: grpc.aio.UnaryUnaryMultiCallable[bytes, customs.SubmitDocumentsResponse] = (
            engine.unary_unary(
                _METHOD,
                request_serializer=None,
                response_deserializer=customs.SubmitDocumentsResponse.FromString,
            )
        )

    async def deposit(self, documents: Sequence[bytes]) -> Deposited:
        """Deposits documents in order, in as few requests as the limits allow."""
        outcome = Deposited()
        for start, end in _portions(documents):
            await self._submit(documents, range(start, end), outcome)
        return outcome

    async def _submit(self, documents: Sequence[bytes], places: range, outcome: Deposited) -> None:
        response = await self._answer([documents[place] for place in places])
        refusal = response.refusal
        if refusal.code == rejection.REJECTION_UNSPECIFIED:
            _note(response, places, outcome)
        elif len(places) == 1:
            outcome.refusals[places[0]] = refusal
        elif refusal.code == rejection.REJECTION_BATCH_TOO_LARGE:
            middle = len(places) // 2
            await self._submit(documents, places[:middle], outcome)
            await self._submit(documents, places[middle:], outcome)
        else:
            # Nothing of it was taken, but only one reason is told: each document gets its own.
            slots = asyncio.Semaphore(_SINGLES_AT_ONCE)

            async def alone(place: int) -> None:
                async with slots:
                    await self._submit(documents, range(place, place + 1), outcome)

            await asyncio.gather(*(alone(place) for place in places))

    async def _answer(self, documents: Sequence[bytes]) -> customs.SubmitDocumentsResponse:
        backoff = Backoff()
        while True:
            # A request that left nothing may not be repeated under its id with other content.
            request = _request(documents)
            call = partial(self._call, request, timeout=CALL_SECONDS_MAX)
            response = await persist(call, "submit documents")
            if not response.refusal.transient:
                return response
            log.warning("engine refused documents for now: %s", response.refusal.message)
            await backoff.pause()


def _request(documents: Sequence[bytes]) -> bytes:
    parts = [_REQUEST_ID, ids.uuid7()]
    for document in documents:
        parts += (_DOCUMENT, _varint(len(document)), document)
    return b"".join(parts)


def _portions(documents: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Bounds of the requests."""
    start, size = 0, 0
    for place, document in enumerate(documents):
        length = len(document) + 8
        if place > start and (place - start == DOCUMENTS_MAX or size + length > _BYTES_MAX):
            yield start, place
            start, size = place, 0
        size += length
    if documents:
        yield start, len(documents)


def _note(response: customs.SubmitDocumentsResponse, places: range, outcome: Deposited) -> None:
    outcome.accepted += response.accepted
    outcome.position = outcome.position or response.position
    for exception in response.exceptions:
        if exception.repeated:
            outcome.repeated += 1
        else:
            outcome.refusals[places[exception.ordinal]] = exception.refusal


def _varint(number: int) -> bytes:
    raw = bytearray()
    while number > 0x7F:
        raw.append(number & 0x7F | 0x80)
        number >>= 7
    raw.append(number)
    return bytes(raw)
