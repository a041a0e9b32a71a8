"""The three documents at customs: a list meets its order and its waybill, or does not."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from gateways.singlewindow import status
from gateways.singlewindow.entry import Row


@dataclass(frozen=True)
class Verdict:
    """Whether the documents are all there, and what differs between them."""

    is_complete: bool
    difference: str = ""


_WAIT = Verdict(is_complete=False)


def judge(connection: sqlite3.Connection, listed: Row) -> Verdict:
    """Compares a stored list with what is stored under its keys."""
    order = connection.execute(
        "SELECT lines, status FROM orders WHERE platform = ? AND order_no = ? AND ebc_code = ?",
        (listed["platform"], listed["order_no"], listed["ebc_code"]),
    ).fetchone()
    waybill = connection.execute(
        "SELECT ebc_code, status FROM waybills WHERE logistics_code = ? AND logistics_no = ?",
        (listed["logistics_code"], listed["logistics_no"]),
    ).fetchone()
    if order is None or waybill is None:
        return _WAIT
    if order["status"] != status.STORED or waybill["status"] != status.STORED:
        return _WAIT
    return Verdict(True, _difference(connection, listed, order, waybill))


def _difference(
    connection: sqlite3.Connection,
    listed: Row,
    order: sqlite3.Row,
    waybill: sqlite3.Row,
) -> str:
    names = {listed["ebc_code"], listed["agent_code"], listed["owner_code"]}
    if waybill["ebc_code"] and waybill["ebc_code"] not in names:
        return f"waybill {listed['logistics_no']} names another consignor"
    other = connection.execute(
        "SELECT order_no FROM lists WHERE logistics_code = ? AND logistics_no = ?"
        " AND NOT (platform = ? AND order_no = ?)"
        " AND number < ? AND status >= ? AND withdrawn = 0 LIMIT 1",
        (
            *(listed["logistics_code"], listed["logistics_no"]),
            *(listed["platform"], listed["order_no"]),
            *(listed["number"], status.STORED),
        ),
    ).fetchone()
    if other is not None:
        return f"waybill {listed['logistics_no']} carries order {other['order_no']} already"
    ordered = {line[0]: line[1:4] for line in json.loads(order["lines"])}
    for line in json.loads(listed["lines"]):
        if ordered.get(line[0]) != line[1:4]:
            return f"line {line[0]} is not the order's"
    return ""


def waiting_lists(connection: sqlite3.Connection, book: str, row: Row) -> list[int]:
    """Stored lists that wait for an order or a waybill just stored."""
    names: tuple[str, ...] = ("logistics_code", "logistics_no")
    if book == "orders":
        names = ("platform", "order_no", "ebc_code")
    where = " AND ".join(f"{name} = ?" for name in names)
    keys = [row[name] for name in names]
    statement = (
        f"SELECT number FROM lists WHERE {where}"  # noqa: S608
        " AND status = 120 AND held = 0 AND withdrawn = 0"
    )
    return [found["number"] for found in connection.execute(statement, keys)]
