"""Parcels as the engine takes them: typed documents and customs' replies, without the XML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from bench.documents import codes
from bench.documents.world import Parcel
from whampoa import ids
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.customs.v1 import document_pb2 as documents

DOCUMENTS_PER_REQUEST = 1_000
_PORT = "5100"
ACCEPTED, RELEASED, CLOSED = 120, 800, 899


class Typist:
    """Writes documents of one run; ids carry its start and what the document is about."""

    def __init__(self, started_ms: int) -> None:
        self._started_ms = started_ms
        self._time = codes.china_time(started_ms)

    def released(self, parcels: Iterable[Parcel]) -> Iterator[customs.SubmitDocumentsRequest]:
        """Requests after which every parcel's trade is released."""
        steps: tuple[Callable[[Parcel], documents.Document], ...] = (
            self.order,
            self.waybill,
            self.declared_list,
            self.order_accepted,
            self.waybill_accepted,
            self.list_released,
        )
        waiting = iter(parcels)
        per_request = DOCUMENTS_PER_REQUEST // len(steps)
        while some := list(islice(waiting, per_request)):
            yield customs.SubmitDocumentsRequest(
                request_id=ids.uuid7(),
                documents=[step(parcel) for step in steps for parcel in some],
            )

    def order(self, parcel: Parcel) -> documents.Document:
        document = self._new(parcel, documents.DOCUMENT_TYPE_ORDER)
        order = document.order
        order.order_type, order.order_no = "E", parcel.order_no
        order.ebp_code, order.ebp_name = parcel.platform.code, parcel.platform.name
        order.ebc_code, order.ebc_name = parcel.consignor
        order.goods_value, order.freight = _money(parcel.value), "0"
        order.currency = parcel.currency
        for line in parcel.lines:
            order.lines.add(
                gnum=line.gnum,
                item_no=line.item_no,
                item_name=line.goods.name,
                unit=line.goods.unit,
                currency=parcel.currency,
                qty=str(line.qty),
                price=_money(line.price),
                total_price=_money(line.total),
            )
        return document

    def waybill(self, parcel: Parcel) -> documents.Document:
        document = self._new(parcel, documents.DOCUMENT_TYPE_WAYBILL)
        waybill = document.waybill
        waybill.logistics_code = parcel.carrier.customs_code
        waybill.logistics_name = parcel.carrier.name
        waybill.logistics_no = parcel.waybill_no
        waybill.currency, waybill.pack_no = parcel.currency, 1
        waybill.ebc_code, waybill.ebc_name = parcel.consignor
        return document

    def declared_list(self, parcel: Parcel) -> documents.Document:
        document = self._new(parcel, documents.DOCUMENT_TYPE_LIST)
        one = document.list
        one.customs_code = one.port_code = _PORT
        one.ebp_code, one.ebp_name = parcel.platform.code, parcel.platform.name
        one.order_no = parcel.order_no
        one.logistics_code = parcel.carrier.customs_code
        one.logistics_name, one.logistics_no = parcel.carrier.name, parcel.waybill_no
        one.cop_no, one.ie_date = parcel.cop_no, self._time[:8]
        one.agent_code, one.agent_name = parcel.declarant.customs_code, parcel.declarant.name
        one.ebc_code, one.ebc_name = parcel.consignor
        one.owner_code, one.owner_name = parcel.owner
        one.statistics_flag, one.trade_mode, one.traf_mode = "B", "9610", "5"
        one.country, one.pack_no = parcel.country, 1
        for line in parcel.lines:
            one.lines.add(
                gnum=line.gnum,
                item_no=line.item_no,
                item_name=line.goods.name,
                gcode=line.goods.gcode,
                gname=line.goods.name,
                country=parcel.country,
                currency=parcel.currency,
                qty=str(line.qty),
                qty1=str(line.qty),
                unit=line.goods.unit,
                unit1=line.goods.unit,
                price=_money(line.price),
                total_price=_money(line.total),
            )
        return document

    def order_accepted(self, parcel: Parcel) -> documents.Document:
        document = self._reply(parcel, documents.DOCUMENT_TYPE_ORDER_REPLY, ACCEPTED)
        reply = document.reply
        reply.ebp_code, reply.ebp_name = parcel.platform.code, parcel.platform.name
        reply.ebc_code, reply.order_no = parcel.consignor[0], parcel.order_no
        return document

    def waybill_accepted(self, parcel: Parcel) -> documents.Document:
        document = self._reply(parcel, documents.DOCUMENT_TYPE_WAYBILL_REPLY, ACCEPTED)
        document.reply.logistics_code = parcel.carrier.customs_code
        document.reply.logistics_no = parcel.waybill_no
        return document

    def list_released(self, parcel: Parcel) -> documents.Document:
        document = self._reply(parcel, documents.DOCUMENT_TYPE_LIST_REPLY, RELEASED)
        reply = document.reply
        reply.ebp_code, reply.ebp_name = parcel.platform.code, parcel.platform.name
        reply.ebc_code, reply.order_no = parcel.consignor[0], parcel.order_no
        reply.agent_code, reply.cop_no = parcel.declarant.customs_code, parcel.cop_no
        reply.invt_no = f"{_PORT}2026I{parcel.number:09d}"
        reply.statistics_flag = "B"
        return document

    def _new(self, parcel: Parcel, kind: documents.DocumentType.ValueType) -> documents.Document:
        identifier = ids.derive(self._started_ms, "document", str(kind), str(parcel.number))
        return documents.Document(
            document_id=identifier,
            type=kind,
            guid=identifier.hex().upper(),
            app_type=1,
            app_time=self._time,
            app_status=2,
            transmitter_code=parcel.declarant.customs_code,
            signature=documents.SIGNATURE_STATE_ABSENT,
        )

    def _reply(
        self, parcel: Parcel, kind: documents.DocumentType.ValueType, status: int
    ) -> documents.Document:
        identifier = ids.derive(self._started_ms, "reply", str(kind), str(parcel.number))
        document = documents.Document(
            document_id=identifier,
            type=kind,
            guid=identifier.hex().upper(),
            signature=documents.SIGNATURE_STATE_ABSENT,
        )
        document.reply.return_status = status
        document.reply.return_time = f"{self._time}000"
        return document


def _money(cents: int) -> str:
    """Cents in whole units, exactly."""
    return f"{cents // 100}.{cents % 100:02d}"
