"""The acts of a seed, acted in a corridor round by round."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bench.demo.ids import Ids
from bench.demo.registration import Registration
from bench.documents.world import Parcel, World, build
from tests.simulation.acts import MONEY, Act
from tests.simulation.chance import stream
from tests.simulation.clock import STARTED_MS
from tests.simulation.corridor import Corridor
from tests.simulation.declaring import Declaring
from tests.simulation.paying import Paying
from tests.simulation.people import People
from tests.simulation.stories import Sale, Stories

MERCHANTS = 6
PARCELS_PER_ROUND = 12
# A declaration may need its predecessor's numbers deleted first.
_DECLARATIONS_MAX = 5


class Workload:
    """Everything that people do in a run."""

    def __init__(self, corridor: Corridor, seed: int, acts: Sequence[Act], rounds: int) -> None:
        self._corridor = corridor
        self._seed = seed
        self._acts = acts
        self.world: World = build(seed, rounds * PARCELS_PER_ROUND, MERCHANTS, mishaps=False)
        self.ids = Ids(STARTED_MS)
        self.people = People(corridor)
        self.paying = Paying(self.people, self.ids)
        self.declaring = Declaring(corridor, self.people, self.world, seed)
        self._stories = Stories(self.paying)

    async def register(self) -> None:
        """Who takes part; nothing fails yet."""
        await Registration(self.people.registrars, self.world, self.ids).run()

    async def documents(self, number: int) -> None:
        """The documents of a round, until nothing of them is under way."""
        start = number * PARCELS_PER_ROUND
        parcels = self.world.parcels[start : start + PARCELS_PER_ROUND]
        for act in self._acts:
            if act.round == number and act.kind not in MONEY:
                await getattr(self.declaring, act.kind)(act.number, parcels)
                await self._corridor.quiet(str(act))

    async def money(self, number: int) -> None:
        """The money of a round; enterprises have nothing to do with each other."""
        sales = [self._sale(act) for act in self._acts if act.round == number and act.kind in MONEY]
        await asyncio.gather(*(self._stories.tell(sale) for sale in sales))
        await self._corridor.quiet(f"the money of round {number}")

    def _sale(self, act: Act) -> Sale:
        start = act.round * PARCELS_PER_ROUND
        enterprise = self.world.enterprises[act.enterprise]
        parcels: list[Parcel] = [
            it
            for it in self.world.parcels[start : start + PARCELS_PER_ROUND]
            if self.world.served_by[it.merchant.number] == enterprise
            and it.order_no not in self.declaring.withdrawn
        ]
        name = f"R{self._seed % 1000:03d}{act.number:05d}"
        return Sale(act, enterprise, parcels, stream(self._seed, "act", act.number), name)

    async def finish(self) -> None:
        """Whatever may still be paid is paid; what SAFE refused is declared again."""
        await asyncio.gather(*(self.paying.pay(it) for it in self.world.enterprises))
        for _ in range(_DECLARATIONS_MAX):
            await self._corridor.quiet("the end")
            if not await self.paying.declare_again():
                return
