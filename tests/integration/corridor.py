"""A small corridor on an engine: parties, grants, documents of released trades, remittances."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import islice

from bench.documents import codes
from tests.integration.engine_process import CALL_SECONDS, EngineProcess, accepted
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.customs.v1 import document_pb2 as document
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import uuid7
from whampoa.registry.v1 import registry_service_pb2 as registry

PLATFORM_CODE, PLATFORM_NAME = "1105910159", "广州外贸商城"
CARRIER_CODE = "4401980001"
USD = "502"
DOCUMENTS_PER_REQUEST = 1_000
RELEASED = (800, 899)


class Corridor:
    """The parties of one engine: one service enterprise, one declarant, some merchants."""

    def __init__(self, engine: EngineProcess, merchants: int = 2, first: int = 1) -> None:
        self.engine = engine
        self.first = first
        self.enterprise = uuid7()
        self.declarant = uuid7()
        self.merchants = [uuid7() for _ in range(merchants)]
        self.grants = [uuid7() for _ in self.merchants]
        self._register()

    def _party(
        self, party_id: bytes, number: int, name: str, *roles: registry.Role.ValueType
    ) -> registry.Party:
        return registry.Party(
            party_id=party_id,
            uscc=codes.uscc(self.first + number),
            name=name,
            roles=roles,
            vat_class=registry.VAT_CLASS_GENERAL,
        )

    def code_of(self, at: int) -> str:
        """Credit code of the merchant, which also stands in its documents."""
        return codes.uscc(self.first + 2 + at)

    @property
    def declarant_code(self) -> str:
        return codes.uscc(self.first + 1)

    def _register(self) -> None:
        client = self.engine.client().registry
        parties = [
            self._party(self.enterprise, 0, "穗通综合服务", registry.ROLE_SERVICE_ENTERPRISE),
            self._party(self.declarant, 1, "穗报关行", registry.ROLE_DECLARANT),
        ]
        for at, merchant in enumerate(self.merchants):
            party = self._party(merchant, 2 + at, f"商户{at}", registry.ROLE_MERCHANT)
            party.payee.account_no = f"6222{at:012d}"
            party.payee.account_name = f"商户{at}"
            party.payee.bank_code = "10300000000002"
            parties.append(party)
        accepted(
            client.RegisterParties(
                registry.RegisterPartiesRequest(request_id=uuid7(), parties=parties)
            )
        )
        relations = []
        grants = []
        for merchant, grant in zip(self.merchants, self.grants, strict=True):
            for kind, other in (
                (registry.RELATION_KIND_SERVED_BY, self.enterprise),
                (registry.RELATION_KIND_ENTRUSTS, self.declarant),
            ):
                relations.append(
                    registry.Relation(
                        relation_id=uuid7(), kind=kind, from_party_id=merchant, to_party_id=other
                    )
                )
            for grant_id, purpose, grantee in (
                (grant, registry.PURPOSE_FOREX_SETTLEMENT, self.enterprise),
                (uuid7(), registry.PURPOSE_CUSTOMS_MATCH, self.declarant),
            ):
                grants.append(
                    registry.Grant(
                        grant_id=grant_id,
                        grantor_party_id=merchant,
                        grantee_party_id=grantee,
                        purpose=purpose,
                        policy_sha256=b"p" * 32,
                    )
                )
        accepted(
            client.RegisterRelations(
                registry.RegisterRelationsRequest(request_id=uuid7(), relations=relations)
            )
        )
        accepted(
            client.RegisterGrants(registry.RegisterGrantsRequest(request_id=uuid7(), grants=grants))
        )

    def submit(self, documents: Iterable[document.Document]) -> int:
        """Deposit documents in as few requests as possible; the index of the newest entry."""
        client = self.engine.client("singlewindow").customs
        waiting = iter(documents)
        index = 0
        while batch := list(islice(waiting, DOCUMENTS_PER_REQUEST)):
            request = customs.SubmitDocumentsRequest(request_id=uuid7(), documents=batch)
            reply = accepted(client.SubmitDocuments(request, timeout=CALL_SECONDS))
            assert not reply.exceptions, reply.exceptions[0]
            index = reply.position.index
        return index

    def release(self, numbers: Iterable[int], minor: int = 1_000) -> int:
        """Declare, carry, list and release one order for each number."""
        orders = list(numbers)
        index = self.submit(it for at in orders for it in self.declared(at, minor))
        return max(index, self.submit(it for at in orders for it in self.answered(at)))

    def declared(self, number: int, minor: int = 1_000) -> Iterator[document.Document]:
        """Order, waybill and list of an order; its merchant is the consignor."""
        code = self.code_of(number % len(self.merchants))
        name = f"商户{number % len(self.merchants)}"
        total = f"{minor // 100}.{minor % 100:02d}"
        yield _filed(
            document.DOCUMENT_TYPE_ORDER,
            order=document.Order(
                order_type="E",
                order_no=self.order_no(number),
                ebp_code=PLATFORM_CODE,
                ebp_name=PLATFORM_NAME,
                ebc_code=code,
                ebc_name=name,
                goods_value=total,
                freight="0",
                currency=USD,
                lines=[
                    document.OrderLine(
                        gnum=1,
                        item_no="ITEM-1",
                        item_name="T恤衫",
                        unit="011",
                        currency=USD,
                        qty="1",
                        price=total,
                        total_price=total,
                    )
                ],
            ),
        )
        yield _filed(
            document.DOCUMENT_TYPE_WAYBILL,
            waybill=document.Waybill(
                logistics_code=CARRIER_CODE,
                logistics_no=f"WB{self.order_no(number)}",
                ebc_code=code,
                ebc_name=name,
                currency=USD,
                gross_weight="1",
                pack_no=1,
            ),
        )
        yield _filed(document.DOCUMENT_TYPE_LIST, list=self._list(number, code, name, total))

    def _list(self, number: int, code: str, name: str, total: str) -> document.List:
        return document.List(
            customs_code="5100",
            ebp_code=PLATFORM_CODE,
            ebp_name=PLATFORM_NAME,
            order_no=self.order_no(number),
            logistics_code=CARRIER_CODE,
            logistics_no=f"WB{self.order_no(number)}",
            cop_no=f"L{self.order_no(number)}",
            ie_date=f"{dt.datetime.now(codes.CHINA):%Y%m%d}",
            statistics_flag="A",
            agent_code=self.declarant_code,
            agent_name="穗报关行",
            ebc_code=code,
            ebc_name=name,
            owner_code=code,
            owner_name=name,
            trade_mode="9610",
            traf_mode="5",
            country="502",
            pack_no=1,
            lines=[
                document.ListLine(
                    gnum=1,
                    item_no="ITEM-1",
                    item_name="T恤衫",
                    gcode="6109100010",
                    country="502",
                    currency=USD,
                    qty="1",
                    qty1="1",
                    unit="011",
                    unit1="011",
                    price=total,
                    total_price=total,
                )
            ],
        )

    def answered(self, number: int) -> Iterator[document.Document]:
        """What customs said: order and waybill taken, the list released."""
        code = self.code_of(number % len(self.merchants))
        order_no = self.order_no(number)
        order = document.Reply(ebp_code=PLATFORM_CODE, ebc_code=code, order_no=order_no)
        yield _reply(document.DOCUMENT_TYPE_ORDER_REPLY, 120, order)
        waybill = document.Reply(logistics_code=CARRIER_CODE, logistics_no=f"WB{order_no}")
        yield _reply(document.DOCUMENT_TYPE_WAYBILL_REPLY, 120, waybill)
        listed = document.Reply(
            ebp_code=PLATFORM_CODE,
            ebc_code=code,
            order_no=order_no,
            agent_code=self.declarant_code,
            cop_no=f"L{order_no}",
            invt_no=f"{self.first:06d}{number:012d}",
            statistics_flag="A",
        )
        yield _reply(document.DOCUMENT_TYPE_LIST_REPLY, RELEASED[number % 2], listed)

    def order_no(self, number: int) -> str:
        return f"E{self.first}-{number:08d}"

    def remit(self, credited_minor: int, reference: str = "") -> bytes:
        """Credit a remittance of the service enterprise; its id."""
        remittance_id = uuid7()
        told = forex.Remittance(
            remittance_id=remittance_id,
            service_enterprise_party_id=self.enterprise,
            currency="USD",
            instructed_minor=credited_minor,
            credited_minor=credited_minor,
            bank_reference=reference or remittance_id.hex(),
            value_date=20_261_125,
            payer_name="Bargain Harbor Inc.",
            payer_country="USA",
        )
        request = forex.RecordRemittanceRequest(request_id=uuid7(), remittance=told)
        accepted(self.engine.client("bank").forex.RecordRemittance(request, timeout=CALL_SECONDS))
        return remittance_id

    def allocate_by_volume(self, remittance_id: bytes) -> clearing.AllocateResponse:
        request = clearing.AllocateRequest(
            request_id=uuid7(),
            remittance_id=remittance_id,
            mode=clearing.ALLOCATION_MODE_BY_VOLUME,
        )
        return accepted(self.engine.client().clearing.Allocate(request, timeout=CALL_SECONDS))


def _filed(
    kind: document.DocumentType.ValueType,
    *,
    order: document.Order | None = None,
    waybill: document.Waybill | None = None,
    list: document.List | None = None,  # noqa: A002
) -> document.Document:
    return document.Document(
        document_id=uuid7(),
        type=kind,
        app_type=1,
        app_time=f"{dt.datetime.now(codes.CHINA):%Y%m%d%H%M%S}",
        app_status=2,
        received=b"<as received/>",
        order=order,
        waybill=waybill,
        list=list,
    )


def _reply(
    kind: document.DocumentType.ValueType, status: int, reply: document.Reply
) -> document.Document:
    at = dt.datetime.now(codes.CHINA) + dt.timedelta(seconds=1)
    reply.return_status = status
    reply.return_time = f"{at:%Y%m%d%H%M%S}000"
    return document.Document(
        document_id=uuid7(), type=kind, received=b"<as received/>", reply=reply
    )
