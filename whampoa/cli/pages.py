"""Walks the pages of a query, none older than what was durable when the verb began."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whampoa.cli.connection import Call, Connection

PAGE_SIZE = 1_000


def pages(connection: Connection, call: Call[Any, Any], request: Any) -> Iterator[Any]:
    """The replies, page by page. `request` is left as it was."""
    asked = type(request)()
    asked.CopyFrom(request)
    asked.page.page_size = PAGE_SIZE
    if connection.head is not None:
        asked.page.at_least.CopyFrom(connection.head)
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
