"""Declarants at the Single Window gateway: messages in, findings out, replies collected."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.corridor import carrier, declarant
from bench.demo.partners import CALL_SECONDS_MAX, Partners
from bench.documents.messages import Writer
from bench.documents.world import Company, Parcel, World
from whampoa.customs.v1 import finding_pb2 as finding
from whampoa.customs.v1 import single_window_service_pb2 as window

if TYPE_CHECKING:
    from whampoa.customs.v1.single_window_service_pb2_grpc import SingleWindowServiceAsyncStub

MESSAGES_AT_ONCE = 8
WAYBILLS_PER_DEPARTURE = 1_000
_OPERATOR = 0
_INVT_NO = re.compile(rb"<(?:\w+:)?invtNo>(\w+)</")

Advance = Callable[[int], None]
Kind = Callable[[Iterable[Parcel]], Iterator[bytes]]


@dataclass
class Sent:
    """What became of everything that was sent."""

    documents: int = 0
    refused: int = 0
    messages: Counter[int] = field(default_factory=Counter)
    findings: list[finding.Finding] = field(default_factory=list)

    def add(self, response: window.SubmitMessageResponse) -> None:
        self.documents += response.documents
        self.refused += response.documents - response.accepted
        self.messages[response.message_type] += 1
        self.findings += response.findings


class Declaring:
    """Everybody who files at the window, each under its own certificate."""

    def __init__(self, partners: Partners, world: World, writer: Writer) -> None:
        self._partners = partners
        self._world = world
        self._writer = writer
        self._stubs: dict[int, SingleWindowServiceAsyncStub] = {}
        self._slots = asyncio.Semaphore(MESSAGES_AT_ONCE)
        self.sent = Sent()

    async def open(self) -> None:
        """Opens a channel for each declarant and carrier, and the operator's."""
        self._stubs[_OPERATOR] = await self._partners.window("operator")
        for number, company in enumerate(self._world.declarants):
            self._stubs[company.number] = await self._partners.window(declarant(number))
        for number, company in enumerate(self._world.carriers):
            self._stubs[company.number] = await self._partners.window(carrier(number))

    async def send(self, sender: Company | None, message: bytes) -> window.SubmitMessageResponse:
        """Hands one message over, as the operator when no sender is named; counts the answer."""
        request = window.SubmitMessageRequest(message=message)
        async with self._slots:
            response = await self._stubs[sender.number if sender else _OPERATOR].SubmitMessage(
                request, timeout=CALL_SECONDS_MAX
            )
        self.sent.add(response)
        return response

    async def orders(self, parcels: Iterable[Parcel], advance: Advance) -> None:
        await self._each(self._writer.orders, list(parcels), advance)

    async def waybills(self, parcels: Iterable[Parcel], advance: Advance) -> None:
        await self._each(self._writer.waybills, list(parcels), advance)

    async def lists(self, parcels: Iterable[Parcel], advance: Advance) -> None:
        await self._each(self._writer.lists, list(parcels), advance)

    async def depart(self, parcels: Iterable[Parcel], advance: Advance) -> None:
        """The carriers say which waybills left."""
        parcels = list(parcels)
        for company in self._world.carriers:
            of_carrier = (one.waybill_no for one in parcels if one.carrier == company)
            numbers = list(dict.fromkeys(of_carrier))
            for start in range(0, len(numbers), WAYBILLS_PER_DEPARTURE):
                some = numbers[start : start + WAYBILLS_PER_DEPARTURE]
                cop_no = f"D{company.customs_code}{start:08d}"
                await self.send(company, self._writer.departure(company, cop_no, some))
                advance(len(some))

    async def aggregate(self) -> int:
        """Every declarant sums up lists that customs numbered; returns how many declarations."""
        declarations = 0
        for company in self._world.declarants:
            request = window.CollectRepliesRequest(limit=100)
            answer = await self._stubs[company.number].CollectReplies(
                request, timeout=CALL_SECONDS_MAX
            )
            found = dict.fromkeys(
                number.decode() for reply in answer.replies for number in _INVT_NO.findall(reply)
            )
            if found:
                cop_no = f"S{company.customs_code}{declarations:08d}"
                await self.send(company, self._writer.aggregation(company, cop_no, list(found)))
                declarations += 1
        return declarations

    async def _each(self, kind: Kind, parcels: list[Parcel], advance: Advance) -> None:
        async def of(company: Company) -> None:
            for message in kind(parcel for parcel in parcels if parcel.declarant == company):
                response = await self.send(company, message)
                advance(response.documents)

        # Two messages of a declarant under way at once would compete for the same slots.
        await asyncio.gather(*(of(company) for company in self._world.declarants))
