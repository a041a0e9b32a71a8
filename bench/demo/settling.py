"""A service enterprise's money: it arrives, is reviewed, allocated, converted and paid out."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.demo.ids import Ids
from bench.demo.partners import CALL_SECONDS_MAX, NeverHappened, Partners, until
from bench.demo.registration import collection_account
from bench.documents.world import Company, World
from bench.pages import PAGE, pages
from bench.refusal import accepted
from whampoa import ids as identifiers
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.money.v1.money_pb2 import Position
from whampoa.paging.v1.paging_pb2 import PageRequest
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.risk.v1 import risk_service_pb2 as risk

_REMITTED = re.compile(r"remittance ([0-9a-f]{32}) ")
BY_ORDERS = clearing.ALLOCATION_MODE_BY_ORDERS
BY_MERCHANTS = clearing.ALLOCATION_MODE_BY_MERCHANTS
BY_VOLUME = clearing.ALLOCATION_MODE_BY_VOLUME


@dataclass
class Money:
    """What the run did with money, for its report."""

    remittances: list[bytes] = field(default_factory=list)
    stopped: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, what: str, outcome: str) -> None:
        """Notes something that went wrong in the field, and how it ended."""
        self.told.append((what, outcome))


class Settling:
    """Calls that every act of the play is made of."""

    def __init__(self, partners: Partners, world: World, ids: Ids) -> None:
        self.partners = partners
        self.engine = partners.operator
        self.world = world
        self.ids = ids
        self.money = Money()
        # Reads have to see what was written before them.
        self._seen = Position()

    async def remit(self, enterprise: Company, minor: int, **arguments: object) -> bytes:
        """A buyer's bank sends money; returns the remittance once the engine knows it."""
        said = await self.partners.bank.instruct(
            "remit",
            **{
                "enterprise": self.ids.company(enterprise).hex(),
                "currency": "USD",
                "instructed_minor": minor,
                "payer_name": "Bargain Harbor Inc.",
                "payer_country": "USA",
                "text": f"sales {collection_account(enterprise)}",
                **arguments,
            },
        )
        found = _REMITTED.match(said)
        if found is None:
            raise NeverHappened(f"bank said {said!r} to a remittance")
        remittance_id = bytes.fromhex(found[1])
        self.money.remittances.append(remittance_id)

        async def known() -> bool:
            return remittance_id in await self.remittances(enterprise)

        await until(known, f"remittance {found[1]} in the engine")
        return remittance_id

    async def allocate(
        self,
        remittance_id: bytes,
        mode: clearing.AllocationMode.ValueType = BY_VOLUME,
        advice: Mapping[bytes, int] | None = None,
    ) -> clearing.AllocateResponse:
        """Shares the suspense of a remittance; refusals are given back."""
        halves = [identifiers.halves(identifier) for identifier in advice or {}]
        request = clearing.AllocateRequest(
            request_id=identifiers.uuid7(),
            remittance_id=remittance_id,
            mode=mode,
            row_count=len(halves),
            id_high=[high for high, _ in halves],
            id_low=[low for _, low in halves],
            advised_minor=list((advice or {}).values()),
        )
        response = await self.engine.clearing.Allocate(request, timeout=CALL_SECONDS_MAX)
        self.note(response.last)
        return response

    async def convert(self, remittance_id: bytes) -> None:
        """Asks the bank to convert all that is allocated and not yet converted."""
        request = forex.RequestConversionRequest(
            request_id=identifiers.uuid7(),
            conversion_id=identifiers.uuid7(),
            remittance_id=remittance_id,
        )
        response = await self.engine.forex.RequestConversion(request, timeout=CALL_SECONDS_MAX)
        self.note(accepted(response, "conversion").position)

    async def clear(self, remittance_id: bytes, reason: str) -> None:
        """Two officers, each under a certificate of his own, clear what was stopped."""
        for number, officer in enumerate(self.partners.officers, 1):
            request = risk.ClearReviewRequest(
                request_id=identifiers.uuid7(),
                subject_id=remittance_id,
                officer_party_id=self.ids.officer(number),
                reason=reason,
            )
            response = await officer.risk.ClearReview(request, timeout=CALL_SECONDS_MAX)
            self.note(accepted(response, f"officer {number}").position)

    async def pay(self, enterprise: Company) -> clearing.InstructPayoutsResponse:
        """Pays the cleared balances of an enterprise's merchants."""
        request = clearing.InstructPayoutsRequest(
            request_id=identifiers.uuid7(),
            service_enterprise_party_id=self.ids.company(enterprise),
        )
        response = await self.engine.clearing.InstructPayouts(request, timeout=CALL_SECONDS_MAX)
        self.note(response.position)
        return response

    def note(self, position: Position) -> None:
        """Keeps the newest position written, for the reads that follow."""
        if position.log and (not self._seen.log or position.index > self._seen.index):
            self._seen = position

    def _page(self) -> PageRequest:
        at_least = self._seen if self._seen.log else None
        return PageRequest(page_size=PAGE, at_least=at_least)

    async def remittances(
        self, enterprise: Company | None = None
    ) -> dict[bytes, query.RemittanceView]:
        """Remittances by id, of one enterprise or of all."""
        request = query.ListRemittancesRequest(page=self._page())
        if enterprise is not None:
            request.service_enterprise_party_id = self.ids.company(enterprise)
        answer = await self.engine.query.ListRemittances(request, timeout=CALL_SECONDS_MAX)
        return {view.remittance_id: view for view in answer.remittances}

    async def open_trades(self) -> dict[bytes, list[query.TradeView]]:
        """Released trades with open value, by merchant, oldest release first."""
        found: dict[bytes, list[query.TradeView]] = defaultdict(list)
        for trade in await self.trades("released"):
            if trade.currency == "USD" and trade.verified_minor > trade.used_minor:
                found[trade.merchant_party_id].append(trade)
        for trades in found.values():
            trades.sort(key=lambda trade: (trade.released_at_ms, trade.trade_id))
        return found

    async def trades(self, state: str = "") -> list[query.TradeView]:
        request = query.ListTradesRequest(state=state, page=self._page())
        read = self.engine.query.ListTrades
        return [trade async for page in pages(read, request) for trade in page.trades]

    async def payouts(self) -> list[query.PayoutView]:
        request = query.ListPayoutsRequest(page=self._page())
        read = self.engine.query.ListPayouts
        return [payout async for page in pages(read, request) for payout in page.payouts]

    async def settled(self) -> None:
        """Waits until everything allocated is converted and no payout is under way."""

        async def over() -> bool:
            remittances = (await self.remittances()).values()
            if any(one.allocated_minor > one.converted_minor for one in remittances):
                return False
            states = Counter(payout.state for payout in await self.payouts())
            return not states["instructed"] and not states["debited"]

        await until(over, "every payout settled, returned or rejected")
        # A return follows its settlement; it is told in a letter of its own.
        await asyncio.sleep(0.3)
        await until(over, "every payout settled, returned or rejected")
