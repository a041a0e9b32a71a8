"""What happens to the money of each service enterprise, with all that goes wrong in the field."""

from __future__ import annotations

from collections import defaultdict

from bench.demo.partners import CALL_SECONDS_MAX, until
from bench.demo.registration import payee
from bench.demo.settling import BY_MERCHANTS, BY_ORDERS, Settling
from bench.documents.world import Company
from bench.refusal import accepted, describe
from whampoa import ids as identifiers
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.money.v1 import rejection_pb2 as rejection
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.registry.v1 import registry_service_pb2 as registry
from whampoa.risk.v1 import risk_service_pb2 as risk

# More than all its trades are worth: 25,000.00 US dollars of the last enterprise's money.
SURPLUS_MINOR = 2_500_000
# Below this some merchant may have no parcel to which something could happen.
PARCELS_MIN = 240
_RECALLED_MINOR = 10_000
_CHARGES_PERCENT = 3


class Acts:
    """Three enterprises; the numbers of what to allocate come from what is open."""

    def __init__(self, settling: Settling) -> None:
        self._it = settling
        self._merchants = {
            settling.ids.company(merchant): merchant for merchant in settling.world.merchants
        }

    async def all(self) -> None:
        """Everything that happens in the field; with few parcels, the plain way alone."""
        first, second, third = self._it.world.enterprises
        if len(self._it.world.parcels) < PARCELS_MIN:
            for enterprise in self._it.world.enterprises:
                await self.plain(enterprise)
            await self._it.settled()
            return
        await self.by_every_mode(first)
        await self.returned_goods(first)
        await self.short_receipt(second)
        await self.closed_account(second)
        await self.recalled_before_conversion(second)
        await self.recalled_after_conversion(second)
        await self.suspected(third)
        await self.revoked_grant(third)
        await self.surplus(third)
        await self._it.settled()
        await self.pay_again(second)

    async def plain(self, enterprise: Company) -> None:
        """One remittance over all that is open."""
        minor = _open_minor(await self._open(enterprise))
        if minor:
            await self._allocate_and_convert(await self._it.remit(enterprise, minor))

    async def by_every_mode(self, enterprise: Company) -> None:
        """By volume, by merchants, by orders: the three ways to share a remittance."""
        trades = await self._open(enterprise)
        remittance = await self._it.remit(enterprise, _open_minor(trades) * 6 // 10)
        await self._allocate_and_convert(remittance)
        trades = await self._open(enterprise)
        advice = {merchant: _sum(owned) // 2 for merchant, owned in trades.items()}
        advice = {merchant: minor for merchant, minor in advice.items() if minor}
        remittance = await self._it.remit(enterprise, sum(advice.values()))
        accepted(await self._it.allocate(remittance, BY_MERCHANTS, advice), "by merchants")
        await self._it.convert(remittance)
        trades = await self._open(enterprise)
        named = [trade for owned in trades.values() for trade in owned[: len(owned) // 2]]
        orders = {trade.trade_id: _open(trade) for trade in named}
        remittance = await self._it.remit(enterprise, sum(orders.values()))
        accepted(await self._it.allocate(remittance, BY_ORDERS, orders), "by orders")
        await self._it.convert(remittance)

    async def returned_goods(self, enterprise: Company) -> None:
        """Goods come back after their money was allocated: the merchant's payouts are held."""
        trades = await self._open(enterprise)
        # Its other trades have to have room for what is claimed back.
        merchant = max(trades, key=lambda owner: _sum(trades[owner]) - _open(_least(trades[owner])))
        used = _least(trades[merchant])
        value = _open(used)
        remittance = await self._it.remit(enterprise, value)
        named = {used.trade_id: value}
        accepted(await self._it.allocate(remittance, BY_ORDERS, named), "returned goods")
        engine = self._it.engine
        back = customs.ReportReturnRequest(
            request_id=identifiers.uuid7(),
            trade_id=used.trade_id,
            amount_minor=value,
            reference="CEB213 of the demo",
        )
        report = accepted(await engine.customs.ReportReturn(back, timeout=30), "return")
        self._it.note(report.position)
        await self._it.convert(remittance)
        await self._converted(remittance)
        refused = await self._pay_one(enterprise, merchant)
        settle = clearing.SettleClawbackRequest(
            request_id=identifiers.uuid7(),
            trade_id=used.trade_id,
            settlement=clearing.CLAWBACK_SETTLEMENT_REALLOCATED,
            reason="other sales of the merchant cover it",
        )
        done = accepted(
            await engine.clearing.SettleClawback(settle, timeout=CALL_SECONDS_MAX), "clawback"
        )
        self._it.note(done.position)
        paid = accepted(await self._it.pay(enterprise), "payouts after the clawback")
        code = rejection.Rejection.Name(refused.refusal.code).removeprefix("REJECTION_")
        self._it.money.tell(
            "goods returned after allocation",
            f"clawback of {_usd(report.clawback_minor)}: payout {code}; moved to other trades"
            f" ({_usd(done.settled_minor)}), then {paid.payouts} paid",
        )

    async def short_receipt(self, enterprise: Company) -> None:
        """Banks on the way keep three per cent."""
        trades = await self._open(enterprise)
        minor = _open_minor(trades) // 2
        charges = minor * _CHARGES_PERCENT // 100
        remittance = await self._it.remit(enterprise, minor, charges_before_minor=charges)
        view = (await self._it.remittances(enterprise))[remittance]
        self._it.money.tell(
            "short receipt",
            f"{_usd(minor)} instructed, {_usd(view.credited_minor)} credited:"
            f" review {view.review_outcome} ({', '.join(view.review_reasons)})",
        )
        self._closing = next(iter(trades))
        account = payee(self._merchants[self._closing]).account_no
        await self._it.partners.pboc.instruct("close_account", account=account)
        await self._allocate_and_convert(remittance)

    async def closed_account(self, enterprise: Company) -> None:
        """The payee's bank returns the money of a closed account; a new account is registered."""
        party_id = self._closing

        async def came_back() -> bool:
            return "returned" in await self._states(party_id)

        await until(came_back, "the payout to the closed account comes back")
        request = registry.SetPayeeRequest(
            request_id=identifiers.uuid7(),
            party_id=party_id,
            payee=payee(self._merchants[party_id], account=2),
        )
        accepted(await self._it.engine.registry.SetPayee(request, timeout=30), "new account")
        accepted(await self._it.pay(enterprise), "payouts to the new account")

        async def paid() -> bool:
            return "settled" in await self._states(party_id)

        await until(paid, "the payout to the new account settles")
        self._it.money.tell(
            "payee account closed", "returned with AC04, paid again to the new account"
        )

    async def recalled_before_conversion(self, enterprise: Company) -> None:
        """The payer's bank calls a part back while it is allocated only."""
        trades = await self._open(enterprise)
        remittance = await self._it.remit(enterprise, _open_minor(trades) // 10)
        accepted(await self._it.allocate(remittance), "allocation")
        before = (await self._it.remittances(enterprise))[remittance]
        await self._recall(remittance)

        async def undone() -> bool:
            now = (await self._it.remittances(enterprise))[remittance]
            return now.allocated_minor == before.allocated_minor - _RECALLED_MINOR

        await until(undone, "the recall undoes allocations")
        await self._it.convert(remittance)
        self._it.money.tell(
            "recall before conversion", f"{_usd(_RECALLED_MINOR)} of allocations undone exactly"
        )

    async def recalled_after_conversion(self, enterprise: Company) -> None:
        """The payer's bank calls a part back when it is CNY already: a debt of the merchants."""
        trades = await self._open(enterprise)
        remittance = await self._it.remit(enterprise, _open_minor(trades) // 10)
        await self._allocate_and_convert(remittance)
        await self._converted(remittance)
        said = await self._recall(remittance)
        self._it.money.tell("recall after conversion", f"the bank: {said}")

    async def suspected(self, enterprise: Company) -> None:
        """A suspicious merchant stops the money; two officers look and clear it."""
        trades = await self._open(enterprise)
        merchant = next(iter(trades))
        await self._suspect([merchant])
        remittance = await self._it.remit(enterprise, _open_minor(trades) // 2)
        view = (await self._it.remittances(enterprise))[remittance]
        refused = await self._it.allocate(remittance)
        if refused.refusal.code != rejection.REJECTION_REVIEW_PENDING:
            raise RuntimeError(f"a stopped remittance was allocated: {refused}")
        self._it.money.stopped += 1
        await self._it.clear(remittance, "invoices and shop seen, trade is genuine")
        await self._suspect([])
        await self._allocate_and_convert(remittance)
        self._it.money.tell(
            "suspicious merchant",
            f"review {view.review_outcome} ({', '.join(view.review_reasons)}), allocation refused"
            " until two officers cleared it",
        )

    async def revoked_grant(self, enterprise: Company) -> None:
        """A merchant takes its authorisation back: its trades take no more money."""
        trades = await self._open(enterprise)
        merchant = list(trades)[-1]
        grant_id = self._it.ids.grant(self._merchants[merchant], enterprise)
        request = registry.RevokeGrantRequest(
            request_id=identifiers.uuid7(), grant_id=grant_id, reason="the merchant asked for it"
        )
        accepted(await self._it.engine.registry.RevokeGrant(request, timeout=30), "revocation")
        advice = {
            owner: _sum(owned) // 4 for owner, owned in trades.items() if _sum(owned) // 4 > 0
        }
        remittance = await self._it.remit(enterprise, sum(advice.values()))
        done = accepted(await self._it.allocate(remittance, BY_MERCHANTS, advice), "revoked")
        names: dict[int, str] = {number: name for name, number in rejection.Rejection.items()}
        codes = {names[code].removeprefix("REJECTION_") for code in done.refused_codes}
        await self._it.convert(remittance)
        self._it.money.tell(
            "grant revoked",
            f"advised for {len(advice)} merchants, {len(done.refused_rows)} refused"
            f" ({', '.join(sorted(codes))}), its part in suspense",
        )

    async def surplus(self, enterprise: Company) -> None:
        """More money than verified value: the rest waits in suspense."""
        trades = await self._open(enterprise)
        remittance = await self._it.remit(enterprise, _open_minor(trades) + SURPLUS_MINOR)
        done = accepted(await self._it.allocate(remittance), "surplus")
        await self._it.convert(remittance)
        self._it.money.tell(
            "remittance larger than verified value", f"{_usd(done.suspense_minor)} in suspense"
        )

    async def pay_again(self, enterprise: Company) -> None:
        """What was rejected or came back late is paid once more."""
        response = await self._it.pay(enterprise)
        if response.refusal.code == rejection.REJECTION_UNSPECIFIED:
            await self._it.settled()

    async def _allocate_and_convert(self, remittance: bytes) -> None:
        accepted(await self._it.allocate(remittance), "allocation by volume")
        await self._it.convert(remittance)

    async def _converted(self, remittance: bytes) -> None:
        async def done() -> bool:
            view = (await self._it.remittances())[remittance]
            return view.converted_minor == view.allocated_minor

        await until(done, "the bank converts")

    async def _recall(self, remittance: bytes) -> str:
        return await self._it.partners.bank.instruct(
            "recall", remittance=remittance.hex(), amount_minor=_RECALLED_MINOR
        )

    async def _suspect(self, merchants: list[bytes]) -> None:
        request = risk.SetReviewRulesRequest(
            request_id=identifiers.uuid7(), suspected_party_ids=merchants
        )
        accepted(await self._it.engine.risk.SetReviewRules(request, timeout=30), "review rules")

    async def _pay_one(
        self, enterprise: Company, merchant: bytes
    ) -> clearing.InstructPayoutsResponse:
        request = clearing.InstructPayoutsRequest(
            request_id=identifiers.uuid7(),
            service_enterprise_party_id=self._it.ids.company(enterprise),
            merchant_party_ids=[merchant],
        )
        response = await self._it.engine.clearing.InstructPayouts(request, timeout=30)
        if response.refusal.code != rejection.REJECTION_MERCHANT_UNDER_CLAWBACK:
            raise RuntimeError(f"a merchant under clawback was paid: {describe(response.refusal)}")
        return response

    async def _open(self, enterprise: Company) -> dict[bytes, list[query.TradeView]]:
        """Open trades of the merchants that an enterprise serves."""
        served = {
            self._it.ids.company(merchant)
            for merchant in self._it.world.merchants
            if self._it.world.served_by[merchant.number] == enterprise
        }
        found = await self._it.open_trades()
        return {owner: owned for owner, owned in found.items() if owner in served}

    async def _states(self, party_id: bytes) -> set[str]:
        """States of a merchant's payouts to any account."""
        states: dict[bytes, set[str]] = defaultdict(set)
        for payout in await self._it.payouts():
            states[payout.merchant_party_id].add(payout.state)
        return states[party_id]


def _open(trade: query.TradeView) -> int:
    return trade.verified_minor - trade.used_minor


def _least(trades: list[query.TradeView]) -> query.TradeView:
    """The trade with the least open value."""
    return min(trades, key=_open)


def _sum(trades: list[query.TradeView]) -> int:
    return sum(_open(trade) for trade in trades)


def _open_minor(trades: dict[bytes, list[query.TradeView]]) -> int:
    return sum(_sum(owned) for owned in trades.values())


def _usd(minor: int) -> str:
    return f"USD {minor // 100:,}.{minor % 100:02d}"
