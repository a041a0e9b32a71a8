"""Stories of one remittance each: what was sold is paid for, and what goes wrong with money."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bench.demo.registration import payee
from bench.documents.world import Company, Parcel
from tests.simulation.acts import Act
from tests.simulation.engine import Row
from tests.simulation.paying import BY_MERCHANTS, BY_ORDERS, BY_VOLUME, Paying, Remittance


@dataclass(frozen=True)
class Sale:
    """What an enterprise's merchants sold in a round."""

    act: Act
    enterprise: Company
    parcels: Sequence[Parcel]
    chance: random.Random
    name: str

    @property
    def minor(self) -> int:
        return sum(it.value for it in self.parcels)

    def by_merchant(self, paying: Paying) -> dict[bytes, int]:
        """Sold value by merchant."""
        sold: dict[bytes, int] = {}
        for parcel in self.parcels:
            merchant = paying.ids.company(parcel.merchant)
            sold[merchant] = sold.get(merchant, 0) + parcel.value
        return sold


class Stories:
    """How the money of a sale comes and goes."""

    def __init__(self, paying: Paying) -> None:
        self._paying = paying

    async def tell(self, sale: Sale) -> None:
        """Acts the story of a sale to its end."""
        if not sale.parcels:
            return
        kind = sale.act.kind
        minor = sale.minor * sale.chance.randint(30, 90) // 100
        part = minor * sale.chance.randint(2, 8) // 100 + 1
        if kind.startswith("surplus"):
            minor += sale.minor
        if kind == "account_closed":
            await self._paying.close_account(sale.parcels[0].merchant)
        charges = part if kind == "short" else 0
        remittance = await self._paying.remit(sale.enterprise, sale.name, minor, charges)
        if kind == "charged":
            await self._paying.take(remittance, "charge", part)
            # The engine takes charges from suspense alone: it has to know of them in time.
            await self._paying.charged(remittance, part)
        await self._allocate(sale, remittance, minor - charges)
        if kind == "recalled_before":
            await self._paying.take(remittance, "recall", part)
        await self._paying.convert(remittance)
        if kind != "account_closed":
            await self._paying.pay(sale.enterprise)
        await self._afterwards(sale, remittance, part)

    async def _afterwards(self, sale: Sale, remittance: Remittance, part: int) -> None:
        kind = sale.act.kind
        if kind == "surplus_given_back":
            view = await self._paying.view(remittance)
            await self._paying.give_back(remittance, view["suspense_minor"])
        elif kind == "recalled_after":
            await self._paying.take(remittance, "recall", part)
        elif kind == "account_closed":
            await self._paying.ended(sale.enterprise)
            number = 2 + sale.act.round
            await self._paying.set_payee(
                sale.parcels[0].merchant, payee(sale.parcels[0].merchant, account=number)
            )
            await self._paying.pay(sale.enterprise)
        elif kind == "goods_returned":
            used = await self._used(sale)
            if used:
                await self._paying.come_back(used[0]["trade_id"], used[0]["used_minor"])
            await self._paying.pay(sale.enterprise)

    async def _allocate(self, sale: Sale, remittance: Remittance, minor: int) -> None:
        paying = self._paying
        if sale.act.kind == "by_merchants":
            sold = sale.by_merchant(paying)
            advice = {it: value * minor // sale.minor for it, value in sold.items()}
            advice = {it: value for it, value in advice.items() if value}
            await paying.allocate(remittance, BY_MERCHANTS, advice)
        elif sale.act.kind in {"by_orders", "goods_returned"}:
            await paying.allocate(remittance, BY_ORDERS, await self._orders(sale, minor))
        else:
            await paying.allocate(remittance, BY_VOLUME)

    async def _orders(self, sale: Sale, minor: int) -> dict[bytes, int]:
        """Whole orders as long as the money lasts."""
        trades = await self._paying.trades()
        advice = {}
        for parcel in sale.parcels:
            part = min(parcel.value, minor)
            minor -= part
            if part and parcel.order_no in trades:
                advice[trades[parcel.order_no]["trade_id"]] = part
        return advice

    async def _used(self, sale: Sale) -> list[Row]:
        """Trades of the sale that money was put to, in the order of its parcels."""
        trades = await self._paying.trades()
        found = [trades[it.order_no] for it in sale.parcels if it.order_no in trades]
        return [it for it in found if it["used_minor"]]
