"""Pages over projections, with the position they had reached."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Table

from engine import faults
from engine.bridge import Bridge
from engine.projections import schema
from engine.projections.follower import Lagging, ProjectionFollower
from engine.projections.queries import BadPage, Page, Queries, bad_token, page_size
from engine.projections.store import BadValue
from whampoa.ids import ID_BYTES
from whampoa.money.v1.money_pb2 import Position
from whampoa.paging.v1.paging_pb2 import PageReply, PageRequest
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.query.v1 import query_service_pb2_grpc as query_grpc

Context = grpc.aio.ServicerContext[Any, Any]
Where = ColumnElement[bool]
V = TypeVar("V", bound=Message)

# How long a read waits for a position when the caller set no deadline, and what it keeps of one.
WAIT_SECONDS = 10.0
DEADLINE_SHARE = 0.9
ACCOUNT_INDEX_MAX = 2**32 - 1
# Columns of names parted by commas.
_LISTS = frozenset({"roles", "review_reasons", "missing_conditions"})
_RENAMED = {"doc_key": "key"}


class QueryService(query_grpc.QueryServiceServicer):
    """What partners and operators read."""

    def __init__(
        self, bridge: Bridge, queries: Queries, follower: ProjectionFollower, log: str
    ) -> None:
        self._bridge = bridge
        self._queries = queries
        self._follower = follower
        self._log = log

    async def ListParties(
        self, request: query.ListPartiesRequest, context: Context
    ) -> query.ListPartiesResponse:
        columns = schema.parties.c
        wanted = _equal(columns.uscc, request.uscc)
        if request.role:
            wanted.append(
                ("," + columns.roles + ",").contains(f",{request.role},", autoescape=True)
            )
        page, reply = await self._page(context, request.page, schema.parties, wanted)
        parties = [_view(query.PartyView, row) for row in page.rows]
        return query.ListPartiesResponse(parties=parties, page=reply)

    async def ListTrades(
        self, request: query.ListTradesRequest, context: Context
    ) -> query.ListTradesResponse:
        columns = schema.trades.c
        wanted = [
            *_equal(columns.merchant_party_id, request.merchant_party_id),
            *_equal(columns.state, request.state),
            *_equal(columns.order_no, request.order_no),
        ]
        if request.with_clawback:
            wanted.append(columns.clawback_minor > 0)
        page, reply = await self._page(context, request.page, schema.trades, wanted)
        trades = [_view(query.TradeView, row, self._log) for row in page.rows]
        return query.ListTradesResponse(trades=trades, page=reply)

    async def ListDocuments(
        self, request: query.ListDocumentsRequest, context: Context
    ) -> query.ListDocumentsResponse:
        asked = request.page
        if request.trade_id:
            await self._wait(context, asked.at_least)
            as_of = self._seen()
            page = await self._read(
                context,
                self._queries.documents_of,
                request.trade_id,
                asked.page_size,
                asked.page_token,
            )
            reply = PageReply(next_page_token=page.next_token, as_of=as_of)
        else:
            wanted = _equal(schema.documents.c.type, request.type)
            page, reply = await self._page(context, asked, schema.documents, wanted)
        documents = []
        for row in page.rows:
            view = _view(query.DocumentView, row)
            view.position.CopyFrom(self._position(row["position_index"], row["position_row"]))
            documents.append(view)
        return query.ListDocumentsResponse(documents=documents, page=reply)

    async def ListRemittances(
        self, request: query.ListRemittancesRequest, context: Context
    ) -> query.ListRemittancesResponse:
        columns = schema.remittances.c
        wanted = _equal(columns.service_enterprise_party_id, request.service_enterprise_party_id)
        if request.waiting_review:
            wanted.append(columns.review_state.in_(("waiting", "proposed")))
        if request.with_suspense:
            wanted.append(columns.suspense_minor > 0)
        page, reply = await self._page(context, request.page, schema.remittances, wanted)
        remittances = [_view(query.RemittanceView, row, self._log) for row in page.rows]
        return query.ListRemittancesResponse(remittances=remittances, page=reply)

    async def ListPayouts(
        self, request: query.ListPayoutsRequest, context: Context
    ) -> query.ListPayoutsResponse:
        columns = schema.payouts.c
        wanted = [
            *_equal(columns.merchant_party_id, request.merchant_party_id),
            *_equal(columns.state, request.state),
        ]
        page, reply = await self._page(context, request.page, schema.payouts, wanted)
        payouts = [_view(query.PayoutView, row, self._log) for row in page.rows]
        return query.ListPayoutsResponse(payouts=payouts, page=reply)

    async def ListTaxItems(
        self, request: query.ListTaxItemsRequest, context: Context
    ) -> query.ListTaxItemsResponse:
        columns = schema.tax_items.c
        wanted = [
            *_equal(columns.database, request.database),
            *_equal(columns.merchant_party_id, request.merchant_party_id),
        ]
        page, reply = await self._page(context, request.page, schema.tax_items, wanted)
        items = [_view(query.TaxItemView, row, self._log) for row in page.rows]
        return query.ListTaxItemsResponse(items=items, page=reply)

    async def ListBopRecords(
        self, request: query.ListBopRecordsRequest, context: Context
    ) -> query.ListBopRecordsResponse:
        wanted = _equal(schema.bop_records.c.remittance_id, request.remittance_id)
        page, reply = await self._page(context, request.page, schema.bop_records, wanted)
        records = [_view(query.BopRecordView, row, self._log) for row in page.rows]
        return query.ListBopRecordsResponse(records=records, page=reply)

    async def ListAccounts(
        self, request: query.ListAccountsRequest, context: Context
    ) -> query.ListAccountsResponse:
        await self._wait(context, request.page.at_least)
        party_id, token = request.party_id, request.page.page_token
        if party_id and len(party_id) != ID_BYTES:
            await faults.refuse_argument(
                context, "party_id", f"{ID_BYTES} bytes, or none", party_id.hex()
            )
        try:
            size, first = page_size(request.page.page_size), _account_index(token)
        except BadPage as bad:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(bad))
        raw = await self._bridge.accounts(party_id, first, size)
        return query.ListAccountsResponse.FromString(raw)

    async def GetSummary(
        self, request: query.GetSummaryRequest, context: Context
    ) -> query.GetSummaryResponse:
        await self._wait(context, request.at_least)
        as_of = self._seen()
        counts = await asyncio.to_thread(self._queries.counts)
        sums = await asyncio.to_thread(self._queries.sums)
        return query.GetSummaryResponse(counts=counts, sums_minor=sums, as_of=as_of)

    async def _page(
        self, context: Context, asked: PageRequest, table: Table, wanted: list[Where]
    ) -> tuple[Page, PageReply]:
        await self._wait(context, asked.at_least)
        as_of = self._seen()
        page = await self._read(
            context, self._queries.page, table, asked.page_size, asked.page_token, *wanted
        )
        return page, PageReply(next_page_token=page.next_token, as_of=as_of)

    async def _read(self, context: Context, read: Any, *arguments: Any) -> Page:
        try:
            page: Page = await asyncio.to_thread(read, *arguments)
        except (BadPage, BadValue) as bad:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(bad))
        return page

    async def _wait(self, context: Context, at_least: Position) -> None:
        """Waits until the projection has seen the position a read asks for."""
        if not at_least.ByteSize():
            return
        if at_least.log not in ("", self._log):
            await faults.refuse_argument(
                context, "at_least.log", f"this is {self._log}", at_least.log
            )
        remaining: float | None = context.time_remaining()
        seconds = WAIT_SECONDS if remaining is None else remaining * DEADLINE_SHARE
        try:
            await self._follower.reach(at_least.index, seconds)
        except Lagging as lagging:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(lagging))

    def _seen(self) -> Position | None:
        """What a read that begins now sees at least."""
        seen = self._follower.next_index
        return self._position(seen - 1, 0) if seen else None

    def _position(self, index: int, row: int) -> Position:
        return Position(log=self._log, index=index, row=row)


def _account_index(token: str) -> int:
    """Where a page of accounts begins. Raises `BadPage`."""
    if not token:
        return 0
    if not (token.isascii() and token.isdecimal() and int(token) <= ACCOUNT_INDEX_MAX):
        raise bad_token(token)
    return int(token)


def _equal(column: ColumnElement[Any], value: bytes | str | int) -> list[Where]:
    """The condition, when a value is asked for."""
    return [column == value] if value else []


def _view(kind: type[V], row: Mapping[str, Any], log: str = "") -> V:
    """A row as its message: columns and fields have the same names."""
    fields: dict[str, Any] = {}
    known = kind.DESCRIPTOR.fields_by_name
    for column, value in row.items():
        name = _RENAMED.get(column, column)
        if name in known and value is not None:
            fields[name] = _field(name, value)
    view = kind(**fields)
    if log and row.get("last_index") is not None:
        position = Position(log=log, index=row["last_index"], row=row["last_row"])
        view.last.CopyFrom(position)  # type: ignore[attr-defined]
    return view


def _field(name: str, value: Any) -> Any:
    if name in _LISTS:
        return [word for word in value.split(",") if word]
    return bool(value) if name == "sanctioned" else value
