"""Before the first parcel: parties, relations, grants, accounts, refund rates, invoices, zones."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

from bench.demo.ids import Ids
from bench.demo.partners import Partners
from bench.documents import codes
from bench.documents.world import (
    GOODS,
    Company,
    World,
    item_prefix,
    shop_platform,
    shop_prefix,
)
from bench.refusal import accepted
from whampoa.client import Client
from whampoa.ids import uuid7
from whampoa.registry.v1 import registry_service_pb2 as registry
from whampoa.tax.v1 import tax_service_pb2 as tax

T = TypeVar("T")

SETTLEMENT_BANK = "10400000000001"
PAYEE_BANKS = ("10300000000002", "10200000000003", "30800000000004")
# The enterprise's reporting branch, 12 digits.
_INSTITUTION_CODE = "440100000101"
_POLICY = b"Trade data is used to clear this trade and nothing else."
_DAY_MS = 86_400_000
_ROWS_PER_REQUEST = 500
# What the clearing system's participants have at the start, CNY fen.
_BALANCE_MINOR = 10**13
# Refund rates of the goods, percent times 100; the last kind's refund was cancelled (flag 1).
_RATES_BP = (1300, 1300, 1300, 1300, 1300, 1300, 1300, 1300, 1300, 0)
_LEVY_BP = 1300
# CNY per US dollar, times 10^8.
USD_CNY_E8 = 710_500_000


def is_general(merchant: Company) -> bool:
    """Merchants with purchase invoices and a refund filing; every third."""
    return merchant.number % 3 == 0


def is_zoned(merchant: Company) -> bool:
    """Merchants without invoices whose goods are registered in the pilot zone; every third."""
    return merchant.number % 3 == 1


def payee(merchant: Company, account: int = 1) -> registry.PayeeAccount:
    """Where a merchant is paid; another number is another account."""
    bank = PAYEE_BANKS[merchant.number % len(PAYEE_BANKS)]
    number = f"6222{account:04d}{merchant.number:011d}"
    return registry.PayeeAccount(account_no=number, account_name=merchant.name, bank_code=bank)


def collection_account(enterprise: Company) -> str:
    """The account into which an enterprise's foreign buyers pay."""
    return f"NRA4401{enterprise.number:012d}"


