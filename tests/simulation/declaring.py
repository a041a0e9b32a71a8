"""Stories of documents: parcels are declared, held, sent back, taken back, and leave."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from bench.documents.messages import Writer
from bench.documents.world import Company, Parcel, World
from tests.simulation.chance import stream
from tests.simulation.clock import STARTED_MS
from tests.simulation.corridor import Corridor
from tests.simulation.people import NeverHappened, People
from whampoa.customs.v1 import single_window_service_pb2 as window

_RELEASED = frozenset({"800", "899"})
_TRIES_MAX = 8
# How often somebody sends the same message a second time, not knowing that the first arrived.
_TWICE = 0.2


class Declaring:
    """What declarants, carriers and customs do."""

    def __init__(self, corridor: Corridor, people: People, world: World, seed: int) -> None:
        self._corridor = corridor
        self._people = people
        self._world = world
        self._seed = seed
        self._held: set[str] = set()
        self._rejected: set[str] = set()
        self.withdrawn: set[str] = set()

    async def declare(self, number: int, parcels: Sequence[Parcel]) -> None:
        """Declares parcels until customs has released them all."""
        everything = self._messages(number, 0, parcels, ("orders", "waybills", "lists"))
        await self._send_all(number, everything)
        for attempt in range(1, _TRIES_MAX):
            await self._corridor.quiet("customs' answers")
            for order_no in sorted(self._held):
                await self._people.customs.instruct("release_held", book="lists", pattern=order_no)
            await self._corridor.quiet("customs' releases")
            back = [it for it in parcels if it.order_no not in await self._released()]
            if not back:
                return
            await self._send_all(number, self._messages(number, attempt, back, ("lists",)))
        raise NeverHappened(f"{back[0].order_no} is never released")

    def _messages(
        self, number: int, attempt: int, parcels: Sequence[Parcel], kinds: Iterable[str]
    ) -> list[tuple[Company, bytes]]:
        chance = stream(self._seed, "messages", number, attempt)
        writer = Writer(chance.getrandbits(32), STARTED_MS)
        messages = [
            (company, message)
            for kind in kinds
            for company in self._world.declarants
            for message in getattr(writer, kind)(it for it in parcels if it.declarant == company)
        ]
        chance.shuffle(messages)
        return messages

    async def _send_all(self, number: int, messages: Sequence[tuple[Company, bytes]]) -> None:
        chance = stream(self._seed, "sends", number)

        async def send(company: Company, message: bytes, times: int) -> None:
            stub = self._people.window(f"declarant-{company.number}")
            for _ in range(times):
                request = window.SubmitMessageRequest(message=message)
                response = await stub.SubmitMessage(request)
                if response.accepted != response.documents:
                    raise NeverHappened(f"a declarant's document is refused: {response.findings}")

        await asyncio.gather(*(send(*it, 2 if chance.random() < _TWICE else 1) for it in messages))

    async def _released(self) -> set[str]:
        rows = await self._people.customs.rows("lists")
        return {row["order_no"] for row in rows if row["status"] in _RELEASED}

    async def hold(self, number: int, parcels: Sequence[Parcel]) -> None:
        """Customs will hold a list until it is told to let it go."""
        parcel = stream(self._seed, "act", number).choice(parcels)
        self._held.add(parcel.order_no)
        await self._people.customs.instruct("hold", book="lists", pattern=parcel.order_no)

    async def reject(self, number: int, parcels: Sequence[Parcel]) -> None:
        """Customs will send a list back once."""
        parcel = stream(self._seed, "act", number).choice(parcels)
        await self._people.customs.instruct("reject", book="lists", pattern=parcel.order_no)

    async def withdraw(self, number: int, parcels: Sequence[Parcel]) -> None:
        """Customs takes a released list back: its trade proves nothing any more."""
        parcel = stream(self._seed, "act", number).choice(parcels)
        self.withdrawn.add(parcel.order_no)
        await self._people.customs.instruct("withdraw", pattern=parcel.order_no)

    async def depart(self, number: int, parcels: Sequence[Parcel]) -> None:
        """Carriers say which waybills left."""
        writer = Writer(stream(self._seed, "act", number).getrandbits(32), STARTED_MS)
        for carrier in self._world.carriers:
            numbers = [it.waybill_no for it in parcels if it.carrier == carrier]
            if not numbers:
                continue
            message = writer.departure(carrier, f"D{carrier.customs_code}{number:08d}", numbers)
            stub = self._people.window(f"carrier-{carrier.number}")
            await stub.SubmitMessage(window.SubmitMessageRequest(message=message))
