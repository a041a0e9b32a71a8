"""Documents as customs enters them in its books, and the keys by which its replies name them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateways.singlewindow import platform
from gateways.singlewindow.dxp import china_stamp
from gateways.singlewindow.kind import Kind
from gateways.singlewindow.value import parse_e5
from whampoa.customs.v1 import document_pb2 as documents

# The list's item number is cut after so many characters, the order's is longer.
ITEM_CHARACTERS_MAX = 20

# A row of a book, columns by name.
Row = dict[str, Any]
Values = dict[str, Any]


@dataclass(frozen=True)
class Filed:
    """One document, ready to be entered."""

    kind: Kind
    book: str
    transmitter: str
    # The columns that name it in its book.
    key: Values
    # The numbers by which a scenario picks it.
    names: tuple[str, ...]
    words: str
    # Reads the other columns; a `ValueError` says what is wrong with the document.
    read: Callable[[], Values]
    # What only its own replies need.
    told: Values = field(default_factory=dict)

    def find(self, connection: sqlite3.Connection) -> Row | None:
        """The row that has the key already."""
        where = " AND ".join(f"{name} = ?" for name in self.key)
        statement = f"SELECT * FROM {self.book} WHERE {where}"  # noqa: S608
        found = connection.execute(statement, tuple(self.key.values())).fetchone()
        return None if found is None else {**dict(found), **self.told}

    def unfiled(self, now_ms: int) -> Row:
        """As a row of no book, for an answer to what is not entered."""
        blank = {"number": 0, "since_ms": now_ms, "invt_no": ""}
        return {**blank, **self.key, **self.told, "transmitter": self.transmitter}

    def values(self, now_ms: int) -> Values:
        """The columns beside the key. Raises `ValueError` naming the field that is wrong."""
        values = self.read()
        if self.kind not in {Kind.ORDER, Kind.WAYBILL}:
            values["since_ms"] = now_ms
        return values

    def store(self, connection: sqlite3.Connection, values: Values, before: Row | None) -> Row:
        """Enters the document, over an earlier one of its key."""
        columns = {**self.key, **values, "transmitter": self.transmitter}
        if before is None:
            names = ", ".join(columns)
            marks = ", ".join("?" for _ in columns)
            statement = f"INSERT INTO {self.book} ({names}) VALUES ({marks})"  # noqa: S608
            number = connection.execute(statement, tuple(columns.values())).lastrowid
            assert number is not None
        else:
            number = before["number"]
            names = ", ".join(f"{name} = ?" for name in columns)
            statement = f"UPDATE {self.book} SET {names} WHERE number = ?"  # noqa: S608
            connection.execute(statement, (*columns.values(), number))
        return {**columns, **self.told, "number": number}


def read(kind: Kind, document: documents.Document) -> Filed:
    """The document's key and the way to its columns."""
    return _READERS[kind](document)


def _order(document: documents.Document) -> Filed:
    order = document.order

    def values() -> Values:
        lines = [
            [
                line.gnum,
                line.item_no[:ITEM_CHARACTERS_MAX],
                line.currency,
                parse_e5(line.total_price, f"OrderList[{line.gnum}]/totalPrice"),
            ]
            for line in order.lines
        ]
        return {
            "ebp_code": order.ebp_code,
            "lines": json.dumps(lines),
            "currency": order.currency,
            "value_e5": parse_e5(order.goods_value, "OrderHead/goodsValue"),
        }

    return Filed(
        kind=Kind.ORDER,
        book="orders",
        transmitter=document.transmitter_code,
        key=_order_key(order),
        names=(order.order_no,),
        words=f"order {order.order_no}",
        read=values,
        told={"ebp_code": order.ebp_code},
    )


def _order_key(document: documents.Order | documents.List) -> Values:
    """What names an order: the platform by its code, by its name where it has none."""
    code = document.ebp_code
    return {
        "platform": document.ebp_name.casefold() if platform.is_nameless(code) else code,
        "order_no": document.order_no,
        "ebc_code": document.ebc_code,
    }