class Registration:
    """Registers a world with the engine, the bank and the clearing system."""

    def __init__(self, partners: Partners, world: World, ids: Ids) -> None:
        self._engine: Client = partners.operator
        self._partners = partners
        self._world = world
        self._ids = ids
        self._today = codes.china_time(ids.started_ms)[:8]

    async def run(self) -> dict[str, int]:
        """Everything, in the order in which one thing needs the other; returns how many of each."""
        counts = await self.of_engine()
        await self._open_accounts()
        return counts

    async def of_engine(self) -> dict[str, int]:
        """What the engine alone has to know."""
        parties = list(self._parties())
        for some in _parts(parties):
            request = registry.RegisterPartiesRequest(request_id=uuid7(), parties=some)
            accepted(await self._engine.registry.RegisterParties(request), "parties")
        relations = list(self._relations())
        for some_relations in _parts(relations):
            relate = registry.RegisterRelationsRequest(request_id=uuid7(), relations=some_relations)
            accepted(await self._engine.registry.RegisterRelations(relate), "relations")
        grants = list(self._grants())
        for some_grants in _parts(grants):
            grant = registry.RegisterGrantsRequest(request_id=uuid7(), grants=some_grants)
            accepted(await self._engine.registry.RegisterGrants(grant), "grants")
        await self._refund_rates()
        invoices, zones = await self._tax_inputs()
        return {
            "parties": len(parties),
            "relations": len(relations),
            "grants": len(grants),
            "invoices": invoices,
            "zone registrations": zones,
        }

    def _parties(self) -> Iterator[registry.Party]:
        world, ids = self._world, self._ids
        for enterprise in world.enterprises:
            party = self._party(enterprise, registry.ROLE_SERVICE_ENTERPRISE)
            party.institution_code = _INSTITUTION_CODE
            yield party
        for declarant in world.declarants:
            yield self._party(declarant, registry.ROLE_DECLARANT)
        for carrier in world.carriers:
            yield self._party(carrier, registry.ROLE_CARRIER)
        for platform in world.platforms:
            has_code = platform.code.isascii()
            yield registry.Party(
                party_id=ids.platform(platform),
                customs_codes=[platform.code] if has_code else [],
                roles=[registry.ROLE_PLATFORM],
                name=platform.name,
            )
        for number in (1, 2):
            yield registry.Party(
                party_id=ids.officer(number),
                roles=[registry.ROLE_OFFICER],
                name=f"Reviewing officer {number}",
            )
        for merchant in world.merchants:
            party = self._party(merchant, registry.ROLE_MERCHANT)
            party.payee.CopyFrom(payee(merchant))
            if is_general(merchant):
                party.vat_class = registry.VAT_CLASS_GENERAL
                party.refund_filing_date = 20250301
            elif is_zoned(merchant):
                party.vat_class = registry.VAT_CLASS_GENERAL
            else:
                party.vat_class = registry.VAT_CLASS_SMALL_SCALE
            yield party

    def _party(self, company: Company, role: registry.Role.ValueType) -> registry.Party:
        return registry.Party(
            party_id=self._ids.company(company),
            uscc=company.uscc,
            customs_codes=[company.customs_code],
            roles=[role],
            name=company.name,
        )

    def _relations(self) -> Iterator[registry.Relation]:
        world, ids = self._world, self._ids
        for merchant in world.merchants:
            others = [
                (
                    registry.RELATION_KIND_SERVED_BY,
                    ids.company(world.served_by[merchant.number]),
                    "",
                )
            ]
            others += [
                (registry.RELATION_KIND_ENTRUSTS, ids.company(declarant), "")
                for declarant in world.entrusted[merchant.number]
            ]
            evidence = world.evidence_of(merchant)
            if evidence == "shop":
                platform = ids.platform(shop_platform(world, merchant))
                others.append((registry.RELATION_KIND_SHOP, platform, shop_prefix(merchant)))
            elif evidence == "item":
                others.append((registry.RELATION_KIND_ITEM, b"", item_prefix(merchant)))
            for at, (kind, other, prefix) in enumerate(others):
                yield registry.Relation(
                    relation_id=ids.other("relation", str(merchant.number), str(at)),
                    kind=kind,
                    from_party_id=ids.company(merchant),
                    to_party_id=other,
                    prefix=prefix,
                )

    def _grants(self) -> Iterator[registry.Grant]:
        world, ids = self._world, self._ids
        for merchant in world.merchants:
            wanted = [(world.served_by[merchant.number], registry.PURPOSE_FOREX_SETTLEMENT)]
            wanted += [
                (declarant, registry.PURPOSE_CUSTOMS_MATCH)
                for declarant in world.entrusted[merchant.number]
            ]
            for grantee, purpose in wanted:
                yield registry.Grant(
                    grant_id=ids.grant(merchant, grantee),
                    grantor_party_id=ids.company(merchant),
                    grantee_party_id=ids.company(grantee),
                    purpose=purpose,
                    policy_sha256=hashlib.sha256(_POLICY).digest(),
                    valid_until_ms=ids.started_ms + 365 * _DAY_MS,
                )

    async def _refund_rates(self) -> None:
        rates = [
            tax.RefundRate(
                code=goods.gcode,
                refund_rate_bp=rate_bp,
                levy_rate_bp=_LEVY_BP,
                flag=0 if rate_bp else 1,
                valid_from=20260101,
            )
            for goods, rate_bp in zip(GOODS, _RATES_BP, strict=True)
        ]
        load = tax.LoadRefundRatesRequest(
            request_id=uuid7(), library_version=f"{self._today[:4]}B", rates=rates
        )
        accepted(await self._engine.tax.LoadRefundRates(load), "refund rates")

    async def _tax_inputs(self) -> tuple[int, int]:
        """Invoices that cover what a general merchant sold, registrations of zoned merchants."""
        invoices = list(self._invoices())
        for some in _parts(invoices):
            submit = tax.SubmitInvoicesRequest(request_id=uuid7(), invoices=some)
            accepted(await self._engine.tax.SubmitInvoices(submit), "invoices")
        zones = [
            tax.ZoneRegistration(
                registration_id=self._ids.other("zone", str(merchant.number), goods.gcode),
                merchant_party_id=self._ids.company(merchant),
                customs_district="51",
                platform_reg_no=f"GZ{merchant.number:08d}",
                gcode=goods.gcode,
                valid_from=20260101,
            )
            for merchant in self._world.merchants
            if is_zoned(merchant)
            for goods in GOODS
        ]
        for some_zones in _parts(zones):
            register = tax.RegisterZoneGoodsRequest(request_id=uuid7(), registrations=some_zones)
            accepted(await self._engine.tax.RegisterZoneGoods(register), "zone registrations")
        return len(invoices), len(zones)

    def _invoices(self) -> Iterator[tax.Invoice]:
        sold: dict[tuple[int, str, str], list[int]] = defaultdict(lambda: [0, 0])
        for parcel in self._world.parcels:
            if is_general(parcel.merchant):
                for line in parcel.lines:
                    key = (parcel.merchant.number, line.goods.gcode, line.goods.unit)
                    sold[key][0] += line.qty
                    sold[key][1] += line.total
        by_number = {merchant.number: merchant for merchant in self._world.merchants}
        for at, ((number, gcode, unit), (qty, cents)) in enumerate(sorted(sold.items())):
            # Bought for about two thirds of what it is sold for, in CNY.
            amount = cents * USD_CNY_E8 * 2 // (3 * 10**8)
            yield tax.Invoice(
                invoice_id=self._ids.other("invoice", str(at)),
                number=f"2644{at:016d}",
                kind=tax.INVOICE_KIND_SPECIAL_VAT,
                buyer_party_id=self._ids.company(by_number[number]),
                date=int(self._month_ago()),
                amount_minor=max(amount, 1),
                tax_rate_bp=_LEVY_BP,
                gcode=gcode,
                qty_e5=qty * 100_000,
                unit=unit,
            )

    def _month_ago(self) -> str:
        today = dt.datetime.strptime(self._today, "%Y%m%d").replace(tzinfo=codes.CHINA)
        return (today - dt.timedelta(days=30)).strftime("%Y%m%d")

    async def _open_accounts(self) -> None:
        """Accounts and the rate at the settlement bank, participants of the clearing system."""
        await self._partners.bank.instruct("rate", base="USD", quote="CNY", rate_e8=USD_CNY_E8)
        for enterprise in self._world.enterprises:
            await self._partners.bank.instruct(
                "open_account",
                enterprise=self._ids.company(enterprise).hex(),
                name=enterprise.name,
                collection_account=collection_account(enterprise),
            )
        for at, bank in enumerate((SETTLEMENT_BANK, *PAYEE_BANKS)):
            await self._partners.pboc.instruct(
                "participant", bank_code=bank, name=f"Bank {at + 1}", balance_minor=_BALANCE_MINOR
            )


def _parts(rows: Sequence[T]) -> Iterator[list[T]]:
    waiting = iter(rows)
    while some := list(islice(waiting, _ROWS_PER_REQUEST)):
        yield some
