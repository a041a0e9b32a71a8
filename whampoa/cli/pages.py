"""Walks the pages of a query, where it matters none older than a position."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whampoa.cli.connection import Call, Connection
from whampoa.evidence.v1.evidence_service_pb2 import GetStatusRequest
from whampoa.money.v1.money_pb2 import Position

PAGE_SIZE = 1_000


def head(connection: Connection) -> Position | None:
    """The newest durable position; None while the log is empty."""
    status = connection.read(connection.client.evidence.GetStatus, GetStatusRequest())
    return Position(log=status.log, index=status.durable_index) if status.entries else None


def pages(
    connection: Connection,
    call: Call[Any, Any],
    request: Any,
    at_least: Position | None = None,
) -> Iterator[Any]:
    """The replies, page by page. `request` is left as it was."""
    asked = type(request)()
    asked.CopyFrom(request)
    asked.page.page_size = PAGE_SIZE
    if at_least is not None:
        asked.page.at_least.CopyFrom(at_least)
    while True:
        reply = connection.read(call, asked)
        yield reply
        if not reply.page.next_page_token:
            return
        asked.page.page_token = reply.page.next_page_token


def every(connection: Connection, call: Call[Any, Any], request: Any, field: str) -> Iterator[Any]:
    """The rows in `field` of every page."""
    for reply in pages(connection, call, request):
        yield from getattr(reply, field)
