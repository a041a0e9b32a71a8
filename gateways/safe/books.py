"""SAFE's books in SQLite: records as they stand, what was done to them, batches, letters."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateways.books import ROWS_MAX, Books
from gateways.safe.record import Action, Kind, Record

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    reference TEXT PRIMARY KEY,
    sha256 BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS records (
    rptno TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    actual_rptno TEXT NOT NULL,
    uscc TEXT NOT NULL,
    name TEXT NOT NULL,
    payer TEXT NOT NULL,
    country TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 1),
    settled INTEGER NOT NULL CHECK (settled BETWEEN 0 AND amount),
    rate_e8 INTEGER NOT NULL,
    transaction_code TEXT NOT NULL,
    report_date TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('live', 'deleted'))
) STRICT;
CREATE INDEX IF NOT EXISTS parts ON records (actual_rptno) WHERE state = 'live';
CREATE TABLE IF NOT EXISTS actions (
    sequence INTEGER PRIMARY KEY,
    rptno TEXT NOT NULL,
    action TEXT NOT NULL,
    reference TEXT NOT NULL,
    amount TEXT NOT NULL,
    settled TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'refused')),
    description TEXT NOT NULL
) STRICT;
"""
_RECORD_COLUMNS = (
    "rptno, kind, actual_rptno, uscc, name, payer, country, currency, amount, settled, rate_e8,"
    " transaction_code, report_date, state"
)
_ACTION_COLUMNS = "sequence, rptno, action, reference, amount, settled, outcome, description"
LIVE = "live"
# Actual records whose parts do not sum to them (law 6). No part is without an actual record: it is
# taken in under one only, and the actual one is not deleted while it has parts.
_UNBALANCED = """
SELECT count(*) FROM records AS whole
WHERE whole.kind = 'actual' AND whole.state = 'live' AND whole.amount != (
    SELECT coalesce(sum(part.amount), 0) FROM records AS part
    WHERE part.actual_rptno = whole.rptno AND part.state = 'live' AND part.kind != 'actual'
)
"""


class RecordBooks(Books):
    """Records and actions beside the letters."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA)

    def rows(self, book: str, offset: int, limit: int) -> tuple[list[dict[str, str]], int]:
        """Rows of a book as texts, and how many it has."""
        columns, order = {
            "records": (_RECORD_COLUMNS, "rptno"),
            "actions": (_ACTION_COLUMNS, "sequence"),
        }.get(book, ("", ""))
        if not columns:
            raise ValueError(f"book: {book!r} is neither 'records' nor 'actions'")
        # The names come from the table above, never from the caller.
        statement = f"SELECT {columns} FROM {book} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        found = self.connection.execute(statement, (min(limit or ROWS_MAX, ROWS_MAX), offset))
        rows = [{name: str(row[name]) for name in row.keys()} for row in found]  # noqa: SIM118
        count = self.connection.execute(f"SELECT count(*) FROM {book}").fetchone()  # noqa: S608
        return rows, int(count[0])

    def totals(self) -> dict[str, int]:
        """Live records and their sums by kind and currency; `unbalanced` breaks law 6."""
        sums = {kind.name.lower(): 0 for kind in Kind}
        for row in self.connection.execute(
            "SELECT kind, currency, count(*) AS count, sum(amount) AS amount,"
            " sum(settled) AS settled FROM records WHERE state = 'live' GROUP BY kind, currency"
        ):
            sums[row["kind"]] += row["count"]
            sums[f"{row['kind']}_{row['currency']}"] = row["amount"]
            sums[f"{row['kind']}_settled_{row['currency']}"] = row["settled"]
        sums["deleted"] = self._count("records WHERE state = 'deleted'")
        sums["accepted"] = self._count("actions WHERE outcome = 'accepted'")
        sums["refused"] = self._count("actions WHERE outcome = 'refused'")
        sums["unbalanced"] = int(self.connection.execute(_UNBALANCED).fetchone()[0])
        return sums

    def _count(self, what: str) -> int:
        # Called with the texts above only.
        found = self.connection.execute(f"SELECT count(*) FROM {what}").fetchone()  # noqa: S608
        return int(found[0])


def find(connection: sqlite3.Connection, rptno: str) -> sqlite3.Row | None:
    """The record of a number, live or deleted."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM records WHERE rptno = ?", (rptno,)
    ).fetchone()
    return row


def has_parts(connection: sqlite3.Connection, actual_rptno: str) -> bool:
    """Whether live records belong to an actual one."""
    statement = (
        "SELECT 1 FROM records WHERE actual_rptno = ? AND state = 'live' AND kind != 'actual'"
    )
    return connection.execute(statement, (actual_rptno,)).fetchone() is not None


def put(connection: sqlite3.Connection, record: Record, actual_rptno: str) -> None:
    """Does to the records what an accepted one says."""
    if record.action is Action.DELETE:
        connection.execute("UPDATE records SET state = 'deleted' WHERE rptno = ?", (record.rptno,))
        return
    connection.execute(
        f"INSERT OR REPLACE INTO records ({_RECORD_COLUMNS})"  # noqa: S608 - a constant
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(record.rptno, record.kind.name.lower(), actual_rptno),
            *(record.uscc, record.name, record.payer, record.country),
            *(record.currency, record.amount, record.settled, record.rate_e8),
            *(record.transaction_code, record.report_date, LIVE),
        ),
    )


def note(
    connection: sqlite3.Connection, fields: dict[str, str], reference: str, description: str
) -> None:
    """Keeps what was asked for and what came of it; an empty description is an acceptance."""
    connection.execute(
        "INSERT INTO actions (rptno, action, reference, amount, settled, outcome, description)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(fields["RPTNO"], fields.get("ACTIONTYPE", ""), reference),
            # As they were sent: a refused record's need not be numbers.
            *(fields.get("TXAMT", ""), fields.get("LCYAMT", "")),
            *("refused" if description else "accepted", description),
        ),
    )


def take_batch(connection: sqlite3.Connection, reference: str, digest: bytes) -> bool:
    """Keeps a batch's reference; false when it was taken in before, with the same bytes."""
    row = connection.execute(
        "SELECT sha256 FROM batches WHERE reference = ?", (reference,)
    ).fetchone()
    if row is not None:
        if row["sha256"] != digest:
            raise ValueError(f"BATCHREF: {reference} was taken in before with other content")
        return False
    connection.execute("INSERT INTO batches (reference, sha256) VALUES (?, ?)", (reference, digest))
    return True
