"""Names of platforms without a code: a 304 does not tell them, so they are kept from the order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from whampoa.customs.v1 import document_pb2 as documents

SCHEMA = """
CREATE TABLE IF NOT EXISTS platforms (
    order_no TEXT NOT NULL,
    ebc_code TEXT NOT NULL,
    name TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    is_answered INTEGER NOT NULL DEFAULT 0,
    time_ms INTEGER NOT NULL,
    PRIMARY KEY (order_no, ebc_code, name)
) STRICT, WITHOUT ROWID;
"""
_NAMELESS = frozenset({"无", "無"})
_BYTES = tuple(code.encode() for code in _NAMELESS)
# Statuses after which the order gets more: saved, taken in, passed on.
_UNDER_WAY = frozenset({1, 2, 3, 4})


def is_nameless(code: str) -> bool:
    """Whether a platform's code is the word for none."""
    return code.strip() in _NAMELESS


@dataclass(frozen=True)
class Order:
    """An order on a platform without a code."""

    order_no: str
    ebc_code: str
    name: str


@dataclass
class Answered:
    """A reply to such an order, to which the name is to be added."""

    reply: documents.Document

    @property
    def is_final(self) -> bool:
        return self.reply.reply.return_status not in _UNDER_WAY


def orders(raw: Iterable[bytes]) -> list[Order]:
    """Those of serialized orders whose platform has no code."""
    found = []
    for one in raw:
        if _may_be_nameless(one):
            order = documents.Document.FromString(one).order
            if is_nameless(order.ebp_code):
                found.append(Order(order.order_no, order.ebc_code, order.ebp_name))
    return found


def answered(raw: bytes) -> Answered | None:
    """A serialized 304 to an order whose platform has no code."""
    if not _may_be_nameless(raw):
        return None
    document = documents.Document.FromString(raw)
    return Answered(document) if is_nameless(document.reply.ebp_code) else None


def _may_be_nameless(raw: bytes) -> bool:
    """Cheap: most documents need not be parsed."""
    return any(code in raw for code in _BYTES)


def note(connection: sqlite3.Connection, some: Sequence[Order], time_ms: int) -> None:
    """Keeps the names of orders that go to customs now; each is to be answered (again)."""
    if not some:
        return
    highest = connection.execute("SELECT coalesce(max(sequence), 0) FROM platforms").fetchone()[0]
    connection.executemany(
        "INSERT OR REPLACE INTO platforms (order_no, ebc_code, name, sequence, time_ms)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            (order.order_no, order.ebc_code, order.name, highest + at, time_ms)
            for at, order in enumerate(some, start=1)
        ),
    )


def fill(connection: sqlite3.Connection, some: Iterable[Answered]) -> None:
    """Adds the names. Where two orders have one number, the one that waits longest is meant."""
    for one in some:
        reply = one.reply.reply
        found = connection.execute(
            "SELECT name FROM platforms WHERE order_no = ? AND ebc_code = ?"
            " ORDER BY is_answered, sequence LIMIT 1",
            (reply.order_no, reply.ebc_code),
        ).fetchone()
        if found is None:
            continue
        reply.ebp_name = found[0]
        if one.is_final:
            connection.execute(
                "UPDATE platforms SET is_answered = 1"
                " WHERE order_no = ? AND ebc_code = ? AND name = ?",
                (reply.order_no, reply.ebc_code, reply.ebp_name),
            )
