"""The bank's books in SQLite: accounts and entries, remittances, conversions, payouts, quotes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateways.bank.entry import Kind
from gateways.books import ROWS_MAX, Books

_SCHEMA = """
CREATE TABLE IF NOT EXISTS enterprises (
    enterprise TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    collection_account TEXT NOT NULL
) STRICT;
-- No check on the balance: it may be as much below zero as recalls and charges made debts.
CREATE TABLE IF NOT EXISTS accounts (
    enterprise TEXT NOT NULL REFERENCES enterprises,
    currency TEXT NOT NULL,
    balance_minor INTEGER NOT NULL,
    PRIMARY KEY (enterprise, currency)
) STRICT;
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY,
    enterprise TEXT NOT NULL,
    currency TEXT NOT NULL,
    kind TEXT NOT NULL,
    direction TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    balance_minor INTEGER NOT NULL,
    reference TEXT NOT NULL,
    subject TEXT NOT NULL,
    booked_at_ms INTEGER NOT NULL,
    value_date TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entries_of_account ON entries (enterprise, currency, sequence);
CREATE TABLE IF NOT EXISTS statements (
    enterprise TEXT NOT NULL,
    currency TEXT NOT NULL,
    number INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    closing_minor INTEGER NOT NULL,
    PRIMARY KEY (enterprise, currency, number)
) STRICT;
CREATE TABLE IF NOT EXISTS remittances (
    remittance_id TEXT PRIMARY KEY,
    reference TEXT NOT NULL,
    enterprise TEXT NOT NULL,
    currency TEXT NOT NULL,
    credited_minor INTEGER NOT NULL,
    -- Taken back by charges, recalls and repayments.
    taken_minor INTEGER NOT NULL DEFAULT 0 CHECK (taken_minor <= credited_minor),
    sold_minor INTEGER NOT NULL DEFAULT 0,
    -- What was taken though it had been sold: the enterprise owes it.
    debt_minor INTEGER NOT NULL DEFAULT 0 CHECK (debt_minor >= 0),
    booked_at_ms INTEGER NOT NULL,
    CHECK (taken_minor + sold_minor <= credited_minor + debt_minor)
) STRICT;
CREATE TABLE IF NOT EXISTS conversions (
    conversion_id TEXT PRIMARY KEY,
    remittance_id TEXT NOT NULL,
    enterprise TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    rate_e8 INTEGER NOT NULL,
    cny_minor INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('booked', 'refused')),
    reason TEXT NOT NULL,
    reference TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS payments (
    sequence INTEGER PRIMARY KEY,
    payment_id TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    order_id TEXT NOT NULL,
    enterprise TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    payee_name TEXT NOT NULL,
    payee_account TEXT NOT NULL,
    payee_bank_code TEXT NOT NULL,
    remittance_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'debited', 'returned', 'refused')),
    reason TEXT NOT NULL DEFAULT '',
    reference TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS queue ON payments (enterprise, currency, sequence)
    WHERE state = 'waiting';
-- The answer to an order is given again when the order comes again.
CREATE TABLE IF NOT EXISTS orders (
    order_id TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    answer BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS quotes (
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    rate_e8 INTEGER NOT NULL,
    PRIMARY KEY (base, quote)
) STRICT;
"""
_BOOKS = {
    "accounts": (
        "SELECT enterprise, currency, balance_minor, name, collection_account"
        " FROM accounts JOIN enterprises USING (enterprise) ORDER BY enterprise, currency"
    ),
    "statement": "SELECT * FROM entries ORDER BY sequence",
    "conversions": "SELECT * FROM conversions ORDER BY conversion_id",
    "payouts": "SELECT * FROM payments WHERE purpose = 'payout' ORDER BY sequence",
    "remittances": "SELECT * FROM remittances ORDER BY remittance_id",
    "quotes": "SELECT * FROM quotes ORDER BY base, quote",
}
# The word under which a book's totals sum up each kind of entry.
_SUMS = {
    Kind.REMITTANCE: "credited",
    Kind.CHARGE: "charged",
    Kind.RECALL: "recalled",
    Kind.SALE: "sold",
    Kind.PURCHASE: "bought",
    Kind.PAYOUT: "debited",
    Kind.RETURN: "returned",
    Kind.REPAYMENT: "repaid",
}


class BankBooks(Books):
    """Everything of the bank beside the letters."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA)

    def rows(self, book: str, offset: int, limit: int) -> tuple[list[dict[str, str]], int]:
        """Rows of a book as texts, and how many it has."""
        statement = _BOOKS.get(book)
        if statement is None:
            raise ValueError(f"book: {book!r} is none of {', '.join(_BOOKS)}")
        found = self.connection.execute(
            f"{statement} LIMIT ? OFFSET ?", (min(limit or ROWS_MAX, ROWS_MAX), offset)
        )
        rows = [{name: str(row[name]) for name in row.keys()} for row in found]  # noqa: SIM118
        # The statement comes from the table above, never from the caller.
        count = self.connection.execute(f"SELECT count(*) FROM ({statement})").fetchone()  # noqa: S608
        return rows, int(count[0])

    def totals(self) -> dict[str, int]:
        """Sums per currency over all books, as `word:currency`, zeros too.

        balance = credited + bought + returned - charged - recalled - repaid - sold - debited.
        `debt` is what was taken back after it was sold, and balance + debt is never negative;
        `waiting` is what payouts lack money for.
        """
        currencies = self.connection.execute("SELECT DISTINCT currency FROM accounts").fetchall()
        words = (*_SUMS.values(), "balance", "debt", "waiting")
        sums = {f"{word}:{row['currency']}": 0 for row in currencies for word in words}
        kinds = {kind.word: word for kind, word in _SUMS.items()}
        for row in self._sums("entries", "kind", "amount_minor", "TRUE"):
            sums[f"{kinds[row['word']]}:{row['currency']}"] = row["minor"]
        for row in self._sums("accounts", "'balance'", "balance_minor", "TRUE"):
            sums[f"balance:{row['currency']}"] = row["minor"]
        for row in self._sums("remittances", "'debt'", "debt_minor", "debt_minor > 0"):
            sums[f"debt:{row['currency']}"] = row["minor"]
        for row in self._sums("payments", "'waiting'", "amount_minor", "state = 'waiting'"):
            sums[f"waiting:{row['currency']}"] = row["minor"]
        return sums

    def _sums(self, table: str, word: str, column: str, where: str) -> list[sqlite3.Row]:
        statement = (
            f"SELECT {word} AS word, currency, sum({column}) AS minor FROM {table}"  # noqa: S608
            f" WHERE {where} GROUP BY word, currency"
        )
        return self.connection.execute(statement).fetchall()
