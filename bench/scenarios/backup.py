"""Scenario `backup`: transfers with and without a backup beside them; a restore at the end."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.corridor import corridor
from bench.environment import environment
from bench.figures import Reading
from bench.refusal import accepted
from whampoa import ids
from whampoa.client import Client
from whampoa.columns import ROWS_MAX, SUBMIT_TRANSFERS, Transfers, new_ids
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.registry.v1 import registry_service_pb2 as registry

CALL_SECONDS_MAX = 120.0
MIB = 1 << 20

Advance = Callable[[int], None]


class VerbFailed(RuntimeError):
    """A verb of the run failed; the text is its one line."""


async def verb(*words: str) -> dict[str, Any]:
    """Runs a verb in a process of its own; its JSON object."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "whampoa.cli.main", *words, "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    found: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    if process.returncode:
        raise VerbFailed(f"{words[0]}: {found['error']}")
    return found


class Load:
    """Clients that send full messages of transfers as fast as they are answered."""

    def __init__(self, engine: Client, accounts: tuple[int, int], clients: int) -> None:
        self._call: Any = engine.channel.unary_unary(SUBMIT_TRANSFERS)
        self._accounts = accounts
        self._clients = clients

    async def run(self, seconds: float) -> int:
        """Rows a second of one window: of what was answered in it."""
        start = time.perf_counter()
        until = start + seconds
        rows = sum(await asyncio.gather(*(self._client(until) for _ in range(self._clients))))
        return int(rows / (time.perf_counter() - start))

    async def _client(self, until: float) -> int:
        ones = np.full(ROWS_MAX, 1, np.uint32)
        rows = 0
        while time.perf_counter() < until:
            moved = Transfers(
                ids=new_ids(ROWS_MAX),
                debit_account=ones * self._accounts[0],
                credit_account=ones * self._accounts[1],
                amount_minor=ones,
                code_flags=ones,
            )
            raw = await self._call(moved.encode(ids.uuid7()), timeout=CALL_SECONDS_MAX)
            accepted(ledger.SubmitTransfersResponse.FromString(raw), "transfers")
            rows += ROWS_MAX
        return rows


async def beside(words: Sequence[str], over: asyncio.Event) -> None:
    """Runs a verb again and again; what still runs in the end is killed, as a backup may be."""
    while not over.is_set():
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "whampoa.cli.main", *words),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        ended, ending = asyncio.create_task(process.wait()), asyncio.create_task(over.wait())
        await asyncio.wait([ended, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not ended.done():
            process.kill()
        if await ended > 0:
            raise VerbFailed(f"{words[0]} ended with {process.returncode}")


async def _accounts(engine: Client) -> tuple[int, int]:
    party_id = ids.uuid7()
    party = registry.Party(party_id=party_id, roles=[registry.ROLE_PLATFORM], name="bench")
    asked = registry.RegisterPartiesRequest(request_id=ids.uuid7(), parties=[party])
    accepted(await engine.registry.RegisterParties(asked, timeout=30), "party")
    accounts = [
        ledger.Account(account_id=ids.uuid7(), party_id=party_id, currency="USD", code=1)
        for _ in range(2)
    ]
    request = ledger.OpenAccountsRequest(request_id=ids.uuid7(), accounts=accounts)
    reply = accepted(await engine.ledger.OpenAccounts(request, timeout=30), "accounts")
    first, second = reply.account_indexes
    return first, second


async def _with_backup(load: Load, words: Sequence[str], seconds: float) -> int:
    over = asyncio.Event()
    running = asyncio.create_task(beside(words, over))
    try:
        return await load.run(seconds)
    finally:
        over.set()
        await running


def _bytes(copied: dict[str, Any]) -> int:
    total: int = copied["journal_bytes_copied"] + copied["private_bytes_copied"]
    return total


async def run(
    seconds: float,
    pairs: int,
    clients: int,
    data_dir: Path | None,
    loaded: Callable[[str, int], Advance],
) -> dict[str, object]:
    """So many windows without and with a backup in turns. `loaded` gives the progress of a part."""
    with TemporaryDirectory(prefix="whampoa-") as scratch:
        target, restored = Path(scratch) / "backup", Path(scratch) / "restored"
        whole_target = Path(scratch) / "whole"
        async with corridor(data_dir, ("engine",)) as stage:
            engine = stage.partners.operator
            load = Load(engine, await _accounts(engine), clients)
            source = ("--data-dir", str(stage.corridor.data_dir))
            words = ("backup", str(target), *source)
            await load.run(seconds)
            advance = loaded("windows without and with a backup", 2 * pairs)
            without: list[int] = []
            with_backup: list[int] = []
            for _ in range(pairs):
                without.append(await load.run(seconds))
                advance(1)
                with_backup.append(await _with_backup(load, words, seconds))
                advance(1)
            after = await Reading.take(engine, stage.corridor)
            await verb(*words, "--cpu", "100")
            whole = await verb("backup", str(whole_target), *source, "--cpu", "100")
        found = await verb("restore", str(target), "--data-dir", str(restored))
        is_whole = (found["index"], found["state_hash"]) == (
            after.durable_index,
            whole["state_hash"],
        )
    plain, loaded_rows = statistics.median(without), statistics.median(with_backup)
    return {
        "rows_per_second": int(plain),
        "rows_per_second_with_backup": int(loaded_rows),
        "cost_percent": round(100 * (1 - loaded_rows / plain), 1),
        "cost_percent_of_pairs": [
            round(100 * (1 - pair[1] / pair[0]), 1)
            for pair in zip(without, with_backup, strict=True)
        ],
        "backup_mb_per_second": round(_bytes(whole) / MIB / max(whole["seconds"], 1e-9), 1),
        "rows": after.rows,
        "restore_ok": is_whole,
        "durable": is_whole,
        "laws_ok": after.laws_hold,
        "environment": environment(),
    }
