"""Reads every page of a query, one reply after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from whampoa.paging.v1.paging_pb2 import PageReply, PageRequest

PAGE = 1_000
CALL_SECONDS_MAX = 120.0


class Asks(Protocol):
    """A request for pages."""

    @property
    def page(self) -> PageRequest: ...


class Answers(Protocol):
    """A reply with one page."""

    @property
    def page(self) -> PageReply: ...


A = TypeVar("A", bound=Answers)


async def pages(read: Callable[..., Awaitable[A]], request: Asks) -> AsyncIterator[A]:
    """Replies of `read` until the last page; `request` is moved on from page to page."""
    request.page.page_size = PAGE
    while True:
        answer = await read(request, timeout=CALL_SECONDS_MAX)
        yield answer
        request.page.page_token = answer.page.next_page_token
        if not request.page.page_token:
            return
