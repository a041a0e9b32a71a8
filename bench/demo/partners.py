"""Everybody who calls something in the demo: channels and stubs under each one's certificate."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

import grpc

from bench.demo.processes import Addresses
from whampoa.client import CHANNEL_OPTIONS, Client, Credentials
from whampoa.customs.v1 import single_window_service_pb2_grpc as window_grpc
from whampoa.institution.v1 import institution_service_pb2 as institution
from whampoa.institution.v1 import institution_service_pb2_grpc as institution_grpc

if TYPE_CHECKING:
    from whampoa.customs.v1.single_window_service_pb2_grpc import SingleWindowServiceAsyncStub
    from whampoa.institution.v1.institution_service_pb2_grpc import InstitutionServiceAsyncStub

CALL_SECONDS_MAX = 60.0
_PAGE = 5_000


class InstitutionClient:
    """An institution as the world sees it: its books, and what is made to happen there."""

    def __init__(self, stub: InstitutionServiceAsyncStub) -> None:
        self._stub = stub

    async def instruct(self, action: str, **arguments: object) -> str:
        """Makes something happen; the institution says what it did."""
        texts = {name: str(value) for name, value in arguments.items()}
        request = institution.InstructRequest(action=action, arguments=texts)
        return (await self._stub.Instruct(request, timeout=CALL_SECONDS_MAX)).result

    async def totals(self, book: str) -> dict[str, int]:
        """The sums that the institution itself computed over a book, and how many rows it has."""
        request = institution.ReadBooksRequest(book=book, limit=1)
        answer = await self._stub.ReadBooks(request, timeout=CALL_SECONDS_MAX)
        return {**answer.totals, "rows": answer.total}

    async def rows(self, book: str) -> list[dict[str, str]]:
        """All rows of a book."""
        found: list[dict[str, str]] = []
        while True:
            request = institution.ReadBooksRequest(book=book, offset=len(found), limit=_PAGE)
            answer = await self._stub.ReadBooks(request, timeout=CALL_SECONDS_MAX)
            found += [dict(row.cells) for row in answer.rows]
            if not answer.rows or len(found) >= answer.total:
                return found


class Partners:
    """Open channels to the engine, the Single Window gateway and the institutions."""

    def __init__(self, data_dir: Path, addresses: Addresses) -> None:
        self._keys = data_dir / "keys"
        self._addresses = addresses
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.operator = await self._client("operator")
        self.officers = [await self._client("officer-1"), await self._client("officer-2")]
        self.customs = await self._institution("customs")
        self.bank = await self._institution("bank")
        self.safe = await self._institution("safe")
        self.pboc = await self._institution("pboc")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def window(self, name: str) -> SingleWindowServiceAsyncStub:
        """The Single Window gateway under a declarant's certificate."""
        channel = await self._channel(name, self._addresses.singlewindow)
        stub: SingleWindowServiceAsyncStub = window_grpc.SingleWindowServiceStub(channel)
        return stub

    async def _client(self, name: str) -> Client:
        return await self._stack.enter_async_context(
            Client(self._addresses.engine, self._keys, name)
        )

    async def _institution(self, name: str) -> InstitutionClient:
        channel = await self._channel("operator", self._addresses.institutions[name])
        return InstitutionClient(institution_grpc.InstitutionServiceStub(channel))

    async def _channel(self, name: str, address: str) -> grpc.aio.Channel:
        credentials = Credentials.read(self._keys, name).channel_credentials()
        channel = grpc.aio.secure_channel(address, credentials, options=CHANNEL_OPTIONS)
        return await self._stack.enter_async_context(channel)


class NeverHappened(RuntimeError):
    """Something the run waits for did not come in time."""


async def until(look: Callable[[], Awaitable[bool]], what: str, seconds: float = 120.0) -> None:
    """Waits until `look` (a coroutine function) says yes. Raises `NeverHappened`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    pause = 0.05
    while not await look():
        if loop.time() > deadline:
            raise NeverHappened(f"waited {seconds:.0f} s in vain: {what}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, 0.5)
