"""The end of a day: statements of every account that moved, each from where the last one ended."""

from __future__ import annotations

import sqlite3

from gateways.bank import profile
from gateways.bank.entry import Account, Kind, Movement
from gateways.bank.ledger import Ledger
from gateways.bank.statement import Statement
from gateways.books import write_letter

# Entries of one statement; an account that moved more has several.
ENTRIES_MAX = 5_000


def close_day(ledger: Ledger) -> int:
    """Sends the statements; gives how many there were."""
    count = 0
    accounts = ledger.connection.execute(
        "SELECT enterprise, currency FROM accounts ORDER BY enterprise, currency"
    ).fetchall()
    for row in accounts:
        while _state(ledger, row["enterprise"], row["currency"]):
            count += 1
    return count


def _state(ledger: Ledger, enterprise: str, currency: str) -> bool:
    """Sends the next statement of an account; false when nothing moved since the last."""
    connection = ledger.connection
    last = connection.execute(
        "SELECT number, last_sequence, closing_minor FROM statements"
        " WHERE enterprise = ? AND currency = ? ORDER BY number DESC LIMIT 1",
        (enterprise, currency),
    ).fetchone()
    number, sequence, opening = tuple(last) if last else (0, 0, 0)
    rows = connection.execute(
        "SELECT * FROM entries WHERE enterprise = ? AND currency = ? AND sequence > ?"
        " ORDER BY sequence LIMIT ?",
        (enterprise, currency, sequence, ENTRIES_MAX),
    ).fetchall()
    if not rows:
        return False
    account = ledger.account(enterprise, currency)
    statement = Statement(
        number=number + 1,
        time_ms=ledger.now_ms,
        account=account,
        opening_minor=opening,
        # The balance that ran along, not a sum made here: a wrong one is then found out.
        closing_minor=rows[-1]["balance_minor"],
        movements=tuple(_movement(account, row) for row in rows),
    )
    connection.execute(
        "INSERT INTO statements (enterprise, currency, number, last_sequence, closing_minor)"
        " VALUES (?, ?, ?, ?, ?)",
        (enterprise, currency, number + 1, rows[-1]["sequence"], statement.closing_minor),
    )
    write_letter(connection, profile.STATEMENT, statement.write())
    return True


def _movement(account: Account, row: sqlite3.Row) -> Movement:
    return Movement(
        kind=Kind[row["kind"].upper()],
        account=account,
        amount_minor=row["amount_minor"],
        reference=row["reference"],
        booked_at_ms=row["booked_at_ms"],
        value_date=row["value_date"],
    )
