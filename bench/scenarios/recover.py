"""Scenario `recover`: a killed engine full of transfers starts without a snapshot, and with one."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.corridor import corridor
from bench.demo.processes import Corridor
from bench.environment import environment, resident_mb
from bench.figures import Reading
from bench.refusal import accepted
from whampoa import ids
from whampoa.client import Client
from whampoa.columns import ROWS_MAX, SUBMIT_TRANSFERS, Transfers, new_ids
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.registry.v1 import registry_service_pb2 as registry

ACCOUNTS = 1_000
MESSAGES_AT_ONCE = 4
CALL_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 120.0
SEED = 1_117

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Start:
    """One start: until the ready line, and what the engine's own report says."""

    ready_seconds: float
    report: dict[str, object]
    rss_mb: int

    @property
    def seconds(self) -> float:
        """From opening the journal to the whole state."""
        value = self.report["seconds"]
        assert isinstance(value, float)
        return value

    def figures(self) -> dict[str, object]:
        """The engine's seconds by part, and those to the ready line."""
        parts = ("seconds", "snapshot_seconds", "read_seconds", "replay_seconds", "snapshot_index")
        return {
            **{name: self.report[name] for name in parts},
            "ready_seconds": round(self.ready_seconds, 3),
            "rss_mb": self.rss_mb,
        }


class Bench:
    """The engine of one data directory: filled, ended, started, asked."""

    def __init__(self, running: Corridor) -> None:
        self._running = running
        self._keys = running.data_dir / "keys"

    def operator(self) -> Client:
        """A new channel: an old one waits longer and longer for an engine that is away."""
        return Client(self._running.addresses.engine, self._keys, "operator")

    async def fill(self, transfers: int, advance: Advance) -> int:
        """Loads the transfers; the newest position that was replied."""
        async with self.operator() as client:
            accounts = await _accounts(client)
            call: Any = client.channel.unary_unary(SUBMIT_TRANSFERS)
            slots = asyncio.Semaphore(MESSAGES_AT_ONCE)
            newest = 0

            async def send(message: bytes, rows: int) -> None:
                nonlocal newest
                async with slots:
                    raw = await call(message, timeout=CALL_SECONDS_MAX)
                reply = accepted(ledger.SubmitTransfersResponse.FromString(raw), "transfers")
                if reply.accepted != rows:
                    raise RuntimeError(f"{reply.accepted} of {rows} transfers were accepted")
                newest = max(newest, reply.position.index)
                advance(rows)

            messages = _messages(accounts, transfers)
            while group := list(itertools.islice(messages, 2 * MESSAGES_AT_ONCE)):
                await asyncio.gather(*(send(message, rows) for message, rows in group))
        return newest

    async def kill(self) -> None:
        """Ends the engine as a power cut would."""
        process = self._running.running.pop("engine")
        process.kill()
        await process.wait()

    async def stop(self) -> None:
        """Asks the engine to stop, which makes a snapshot."""
        process = self._running.running.pop("engine")
        process.terminate()
        if code := await asyncio.wait_for(process.wait(), STOP_SECONDS_MAX):
            raise RuntimeError(f"the engine stopped with {code}")

    async def start(self) -> Start:
        """Starts the engine and reads its report."""
        begun = time.perf_counter()
        await self._running.start("engine", "serve")
        seconds = time.perf_counter() - begun
        rss_mb = resident_mb(self._running.running["engine"].pid)
        return Start(seconds, self._report(), rss_mb)

    def _report(self) -> dict[str, object]:
        lines = (self._running.data_dir / "engine.log").read_text(encoding="utf-8").splitlines()
        events = (json.loads(line) for line in lines if line.startswith("{"))
        replayed = [event for event in events if event["event"] == "journal replayed"]
        report: dict[str, object] = replayed[-1]
        return report

    async def read(self, rows: int = 0) -> Reading:
        """The engine's figures, once it has seen so many rows: it follows while it serves."""
        deadline = time.monotonic() + CALL_SECONDS_MAX
        async with self.operator() as client:
            reading = await Reading.take(client, self._running)
            while reading.rows < rows and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
                reading = await Reading.take(client, self._running)
        return reading

    async def verify(self) -> bool:
        """What `whampoa verify` says of the files."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "whampoa.cli.main", "verify", str(self._running.data_dir), "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        said, _ = await process.communicate()
        found = json.loads(said.decode().splitlines()[-1])
        return bool(found["ok"]) and process.returncode == 0


async def _accounts(client: Client) -> list[int]:
    party = registry.Party(
        party_id=ids.uuid7(), name="Bench Platform", roles=[registry.ROLE_PLATFORM]
    )
    registration = registry.RegisterPartiesRequest(request_id=ids.uuid7(), parties=[party])
    accepted(await client.registry.RegisterParties(registration, timeout=30), "party")
    account = ledger.Account(party_id=party.party_id, currency="USD", code=1)
    opening = ledger.OpenAccountsRequest(request_id=ids.uuid7(), accounts=[account] * ACCOUNTS)
    for one in opening.accounts:
        one.account_id = ids.uuid7()
    opened = await client.ledger.OpenAccounts(opening, timeout=30)
    return list(accepted(opened, "accounts").account_indexes)


def _messages(accounts: list[int], transfers: int) -> Iterator[tuple[bytes, int]]:
    """Messages of at most 8,192 rows, each with its number of rows."""
    random = np.random.default_rng(SEED)
    indexes = np.array(accounts, np.uint32)
    for first in range(0, transfers, ROWS_MAX):
        rows = min(ROWS_MAX, transfers - first)
        debit = random.integers(0, len(indexes), rows)
        credit = (debit + random.integers(1, len(indexes), rows)) % len(indexes)
        columns = Transfers(
            ids=new_ids(rows),
            debit_account=indexes[debit],
            credit_account=indexes[credit],
            amount_minor=random.integers(1, 1_000_000, rows, np.uint64),
            code_flags=np.ones(rows, np.uint32),
        )
        yield columns.encode(ids.uuid7()), rows


async def run(
    transfers: int, data_dir: Path | None, loaded: Callable[[str, int], Advance]
) -> dict[str, object]:
    """Loads, kills, starts without snapshots and with one, verifies."""
    async with corridor(data_dir, ("engine",)) as stage:
        running = stage.corridor
        bench = Bench(running)
        newest = await bench.fill(transfers, loaded("transfers", transfers))
        before = await bench.read()
        advance = loaded("starts", 3)
        await bench.kill()
        shutil.rmtree(running.data_dir / "snapshots")
        without = await bench.start()
        after = await bench.read(before.rows)
        advance(1)
        await bench.stop()
        await bench.start()
        advance(1)
        await bench.kill()
        with_one = await bench.start()
        last = await bench.read(before.rows)
        advance(1)
        await bench.stop()
        if (
            without.report["snapshot_index"] is not None
            or with_one.report["snapshot_index"] is None
        ):
            raise RuntimeError("a start did not begin where it was meant to")
        same = before.rows == after.rows == last.rows and before.laws_hold and last.laws_hold
        rows = max(1, before.rows)
        return {
            "transfers": transfers,
            "rows": before.rows,
            "rows_per_second": int(rows / without.seconds),
            "seconds_without_snapshot": without.seconds,
            "seconds_with_snapshot": with_one.seconds,
            "without_snapshot": without.figures(),
            "with_snapshot": with_one.figures(),
            "rss_mb": with_one.rss_mb,
            "bytes_per_row": round(before.journal_bytes / rows, 1),
            "durable": after.durable_index >= newest and last.durable_index >= newest,
            "laws_ok": same and await bench.verify(),
            "environment": environment(),
        }
