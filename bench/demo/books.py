"""Holds the engine's figures against what every institution says of itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bench.demo.partners import CALL_SECONDS_MAX
from bench.demo.settling import Settling
from bench.pages import pages
from whampoa.query.v1 import query_service_pb2 as query


@dataclass(frozen=True)
class Comparison:
    """One figure, from both sides."""

    institution: str
    what: str
    theirs: int
    ours: int

    @property
    def agrees(self) -> bool:
        return self.theirs == self.ours


async def compare(settling: Settling) -> list[Comparison]:
    """Asks all four institutions over their own interfaces."""
    return [
        *await _customs(settling),
        *await _bank(settling),
        *await _safe(settling),
        *await _pboc(settling),
    ]


async def _customs(settling: Settling) -> list[Comparison]:
    """Orders whose goods customs released, and their value: each order once, however often filed.

    What the engine disputes is left out on both sides: customs released it, nobody is paid for it.
    """
    lists = await settling.partners.customs.rows("lists")
    trades = await settling.trades()
    disputed = {trade.order_no for trade in trades if trade.state == "disputed"}
    theirs: dict[str, int] = {}
    for row in lists:
        if row["status"] in {"800", "899"} and row["order_no"] not in disputed:
            value = int(row.get("usd_minor", 0)) + int(row.get("cny_minor", 0))
            theirs[row["order_no"]] = value
    released = [
        trade for trade in trades if trade.released_at_ms and trade.order_no not in disputed
    ]
    # What came back is declared and no longer verified; customs' list stays as it was.
    value = sum(trade.declared_minor for trade in released)
    orders = {trade.order_no for trade in released}
    return [
        Comparison("customs", "orders released", len(theirs), len(orders)),
        Comparison("customs", "value released, minor units", sum(theirs.values()), value),
    ]


async def _bank(settling: Settling) -> list[Comparison]:
    totals: Counter[str] = Counter(await settling.partners.bank.totals("accounts"))
    summary = await settling.engine.query.GetSummary(
        query.GetSummaryRequest(), timeout=CALL_SECONDS_MAX
    )
    sums = summary.sums_minor
    accounts = await _accounts(settling)
    payouts = await settling.payouts()
    came_back = sum(one.cny_minor for one in payouts if one.state in {"returned", "rejected"})
    return [
        Comparison("bank", "USD credited", totals["credited:USD"], sums["credited:USD"]),
        Comparison("bank", "USD sold", totals["sold:USD"], sums["converted:USD"]),
        Comparison("bank", "USD balance", totals["balance:USD"], accounts["foreign"]),
        Comparison("bank", "CNY balance, fen", totals["balance:CNY"], accounts["cny"]),
        Comparison("bank", "CNY debited", totals["debited:CNY"], sum(p.cny_minor for p in payouts)),
        Comparison("bank", "CNY that came back", totals["returned:CNY"], came_back),
    ]


async def _accounts(settling: Settling) -> dict[str, int]:
    """Balances of the bank accounts as the engine's ledger has them."""
    found = {"foreign": 0, "cny": 0}
    names = {"service_bank_foreign": "foreign", "service_bank_cny": "cny"}
    request = query.ListAccountsRequest()
    async for page in pages(settling.engine.query.ListAccounts, request):
        for account in page.accounts:
            if account.kind in names:
                balance = account.debits_posted_minor - account.credits_posted_minor
                found[names[account.kind]] += balance
    return found


async def bop_records(settling: Settling) -> list[query.BopRecordView]:
    """Every balance-of-payments record the engine made."""
    read = settling.engine.query.ListBopRecords
    request = query.ListBopRecordsRequest()
    return [record async for page in pages(read, request) for record in page.records]


async def _safe(settling: Settling) -> list[Comparison]:
    totals = await settling.partners.safe.totals("records")
    live = [one for one in await bop_records(settling) if one.state != "deleted"]
    found = []
    for kind in ("actual", "restored", "unattributed"):
        ours = [one for one in live if one.kind == kind]
        amount = sum(one.amount for one in ours)
        found += [
            Comparison("safe", f"{kind} records", totals[kind], len(ours)),
            Comparison("safe", f"{kind}, whole USD", totals.get(f"{kind}_USD", 0), amount),
        ]
    return [*found, Comparison("safe", "actual records not balanced", totals["unbalanced"], 0)]


async def _pboc(settling: Settling) -> list[Comparison]:
    totals = await settling.partners.pboc.totals("payments")
    payouts = await settling.payouts()

    def sum_of(*states: str) -> int:
        return sum(one.cny_minor for one in payouts if one.state in states)

    return [
        Comparison("pboc", "settled, fen", totals["settled_minor"], sum_of("settled", "returned")),
        Comparison("pboc", "returned, fen", totals["returned_minor"], sum_of("returned")),
        Comparison("pboc", "reached merchants, fen", totals["net_paid_minor"], sum_of("settled")),
        Comparison("pboc", "payments", totals["rows"], len(payouts)),
    ]
