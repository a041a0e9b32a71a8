"""What every emulator's books have: one SQLite file, whole transactions, letters in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LETTERS = """
CREATE TABLE IF NOT EXISTS letters (
    sequence INTEGER PRIMARY KEY,
    format TEXT NOT NULL,
    message BLOB NOT NULL
) STRICT;
"""
ROWS_MAX = 10_000


def is_full(failure: sqlite3.Error) -> bool:
    """Whether there was no room on the disk: what failed left nothing, and may be tried again."""
    return failure.sqlite_errorcode == sqlite3.SQLITE_FULL


class Books:
    """One file; every change is one transaction, synced before it is answered."""

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One thread works at a time, though not always the one that opened the file.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_LETTERS + schema)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block's changes, or none when it fails."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk has rolled back some statements by itself, and others not.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """For reads outside a transaction."""
        return self._connection

    def letters(self, from_sequence: int, limit: int) -> list[tuple[int, str, bytes]]:
        """Letters in order from a sequence number on."""
        rows = self._connection.execute(
            "SELECT sequence, format, message FROM letters WHERE sequence >= ?"
            " ORDER BY sequence LIMIT ?",
            (from_sequence, limit),
        )
        return [(row["sequence"], row["format"], row["message"]) for row in rows]

    def next_sequence(self) -> int:
        """The sequence number that the next letter gets."""
        return next_sequence(self._connection)

    def repeat(self, from_sequence: int, count: int) -> None:
        """Writes letters a second time, as new ones."""
        with self.transaction() as connection:
            for _, message_format, message in self.letters(from_sequence, count):
                write_letter(connection, message_format, message)


def next_sequence(connection: sqlite3.Connection) -> int:
    """The sequence number that the next letter gets; the first is 1."""
    highest = connection.execute("SELECT coalesce(max(sequence), 0) FROM letters").fetchone()
    return int(highest[0]) + 1


def write_letter(connection: sqlite3.Connection, message_format: str, message: bytes) -> int:
    """Appends a letter for the gateway to collect; returns its sequence number."""
    sequence = next_sequence(connection)
    connection.execute(
        "INSERT INTO letters (sequence, format, message) VALUES (?, ?, ?)",
        (sequence, message_format, message),
    )
    return sequence
