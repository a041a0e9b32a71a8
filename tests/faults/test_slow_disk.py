"""A slow disk: what waits is bounded, callers are told when to come again, reads go on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from engine import bridge
from tests.faults.conftest import Rig
from tests.faults.test_full_disk import REGISTER, transfers
from tests.integration.engine_process import EngineProcess, accepted
from whampoa.client import MESSAGE_BYTES_MAX, Credentials, SyncClient
from whampoa.columns import SUBMIT_TRANSFERS
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.ids import uuid7
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.registry.v1 import registry_service_pb2 as registry

DELAY_MS = 2_000
# Full batches whose entries are more than may wait for the disk, and more small requests than may
# wait for the deciding thread.
LARGE, SMALL = 200, 4_500
MIB = 1 << 20
# 64 MiB of entries may wait, 256 MiB of requests, each a few times on its way.
GROWTH_MIB_MAX = 700
CALL_SECONDS = 110


def party() -> bytes:
    it = registry.Party(party_id=uuid7(), roles=[registry.ROLE_PLATFORM], name="Harbor")
    return registry.RegisterPartiesRequest(request_id=uuid7(), parties=[it]).SerializeToString()


def rss_mib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024


def impatient(engine: EngineProcess) -> grpc.Channel:
    """A channel that sends nothing again by itself."""
    keys = Credentials.read(engine.keys, "operator")
    options = [
        ("grpc.enable_retries", 0),
        ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ]
    return grpc.secure_channel(engine.address, keys.channel_credentials(), options=options)


@pytest.mark.slow
def test_what_waits_is_bounded_and_callers_are_told(rig: Rig) -> None:
    engine = rig.engine
    batches = transfers(engine)
    large = [next(batches) for _ in range(LARGE)]
    before = rss_mib(engine.pid)
    rig.disk.tell("journal", sync_delay_ms=DELAY_MS)
    with impatient(engine) as channel:
        call: Any = channel.unary_unary
        sent = [call(SUBMIT_TRANSFERS).future(it, timeout=CALL_SECONDS) for it in large]
        sent += [call(REGISTER).future(party(), timeout=CALL_SECONDS) for _ in range(SMALL)]
        _wait_for_a_refusal(sent)
        _reads_go_on(engine)
        grown = rss_mib(engine.pid) - before
        assert grown < GROWTH_MIB_MAX, grown
        # The SDK sends again by itself, as it is told to, and is answered once the disk is faster.
        with SyncClient(engine.address, engine.keys, "operator") as client:
            request = registry.RegisterPartiesRequest.FromString(party())
            waiting: Any = client.registry.RegisterParties
            with pytest.raises(grpc.RpcError) as busy:
                call(REGISTER)(party(), timeout=10)
            _check_refusal(busy.value)
            last = waiting.future(request, timeout=CALL_SECONDS)
            rig.disk.calm()
            accepted(last.result())
        for it in sent:
            if it.code() is grpc.StatusCode.OK:
                accepted(registry.RegisterPartiesResponse.FromString(it.result()))
            else:
                _check_refusal(it)
        begun = time.monotonic()
        accepted(registry.RegisterPartiesResponse.FromString(call(REGISTER)(party())))
        assert time.monotonic() - begun < 2
    assert engine.status().accepting_writes
    assert engine.stop() == 0
    assert bridge.verify(engine.data_dir)["ok"]


def _wait_for_a_refusal(sent: list[Any]) -> None:
    deadline = time.monotonic() + CALL_SECONDS
    while not any(it.done() and it.code() is not grpc.StatusCode.OK for it in sent):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _check_refusal(call: Any) -> None:
    """Sent away with a code, a sentence and a time to come again."""
    assert call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED, call.details()
    assert "send the same request again" in call.details()
    assert ("grpc-retry-pushback-ms", "500") in [tuple(pair) for pair in call.trailing_metadata()]


def _reads_go_on(engine: EngineProcess) -> None:
    begun = time.monotonic()
    client = engine.client()
    client.query.GetSummary(query.GetSummaryRequest(), timeout=10)
    client.query.ListAccounts(query.ListAccountsRequest(), timeout=10)
    request = feed.FollowRequest(kinds=[feed.FEED_KIND_DOCUMENTS], until_head=True)
    list(engine.client("singlewindow").feed.Follow(request, timeout=10))
    assert time.monotonic() - begun < 10


def test_many_share_one_slow_sync(rig: Rig) -> None:
    """What waits while the disk writes goes together with the next write."""
    engine, requests = rig.engine, 60
    accepted(registry.RegisterPartiesResponse.FromString(engine.raw("operator", REGISTER, party())))
    rig.disk.tell("journal", sync_delay_ms=300)
    begun = time.monotonic()
    call: Any = engine.client().channel.unary_unary(REGISTER)
    sent = [call.future(party(), timeout=60) for _ in range(requests)]
    for it in sent:
        accepted(ledger.OpenAccountsResponse.FromString(it.result()))
    # One after the other they would take 18 seconds.
    assert time.monotonic() - begun < 6
