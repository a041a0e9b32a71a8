"""Faults that the bank was told to have, each for a bounded number of times."""

from __future__ import annotations

import sqlite3

# What each fault has as its argument, with the value it has when none is given.
SLOW, REFUSE, REPEAT, LOSE_REPLY, DOWN = "slow", "refuse", "repeat", "lose_reply", "down"
DEFAULTS = {SLOW: "500", REFUSE: "RR04", REPEAT: "", LOSE_REPLY: "", DOWN: ""}
COUNT_MAX = 1_000


def tell(connection: sqlite3.Connection, kind: str, count: int, argument: str) -> None:
    """Sets a fault for its next `count` occasions; none takes it away."""
    connection.execute(
        "INSERT INTO faults (kind, remaining, argument) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET remaining = excluded.remaining, argument = excluded.argument",
        (kind, count, argument),
    )


def take(connection: sqlite3.Connection, kind: str) -> str | None:
    """Uses up one occasion of a fault and gives its argument; `None` when there is no fault."""
    row = connection.execute(
        "UPDATE faults SET remaining = remaining - 1 WHERE kind = ? AND remaining > 0"
        " RETURNING argument",
        (kind,),
    ).fetchone()
    return None if row is None else str(row["argument"])
