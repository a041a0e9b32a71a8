"""Queries: the same answers from SQLite and PostgreSQL, page by page, at least as new as asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from bench.documents import codes
from tests.integration.conftest import NewEngine
from tests.integration.corridor import Corridor
from tests.integration.databases import Databases
from tests.integration.engine_process import EngineProcess
from whampoa.ids import uuid7
from whampoa.money.v1.money_pb2 import Position
from whampoa.paging.v1.paging_pb2 import PageRequest
from whampoa.query.v1 import query_service_pb2 as query

SECONDS = 60
ORDERS = 250
UNREADABLE = "!"


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Corridor]:
    """Give a corridor whose queries read one kind of database."""
    url = ""
    if request.param == "postgresql":
        databases: Databases = request.getfixturevalue("databases")
        url = databases.make("queries")
    data_dir = tmp_path_factory.mktemp(request.param) / "data"
    engine = EngineProcess(data_dir, projections=url).start()
    it = Corridor(engine, merchants=3)
    it.release(range(ORDERS))
    it.submit(document for number in range(ORDERS, ORDERS + 5) for document in it.declared(number))
    for minor in (1_000, 2_000, 500_000):
        it.allocate_by_volume(it.remit(minor))
    yield it
    engine.close()


def head(engine: EngineProcess) -> Position:
    return Position(log="whampoa-1", index=engine.status().durable_index)


def page(engine: EngineProcess, size: int = 1_000, token: str = "") -> PageRequest:
    return PageRequest(page_size=size, page_token=token, at_least=head(engine))


def trades(it: Corridor, **wanted: Any) -> list[query.TradeView]:
    request = query.ListTradesRequest(page=page(it.engine), **wanted)
    reply = it.engine.client().query.ListTrades(request, timeout=SECONDS)
    return list(reply.trades)


def test_trades_by_state_merchant_and_order(asked: Corridor) -> None:
    everything = trades(asked)
    assert len(everything) == ORDERS + 5
    # Money came for all that was released, so all of it is closed.
    paid = trades(asked, state="closed")
    assert len(paid) == ORDERS
    assert {trade.state for trade in paid} == {"closed"}
    assert {(trade.verified_minor, trade.used_minor) for trade in paid} == {(1_000, 1_000)}
    assert all(trade.released_at_ms for trade in paid)
    assert trades(asked, state="released") == []
    declared = trades(asked, state="declared")
    assert {trade.order_no for trade in declared} == {
        asked.order_no(number) for number in range(ORDERS, ORDERS + 5)
    }
    assert {trade.verified_minor for trade in declared} == {0}
    mine = trades(asked, merchant_party_id=asked.merchants[1])
    assert {trade.merchant_party_id for trade in mine} == {asked.merchants[1]}
    assert len(mine) == len([n for n in range(ORDERS + 5) if n % 3 == 1])
    (one,) = trades(asked, order_no=asked.order_no(7))
    assert (one.currency, one.declared_minor, one.platform) == ("USD", 1_000, "1105910159")
    assert one.last.log == "whampoa-1"
    assert trades(asked, state="closed", order_no=asked.order_no(ORDERS)) == []
    assert trades(asked, order_no="no such' order%_") == []
    assert sum(trade.used_minor for trade in everything) == ORDERS * 1_000


def test_documents_of_a_trade_and_by_type(asked: Corridor) -> None:
    client = asked.engine.client().query
    (one,) = trades(asked, order_no=asked.order_no(7))
    request = query.ListDocumentsRequest(page=page(asked.engine), trade_id=one.trade_id)
    listed = client.ListDocuments(request).documents
    assert sorted(it.type for it in listed) == [303, 304, 505, 506, 603, 604]
    assert {it.status for it in listed if it.type in (304, 506)} == {120}
    keys = {it.type: it.key for it in listed}
    assert keys[303] == f"order {asked.order_no(7)} of platform 1105910159"
    by_type = query.ListDocumentsRequest(page=page(asked.engine), type=603)
    assert len(client.ListDocuments(by_type).documents) == ORDERS + 5


def test_parties_by_code_and_role(asked: Corridor) -> None:
    client = asked.engine.client().query

    def parties(**wanted: str) -> list[query.PartyView]:
        request = query.ListPartiesRequest(page=page(asked.engine), **wanted)
        return list(client.ListParties(request).parties)

    assert len(parties()) == 5
    assert {it.party_id for it in parties(role="merchant")} == set(asked.merchants)
    assert parties(role="mer") == []
    assert parties(role="%") == []
    (one,) = parties(uscc=codes.uscc(1))
    assert (one.party_id, one.name) == (asked.enterprise, "穗通综合服务")
    assert list(one.roles) == ["service_enterprise"]


def test_remittances_and_their_suspense(asked: Corridor) -> None:
    client = asked.engine.client().query
    request = query.ListRemittancesRequest(page=page(asked.engine))
    listed = client.ListRemittances(request).remittances
    credited = {it.credited_minor: it for it in listed}
    assert set(credited) == {1_000, 2_000, 500_000}
    big = credited[500_000]
    assert big.allocated_minor == ORDERS * 1_000 - 3_000
    assert big.suspense_minor == 500_000 - big.allocated_minor
    request.with_suspense = True
    assert [it.remittance_id for it in client.ListRemittances(request).remittances] == [
        big.remittance_id
    ]
    request.waiting_review = True
    assert list(client.ListRemittances(request).remittances) == []


def test_pages_cover_everything_once(asked: Corridor) -> None:
    client = asked.engine.client().query
    for size, expected in ((7, 7), (0, 100), (1_000, ORDERS + 5), (5_000, ORDERS + 5)):
        found: list[bytes] = []
        token = ""
        while True:
            request = query.ListTradesRequest(page=page(asked.engine, size, token))
            reply = client.ListTrades(request)
            if not token:
                assert len(reply.trades) == expected
            found += [trade.trade_id for trade in reply.trades]
            assert reply.page.as_of.index >= request.page.at_least.index
            token = reply.page.next_page_token
            if not token:
                break
        assert found == sorted(set(found))
        assert len(found) == ORDERS + 5


def test_pages_of_accounts(asked: Corridor) -> None:
    client = asked.engine.client().query
    whole = client.ListAccounts(query.ListAccountsRequest(page=page(asked.engine))).accounts
    assert len(whole) >= 5
    found: list[query.AccountView] = []
    token = ""
    while len(found) < len(whole):
        request = query.ListAccountsRequest(page=page(asked.engine, 2, token))
        reply = client.ListAccounts(request)
        found += reply.accounts
        token = reply.page.next_page_token
    assert (found, token) == (list(whole), "")
    of_one = query.ListAccountsRequest(party_id=asked.enterprise)
    own = client.ListAccounts(of_one).accounts
    assert {account.party_id for account in own} == {asked.enterprise}
    of_nobody = query.ListAccountsRequest(party_id=uuid7())
    assert list(client.ListAccounts(of_nobody).accounts) == []


Read = Callable[[Any, PageRequest], object]
READS: dict[str, Read] = {
    "parties": lambda c, p: c.ListParties(query.ListPartiesRequest(page=p)),
    "trades": lambda c, p: c.ListTrades(query.ListTradesRequest(page=p)),
    "documents": lambda c, p: c.ListDocuments(query.ListDocumentsRequest(page=p)),
    "documents of a trade": lambda c, p: c.ListDocuments(
        query.ListDocumentsRequest(page=p, trade_id=bytes(16))
    ),
    "remittances": lambda c, p: c.ListRemittances(query.ListRemittancesRequest(page=p)),
    "payouts": lambda c, p: c.ListPayouts(query.ListPayoutsRequest(page=p)),
    "tax items": lambda c, p: c.ListTaxItems(query.ListTaxItemsRequest(page=p)),
    "bop records": lambda c, p: c.ListBopRecords(query.ListBopRecordsRequest(page=p)),
    "accounts": lambda c, p: c.ListAccounts(query.ListAccountsRequest(page=p)),
}


@pytest.mark.parametrize("name", READS)
def test_bad_pages_are_refused(asked: Corridor, name: str) -> None:
    client = asked.engine.client().query
    wrong = [
        (PageRequest(page_size=-1), "page.page_size: not below 0 (got -1)"),
        (
            PageRequest(page_token=UNREADABLE),
            "page.page_token: not a token of this query (got '!')",
        ),
        (
            PageRequest(at_least=Position(log="another", index=1)),
            "at_least.log: this is whampoa-1 (got 'another')",
        ),
    ]
    for asked_page, said in wrong:
        with pytest.raises(grpc.RpcError) as failure:
            READS[name](client, asked_page)
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert failure.value.details() == said


@pytest.mark.parametrize("token", ["99999999999999999999", "٣", "-1"])
def test_tokens_of_accounts_are_checked(asked: Corridor, token: str) -> None:
    with pytest.raises(grpc.RpcError, match="not a token") as failure:
        READS["accounts"](asked.engine.client().query, PageRequest(page_token=token))
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_accounts_of_half_an_id(asked: Corridor) -> None:
    with pytest.raises(grpc.RpcError, match="party_id: 16 bytes") as failure:
        request = query.ListAccountsRequest(party_id=b"short")
        asked.engine.client().query.ListAccounts(request)
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_position_that_is_not_reached_is_told_with_the_lag(asked: Corridor) -> None:
    engine = asked.engine
    now = head(engine).index
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as failure:
        request = query.GetSummaryRequest(at_least=Position(log="whampoa-1", index=now + 5))
        engine.client().query.GetSummary(request, timeout=1)
    assert time.monotonic() - started < 1.0
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    assert failure.value.details() == f"queries are 5 entries behind position {now + 5}"


def test_a_read_waits_for_its_own_write(asked: Corridor) -> None:
    """Read your writes: the position of the reply is what the read has to have seen."""
    client = asked.engine.client().query
    for number in range(2_000, 2_020):
        index = asked.submit(asked.declared(number))
        wanted = PageRequest(at_least=Position(index=index))
        request = query.ListTradesRequest(page=wanted, order_no=asked.order_no(number))
        (trade,) = client.ListTrades(request, timeout=SECONDS).trades
        assert trade.last.index == index


def test_the_summary_adds_up(asked: Corridor) -> None:
    request = query.GetSummaryRequest(at_least=head(asked.engine))
    reply = asked.engine.client().query.GetSummary(request, timeout=SECONDS)
    counts, sums = dict(reply.counts), dict(reply.sums_minor)
    assert counts["trades:closed"] == ORDERS
    assert counts["trades"] == counts["trades:closed"] + counts["trades:declared"]
    assert counts["documents:604"] == ORDERS
    assert counts["parties"] == 5
    assert sums["credited:USD"] == 503_000
    assert sums["allocated:USD"] == sums["used:USD"] == ORDERS * 1_000
    assert sums["credited:USD"] == sums["allocated:USD"] + sums["suspense:USD"]


@pytest.mark.postgres
def test_writes_go_on_while_the_database_is_away(
    new_engine: NewEngine, databases: Databases
) -> None:
    engine = new_engine(projections=databases.make("away")).start()
    corridor = Corridor(engine)
    corridor.release(range(5))
    client = engine.client().query
    client.GetSummary(query.GetSummaryRequest(at_least=head(engine)), timeout=SECONDS)
    databases.stop()
    try:
        index = corridor.release(range(5, 10))
        with pytest.raises(grpc.RpcError) as failure:
            client.ListTrades(query.ListTradesRequest(), timeout=SECONDS)
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "away" in str(failure.value.details())
    finally:
        databases.start()
    wanted = PageRequest(at_least=Position(index=index))
    listed = client.ListTrades(query.ListTradesRequest(page=wanted), timeout=SECONDS)
    assert len(listed.trades) == 10
    assert any(event["event"] == "projections wait" for event in engine.events())
    # A text that PostgreSQL cannot keep is not taken in the first place.
    filed = list(corridor.declared(50))
    filed[0].order.order_no = "with\0zero"
    with pytest.raises(AssertionError, match="a zero at byte 4"):
        corridor.submit(filed[:1])
    with pytest.raises(grpc.RpcError) as refused:
        client.ListTrades(query.ListTradesRequest(order_no="with\0zero"))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert engine.stop() == 0
