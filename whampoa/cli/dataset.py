"""Data sets by name: which query gives their rows, and the columns those rows make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from whampoa.amounts import decimal_text, money_text
from whampoa.query.v1 import query_service_pb2 as query

TEXT, SIGNED, UNSIGNED, TRUTH = "text", "int64", "uint64", "bool"
_MINOR, _E5, _PARTY, _USCC = "_minor", "_e5", "party_id", "uscc"
# Amounts of these fields are CNY; the others' currency stands in the row.
_IN_CNY = frozenset({"cny_minor", "refund_minor"})
_POSITIONS = frozenset({"last", "position"})
_LIST_SEPARATOR = ";"
_NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32: SIGNED,
    FieldDescriptor.CPPTYPE_INT64: SIGNED,
    FieldDescriptor.CPPTYPE_UINT32: UNSIGNED,
    FieldDescriptor.CPPTYPE_UINT64: UNSIGNED,
    FieldDescriptor.CPPTYPE_BOOL: TRUTH,
}


@dataclass(frozen=True)
class Column:
    """One column: its name, its kind, and its value from a row and the parties' USCCs."""

    name: str
    kind: str
    value: Callable[[Any, Mapping[bytes, str]], Any]


@dataclass(frozen=True)
class DataSet:
    """One data set."""

    # Method of `QueryService`, its request, the field of the reply and the message of a row.
    method: str
    request: Message
    rows: str
    row: type[Message]

    def columns(self) -> list[Column]:
        """Exact integers as they are, beside them decimals as text; ids in hex, parties by USCC."""
        found: list[Column] = []
        for field in self.row.DESCRIPTOR.fields:
            found.extend(_columns(field))
        return found


DATA_SETS = {
    "refund-database": DataSet(
        "ListTaxItems", query.ListTaxItemsRequest(database="refund"), "items", query.TaxItemView
    ),
    "exemption-database": DataSet(
        "ListTaxItems",
        query.ListTaxItemsRequest(database="exempt_no_invoice"),
        "items",
        query.TaxItemView,
    ),
    "tax-items": DataSet("ListTaxItems", query.ListTaxItemsRequest(), "items", query.TaxItemView),
    "bop-records": DataSet(
        "ListBopRecords", query.ListBopRecordsRequest(), "records", query.BopRecordView
    ),
    "trades": DataSet("ListTrades", query.ListTradesRequest(), "trades", query.TradeView),
    "documents": DataSet(
        "ListDocuments", query.ListDocumentsRequest(), "documents", query.DocumentView
    ),
    "remittances": DataSet(
        "ListRemittances", query.ListRemittancesRequest(), "remittances", query.RemittanceView
    ),
    "payouts": DataSet("ListPayouts", query.ListPayoutsRequest(), "payouts", query.PayoutView),
    "parties": DataSet("ListParties", query.ListPartiesRequest(), "parties", query.PartyView),
    "accounts": DataSet("ListAccounts", query.ListAccountsRequest(), "accounts", query.AccountView),
}


def _columns(field: Any) -> list[Column]:
    name: str = field.name
    if name in _POSITIONS:
        return [
            Column(f"{name}_index", UNSIGNED, lambda row, _: getattr(row, name).index),
            Column(f"{name}_row", UNSIGNED, lambda row, _: getattr(row, name).row),
        ]
    if field.is_repeated:
        return [Column(name, TEXT, lambda row, _: _LIST_SEPARATOR.join(getattr(row, name)))]
    if field.cpp_type == field.CPPTYPE_STRING:
        return _text_columns(field)
    return _number_columns(name, _NUMBERS[field.cpp_type])


def _number_columns(name: str, kind: str) -> list[Column]:
    columns = [Column(name, kind, lambda row, _: getattr(row, name))]
    if name.endswith(_MINOR):
        columns.append(Column(name.removesuffix(_MINOR), TEXT, _money(name)))
    elif name.endswith(_E5):
        decimal = name.removesuffix(_E5)
        columns.append(Column(decimal, TEXT, lambda row, _: decimal_text(getattr(row, name), 5)))
    return columns


def _text_columns(field: Any) -> list[Column]:
    name: str = field.name
    if field.type != field.TYPE_BYTES:
        return [Column(name, TEXT, lambda row, _: getattr(row, name))]
    columns = [Column(name, TEXT, lambda row, _: getattr(row, name).hex())]
    # A party's own row has its USCC already.
    if name.endswith(_PARTY) and _USCC not in field.containing_type.fields_by_name:
        uscc = f"{name.removesuffix('_id')}_{_USCC}"
        columns.append(Column(uscc, TEXT, lambda row, usccs: usccs.get(getattr(row, name), "")))
    return columns


def _money(name: str) -> Callable[[Any, Mapping[bytes, str]], str]:
    if name in _IN_CNY:
        return lambda row, _: money_text(getattr(row, name), "CNY")
    return lambda row, _: money_text(getattr(row, name), row.currency)
