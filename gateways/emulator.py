"""The server every emulator is: InstitutionService over one institution, one thread."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import grpc

from gateways.addresses import INSTITUTION_OF, Addresses
from gateways.books import is_full
from gateways.identity import INSTITUTION_RIGHTS, Context, Doorkeeper, Identity
from gateways.line import Institution, Line
from gateways.process import STOP_SECONDS_MAX, first_failure, start
from whampoa.institution.v1 import institution_service_pb2 as institution
from whampoa.institution.v1 import institution_service_pb2_grpc as institution_grpc

T = TypeVar("T")

log = logging.getLogger(__name__)

TICK_SECONDS = 0.1
# How long to wait before a full disk is tried again.
FULL_SECONDS = 1.0
_LETTERS_MAX = 1_000
# Letters of one answer stay well below the limit of a gRPC message.
_LETTER_BYTES_MAX = 8 << 20
_WAIT_MS_MAX = 30_000


class Emulator(institution_grpc.InstitutionServiceServicer):
    """The service over one institution."""

    def __init__(self, it: Institution, line: Line) -> None:
        self._it = it
        self._line = line
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="books")
        self._stopping = False
        self._news = asyncio.Event()

    async def tick(self) -> None:
        """Lets the institution do what is due, for as long as it serves."""
        while not self._stopping:
            try:
                if await self._work(lambda: self._line.tick(_now_ms())):
                    self._tell()
            except ConnectionError as failure:
                log.warning("what is due waits: %s", failure)
                await asyncio.sleep(FULL_SECONDS)
            await asyncio.sleep(TICK_SECONDS)

    def close(self) -> None:
        """Lets the last work end."""
        self._thread.shutdown()

    def wake(self) -> None:
        """Ends every wait for letters, for good."""
        self._stopping = True
        self._news.set()

    async def Deliver(
        self, request: institution.DeliverRequest, context: Context
    ) -> institution.DeliverResponse:
        try:
            # Others are served while a slow delivery waits.
            await asyncio.sleep(await self._work(self._line.admit) / 1000)
            reply, reply_format = await self._work(
                lambda: self._line.deliver(request.message, request.format, _now_ms())
            )
        except ValueError as failure:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(failure))
        except ConnectionError as failure:
            # Letters may be there though the answer is lost.
            self._tell()
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(failure))
        self._tell()
        return institution.DeliverResponse(reply=reply, reply_format=reply_format)

    async def Collect(
        self, request: institution.CollectRequest, context: Context
    ) -> institution.CollectResponse:
        del context
        limit = min(request.limit or _LETTERS_MAX, _LETTERS_MAX)
        deadline = time.monotonic() + min(request.wait_ms, _WAIT_MS_MAX) / 1000
        while True:
            # Taken before the look, so that no letter written meanwhile goes unnoticed.
            news = self._news
            found = await self._work(lambda: self._it.books.letters(request.from_sequence, limit))
            remaining = deadline - time.monotonic()
            if found or remaining <= 0 or self._stopping:
                return _collected(found, request.from_sequence)
            try:
                await asyncio.wait_for(news.wait(), remaining)
            except TimeoutError:
                return _collected([], request.from_sequence)

    async def ReadBooks(
        self, request: institution.ReadBooksRequest, context: Context
    ) -> institution.ReadBooksResponse:
        try:
            rows, count = await self._work(
                lambda: self._it.rows(request.book, request.offset, request.limit)
            )
            totals = await self._work(lambda: self._it.totals(request.book))
        except ValueError as failure:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(failure))
        return institution.ReadBooksResponse(
            rows=[institution.BookRow(cells=row) for row in rows], total=count, totals=totals
        )

    async def Instruct(
        self, request: institution.InstructRequest, context: Context
    ) -> institution.InstructResponse:
        arguments = dict(request.arguments)
        try:
            result = await self._work(
                lambda: self._line.instruct(request.action, arguments, _now_ms())
            )
        except ValueError as failure:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(failure))
        except ConnectionError as failure:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(failure))
        self._tell()
        return institution.InstructResponse(result=result)

    async def _work(self, work: Callable[[], T]) -> T:
        """Works on the books; `ConnectionError` when the disk has no room for what they became."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.OperationalError as failure:
            if not is_full(failure):
                raise
            raise ConnectionError(f"the institution's books: {failure}") from None

    def _tell(self) -> None:
        if not self._stopping:
            self._news.set()
            self._news = asyncio.Event()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _collected(
    found: list[tuple[int, str, bytes]], from_sequence: int
) -> institution.CollectResponse:
    letters: list[institution.Letter] = []
    size = 0
    for sequence, message_format, message in found:
        size += len(message)
        if letters and size > _LETTER_BYTES_MAX:
            break
        letters.append(
            institution.Letter(sequence=sequence, format=message_format, message=message)
        )
    following = letters[-1].sequence + 1 if letters else from_sequence
    return institution.CollectResponse(letters=letters, next_sequence=following)


def books_path(data_dir: Path, gateway: str) -> Path:
    """Where the institution behind a gateway keeps its books."""
    return data_dir / "institutions" / INSTITUTION_OF[gateway] / "books.sqlite"


async def serve(
    gateway: str,
    it: Institution,
    data_dir: Path,
    ready: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """Serves the institution behind a gateway until `stop` is set, then closes its books."""
    addresses = Addresses.read(data_dir, gateway)
    line = Line(it)
    section = f"institution.{INSTITUTION_OF[gateway]}"
    line.follow_scenario(addresses.institution_section.get("faults", []), section)
    service = Emulator(it, line)
    identity = Identity.read(data_dir, f"{INSTITUTION_OF[gateway]}-institution")
    server = identity.server(Doorkeeper(INSTITUTION_RIGHTS))
    institution_grpc.add_InstitutionServiceServicer_to_server(service, server)
    ticking = asyncio.create_task(service.tick())
    try:
        ready(await start(server, addresses.institution_listen, identity))
        await first_failure([ticking], stop)
    finally:
        service.wake()
        await server.stop(STOP_SECONDS_MAX)
        service.close()
        it.books.close()
