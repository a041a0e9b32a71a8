"""The clearing system's books in SQLite: participants, payments, closed accounts, letters."""

from __future__ import annotations

from pathlib import Path

from gateways.books import ROWS_MAX, Books
from gateways.pboc.status import PAID, QUEUED, Status

_SCHEMA = """
CREATE TABLE IF NOT EXISTS participants (
    bank_code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    balance_minor INTEGER NOT NULL CHECK (balance_minor >= 0)
) STRICT;
CREATE TABLE IF NOT EXISTS payments (
    sequence INTEGER PRIMARY KEY,
    payout_id TEXT NOT NULL UNIQUE,
    message_id TEXT NOT NULL,
    message_type TEXT NOT NULL,
    batch_rows INTEGER NOT NULL,
    sender TEXT NOT NULL,
    payer_account TEXT NOT NULL,
    receiver TEXT NOT NULL,
    payee_account TEXT NOT NULL,
    payee_name TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    status TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS queue ON payments (sender, sequence) WHERE status IN ('PR11', 'PR12');
CREATE TABLE IF NOT EXISTS closed_accounts (
    account TEXT PRIMARY KEY,
    reason TEXT NOT NULL
) STRICT;
"""
_STATES = {
    **dict.fromkeys(PAID, "settled"),
    **dict.fromkeys(QUEUED, "queued"),
    Status.REJECTED: "rejected",
    Status.RETURNED: "returned",
}
_PAYMENT_COLUMNS = (
    "message_id, message_type, payout_id, amount_minor, sender, receiver,"
    " payer_account, payee_account, payee_name, status, reason"
)
BALANCE_MINOR_MAX = 10**18


class ClearingBooks(Books):
    """Participants and payments beside the letters."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA)

    def rows(self, book: str, offset: int, limit: int) -> tuple[list[dict[str, str]], int]:
        """Rows of a book as texts, and how many it has."""
        columns, order = {
            "participants": ("bank_code, name, balance_minor", "bank_code"),
            "payments": (_PAYMENT_COLUMNS, "sequence"),
        }.get(book, ("", ""))
        if not columns:
            raise ValueError(f"book: {book!r} is neither 'participants' nor 'payments'")
        # The names come from the table above, never from the caller.
        statement = f"SELECT {columns} FROM {book} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        found = self.connection.execute(statement, (min(limit or ROWS_MAX, ROWS_MAX), offset))
        rows = [{name: str(row[name]) for name in row.keys()} for row in found]  # noqa: SIM118
        for row in rows:
            if "status" in row:
                row["state"] = _STATES[Status(row["status"])]
        count = self.connection.execute(f"SELECT count(*) FROM {book}").fetchone()  # noqa: S608
        return rows, int(count[0])

    def totals(self) -> dict[str, int]:
        """Sums over the whole of both books; `settled_minor` holds what was returned later."""
        sums: dict[str, int] = dict.fromkeys(_STATES.values(), 0)
        for row in self.connection.execute(
            "SELECT status, sum(amount_minor) AS minor FROM payments GROUP BY status"
        ):
            sums[_STATES[Status(row["status"])]] += row["minor"]
        balances = self.connection.execute(
            "SELECT coalesce(sum(balance_minor), 0) FROM participants"
        ).fetchone()
        return {
            "settled_minor": sums["settled"] + sums["returned"],
            "rejected_minor": sums["rejected"],
            "returned_minor": sums["returned"],
            "queued_minor": sums["queued"],
            "net_paid_minor": sums["settled"],
            "participants_minor": int(balances[0]),
        }
