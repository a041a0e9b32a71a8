"""A seeded workload from parcels to paid merchants whose books depend on nothing but itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bench.demo.acts import Acts
from bench.demo.books import bop_records
from bench.demo.declaring import Declaring
from bench.demo.ids import Ids
from bench.demo.partners import Partners, until
from bench.demo.registration import Registration
from bench.demo.settling import Settling
from bench.documents.messages import Writer
from bench.documents.world import World, build
from bench.refusal import accepted
from tests.faults.books import Books, books
from whampoa.evidence.v1 import evidence_service_pb2 as evidence

MERCHANTS = 12
SECONDS = 240.0
Between = Callable[[int], Awaitable[None]]


class Workload:
    """Rounds of parcels; each round's goods are released, their money comes and is paid out."""

    def __init__(self, partners: Partners, ids: Ids, seed: int, rounds: int, parcels: int) -> None:
        self._world: World = build(seed, rounds * parcels, MERCHANTS, mishaps=False)
        self._rounds, self._parcels = rounds, parcels
        self._partners, self._ids = partners, ids
        self._settling = Settling(partners, self._world, ids)
        self._acts = Acts(self._settling)
        self._declaring = Declaring(partners, self._world, Writer(seed, ids.started_ms))

    async def run(self, between: Between) -> Books:
        """All rounds, then what everybody's books say. `between` is awaited in every round, while
        money is on its way."""
        await Registration(self._partners, self._world, self._ids).run()
        await self._declaring.open()
        for at in range(self._rounds):
            await self._declare(at)
            for enterprise in self._world.enterprises:
                trades = await self._acts._open(enterprise)
                minor = sum(trade.verified_minor for owned in trades.values() for trade in owned)
                if minor:
                    remittance = await self._settling.remit(enterprise, minor)
                    accepted(await self._settling.allocate(remittance), "allocation")
                    await self._settling.convert(remittance)
            await between(at)
            await self._settling.settled()
        await self._declaring.depart(self._world.parcels, lambda _steps: None)
        await self._reported()
        return await books(self._partners, self._settling)

    async def _declare(self, at: int) -> None:
        parcels = self._world.parcels[at * self._parcels : (at + 1) * self._parcels]
        for step in (self._declaring.orders, self._declaring.waybills, self._declaring.lists):
            await step(parcels, lambda _steps: None)
        expected = (at + 1) * self._parcels

        async def released() -> bool:
            return sum(1 for it in await self._settling.trades() if it.released_at_ms) == expected

        await until(released, f"{expected} trades released", SECONDS)

    async def _reported(self) -> None:
        """Every record accepted by SAFE, and nothing moves any more."""
        before, same = -1, 0
        while same < 3:
            status = await self._partners.operator.evidence.GetStatus(evidence.GetStatusRequest())
            records = await bop_records(self._settling)
            is_told = bool(records) and all(one.state in ("accepted", "deleted") for one in records)
            same = same + 1 if is_told and status.entries == before else 0
            before = status.entries
            await asyncio.sleep(0.4)