def _waybill(document: documents.Document) -> Filed:
    waybill = document.waybill
    return Filed(
        kind=Kind.WAYBILL,
        book="waybills",
        transmitter=document.transmitter_code,
        key={"logistics_code": waybill.logistics_code, "logistics_no": waybill.logistics_no},
        names=(waybill.logistics_no,),
        words=f"waybill {waybill.logistics_no}",
        read=lambda: {"ebc_code": waybill.ebc_code},
    )


def _list(document: documents.Document) -> Filed:
    listed = document.list

    def values() -> Values:
        lines, sums = [], dict[str, int]()
        for line in listed.lines:
            total = parse_e5(line.total_price, f"InventoryList[{line.gnum}]/totalPrice")
            sums[line.currency] = sums.get(line.currency, 0) + total
            item = line.item_no[:ITEM_CHARACTERS_MAX]
            lines.append([line.gnum, item, line.currency, total, line.gcode, line.country])
        return {
            "ebp_code": listed.ebp_code,
            "agent_code": listed.agent_code,
            "owner_code": listed.owner_code,
            "cop_no": listed.cop_no,
            "customs_code": listed.customs_code,
            "logistics_code": listed.logistics_code,
            "logistics_no": listed.logistics_no,
            "statistics_flag": listed.statistics_flag,
            "parties": json.dumps([listed.agent_name, listed.ebc_name], ensure_ascii=False),
            "lines": json.dumps(lines),
            "currency_values": json.dumps(sums),
            "gross_e5": parse_e5(listed.gross_weight, "InventoryHead/grossWeight"),
            "net_e5": parse_e5(listed.net_weight, "InventoryHead/netWeight"),
            "invt_no": "",
            "withdrawn": 0,
        }

    return Filed(
        kind=Kind.LIST,
        book="lists",
        transmitter=document.transmitter_code,
        key=_order_key(listed),
        names=(listed.order_no, listed.cop_no),
        words=f"list {listed.cop_no}",
        read=values,
        told={
            "ebp_code": listed.ebp_code,
            "agent_code": listed.agent_code,
            "cop_no": listed.cop_no,
            "statistics_flag": listed.statistics_flag,
        },
    )


def _filing(
    document: documents.Document, kind: Kind, key: tuple[object, ...], **told: Any
) -> Filed:
    text = "/".join(str(part) for part in key)
    return Filed(
        kind=kind,
        book="filings",
        transmitter=document.transmitter_code,
        key={"kind": int(kind), "key": text},
        names=(text,),
        words=f"CEB{int(kind)} {text}",
        read=dict,
        told=told,
    )


def _note(document: documents.Document) -> Filed:
    note = document.collection_note
    return _filing(
        document,
        Kind.NOTE,
        (note.ebc_code, note.order_no),
        ebc_code=note.ebc_code,
        order_no=note.order_no,
        pay_no=note.pay_no,
    )


def _departure(document: documents.Document) -> Filed:
    departure = document.departure
    sequence = max(departure.msg_seq_no, 1)
    return _filing(
        document,
        Kind.DEPARTURE,
        (departure.logistics_code, departure.cop_no, sequence),
        logistics_code=departure.logistics_code,
        cop_no=departure.cop_no,
        msg_seq_no=sequence,
    )


def _withdrawal(document: documents.Document) -> Filed:
    withdrawal = document.withdrawal
    return _filing(
        document,
        Kind.WITHDRAWAL,
        (withdrawal.agent_code, withdrawal.cop_no, withdrawal.invt_no),
        agent_code=withdrawal.agent_code,
        cop_no=withdrawal.cop_no,
        invt_no=withdrawal.invt_no,
    )


