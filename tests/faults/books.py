"""The books of all five sides, per merchant and per party, without what only the clock decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from bench.demo.books import bop_records, compare
from bench.demo.partners import InstitutionClient, Partners
from bench.demo.settling import Settling
from bench.pages import pages
from whampoa.query.v1 import query_service_pb2 as query

Books = dict[str, list[tuple[Any, ...]]]


async def books(partners: Partners, settling: Settling) -> Books:
    """Everybody's books; the engine's figures agree with each institution's."""
    for figure in await compare(settling):
        assert figure.agrees, figure
    return {**await _engine(partners, settling), **await _institutions(partners)}


async def _engine(partners: Partners, settling: Settling) -> Books:
    remittances = (await settling.remittances()).values()
    trades = await settling.trades()
    return {
        "engine: trades": sorted(
            (
                *(it.order_no, it.merchant_party_id, it.state),
                *(it.declared_minor, it.verified_minor, it.used_minor, it.clawback_minor),
            )
            for it in trades
        ),
        "engine: accounts": await _accounts(partners),
        "engine: remittances": sorted(
            (
                *(it.service_enterprise_party_id, it.currency, it.credited_minor),
                *(it.allocated_minor, it.suspense_minor, it.converted_minor),
            )
            for it in remittances
        ),
        "engine: payouts": sorted(
            (it.merchant_party_id, it.cny_minor, it.state) for it in await settling.payouts()
        ),
        "engine: records": sorted(
            (it.kind, it.party_id, it.currency, it.amount, it.state)
            for it in await bop_records(settling)
            if it.state != "deleted"
        ),
        "engine: tax items": await _tax_items(partners),
    }


async def _tax_items(partners: Partners) -> list[tuple[Any, ...]]:
    """Sums of each merchant's items. Refunds are left out: each is rounded down by the invoice that
    its item came to, so the order of arrival decides on single fen."""
    sums: dict[tuple[bytes, str, str, str], Counter[str]] = {}
    request = query.ListTaxItemsRequest()
    async for page in pages(partners.operator.query.ListTaxItems, request):
        for it in page.items:
            key = (it.merchant_party_id, it.database, it.regime, it.gcode)
            items = sums.setdefault(key, Counter())
            items["items"] += 1
            items["value"] += it.value_minor
    return sorted((*key, *sorted(items.items())) for key, items in sums.items())


async def _accounts(partners: Partners) -> list[tuple[Any, ...]]:
    """Sums of each party's accounts of a kind and currency."""
    sums: dict[tuple[bytes, str, str], Counter[str]] = {}
    request = query.ListAccountsRequest()
    async for page in pages(partners.operator.query.ListAccounts, request):
        for it in page.accounts:
            of_party = sums.setdefault((it.party_id, it.kind, it.currency), Counter())
            of_party["debits pending"] += it.debits_pending_minor
            of_party["debits posted"] += it.debits_posted_minor
            of_party["credits pending"] += it.credits_pending_minor
            of_party["credits posted"] += it.credits_posted_minor
    return sorted((*account, *sorted(sides.items())) for account, sides in sums.items())


async def _institutions(partners: Partners) -> Books:
    bank, pboc = partners.bank, partners.pboc
    return {
        "customs: orders": await _rows(partners.customs, "orders", ("order_no", "status")),
        "customs: waybills": await _rows(partners.customs, "waybills", ("status",)),
        "customs: lists": await _rows(
            partners.customs, "lists", ("order_no", "status", "agent_code", "ebc_code")
        ),
        "bank: accounts": await _rows(
            bank, "accounts", ("enterprise", "currency", "balance_minor")
        ),
        "bank: sums": sorted((await bank.totals("accounts")).items()),
        "bank: payouts": await _rows(
            bank, "payouts", ("enterprise", "payee_account", "amount_minor", "state", "reason")
        ),
        "pboc: participants": await _rows(pboc, "participants", ("bank_code", "balance_minor")),
        "pboc: payments": await _rows(
            pboc, "payments", ("receiver", "payee_account", "amount_minor", "status", "reason")
        ),
        "safe: records": await _rows(
            partners.safe,
            "records",
            ("kind", "uscc", "currency", "amount", "settled", "rate_e8", "state"),
        ),
    }


async def _rows(
    institution: InstitutionClient, book: str, columns: Iterable[str]
) -> list[tuple[Any, ...]]:
    found: list[Mapping[str, str]] = list(await institution.rows(book))
    return sorted(tuple(row.get(name, "") for name in columns) for row in found)
