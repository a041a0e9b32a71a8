"""Parcels as the field declares them: order, waybill and list, and what customs answers."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from types import SimpleNamespace

from tests.rules.ground import OPERATOR
from tests.rules.parties import Parties, Party
from whampoa.customs.v1 import customs_service_pb2 as service
from whampoa.customs.v1.document_pb2 import (
    DOCUMENT_TYPE_DEPARTURE,
    DOCUMENT_TYPE_DEPARTURE_REPLY,
    DOCUMENT_TYPE_LIST,
    DOCUMENT_TYPE_LIST_REPLY,
    DOCUMENT_TYPE_ORDER,
    DOCUMENT_TYPE_ORDER_REPLY,
    DOCUMENT_TYPE_WAYBILL,
    DOCUMENT_TYPE_WAYBILL_REPLY,
    DOCUMENT_TYPE_WITHDRAWAL,
    DOCUMENT_TYPE_WITHDRAWAL_REPLY,
    Departure,
    Document,
    DocumentType,
    List,
    ListLine,
    Order,
    OrderLine,
    Reply,
    Waybill,
    Withdrawal,
)

USD, CNY, JPY = "502", "142", "116"
NAMELESS = "无"
CARRIER = "4401964444"
OFFICER = "spiffe://whampoa/officer/olga"


@dataclass(frozen=True)
class Line:
    """Goods of one line; the price is in cents (in whole yen where the currency is JPY)."""

    item_no: str = "X-1"
    cents: int = 10_000
    qty: int = 1
    currency: str = USD
    gcode: str = "6109100010"
    unit: str = "011"

    @property
    def total(self) -> str:
        value = self.cents * self.qty
        return str(value) if self.currency == JPY else f"{value // 100}.{value % 100:02d}"


@dataclass(frozen=True)
class Parcel:
    """One order with its waybill and its list, as one declarant files them."""

    order_no: str
    agent: str
    consignor: str
    platform: str = "1105910159"
    platform_name: str = "Canton Mall"
    owner: str = "NO"
    waybill_no: str = ""
    waybill_consignor: str = ""
    lines: tuple[Line, ...] = (Line(),)
    # What the list says where it differs from the order.
    listed: tuple[Line, ...] | None = None
    export_date: int = 20261124
    flag: str = "B"
    mode: str = "9610"
    office: str = "5100"

    @property
    def cop_no(self) -> str:
        return f"C{self.way}"

    @property
    def invt_no(self) -> str:
        return f"{self.office}{zlib.crc32(self.way.encode()):010d}"

    @property
    def way(self) -> str:
        return self.waybill_no or f"W{self.order_no}"

    def but(self, **changes: object) -> Parcel:
        """The same parcel with other words in it."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def by(self, agent: Party) -> Parcel:
        """The same order, declared by another agent in its own name with a waybill of its own."""
        return self.but(
            agent=agent.code, consignor=agent.code, waybill_no=f"{self.way}-{agent.code[-4:]}"
        )


