"""A port around an engine: Single Window gateway, customs, declarants of a made-up world."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

from bench.demo.ids import Ids
from bench.demo.partners import Partners
from bench.demo.registration import Registration
from bench.documents.messages import Writer
from bench.documents.world import Parcel, World, build
from engine import formats
from gateways.identity import Identity
from gateways.singlewindow import gateway, institution
from tests.integration.engine_process import CALL_SECONDS, EngineProcess
from tests.unit.gateways.pboc.corridor import running
from whampoa.client import Client
from whampoa.customs.v1 import document_pb2 as document
from whampoa.customs.v1 import single_window_service_pb2 as window
from whampoa.customs.v1 import single_window_service_pb2_grpc as window_grpc
from whampoa.institution.v1 import institution_service_pb2 as wire
from whampoa.institution.v1 import institution_service_pb2_grpc as wire_grpc
from whampoa.query.v1 import query_service_pb2 as query

UNTIL_SECONDS = 60.0
TRADES = 40


class Port:
    """One data directory beside an engine's, with addresses that are found out one by one."""

    def __init__(self, engine: EngineProcess, data_dir: Path, customs: str = "") -> None:
        self.engine = engine
        self.data_dir = data_dir
        self.addresses = {"customs": "127.0.0.1:0", "singlewindow": "127.0.0.1:0"}
        self._customs_section = customs
        shutil.copytree(engine.keys, data_dir / "keys")
        self.configure()

    def configure(self, **addresses: str) -> None:
        self.addresses |= addresses
        lines = [
            f'[engine]\nlisten = "{self.engine.address}"',
            f'[gateway.singlewindow]\nlisten = "{self.addresses["singlewindow"]}"',
            f'[institution.customs]\nlisten = "{self.addresses["customs"]}"',
            self._customs_section,
        ]
        (self.data_dir / "config.toml").write_text("\n".join(lines), "utf-8")

    @asynccontextmanager
    async def customs(self) -> AsyncIterator[None]:
        async with running(institution.run, self.data_dir) as address:
            self.configure(customs=address)
            yield

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[None]:
        async with running(gateway.run, self.data_dir) as address:
            self.configure(singlewindow=address)
            yield

    def start_gateway(self) -> subprocess.Popen[bytes]:
        """Start the gateway as a process, which may be killed."""
        command = [sys.executable, "-m", "whampoa.cli.main", "gateway", "singlewindow"]
        process = subprocess.Popen(
            [*command, "--data-dir", str(self.data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        with closing(cast("BinaryIO", process.stdout)) as told:
            line = told.readline().decode()
        word, _, address = line.strip().partition(" ")
        assert word == "ready", line
        self.configure(singlewindow=address)
        return process

    @property
    def folder(self) -> Path:
        return self.data_dir / "gateways" / "singlewindow"

    def door(self, name: str) -> window_grpc.SingleWindowServiceAsyncStub:
        channel = Identity.read(self.data_dir, name).channel(self.addresses["singlewindow"])
        return window_grpc.SingleWindowServiceStub(channel)

    async def send(
        self, messages: Iterable[bytes], name: str = "declarant"
    ) -> list[window.SubmitMessageResponse]:
        door = self.door(name)
        calls = [
            door.SubmitMessage(window.SubmitMessageRequest(message=it), timeout=CALL_SECONDS)
            for it in messages
        ]
        return list(await asyncio.gather(*calls))

    async def replies(self, name: str = "declarant") -> list[bytes]:
        """All replies that a client may collect."""
        door, cursor = self.door(name), ""
        found: list[bytes] = []
        while True:
            request = window.CollectRepliesRequest(cursor=cursor, limit=7)
            answer = await door.CollectReplies(request, timeout=CALL_SECONDS)
            if not answer.replies:
                return found
            found += answer.replies
            cursor = answer.next_cursor

    def _stub(self) -> wire_grpc.InstitutionServiceAsyncStub:
        channel = Identity.read(self.data_dir, "operator").channel(self.addresses["customs"])
        return wire_grpc.InstitutionServiceStub(channel)

    async def instruct(self, action: str, /, **arguments: str) -> str:
        request = wire.InstructRequest(action=action, arguments=arguments)
        return (await self._stub().Instruct(request, timeout=CALL_SECONDS)).result

    async def totals(self, book: str) -> dict[str, int]:
        request = wire.ReadBooksRequest(book=book)
        return dict((await self._stub().ReadBooks(request, timeout=CALL_SECONDS)).totals)

    async def rows(self, book: str) -> list[dict[str, str]]:
        answer = await self._stub().ReadBooks(wire.ReadBooksRequest(book=book), timeout=10)
        return [dict(row.cells) for row in answer.rows]

    async def register(self, world: World) -> None:
        async with Client(self.engine.address, self.engine.keys, "operator") as operator:
            partners = cast("Partners", SimpleNamespace(operator=operator))
            await Registration(partners, world, Ids(now_ms())).of_engine()

    def trades(self, state: str = "") -> list[query.TradeView]:
        """Trades of the engine in a state, all of them when it is empty."""
        request = query.ListTradesRequest(state=state)
        request.page.page_size = 1000
        client = self.engine.client().query
        return list(client.ListTrades(request, timeout=CALL_SECONDS).trades)

    def counts(self) -> dict[str, int]:
        """What the engine counts, for example "documents:604"."""
        request = query.GetSummaryRequest()
        client = self.engine.client().query
        return dict(client.GetSummary(request, timeout=CALL_SECONDS).counts)

    def documents(self) -> dict[str, int]:
        """How many documents of each type the engine has."""
        found = {name: count for name, count in self.counts().items() if "documents" in name}
        assert found
        return found

    def letters(self) -> int:
        """The sequence number of customs' newest letter."""
        path = self.data_dir / "institutions" / "customs" / "books.sqlite"
        with closing(sqlite3.connect(path)) as books:
            return int(books.execute("SELECT max(sequence) FROM letters").fetchone()[0])


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def make_world(trades: int, seed: int = 7) -> World:
    """A world without mishaps."""
    print(f"seed {seed}")  # noqa: T201
    return build(seed, trades, merchants=12, mishaps=False)


def messages(parcels: list[Parcel], seed: int = 1) -> list[bytes]:
    """The three documents of parcels; another seed gives other guids."""
    writer = Writer(seed, now_ms())
    return [*writer.orders(parcels), *writer.waybills(parcels), *writer.lists(parcels)]


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + UNTIL_SECONDS
    while not await holds():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.05)


async def all_released(port: Port, count: int) -> None:
    async def holds() -> bool:
        return len(await asyncio.to_thread(port.trades, "released")) == count

    await until(holds, f"{count} trades released, now {[it.state for it in port.trades()]}")


def documents_of(message: bytes) -> list[document.Document]:
    return [document.Document.FromString(raw) for raw in formats.read(message).accepted]
