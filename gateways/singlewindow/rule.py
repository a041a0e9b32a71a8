"""What a scenario does to documents: holds some back, rejects some so many times."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateways.singlewindow import status

HOLD, REJECT = "hold", "reject"
BOOKS = ("orders", "waybills", "lists")
# Lists may be held before their match or after it; the others before they are stored.
HOLD_STATUSES = {
    "orders": (status.DECLARING,),
    "waybills": (status.DECLARING,),
    "lists": (status.APPROVED, status.STORED),
}
_ALWAYS = -1


@dataclass(frozen=True)
class Rule:
    """One rule; `pattern` is a glob over the document's own number."""

    action: str
    book: str
    pattern: str
    status: int
    # How many documents it still meets; -1 is every one.
    remaining: int

    @classmethod
    def of(cls, action: str, arguments: Mapping[str, str]) -> Rule:
        """Reads the arguments of an instruction. Raises `ValueError` naming what is wrong."""
        book = arguments.get("book", "lists")
        if book not in BOOKS:
            raise ValueError(f"book: {book!r} is none of {', '.join(BOOKS)}")
        pattern = arguments.get("pattern", "")
        if not pattern:
            raise ValueError("pattern: it is missing")
        default = HOLD_STATUSES[book][0] if action == HOLD else status.REJECTED
        code = _integer(arguments, "status", default)
        if action == REJECT:
            status.check_rejection(code)
        elif code not in HOLD_STATUSES[book]:
            raise ValueError(f"status: {book} are held at {HOLD_STATUSES[book]}, not at {code}")
        count = _integer(arguments, "count", _ALWAYS if action == HOLD else 1)
        if count < 1 and count != _ALWAYS:
            raise ValueError(f"count: {count} is neither positive nor {_ALWAYS} (always)")
        return cls(action, book, pattern, code, count)


def _integer(arguments: Mapping[str, str], name: str, default: int) -> int:
    text = arguments.get(name, "")
    try:
        return int(text) if text else default
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no integer") from None


class Rules:
    """The rules of one set of books."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._rules: list[tuple[int, Rule]] = []
        self._read(connection)

    def _read(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT * FROM rules WHERE remaining <> 0 ORDER BY number")
        self._rules = [
            (
                row["number"],
                Rule(row["action"], row["book"], row["pattern"], row["status"], row["remaining"]),
            )
            for row in rows
        ]

    def add(self, connection: sqlite3.Connection, rule: Rule) -> None:
        connection.execute(
            "INSERT INTO rules (action, book, pattern, status, remaining) VALUES (?, ?, ?, ?, ?)",
            (rule.action, rule.book, rule.pattern, rule.status, rule.remaining),
        )
        self._read(connection)

    def add_once(self, connection: sqlite3.Connection, rule: Rule) -> None:
        """Adds a rule of the configuration unless an earlier start did."""
        known = connection.execute(
            "SELECT 1 FROM rules WHERE action = ? AND book = ? AND pattern = ? AND status = ?",
            (rule.action, rule.book, rule.pattern, rule.status),
        ).fetchone()
        if known is None:
            self.add(connection, rule)

    def meet(
        self, connection: sqlite3.Connection, action: str, book: str, names: Iterable[str]
    ) -> int | None:
        """The status of the first rule that meets a document by one of its numbers; uses it up."""
        for number, rule in self._rules:
            if (rule.action, rule.book) != (action, book):
                continue
            if any(fnmatchcase(name, rule.pattern) for name in names):
                if rule.remaining > 0:
                    connection.execute(
                        "UPDATE rules SET remaining = remaining - 1 WHERE number = ?", (number,)
                    )
                    self._read(connection)
                return rule.status
        return None

    def lift(self, connection: sqlite3.Connection, book: str, pattern: str) -> None:
        """Ends the holds of a pattern; of every pattern when it is `*`."""
        for number, rule in self._rules:
            if (rule.action, rule.book) == (HOLD, book) and pattern in {"*", rule.pattern}:
                connection.execute("UPDATE rules SET remaining = 0 WHERE number = ?", (number,))
        self._read(connection)