def _aggregation(document: documents.Document) -> Filed:
    request = document.aggregation
    sequence = max(request.msg_seq_no, 1)
    return _filing(
        document,
        Kind.AGGREGATION,
        (request.agent_code, request.cop_no, sequence),
        agent_code=request.agent_code,
        ebc_code=request.ebc_code,
        cop_no=request.cop_no,
        msg_seq_no=sequence,
    )


_READERS: dict[Kind, Callable[[documents.Document], Filed]] = {
    Kind.ORDER: _order,
    Kind.NOTE: _note,
    Kind.WAYBILL: _waybill,
    Kind.DEPARTURE: _departure,
    Kind.LIST: _list,
    Kind.WITHDRAWAL: _withdrawal,
    Kind.AGGREGATION: _aggregation,
}
# The fields of each reply that name what it answers, and the columns they come from.
_REPLY_FIELDS: dict[Kind, dict[str, str]] = {
    Kind.ORDER: {"ebpCode": "ebp_code", "ebcCode": "ebc_code", "orderNo": "order_no"},
    Kind.NOTE: {"ebcCode": "ebc_code", "orderNo": "order_no", "payNo": "pay_no"},
    Kind.WAYBILL: {"logisticsCode": "logistics_code", "logisticsNo": "logistics_no"},
    Kind.DEPARTURE: {
        "logisticsCode": "logistics_code",
        "copNo": "cop_no",
        "preNo": "pre_no",
        "msgSeqNo": "msg_seq_no",
    },
    Kind.LIST: {
        "agentCode": "agent_code",
        "copNo": "cop_no",
        "preNo": "pre_no",
        "invtNo": "invt_no",
        "ebcCode": "ebc_code",
        "ebpCode": "ebp_code",
        "orderNo": "order_no",
        "statisticsFlag": "statistics_flag",
    },
    Kind.WITHDRAWAL: {
        "agentCode": "agent_code",
        "copNo": "cop_no",
        "preNo": "pre_no",
        "invtNo": "invt_no",
    },
    Kind.AGGREGATION: {
        "agentCode": "agent_code",
        "ebcCode": "ebc_code",
        "copNo": "cop_no",
        "preNo": "pre_no",
        "sumNo": "sum_no",
        "msgSeqNo": "msg_seq_no",
    },
}


def reply(kind: Kind, row: Row) -> dict[str, object]:
    """The key fields of a reply to what stands in a row."""
    return {
        name: _NUMBERS[column](row) if column in _NUMBERS else str(row[column])
        for name, column in _REPLY_FIELDS[kind].items()
    }


def find_list(connection: sqlite3.Connection, withdrawal: documents.Withdrawal) -> Row | None:
    """The list that a withdrawal means: by customs' number, else by the declarant's."""
    found = None
    if withdrawal.invt_no:
        statement = "SELECT * FROM lists WHERE invt_no = ? AND invt_no <> ''"
        found = connection.execute(statement, (withdrawal.invt_no,)).fetchone()
    if found is None:
        statement = "SELECT * FROM lists WHERE agent_code = ? AND cop_no = ?"
        keys = (withdrawal.agent_code, withdrawal.cop_no)
        found = connection.execute(statement, keys).fetchone()
    return None if found is None else dict(found)


def _pre_no(row: Row) -> str:
    """The e-port's number: "B", the day, nine digits."""
    return f"B{china_stamp(row['since_ms'])[:8]}{row['number']:09d}"


def sum_no(row: Row) -> str:
    """Number of an aggregation: "S", the day, nine digits."""
    return f"S{china_stamp(row['since_ms'])[:8]}{row['number']:09d}"


def invt_no(row: Row, now_ms: int) -> str:
    """Customs' number of a list: office, year, export, nine digits."""
    return f"{row['customs_code']}{china_stamp(now_ms)[:4]}E{row['number']:09d}"


# Columns that no book keeps: they follow from number and day of the row.
_NUMBERS: dict[str, Callable[[Row], str]] = {"pre_no": _pre_no, "sum_no": sum_no}
