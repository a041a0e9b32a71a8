"""Books entries on accounts: balances run along, references are given, letters go out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from gateways import moment
from gateways.bank import notification, profile, reference
from gateways.bank.amount import CNY
from gateways.bank.entry import CREDIT, Account, Detail, Entry, Kind
from gateways.books import write_letter


class Ledger:
    """One transaction's work on accounts."""

    def __init__(self, connection: sqlite3.Connection, now_ms: int) -> None:
        self.connection = connection
        self.now_ms = now_ms

    def knows(self, enterprise: str) -> bool:
        """Whether an enterprise has accounts here."""
        return self._collection(enterprise) is not None

    def account(self, enterprise: str, currency: str) -> Account:
        """An account with the number that payers use; the enterprise has to be known."""
        collection = self._collection(enterprise)
        if collection is None:
            raise ValueError(f"enterprise: {enterprise} has no account here")
        return Account(enterprise, currency, "" if currency == CNY else collection)

    def _collection(self, enterprise: str) -> str | None:
        row = self.connection.execute(
            "SELECT collection_account FROM enterprises WHERE enterprise = ?", (enterprise,)
        ).fetchone()
        return None if row is None else str(row["collection_account"])

    def balance(self, enterprise: str, currency: str) -> int:
        """What stands on an account; nothing on one that was never used."""
        row = self.connection.execute(
            "SELECT balance_minor FROM accounts WHERE enterprise = ? AND currency = ?",
            (enterprise, currency),
        ).fetchone()
        return int(row["balance_minor"]) if row else 0

    def next_reference(self) -> str:
        """The reference of the entry that is booked next."""
        highest = self.connection.execute("SELECT coalesce(max(sequence), 0) FROM entries")
        return reference.bank_reference(self.now_ms, int(highest.fetchone()[0]) + 1)

    def book(
        self,
        kind: Kind,
        account: Account,
        minor: int,
        subject: str,
        detail: Detail,
        named: str = "",
        value_date: str = "",
    ) -> Entry:
        """Books one entry under a reference of its own unless it was named another."""
        signed = minor if kind.direction == CREDIT else -minor
        balance = self.balance(account.enterprise, account.currency) + signed
        # Whoever takes foreign money looks at its remittance; CNY is taken by payouts alone.
        if balance < 0 and account.currency == CNY and kind is Kind.PAYOUT:
            raise AssertionError(f"{kind.word} of {minor} would overdraw {account}")
        own = named or self.next_reference()
        date = value_date or moment.date(self.now_ms)
        self.connection.execute(
            "INSERT INTO accounts (enterprise, currency, balance_minor) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET balance_minor = excluded.balance_minor",
            (account.enterprise, account.currency, balance),
        )
        self.connection.execute(
            "INSERT INTO entries (enterprise, currency, kind, direction, amount_minor,"
            " balance_minor, reference, subject, booked_at_ms, value_date)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(account.enterprise, account.currency, kind.word, kind.direction, minor),
                *(balance, own, subject, self.now_ms, date),
            ),
        )
        return Entry(kind, account, minor, own, self.now_ms, date, detail)

    def tell(self, entries: Iterable[Entry]) -> None:
        """Sends the notification of entries that belong together."""
        message = notification.write(tuple(entries))
        write_letter(self.connection, profile.NOTIFICATION, message)
