"""Stories of money: it comes, is reviewed, allocated, converted and paid out, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from bench.demo.ids import Ids
from bench.demo.registration import collection_account, payee
from bench.documents.world import Company
from tests.simulation.engine import Row, Tables
from tests.simulation.people import AGAIN, NeverHappened, People
from whampoa import ids as identifiers
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.money.v1 import rejection_pb2 as rejection
from whampoa.registry.v1 import registry_service_pb2 as registry
from whampoa.risk.v1 import risk_service_pb2 as risk

BY_ORDERS = clearing.ALLOCATION_MODE_BY_ORDERS
BY_MERCHANTS = clearing.ALLOCATION_MODE_BY_MERCHANTS
BY_VOLUME = clearing.ALLOCATION_MODE_BY_VOLUME
_SETTLEMENTS = (
    clearing.CLAWBACK_SETTLEMENT_REALLOCATED,
    clearing.CLAWBACK_SETTLEMENT_REPAID_FROM_BALANCE,
)
NONE = rejection.REJECTION_UNSPECIFIED
_PAUSE_SECONDS = 5.0
_TRIES_MAX = 200
_UNDER_WAY = frozenset({"instructed", "debited"})


@dataclass(frozen=True)
class Remittance:
    """A remittance of the workload; its name stays the same whatever the engine calls it."""

    name: str
    id: bytes


class Paying:
    """What the world, operators and officers do with money."""

    def __init__(self, people: People, ids: Ids) -> None:
        self._people = people
        self.ids = ids
        # Names of remittances, by which two runs of one workload are compared.
        self.names: dict[bytes, str] = {}

    async def remit(
        self, enterprise: Company, name: str, instructed_minor: int, charges_minor: int = 0
    ) -> Remittance:
        """A buyer's bank sends money; returns once the engine knows it."""
        bank = self._people.bank
        # The world does not know whether the bank took it in when the line broke: it looks first.
        while not (
            known := [row for row in await bank.rows("remittances") if row["reference"] == name]
        ):
            await self._told(
                "remit",
                enterprise=self.ids.company(enterprise).hex(),
                currency="USD",
                instructed_minor=instructed_minor,
                charges_before_minor=charges_minor,
                payer_name="Bargain Harbor Inc.",
                payer_country="USA",
                text=f"sales {collection_account(enterprise)}",
                reference=name,
            )
        remittance = Remittance(name, bytes.fromhex(known[0]["remittance_id"]))
        self.names[remittance.id] = name
        await self._people.until(
            lambda tables: remittance.id in tables.get("remittances", {}), f"remittance {name}"
        )
        return remittance

    async def take(self, remittance: Remittance, action: str, minor: int) -> None:
        """The bank charges money of a remittance, or its payer's bank calls it back: once."""
        bank = self._people.bank

        async def taken() -> int:
            rows = await bank.rows("statement")
            return sum(
                row["kind"] == action and row["subject"] == remittance.id.hex() for row in rows
            )

        before = await taken()
        while await taken() == before:
            await self._told(action, remittance=remittance.id.hex(), amount_minor=minor)

    async def _told(self, action: str, **arguments: object) -> None:
        """Tells the bank something that it does as often as it hears it."""
        try:
            await self._people.once("bank").instruct(action, **arguments)
        except grpc.aio.AioRpcError as failure:
            if failure.code() not in AGAIN:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)

    async def allocate(
        self,
        remittance: Remittance,
        mode: clearing.AllocationMode.ValueType = BY_VOLUME,
        advice: Mapping[bytes, int] | None = None,
    ) -> clearing.AllocateResponse:
        """Shares the suspense, once officers let it."""
        halves = [identifiers.halves(it) for it in advice or {}]
        # What cannot be done now is asked for again under the same id: a copy may be on its way.
        request = clearing.AllocateRequest(
            request_id=identifiers.uuid7(),
            remittance_id=remittance.id,
            mode=mode,
            row_count=len(halves),
            id_high=[high for high, _ in halves],
            id_low=[low for _, low in halves],
            advised_minor=list((advice or {}).values()),
        )
        for _ in range(_TRIES_MAX):
            response: clearing.AllocateResponse
            response = await self._people.operator.clearing.Allocate(request)
            if response.refusal.code == rejection.REJECTION_REVIEW_PENDING:
                await self._clear(remittance)
            elif not response.refusal.transient:
                return response
            await asyncio.sleep(_PAUSE_SECONDS)
        raise NeverHappened(f"{remittance.name} is never allocated: {response.refusal.message}")

    async def _clear(self, remittance: Remittance) -> None:
        """Two officers look and let it go on."""
        for number, officer in enumerate(self._people.officers, 1):
            request = risk.ClearReviewRequest(
                request_id=identifiers.uuid7(),
                subject_id=remittance.id,
                officer_party_id=self.ids.officer(number),
                reason="invoices seen",
            )
            await officer.risk.ClearReview(request)

    async def give_back(self, remittance: Remittance, minor: int) -> None:
        """Suspense goes back to its payer."""
        if not minor:
            return
        await self._settle(
            self._people.operator.forex.ReturnSuspense,
            forex.ReturnSuspenseRequest(
                request_id=identifiers.uuid7(),
                remittance_id=remittance.id,
                amount_minor=minor,
                reason="nobody's money",
            ),
        )

    async def convert(self, remittance: Remittance) -> None:
        """Asks the bank until all that is allocated is converted: it may refuse."""
        for _ in range(_TRIES_MAX):
            view = (await self._people.tables())["remittances"][remittance.id]
            if view["converted_minor"] == view["allocated_minor"]:
                return
            request = forex.RequestConversionRequest(
                request_id=identifiers.uuid7(),
                conversion_id=identifiers.uuid7(),
                remittance_id=remittance.id,
            )
            await self._people.operator.forex.RequestConversion(request)
            await asyncio.sleep(_PAUSE_SECONDS)
        raise NeverHappened(f"{remittance.name} is never converted: {view}")

    async def pay(self, enterprise: Company) -> None:
        """Pays until nothing is under way and nothing is left that may be paid."""
        company = self.ids.company(enterprise)
        for _ in range(_TRIES_MAX):
            request = clearing.InstructPayoutsRequest(
                request_id=identifiers.uuid7(), service_enterprise_party_id=company
            )
            response = await self._people.operator.clearing.InstructPayouts(request)
            is_idle = response.refusal.code != NONE or response.payouts == 0
            if is_idle and not under_way(await self._people.tables(), company):
                return
            await asyncio.sleep(_PAUSE_SECONDS)
        raise NeverHappened(f"payouts of {enterprise.name} never end")

    async def trades(self) -> dict[str, Row]:
        """Trades by their order numbers."""
        return {it["order_no"]: it for it in (await self._people.tables())["trades"].values()}

    async def close_account(self, merchant: Company) -> None:
        """The merchant's bank will send back what comes for its first account."""
        await self._people.pboc.instruct("close_account", account=payee(merchant).account_no)

    async def set_payee(self, merchant: Company, account: registry.PayeeAccount) -> None:
        """The merchant is paid to another account from now on."""
        await self._settle(
            self._people.operator.registry.SetPayee,
            registry.SetPayeeRequest(
                request_id=identifiers.uuid7(), party_id=self.ids.company(merchant), payee=account
            ),
        )

    async def come_back(self, trade_id: bytes, minor: int) -> None:
        """Goods come back after they were paid for; the merchant repays or sells other goods."""
        operator = self._people.operator
        await self._settle(
            operator.customs.ReportReturn,
            customs.ReportReturnRequest(
                request_id=identifiers.uuid7(),
                trade_id=trade_id,
                amount_minor=minor,
                reference="goods came back",
            ),
        )
        for settlement in _SETTLEMENTS:
            # What nothing covers stays open, and the merchant's payouts wait.
            request = clearing.SettleClawbackRequest(
                request_id=identifiers.uuid7(),
                trade_id=trade_id,
                settlement=settlement,
                reason="goods came back",
            )
            await operator.clearing.SettleClawback(request)

    async def _settle(self, call: Callable[[Any], Awaitable[Any]], request: Any) -> Any:
        """Asks under one id until the answer is final."""
        for _ in range(_TRIES_MAX):
            response = await call(request)
            if not response.refusal.transient:
                return response
            await asyncio.sleep(_PAUSE_SECONDS)
        raise NeverHappened(f"{response.refusal.message}")

    async def declare_again(self) -> bool:
        """An operator asks for what SAFE refused; false when there is nothing."""
        records = (await self._people.tables()).get("bop_records", {}).values()
        refused = sorted({it["remittance_id"] for it in records if it["state"] == "refused"})
        for remittance_id in refused:
            request = forex.DeclareRemittanceRequest(
                request_id=identifiers.uuid7(), remittance_id=remittance_id
            )
            await self._people.operator.forex.DeclareRemittance(request)
        return bool(refused)

    async def ended(self, enterprise: Company) -> None:
        """Waits until no payout is under way: a return follows its settlement."""
        company = self.ids.company(enterprise)
        await self._people.until(lambda tables: not under_way(tables, company), "payouts")
        await asyncio.sleep(_PAUSE_SECONDS)

    async def charged(self, remittance: Remittance, minor: int) -> None:
        """Waits until the engine knows of a charge."""
        await self._people.until(
            lambda tables: tables["remittances"][remittance.id]["charges_after_minor"] == minor,
            f"charge on {remittance.name}",
        )

    async def view(self, remittance: Remittance) -> Row:
        """The remittance as it stands."""
        return (await self._people.tables())["remittances"][remittance.id]


def under_way(tables: Tables, company: bytes) -> list[Any]:
    """Payouts of an enterprise of which nobody knows the end yet."""
    return [
        it["payout_id"]
        for it in tables.get("payouts", {}).values()
        if it["service_enterprise_party_id"] == company and it["state"] in _UNDER_WAY
    ]
