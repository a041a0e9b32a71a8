"""What an operator sees: Prometheus figures that move, a status with the laws, logs as JSON."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.conftest import NewEngine
from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess, accepted
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.ids import uuid7
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.paging.v1.paging_pb2 import PageRequest
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.registry.v1 import registry_service_pb2 as registry

REGISTER = "/whampoa.registry.v1.RegistryService/RegisterParties"
FOLLOW = "/whampoa.feed.v1.FeedService/Follow"
TRADES = "/whampoa.query.v1.QueryService/ListTrades"
RPC, SECONDS = "whampoa_rpc_total", "whampoa_rpc_seconds_count"
ROWS = "whampoa_rows_decided_total"
Figures = dict[str, float]


def scrape(engine: EngineProcess) -> Figures:
    """Every sample by its name and labels, as `name{a=b,c=d}`."""
    connection = http.client.HTTPConnection("127.0.0.1", engine.metrics_port, timeout=30)
    connection.request("GET", "/metrics")
    with connection.getresponse() as response:
        text = response.read().decode()
    connection.close()
    found: Figures = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def moved(engine: EngineProcess, act: Callable[[], object]) -> Figures:
    """What an act adds to the figures."""
    before = scrape(engine)
    act()
    after = scrape(engine)
    changes = {name: value - before.get(name, 0) for name, value in after.items()}
    return {name: change for name, change in changes.items() if change}


def until(engine: EngineProcess, holds: Callable[[Figures], bool]) -> Figures:
    deadline = time.monotonic() + 30
    while not holds(found := scrape(engine)):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def calls(path: str, code: str) -> str:
    return f"{RPC}{{code={code},method={path}}}"


def test_calls_are_counted_by_method_and_code(engine: EngineProcess, corridor: Corridor) -> None:
    def act() -> None:
        party = registry.Party(
            party_id=uuid7(), roles=[registry.ROLE_PLATFORM], name="Bargain Harbor"
        )
        request = registry.RegisterPartiesRequest(request_id=uuid7(), parties=[party])
        accepted(engine.client().registry.RegisterParties(request))
        engine.raw("operator", REGISTER, b"")
        for caller in ("bank", "merchant"):
            with pytest.raises(grpc.RpcError):
                engine.raw(caller, REGISTER, b"")
        with pytest.raises(grpc.RpcError):
            engine.client().query.ListTrades(
                query.ListTradesRequest(page=PageRequest(page_size=-1))
            )
        with pytest.raises(grpc.RpcError):
            list(engine.client("bank").feed.Follow(feed.FollowRequest()))
        ended = feed.FollowRequest(kinds=[feed.FEED_KIND_DOCUMENTS], until_head=True)
        list(engine.client("singlewindow").feed.Follow(ended))

    change = moved(engine, act)
    assert change[calls(REGISTER, "OK")] == 2
    assert change[calls(REGISTER, "PERMISSION_DENIED")] == 2
    assert change[calls(TRADES, "INVALID_ARGUMENT")] == 1
    assert change[calls(FOLLOW, "INVALID_ARGUMENT")] == 1
    assert change[calls(FOLLOW, "OK")] == 1
    assert change[f"{SECONDS}{{method={REGISTER}}}"] == 4
    assert change["whampoa_requests_accepted_total"] == 1
    assert change["whampoa_requests_refused_total"] == 1


def test_a_stream_that_its_caller_leaves_is_cancelled(engine: EngineProcess) -> None:
    before = scrape(engine).get(calls(FOLLOW, "CANCELLED"), 0)
    request = feed.FollowRequest(
        kinds=[feed.FEED_KIND_DOCUMENTS], from_index=engine.status().durable_index + 1
    )
    stream = engine.client("singlewindow").feed.Follow(request)
    time.sleep(0.2)
    stream.cancel()
    until(engine, lambda found: found.get(calls(FOLLOW, "CANCELLED"), 0) == before + 1)


def test_rows_are_counted_by_outcome(engine: EngineProcess, corridor: Corridor) -> None:
    accounts = [
        ledger.Account(
            account_id=uuid7(),
            party_id=corridor.enterprise,
            currency="USD",
            code=1,
            debits_must_not_exceed_credits=bound,
        )
        for bound in (False, True)
    ]
    opened = ledger.OpenAccountsRequest(request_id=uuid7(), accounts=accounts)
    free, bound = accepted(engine.client().ledger.OpenAccounts(opened)).account_indexes
    stamp = int.from_bytes(uuid7()[:8], "big")
    low = [0x8000_0000_0000_0000 + number for number in range(3)]
    request = ledger.SubmitTransfersRequest(
        request_id=uuid7(),
        row_count=3,
        id_high=[stamp] * 3,
        id_low=low,
        debit_account=[free, free, bound],
        credit_account=[bound, bound, free],
        amount_minor=[5, 6, 100],
        code_flags=[1] * 3,
    )
    client = engine.client().ledger
    change = moved(engine, lambda: accepted(client.SubmitTransfers(request)))
    assert change[f"{ROWS}{{outcome=accepted}}"] == 2
    assert change[f"{ROWS}{{outcome=refused}}"] == 1
    request.request_id = uuid7()
    change = moved(engine, lambda: accepted(client.SubmitTransfers(request)))
    assert change[f"{ROWS}{{outcome=repeated}}"] == 2
    assert change[f"{ROWS}{{outcome=refused}}"] == 1
    assert f"{ROWS}{{outcome=accepted}}" not in change


def test_the_disk_and_the_queues(engine: EngineProcess, corridor: Corridor) -> None:
    change = moved(engine, lambda: corridor.release(range(700, 705)))
    assert change["whampoa_journal_syncs_total"] >= 2
    assert change["whampoa_journal_frames_total"] == change["whampoa_journal_syncs_total"]
    assert change["whampoa_journal_bytes_total"] > 5 * 512
    assert change["whampoa_journal_sync_seconds_count"] == change["whampoa_journal_syncs_total"]
    assert change["whampoa_journal_sync_seconds_sum"] > 0
    assert change["whampoa_journal_sync_seconds_bucket{le=+Inf}"] >= 2
    assert change["whampoa_durable_index"] >= 2
    found = until(engine, lambda it: it["whampoa_projection_lag_entries"] == 0)
    assert found["whampoa_requests_queued"] == 0
    assert found["whampoa_replies_waiting"] == 0
    buckets = [
        value for name, value in found.items() if name.startswith("whampoa_journal_sync_seconds_b")
    ]
    assert buckets == sorted(buckets)


def test_the_laws_are_gauges(engine: EngineProcess, corridor: Corridor) -> None:
    status = engine.status()
    numbers = [law.number for law in status.laws]
    assert numbers[:7] == [1, 2, 3, 4, 5, 6, 7]
    assert all(law.holds and not law.text for law in status.laws)
    found = until(engine, lambda it: "whampoa_law_holds{law=7}" in it)
    assert {found[f"whampoa_law_holds{{law={number}}}"] for number in numbers} == {1}
    assert found["whampoa_accepting_writes"] == 1


def test_what_waits_for_a_person_is_counted(new_engine: NewEngine) -> None:
    """A disputed trade and held remittances, seen in status and figures within seconds.

    Half of what the merchants declared is in dispute, so the first remittance is examined too.
    """
    engine = new_engine().start()
    corridor = Corridor(engine, merchants=2)
    # Two declared orders under one number that say different things, both taken by customs.
    corridor.release([0])
    other = next(corridor.declared(1))
    other.order.order_no = corridor.order_no(0)
    answer = next(corridor.answered(1))
    answer.reply.order_no = corridor.order_no(0)
    corridor.submit([other, answer])
    corridor.remit(10, "the same")
    corridor.remit(10, "the same")
    status = engine.status()
    assert (status.trades_disputed, status.reviews_waiting) == (1, 2)
    found = until(engine, lambda it: it["whampoa_waiting{queue=disputes}"] == 1)
    assert found["whampoa_waiting{queue=reviews}"] == 2
    assert found["whampoa_waiting{queue=clawbacks}"] == 0
    assert found["whampoa_rows"] == status.rows
    assert (status.entries, status.durable_index) == (status.durable_index + 1, status.entries - 1)
    assert status.log == "whampoa-1"
    assert abs(status.started_at_ms - time.time() * 1000) < 120_000
    assert engine.stop() == 0


def test_logs_are_json_lines_without_private_data(new_engine: NewEngine) -> None:
    engine = new_engine().start()
    corridor = Corridor(engine)
    corridor.release([1])
    bad = next(corridor.declared(2))
    bad.order.lines[0].total_price = "秘密"
    request = customs.SubmitDocumentsRequest(request_id=uuid7(), documents=[bad])
    assert engine.client("singlewindow").customs.SubmitDocuments(request).HasField("refusal")
    assert engine.stop() == 0
    events = engine.events()
    assert [event["event"] for event in events] == [
        "journal replayed",
        "serving",
        "draining",
        "stopped",
    ]
    for event in events:
        assert {"event", "level", "logger", "timestamp"} <= set(event)
    serving = events[1]
    assert serving["address"] == engine.address
    assert serving["metrics"] == f"127.0.0.1:{engine.metrics_port}"
    whole = "\n".join(engine.said)
    for private in ("商户", "秘密", corridor.order_no(1), "as received"):
        assert private not in whole
