"""Documents into requests: bytes as protobuf would write them, limits, every document's refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import grpc

from gateways.singlewindow import deposit
from gateways.singlewindow.deposit import Depository, identified
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.customs.v1 import document_pb2 as document
from whampoa.ids import time_ms_of
from whampoa.money.v1 import rejection_pb2 as rejection

NOW_MS = 1_795_500_000_123
Answer = Callable[[customs.SubmitDocumentsRequest], customs.SubmitDocumentsResponse]


class Engine:
    """A channel behind which an engine answers as told; keeps the requests it got."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[customs.SubmitDocumentsRequest] = []
        self._answer = answer

    def unary_unary(
        self, path: str, request_serializer: object, response_deserializer: object
    ) -> Callable[..., Awaitable[customs.SubmitDocumentsResponse]]:
        assert path == "/whampoa.customs.v1.CustomsService/SubmitDocuments"

        async def call(raw: bytes, **_: float) -> customs.SubmitDocumentsResponse:
            request = customs.SubmitDocumentsRequest.FromString(raw)
            # As long as protobuf itself would write it: nothing stands twice.
            self.requests.append(request)
            assert len(raw) == request.ByteSize()
            return self._answer(request)

        return call

    def depository(self) -> Depository:
        return Depository(cast("grpc.aio.Channel", self))


def taken(request: customs.SubmitDocumentsRequest) -> customs.SubmitDocumentsResponse:
    return customs.SubmitDocumentsResponse(accepted=len(request.documents))


def filed(number: int, size: int = 0) -> bytes:
    one = document.Document(guid=f"{number}", received=b"x" * size)
    return identified(one.SerializeToString(), NOW_MS, b"digest", number)


def test_an_id_follows_from_arrival_bytes_and_place() -> None:
    one = document.Document.FromString(filed(1))
    assert (one.guid, len(one.document_id)) == ("1", 16)
    assert time_ms_of(one.document_id) == NOW_MS
    assert filed(1) == filed(1)
    others = {
        document.Document.FromString(identified(b"", *parts)).document_id
        for parts in ((NOW_MS, b"digest", 2), (NOW_MS, b"other", 1), (NOW_MS + 1, b"digest", 1))
    }
    assert len(others | {one.document_id}) == 4


async def test_requests_keep_the_limits() -> None:
    engine = Engine(taken)
    deposited = await engine.depository().deposit([filed(number) for number in range(2_500)])
    assert deposited.accepted == 2_500
    assert [len(it.documents) for it in engine.requests] == [1_000, 1_000, 500]
    guids = [it.guid for request in engine.requests for it in request.documents]
    assert guids == [f"{number}" for number in range(2_500)]
    engine = Engine(taken)
    await engine.depository().deposit([filed(number, size=1 << 20) for number in range(13)])
    assert [len(it.documents) for it in engine.requests] == [5, 5, 3]
    assert all(it.ByteSize() < 6 << 20 for it in engine.requests)
    assert len({it.request_id for it in engine.requests}) == 3


async def test_nothing_is_no_request() -> None:
    engine = Engine(taken)
    assert (await engine.depository().deposit([])).accepted == 0
    assert engine.requests == []


async def test_refusals_and_repeats_stand_at_their_place() -> None:
    def answer(request: customs.SubmitDocumentsRequest) -> customs.SubmitDocumentsResponse:
        response = customs.SubmitDocumentsResponse(accepted=len(request.documents) - 2)
        response.exceptions.add(ordinal=0, repeated=True)
        response.exceptions.add(ordinal=3).refusal.code = rejection.REJECTION_FIELD_INVALID
        return response

    engine = Engine(answer)
    deposited = await engine.depository().deposit([filed(number) for number in range(1_010)])
    assert (deposited.accepted, deposited.repeated) == (1_006, 2)
    assert sorted(deposited.refusals) == [3, 1_003]


async def test_a_request_refused_as_a_whole_is_asked_document_by_document() -> None:
    def answer(request: customs.SubmitDocumentsRequest) -> customs.SubmitDocumentsResponse:
        response = customs.SubmitDocumentsResponse()
        response.refusal.code = rejection.REJECTION_UNKNOWN_DOCUMENT
        response.refusal.value = request.documents[0].guid
        return response

    engine = Engine(answer)
    deposited = await engine.depository().deposit([filed(number) for number in range(20)])
    told = {place: refusal.value for place, refusal in deposited.refusals.items()}
    assert told == {place: f"{place}" for place in range(20)}
    assert deposited.accepted == 0


async def test_too_many_rows_are_halved() -> None:
    def answer(request: customs.SubmitDocumentsRequest) -> customs.SubmitDocumentsResponse:
        if len(request.documents) <= 30:
            return taken(request)
        response = customs.SubmitDocumentsResponse()
        response.refusal.code = rejection.REJECTION_BATCH_TOO_LARGE
        return response

    engine = Engine(answer)
    deposited = await engine.depository().deposit([filed(number) for number in range(100)])
    assert (deposited.accepted, deposited.refusals) == (100, {})
    sizes = [len(it.documents) for it in engine.requests]
    assert sizes == [100, 50, 25, 25, 50, 25, 25]


async def test_what_the_engine_cannot_take_now_it_takes_later() -> None:
    busy = [True, True, False]

    def answer(request: customs.SubmitDocumentsRequest) -> customs.SubmitDocumentsResponse:
        if not busy.pop(0):
            return taken(request)
        response = customs.SubmitDocumentsResponse()
        response.refusal.code = rejection.REJECTION_NO_ROOM
        response.refusal.transient = True
        return response

    engine = Engine(answer)
    assert (await engine.depository().deposit([filed(1)])).accepted == 1
    assert len(engine.requests) == 3


def test_lengths_are_written_as_protobuf_writes_them() -> None:
    for length in (0, 1, 127, 128, 300, 16_383, 16_384, 6 << 20):
        written = customs.SubmitDocumentsRequest(request_id=b"x" * length).SerializeToString()
        assert written[1 : len(written) - length] == deposit._varint(length) or length == 0