class Customs(Parties):
    """Declares parcels, answers for customs, and reads trades and items."""

    def document(
        self,
        kind: DocumentType.ValueType,
        body: Order | Waybill | List | Departure | Withdrawal | Reply,
        app_type: int = 1,
        app_status: int = 2,
    ) -> Document:
        """A document with a new id, written now."""
        document = Document(document_id=self.new_id(), type=kind, guid="G", received=b"<x/>")
        if not isinstance(body, Reply):
            document.app_type, document.app_status = app_type, app_status
            document.app_time = self.stamp()
        name = type(body).__name__.lower()
        getattr(document, name).CopyFrom(body)
        return document

    def order_of(self, parcel: Parcel, app_type: int = 1, app_status: int = 2) -> Document:
        lines = [
            OrderLine(
                gnum=at,
                item_no=line.item_no,
                item_name="goods",
                unit=line.unit,
                currency=line.currency,
                qty=str(line.qty),
                total_price=line.total,
            )
            for at, line in enumerate(parcel.lines, 1)
        ]
        body = Order(
            order_type="E",
            order_no=parcel.order_no,
            ebp_code=parcel.platform,
            ebp_name=parcel.platform_name,
            ebc_code=parcel.consignor,
            lines=lines,
        )
        return self.document(DOCUMENT_TYPE_ORDER, body, app_type, app_status)

    def waybill_of(self, parcel: Parcel, app_type: int = 1) -> Document:
        body = Waybill(
            logistics_code=CARRIER,
            logistics_no=parcel.way,
            ebc_code=parcel.waybill_consignor or parcel.consignor,
        )
        return self.document(DOCUMENT_TYPE_WAYBILL, body, app_type)

    def list_of(self, parcel: Parcel, app_type: int = 1) -> Document:
        lines = [
            ListLine(
                gnum=at,
                item_no=line.item_no,
                gcode=line.gcode,
                currency=line.currency,
                qty=str(line.qty),
                unit=line.unit,
                total_price=line.total,
            )
            for at, line in enumerate(parcel.listed or parcel.lines, 1)
        ]
        body = List(
            customs_code=parcel.office,
            ebp_code=parcel.platform,
            ebp_name=parcel.platform_name,
            order_no=parcel.order_no,
            logistics_code=CARRIER,
            logistics_no=parcel.way,
            cop_no=parcel.cop_no,
            ie_date=str(parcel.export_date),
            statistics_flag=parcel.flag,
            agent_code=parcel.agent,
            ebc_code=parcel.consignor,
            owner_code=parcel.owner,
            trade_mode=parcel.mode,
            lines=lines,
        )
        return self.document(DOCUMENT_TYPE_LIST, body, app_type)

    def order_reply(self, parcel: Parcel, status: int, at: str = "") -> Document:
        body = Reply(
            ebp_code=parcel.platform,
            ebp_name=parcel.platform_name,
            ebc_code=parcel.consignor,
            order_no=parcel.order_no,
            return_status=status,
            return_time=at or self.stamp(milliseconds=True),
        )
        return self.document(DOCUMENT_TYPE_ORDER_REPLY, body)

    def waybill_reply(self, parcel: Parcel, status: int, at: str = "") -> Document:
        body = Reply(
            logistics_code=CARRIER,
            logistics_no=parcel.way,
            return_status=status,
            return_time=at or self.stamp(milliseconds=True),
        )
        return self.document(DOCUMENT_TYPE_WAYBILL_REPLY, body)

    def list_reply(self, parcel: Parcel, status: int, at: str = "") -> Document:
        body = Reply(
            ebp_code=parcel.platform,
            ebp_name=parcel.platform_name,
            ebc_code=parcel.consignor,
            order_no=parcel.order_no,
            agent_code=parcel.agent,
            cop_no=parcel.cop_no,
            invt_no=parcel.invt_no if status in (399, 800, 899) else "",
            return_status=status,
            return_time=at or self.stamp(milliseconds=True),
        )
        return self.document(DOCUMENT_TYPE_LIST_REPLY, body)

    def withdrawal(self, parcel: Parcel) -> Document:
        body = Withdrawal(cop_no=parcel.cop_no, invt_no=parcel.invt_no, agent_code=parcel.agent)
        return self.document(DOCUMENT_TYPE_WITHDRAWAL, body)

    def withdrawal_reply(self, parcel: Parcel, status: int) -> Document:
        body = Reply(
            agent_code=parcel.agent,
            cop_no=parcel.cop_no,
            invt_no=parcel.invt_no,
            return_status=status,
            return_time=self.stamp(milliseconds=True),
        )
        return self.document(DOCUMENT_TYPE_WITHDRAWAL_REPLY, body)

    def submit(self, *documents: Document) -> None:
        """Deposits documents that all have to be accepted."""
        reply = self.tell(service.SubmitDocumentsRequest(documents=documents))
        assert not reply.exceptions, reply
        assert reply.accepted == len(documents)

    def refuse(self, *documents: Document) -> list[str]:
        """Why documents are refused, each in a request of its own."""
        requests = (service.SubmitDocumentsRequest(documents=[one]) for one in documents)
        return [self.refused(request) for request in requests]

    def declare(self, parcel: Parcel) -> None:
        """The agent files order, waybill and list."""
        self.submit(self.order_of(parcel), self.waybill_of(parcel), self.list_of(parcel))

    def approve(self, parcel: Parcel, list_status: int = 399) -> None:
        """Customs takes all three and approves the list."""
        self.submit(
            self.order_reply(parcel, 120),
            self.waybill_reply(parcel, 120),
            self.list_reply(parcel, 120),
            self.list_reply(parcel, list_status),
        )

    def release(self, parcel: Parcel, status: int = 800) -> None:
        self.submit(self.list_reply(parcel, status))

    def depart(self, *parcels: Parcel) -> None:
        """The carrier reports the departure and customs approves it."""
        cop_no = f"D{self.now_ms}"
        body = Departure(
            logistics_code=CARRIER,
            cop_no=cop_no,
            msg_seq_no=1,
            logistics_nos=[parcel.way for parcel in parcels],
        )
        reply = Reply(
            logistics_code=CARRIER,
            cop_no=cop_no,
            msg_seq_no=1,
            return_status=399,
            return_time=self.stamp(milliseconds=True),
        )
        self.submit(
            self.document(DOCUMENT_TYPE_DEPARTURE, body),
            self.document(DOCUMENT_TYPE_DEPARTURE_REPLY, reply),
        )

    def export(self, parcel: Parcel) -> SimpleNamespace:
        """Declared, approved and released; the one trade of it."""
        self.declare(parcel)
        self.approve(parcel, 800)
        return self.trade(parcel)

    def withdraw(self, parcel: Parcel) -> None:
        """The agent withdraws the list and customs agrees."""
        self.submit(self.withdrawal(parcel), self.withdrawal_reply(parcel, 399))

    def return_goods(self, trade: SimpleNamespace, amount_minor: int) -> int:
        """Goods come back; what is claimed back."""
        request = service.ReportReturnRequest(
            trade_id=trade.trade_id, amount_minor=amount_minor, reference="return 1"
        )
        claimed: int = self.tell(request).clawback_minor
        return claimed

    def settling(self, trade: SimpleNamespace, merchant: Party) -> service.SettleDisputeRequest:
        return service.SettleDisputeRequest(
            trade_id=trade.trade_id, merchant_party_id=merchant.party_id, reason="seen the contract"
        )

    def settle(self, trade: SimpleNamespace, merchant: Party, by: str = OFFICER) -> None:
        """An officer names the genuine merchant."""
        self.tell(self.settling(trade, merchant), by)

    def close_trade(self, trade: SimpleNamespace, reason: int = 3) -> None:
        request = service.CloseTradeRequest(trade_id=trade.trade_id, reason=reason)  # type: ignore[arg-type]
        self.tell(request, OPERATOR)

    def trades(self, parcel: Parcel | None = None) -> list[SimpleNamespace]:
        """Trades that stand, of an order or all, in order of creation."""
        rows = self.rows("trades")
        for row in rows:
            row.used_minor = getattr(row, "used_minor", 0)
            row.clawback_minor = getattr(row, "clawback_minor", 0)
        rows = [row for row in rows if row.declared_minor or row.state != "closed"]
        if parcel is None:
            return rows
        return [row for row in rows if row.order_no == parcel.order_no]

    def trade(self, parcel: Parcel) -> SimpleNamespace:
        (trade,) = self.trades(parcel)
        return trade

    def items(self, parcel: Parcel) -> list[SimpleNamespace]:
        """Tax items of an order, in order of creation."""
        wanted = {trade.trade_id for trade in self.trades(parcel)}
        return [row for row in self.rows("tax_items") if row.trade_id in wanted]

    def item(self, parcel: Parcel) -> SimpleNamespace:
        (item,) = self.items(parcel)
        return item
