"""Letters to the gateway, in order, though some are held back or sent twice."""

from __future__ import annotations

import sqlite3

from gateways.bank import fault
from gateways.books import write_letter


def post(connection: sqlite3.Connection, message_format: str, message: bytes, now_ms: int) -> None:
    """Sends a letter, or holds it until it is due."""
    delay = fault.take(connection, fault.SLOW)
    copies = 1 if fault.take(connection, fault.REPEAT) is None else 2
    held = connection.execute("SELECT max(due_ms) FROM held_letters").fetchone()[0]
    due_ms = now_ms + int(delay or 0)
    for _ in range(copies):
        if held is None and delay is None:
            write_letter(connection, message_format, message)
            continue
        # A letter never overtakes one that is held.
        connection.execute(
            "INSERT INTO held_letters (due_ms, format, message) VALUES (?, ?, ?)",
            (max(due_ms, held or 0), message_format, message),
        )


def release(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Sends the letters that are due; true when there were any."""
    due = connection.execute(
        "SELECT * FROM held_letters WHERE due_ms <= ? ORDER BY sequence", (now_ms,)
    ).fetchall()
    for row in due:
        write_letter(connection, row["format"], row["message"])
        connection.execute("DELETE FROM held_letters WHERE sequence = ?", (row["sequence"],))
    return bool(due)
