"""What happens in a run: acts drawn from the seed, each from its own stream, in rounds."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bench.demo.ids import Ids
from bench.demo.registration import Registration
from bench.documents.messages import Writer
from bench.documents.world import Company, Parcel, World, build
from tests.simulation.chance import stream
from tests.simulation.clock import STARTED_NS
from tests.simulation.corridor import Corridor
from tests.simulation.paying import BY_MERCHANTS, BY_ORDERS, BY_VOLUME, Paying, Remittance
from tests.simulation.people import People
from whampoa.customs.v1 import single_window_service_pb2 as window

# A declaration may need its predecessor's numbers deleted first.
_DECLARATIONS_MAX = 5
MERCHANTS = 6
PARCELS_PER_ROUND = 12
STARTED_MS = STARTED_NS // 1_000_000


@dataclass(frozen=True)
class Act:
    """One thing that somebody does; what it draws comes from its own stream."""

    number: int
    round: int
    kind: str
    # Which enterprise, where there is one.
    enterprise: int = 0

    def __str__(self) -> str:
        return f"act {self.number}: {self.kind} of enterprise {self.enterprise}, round {self.round}"


# Every round of an enterprise is one of these stories.
_MONEY = ("by_volume", "by_merchants", "by_orders", "surplus", "short")


def plan(seed: int, rounds: int) -> list[Act]:
    """The acts of a seed."""
    acts: list[Act] = []
    for at in range(rounds):
        for kind in ("declare", "depart"):
            acts.append(Act(len(acts), at, kind))
        for enterprise in range(3):
            chance = stream(seed, "plan", at, enterprise)
            acts.append(Act(len(acts), at, chance.choice(_MONEY), enterprise))
    return acts


class Workload:
    """The acts of a seed, acted in a corridor."""

    def __init__(self, corridor: Corridor, seed: int, acts: Sequence[Act], rounds: int) -> None:
        self._corridor = corridor
        self._seed = seed
        self._acts = acts
        self._rounds = rounds
        self.world: World = build(seed, rounds * PARCELS_PER_ROUND, MERCHANTS, mishaps=False)
        self.ids = Ids(STARTED_MS)
        self.people = People(corridor)
        self.paying = Paying(self.people, self.ids)

    async def register(self) -> None:
        """Who takes part; nothing fails yet."""
        await Registration(self.people.registrars, self.world, self.ids).run()

    async def act(self, number: int) -> None:
        """One round: documents first, money once they are settled."""
        acts = [act for act in self._acts if act.round == number]
        for act in acts:
            if act.kind in {"declare", "depart"}:
                await getattr(self, f"_{act.kind}")(act)
                await self._corridor.quiet(str(act))
        money = [act for act in acts if act.kind in _MONEY]
        await asyncio.gather(*(self._money(act) for act in money))
        await self._corridor.quiet(f"round {number}")

    async def finish(self) -> None:
        """Whatever may still be paid is paid; what SAFE refused is declared again."""
        await asyncio.gather(*(self.paying.pay(it) for it in self.world.enterprises))
        for _ in range(_DECLARATIONS_MAX):
            await self._corridor.quiet("the end")
            if not await self.paying.declare_again():
                return

    def parcels(self, number: int) -> list[Parcel]:
        """What is sold in a round."""
        start = number * PARCELS_PER_ROUND
        return self.world.parcels[start : start + PARCELS_PER_ROUND]

    async def _declare(self, act: Act) -> None:
        chance = stream(self._seed, "act", act.number)
        writer = Writer(chance.getrandbits(32), STARTED_MS)
        parcels = self.parcels(act.round)
        messages = [
            (company, message)
            for kind in (writer.orders, writer.waybills, writer.lists)
            for company in self.world.declarants
            for message in kind(it for it in parcels if it.declarant == company)
        ]
        chance.shuffle(messages)

        async def send(company: Company, message: bytes) -> None:
            stub = self.people.window(f"declarant-{company.number}")
            request = window.SubmitMessageRequest(message=message)
            for _ in range(2 if chance.random() < 0.2 else 1):
                response = await stub.SubmitMessage(request)
                assert response.accepted == response.documents, response.findings

        await asyncio.gather(*(send(*it) for it in messages))

    async def _depart(self, act: Act) -> None:
        writer = Writer(stream(self._seed, "act", act.number).getrandbits(32), STARTED_MS)
        for carrier in self.world.carriers:
            numbers = [it.waybill_no for it in self.parcels(act.round) if it.carrier == carrier]
            if not numbers:
                continue
            cop_no = f"D{carrier.customs_code}{act.round:08d}"
            message = writer.departure(carrier, cop_no, numbers)
            stub = self.people.window(f"carrier-{carrier.number}")
            await stub.SubmitMessage(window.SubmitMessageRequest(message=message))

    async def _money(self, act: Act) -> None:
        chance = stream(self._seed, "act", act.number)
        enterprise = self.world.enterprises[act.enterprise]
        sold: dict[bytes, int] = {}
        for parcel in self._of(act):
            merchant = self.ids.company(parcel.merchant)
            sold[merchant] = sold.get(merchant, 0) + parcel.value
        minor = sum(sold.values()) * chance.randint(30, 90) // 100
        name = f"R{self._seed % 1000:03d}{act.number:05d}"
        charges = minor * chance.randint(1, 3) // 100 if act.kind == "short" else 0
        if act.kind == "surplus":
            minor += sum(sold.values())
        remittance = await self.paying.remit(enterprise, name, minor, charges)
        await self._allocate(act, remittance, sold, minor - charges)
        await self.paying.convert(remittance)
        await self.paying.pay(enterprise)

    async def _allocate(
        self, act: Act, remittance: Remittance, sold: dict[bytes, int], minor: int
    ) -> None:
        if act.kind == "by_merchants":
            advice = {it: value * minor // sum(sold.values()) for it, value in sold.items()}
            advice = {it: value for it, value in advice.items() if value}
            await self.paying.allocate(remittance, BY_MERCHANTS, advice)
        elif act.kind == "by_orders":
            tables = await self.people.tables()
            orders = {it.order_no: it.value for it in self._of(act)}
            trades = {it["order_no"]: it["trade_id"] for it in tables["trades"].values()}
            advice = {}
            for order_no, value in orders.items():
                part = min(value, minor)
                minor -= part
                if part and order_no in trades:
                    advice[trades[order_no]] = part
            await self.paying.allocate(remittance, BY_ORDERS, advice)
        else:
            await self.paying.allocate(remittance, BY_VOLUME)

    def _of(self, act: Act) -> list[Parcel]:
        enterprise = self.world.enterprises[act.enterprise]
        return [
            it
            for it in self.parcels(act.round)
            if self.world.served_by[it.merchant.number] == enterprise
        ]


def without(acts: Sequence[Act], dropped: Collection[int]) -> list[Act]:
    """The acts that are left."""
    return [act for act in acts if act.number not in dropped]
