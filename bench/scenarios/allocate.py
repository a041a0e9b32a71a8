"""Scenario `allocate`: one remittance over all open trades, in every mode, undone by a recall."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from bench.corridor import Stage, corridor
from bench.demo.registration import Registration
from bench.documents.typed import Typist
from bench.documents.world import USD, World, build
from bench.figures import Reading, Run, figures
from bench.latency import Latencies
from bench.pages import pages
from bench.refusal import accepted
from whampoa import ids
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.client import Client
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.query.v1 import query_service_pb2 as query

SEED = 610
CALL_SECONDS_MAX = 120.0
REQUESTS_AT_ONCE = 4
MODES = {
    "by_orders": clearing.ALLOCATION_MODE_BY_ORDERS,
    "by_merchants": clearing.ALLOCATION_MODE_BY_MERCHANTS,
    "by_volume": clearing.ALLOCATION_MODE_BY_VOLUME,
}

Advance = Callable[[int], None]


class Bench:
    """One enterprise with all its merchants' trades open, and what it does with a remittance."""

    def __init__(self, stage: Stage, window: Client, bank: Client, world: World) -> None:
        self._stage = stage
        self._window = window
        self._bank = bank
        self._engine = stage.partners.operator
        self._world = world
        self._enterprise = stage.ids.company(world.enterprises[0])
        self._open: list[query.TradeView] = []

    async def load(self, advance: Advance) -> None:
        """Registers everybody and releases every trade."""
        await Registration(self._stage.partners, self._world, self._stage.ids).of_engine()
        slots = asyncio.Semaphore(REQUESTS_AT_ONCE)
        last = 0

        async def submit(request: customs.SubmitDocumentsRequest, documents: int) -> None:
            nonlocal last
            async with slots:
                response = accepted(
                    await self._window.customs.SubmitDocuments(request, timeout=CALL_SECONDS_MAX),
                    "documents",
                )
            last = max(last, response.position.index)
            advance(documents)

        pending: set[asyncio.Task[None]] = set()
        for request in Typist(self._stage.ids.started_ms).released(self._world.parcels):
            task = asyncio.create_task(submit(request, len(request.documents)))
            pending.add(task)
            if len(pending) >= 2 * REQUESTS_AT_ONCE:
                _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*pending)
        await self._read_open(last)

    async def _read_open(self, index: int) -> None:
        request = query.ListTradesRequest(state="released")
        request.page.at_least.log, request.page.at_least.index = "whampoa-1", index
        async for page in pages(self._engine.query.ListTrades, request):
            self._open += page.trades

    @property
    def open_minor(self) -> int:
        return sum(trade.verified_minor for trade in self._open)

    async def run(self, mode: str) -> Run:
        """Allocates a remittance that fills every open trade; the clock runs for that call."""
        remittance_id = await self._remit(self.open_minor)
        request = self._request(mode, remittance_id)
        start = time.perf_counter_ns()
        response = accepted(
            await self._engine.clearing.Allocate(request, timeout=CALL_SECONDS_MAX), mode
        )
        end = time.perf_counter_ns()
        latencies = Latencies()
        latencies.add(start, end)
        if response.allocated_minor != self.open_minor or response.rows != len(self._open):
            raise RuntimeError(
                f"{mode}: {response.allocated_minor} of {self.open_minor} in {response.rows} rows"
            )
        await self._recall(remittance_id, self.open_minor)
        return Run(response.rows, (end - start) / 1e9, latencies, response.last.index)

    def _request(self, mode: str, remittance_id: bytes) -> clearing.AllocateRequest:
        advice: dict[bytes, int] = defaultdict(int)
        if mode == "by_orders":
            advice.update({trade.trade_id: trade.verified_minor for trade in self._open})
        elif mode == "by_merchants":
            for trade in self._open:
                advice[trade.merchant_party_id] += trade.verified_minor
        halves = [ids.halves(identifier) for identifier in advice]
        return clearing.AllocateRequest(
            request_id=ids.uuid7(),
            remittance_id=remittance_id,
            mode=MODES[mode],
            row_count=len(advice),
            id_high=[high for high, _ in halves],
            id_low=[low for _, low in halves],
            advised_minor=list(advice.values()),
        )

    async def _remit(self, minor: int) -> bytes:
        remittance_id = ids.uuid7()
        request = forex.RecordRemittanceRequest(request_id=ids.uuid7())
        told = request.remittance
        told.remittance_id, told.service_enterprise_party_id = remittance_id, self._enterprise
        told.currency, told.payer_name, told.payer_country = "USD", "Bench Payer", "USA"
        told.instructed_minor = told.credited_minor = minor
        told.bank_reference = remittance_id.hex()
        accepted(await self._bank.forex.RecordRemittance(request, timeout=30), "remittance")
        return remittance_id

    async def _recall(self, remittance_id: bytes, minor: int) -> None:
        request = forex.RecallRemittanceRequest(
            request_id=ids.uuid7(),
            remittance_id=remittance_id,
            amount_minor=minor,
            bank_reference=f"recall {remittance_id.hex()}"[:64],
        )
        accepted(
            await self._bank.forex.RecallRemittance(request, timeout=CALL_SECONDS_MAX), "recall"
        )


def world_of(trades: int, merchants: int) -> World:
    """Trades in US dollars of merchants that one enterprise serves; nothing goes wrong."""
    world = build(SEED, trades, merchants, mishaps=False)
    for merchant in world.merchants:
        world.served_by[merchant.number] = world.enterprises[0]
    assert all(parcel.currency == USD for parcel in world.parcels)
    return world


async def run(
    trades: int,
    merchants: int,
    runs: int,
    data_dir: Path | None,
    loaded: Callable[[str, int], Advance],
) -> dict[str, object]:
    """All modes, interleaved `runs` times. `loaded` gives the progress of a part of the work."""
    world = world_of(trades, merchants)
    async with corridor(data_dir, ("engine",)) as stage:
        keys = stage.corridor.data_dir / "keys"
        address = stage.corridor.addresses.engine
        async with (
            Client(address, keys, "singlewindow") as window,
            Client(address, keys, "bank") as bank,
        ):
            bench = Bench(stage, window, bank, world)
            await bench.load(loaded("documents that release the trades", 6 * trades))
            await bench.run("by_volume")  # the first allocation opens the merchants' accounts
            before = await Reading.take(stage.partners.operator, stage.corridor)
            advance = loaded("allocations", runs * len(MODES))
            results: dict[str, list[Run]] = {mode: [] for mode in MODES}
            for _ in range(runs):
                for mode, done in results.items():
                    done.append(await bench.run(mode))
                    advance(1)
            after = await Reading.take(stage.partners.operator, stage.corridor)
        found = {
            mode: figures(done, before, after, stage.corridor) for mode, done in results.items()
        }
        slowest = min(found.values(), key=_rows_per_second)
        return {
            **slowest,
            "trades": trades,
            "merchants": merchants,
            "modes": {
                mode: {name: of[name] for name in ("rows_per_second", "seconds", "latency_ms")}
                for mode, of in found.items()
            },
        }


def _rows_per_second(found: dict[str, object]) -> int:
    value = found["rows_per_second"]
    assert isinstance(value, int)
    return value
