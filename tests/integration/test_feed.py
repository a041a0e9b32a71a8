"""The feed: resumed at any index, each kind only for its gateway, ended at the head or never."""

from __future__ import annotations

import threading

import grpc
import pytest

from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import uuid7

DOCUMENTS = feed.FEED_KIND_DOCUMENTS
SECONDS = 30
GATEWAYS = {
    "singlewindow": {"FEED_KIND_DOCUMENTS"},
    "bank": {
        "FEED_KIND_CONVERSION_REQUESTED",
        "FEED_KIND_MONEY_RETURNED",
        "FEED_KIND_PAYOUT_INSTRUCTED",
    },
    "safe": {"FEED_KIND_ALLOCATED", "FEED_KIND_BOP_RECORDS"},
    "pboc": {"FEED_KIND_PAYOUT_DEBITED"},
}


@pytest.fixture(scope="module")
def fed(engine: EngineProcess) -> Corridor:
    """Give a corridor with a few dozen entries of every kind."""
    it = Corridor(engine, merchants=2, first=300)
    for number in range(20):
        it.release([number])
        it.remit(1_000)
    remittance_id = it.remit(1_000)
    it.allocate_by_volume(remittance_id)
    returned = forex.ReturnSuspenseRequest(
        request_id=uuid7(), remittance_id=it.remit(500), amount_minor=200, reason="too much"
    )
    assert engine.client().forex.ReturnSuspense(returned).position.index
    return it


def follow(
    engine: EngineProcess, gateway: str, from_index: int, *kinds: feed.FeedKind.ValueType
) -> list[feed.FollowResponse]:
    """Every response up to the head."""
    request = feed.FollowRequest(from_index=from_index, kinds=kinds, until_head=True)
    return list(engine.client(gateway).feed.Follow(request, timeout=SECONDS))


def entries(responses: list[feed.FollowResponse]) -> list[feed.FeedEntry]:
    return [entry for response in responses for entry in response.entries]


def test_resumed_at_any_index_it_gives_the_rest(fed: Corridor) -> None:
    engine = fed.engine
    responses = follow(engine, "singlewindow", 0, DOCUMENTS)
    everything = entries(responses)
    # Of each release, the documents; what customs answered is not forwarded to customs.
    assert len(everything) >= 20
    types = {row.document.type for entry in everything for row in entry.rows}
    assert types == {303, 505, 603}
    indexes = [entry.position.index for entry in everything]
    assert indexes == sorted(set(indexes))
    head = engine.status().entries
    assert responses[-1].next_index == responses[-1].head_index == head
    # Responses meet: each goes on where the one before ended.
    nexts = [response.next_index for response in responses]
    assert nexts == sorted(set(nexts))
    for from_index in (0, 1, indexes[7], indexes[7] + 1, indexes[-1], head - 1, head):
        rest = entries(follow(engine, "singlewindow", from_index, DOCUMENTS))
        assert rest == [it for it in everything if it.position.index >= from_index]


def test_a_cursor_ahead_of_the_log_is_told_so(fed: Corridor) -> None:
    """It comes from entries that the log lost: waiting for them would pass over those that come."""
    head = fed.engine.status().entries
    for until_head in (True, False):
        request = feed.FollowRequest(from_index=head + 1, kinds=[DOCUMENTS], until_head=until_head)
        with pytest.raises(grpc.RpcError) as failure:
            list(fed.engine.client("singlewindow").feed.Follow(request, timeout=SECONDS))
        assert failure.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        told = str(failure.value.details())
        assert told.startswith(
            f"from_index: {head + 1} lies ahead of the head of the log, which is {head}; "
        )


def test_documents_come_as_they_were_deposited(fed: Corridor) -> None:
    filed = list(fed.declared(500))
    filed[0].received = "<Order>如收到</Order>".encode()
    index = fed.submit(filed)
    (entry,) = entries(follow(fed.engine, "singlewindow", index, DOCUMENTS))
    assert (entry.position.index, entry.kind) == (index, DOCUMENTS)
    got = [row.document for row in entry.rows]
    assert [it.document_id for it in got] == [it.document_id for it in filed]
    assert [it.type for it in got] == [it.type for it in filed]
    assert [it.received for it in got] == [it.received for it in filed]
    assert abs(entry.time_ms - int.from_bytes(filed[0].document_id[:6], "big")) < 60_000


def test_kinds_are_kept_apart(fed: Corridor) -> None:
    allocated = entries(follow(fed.engine, "safe", 0, feed.FEED_KIND_ALLOCATED))
    assert allocated
    assert {entry.kind for entry in allocated} == {feed.FEED_KIND_ALLOCATED}
    assert entries(follow(fed.engine, "safe", 0, feed.FEED_KIND_BOP_RECORDS)) == []
    both = follow(fed.engine, "safe", 0, feed.FEED_KIND_ALLOCATED, feed.FEED_KIND_BOP_RECORDS)
    assert entries(both) == allocated
    returned = entries(follow(fed.engine, "bank", 0, feed.FEED_KIND_MONEY_RETURNED))
    assert returned[-1].rows[0].money_returned.amount.amount_minor == 200


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_gateway_receives_its_kinds_only(fed: Corridor, gateway: str) -> None:
    for name, kind in feed.FeedKind.items():
        if name in GATEWAYS[gateway]:
            follow(fed.engine, gateway, 0, kind)
            continue
        with pytest.raises(grpc.RpcError) as failure:
            follow(fed.engine, gateway, 0, kind)
        assert failure.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert failure.value.details() == f"spiffe://whampoa/gateway/{gateway} receives no {name}"


def test_one_kind_of_another_closes_the_whole_stream(fed: Corridor) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        follow(fed.engine, "singlewindow", 0, DOCUMENTS, feed.FEED_KIND_ALLOCATED)
    assert failure.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "kinds: name at least one (got [])"),
        (b"\x10\x63", "kinds: a FeedKind (got 99)"),
    ],
)
def test_no_kind_and_no_known_kind(fed: Corridor, raw: bytes, said: str) -> None:
    request = feed.FollowRequest.FromString(raw)
    with pytest.raises(grpc.RpcError) as failure:
        next(fed.engine.client("bank").feed.Follow(request, timeout=SECONDS))
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.value.details() == said


def test_it_waits_for_what_comes(fed: Corridor) -> None:
    """From beyond the head: nothing until there is something, then that at once."""
    engine = fed.engine
    head = engine.status().entries
    request = feed.FollowRequest(from_index=head, kinds=[DOCUMENTS])
    stream = engine.client("singlewindow").feed.Follow(request, timeout=SECONDS)
    seen: list[feed.FeedEntry] = []
    arrived = threading.Event()

    def listen() -> None:
        try:
            for response in stream:
                seen.extend(response.entries)
                if len(seen) == 2:
                    arrived.set()
        except grpc.RpcError:
            return

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        assert not arrived.wait(0.3)
        assert seen == []
        first = fed.submit(fed.declared(600))
        fed.submit(fed.answered(600))
        second = fed.submit(fed.declared(601))
        assert arrived.wait(SECONDS)
        assert [entry.position.index for entry in seen] == [first, second]
    finally:
        stream.cancel()
        listener.join()
