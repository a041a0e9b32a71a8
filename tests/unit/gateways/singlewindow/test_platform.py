"""Replies to orders of platforms without a code get the name of the order they answer."""

from __future__ import annotations

import sqlite3

import pytest

from gateways.singlewindow import platform
from gateways.singlewindow.platform import Order
from whampoa.customs.v1 import document_pb2 as document


def order(code: str, name: str) -> bytes:
    body = document.Order(order_no="1", ebc_code="X", ebp_code=code, ebp_name=name)
    return document.Document(order=body).SerializeToString()


def reply(status: int, code: str = "无", order_no: str = "1") -> bytes:
    body = document.Reply(order_no=order_no, ebc_code="X", ebp_code=code, return_status=status)
    return document.Document(reply=body).SerializeToString()


@pytest.fixture
def books() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript(platform.SCHEMA)
    return connection


def named(books: sqlite3.Connection, *raw: bytes) -> list[str]:
    some = [platform.answered(one) for one in raw]
    found = [one for one in some if one is not None]
    assert len(found) == len(raw)
    platform.fill(books, found)
    return [one.reply.reply.ebp_name for one in found]


def test_only_platforms_without_a_code_are_kept() -> None:
    some = [order("1105910159", "无印"), order("无", "A"), order("無", "B"), order("4401", "C")]
    assert platform.orders(some) == [Order("1", "X", "A"), Order("1", "X", "B")]
    assert platform.answered(reply(120, "1105910159")) is None


def test_the_one_order_of_a_number(books: sqlite3.Connection) -> None:
    platform.note(books, [Order("1", "X", "A"), Order("2", "X", "C")], 5)
    assert named(books, reply(2), reply(120), reply(120)) == ["A", "A", "A"]
    assert named(books, reply(120, order_no="3")) == [""]


def test_two_orders_of_one_number_are_answered_in_turn(books: sqlite3.Connection) -> None:
    platform.note(books, [Order("1", "X", "A"), Order("1", "X", "B")], 5)
    assert named(books, reply(2), reply(100), reply(2), reply(120)) == ["A", "A", "B", "B"]
    # The rejected one is declared once more.
    platform.note(books, [Order("1", "X", "A")], 6)
    assert named(books, reply(2), reply(120)) == ["A", "A"]
