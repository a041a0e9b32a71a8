"""Customs' books in SQLite: orders, waybills, lists, other filings, and the rules of scenarios."""

from __future__ import annotations

import json
from pathlib import Path

from gateways.books import ROWS_MAX, Books
from gateways.singlewindow import status, value

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY,
    platform TEXT NOT NULL,
    ebp_code TEXT NOT NULL,
    order_no TEXT NOT NULL,
    ebc_code TEXT NOT NULL,
    transmitter TEXT NOT NULL,
    lines TEXT NOT NULL,
    currency TEXT NOT NULL,
    value_e5 INTEGER NOT NULL,
    status INTEGER NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    UNIQUE (platform, order_no, ebc_code)
) STRICT;
CREATE TABLE IF NOT EXISTS waybills (
    number INTEGER PRIMARY KEY,
    logistics_code TEXT NOT NULL,
    logistics_no TEXT NOT NULL,
    ebc_code TEXT NOT NULL,
    transmitter TEXT NOT NULL,
    status INTEGER NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    UNIQUE (logistics_code, logistics_no)
) STRICT;
CREATE TABLE IF NOT EXISTS lists (
    number INTEGER PRIMARY KEY,
    platform TEXT NOT NULL,
    ebp_code TEXT NOT NULL,
    order_no TEXT NOT NULL,
    ebc_code TEXT NOT NULL,
    agent_code TEXT NOT NULL,
    owner_code TEXT NOT NULL,
    cop_no TEXT NOT NULL,
    customs_code TEXT NOT NULL,
    logistics_code TEXT NOT NULL,
    logistics_no TEXT NOT NULL,
    statistics_flag TEXT NOT NULL,
    parties TEXT NOT NULL,
    lines TEXT NOT NULL,
    currency_values TEXT NOT NULL,
    gross_e5 INTEGER NOT NULL,
    net_e5 INTEGER NOT NULL,
    invt_no TEXT NOT NULL DEFAULT '',
    transmitter TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    status INTEGER NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    withdrawn INTEGER NOT NULL DEFAULT 0,
    UNIQUE (platform, order_no, ebc_code)
) STRICT;
CREATE INDEX IF NOT EXISTS lists_by_waybill ON lists (logistics_code, logistics_no);
CREATE INDEX IF NOT EXISTS lists_by_invt_no ON lists (invt_no) WHERE invt_no <> '';
CREATE INDEX IF NOT EXISTS lists_by_cop_no ON lists (agent_code, cop_no);
CREATE INDEX IF NOT EXISTS lists_waiting ON lists (since_ms) WHERE status = 120 AND held = 0;
CREATE TABLE IF NOT EXISTS filings (
    number INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    key TEXT NOT NULL,
    transmitter TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    status INTEGER NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    UNIQUE (kind, key)
) STRICT;
CREATE TABLE IF NOT EXISTS seen (
    digest BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rules (
    number INTEGER PRIMARY KEY,
    action TEXT NOT NULL,
    book TEXT NOT NULL,
    pattern TEXT NOT NULL,
    status INTEGER NOT NULL,
    remaining INTEGER NOT NULL
) STRICT;
"""
_COLUMNS = {
    "orders": "order_no, platform, ebc_code, currency, value_e5, status, held, transmitter",
    "waybills": "logistics_code, logistics_no, ebc_code, status, held, transmitter",
    "lists": (
        "order_no, platform, ebc_code, agent_code, cop_no, invt_no, logistics_code,"
        " logistics_no, currency_values, status, held, withdrawn, transmitter"
    ),
}


class CustomsBooks(Books):
    """Everything that customs knows."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA)

    def rows(self, book: str, offset: int, limit: int) -> tuple[list[dict[str, str]], int]:
        """Rows of a book as texts, and how many it has."""
        columns = _COLUMNS[_checked(book)]
        # The names come from the table above, never from the caller.
        statement = f"SELECT {columns} FROM {book} ORDER BY number LIMIT ? OFFSET ?"  # noqa: S608
        found = self.connection.execute(statement, (min(limit or ROWS_MAX, ROWS_MAX), offset))
        rows = [_row(dict(row)) for row in found]
        count = self.connection.execute(f"SELECT count(*) FROM {book}").fetchone()  # noqa: S608
        return rows, int(count[0])

    def totals(self, book: str) -> dict[str, int]:
        """Counts of the whole book by what became of it, and its value in minor units."""
        sums = {"orders": self._orders, "waybills": self._waybills, "lists": self._lists}
        return sums[_checked(book)]()

    def _orders(self) -> dict[str, int]:
        totals = dict.fromkeys(("orders", "stored", "rejected", "held"), 0)
        for row in self.connection.execute("SELECT currency, value_e5, status, held FROM orders"):
            _count(totals, "orders", row["status"], row["held"])
            _add(totals, "declared", row["currency"], row["value_e5"])
        return _minor(totals)

    def _waybills(self) -> dict[str, int]:
        totals = dict.fromkeys(("waybills", "stored", "rejected", "held"), 0)
        for row in self.connection.execute("SELECT status, held FROM waybills"):
            _count(totals, "waybills", row["status"], row["held"])
        return totals

    def _lists(self) -> dict[str, int]:
        names = ("stored", "rejected", "held", "reviewed", "approved", "released", "withdrawn")
        totals = dict.fromkeys(("lists", *names), 0)
        for row in self.connection.execute(
            "SELECT currency_values, status, held, withdrawn FROM lists"
        ):
            _count(totals, "lists", row["status"], row["held"])
            is_released = status.is_released(row["status"]) and not row["withdrawn"]
            totals["reviewed"] += row["status"] == status.REVIEW
            totals["approved"] += row["status"] == status.APPROVED
            totals["released"] += is_released
            totals["withdrawn"] += row["withdrawn"]
            for currency, value_e5 in json.loads(row["currency_values"]).items():
                _add(totals, "declared", currency, value_e5)
                if is_released:
                    _add(totals, "released", currency, value_e5)
        return _minor(totals)


def _checked(book: str) -> str:
    if book not in _COLUMNS:
        raise ValueError(f"book: {book!r} is none of {', '.join(_COLUMNS)}")
    return book


def _row(row: dict[str, object]) -> dict[str, str]:
    cells = {name: str(cell) for name, cell in row.items()}
    if "value_e5" in cells:
        currency = cells["currency"]
        cells["value_minor"] = str(value.minor(int(cells.pop("value_e5")), currency))
        cells["currency"] = value.iso(currency)
    if "currency_values" in cells:
        for currency, value_e5 in json.loads(cells.pop("currency_values")).items():
            cells[f"{value.iso(currency).lower()}_minor"] = str(value.minor(value_e5, currency))
    return cells


def _count(totals: dict[str, int], book: str, of_status: int, held: int) -> None:
    totals[book] += 1
    totals["stored"] += of_status == status.STORED
    totals["rejected"] += status.is_end(of_status)
    totals["held"] += held


def _add(totals: dict[str, int], what: str, currency: str, value_e5: int) -> None:
    name = f"{what} {currency}"
    totals[name] = totals.get(name, 0) + value_e5


def _minor(totals: dict[str, int]) -> dict[str, int]:
    """Sums of value under their names: "declared 502" becomes `declared_usd_minor`."""
    found: dict[str, int] = {}
    for name, total in totals.items():
        what, _, currency = name.partition(" ")
        if currency:
            found[f"{what}_{value.iso(currency).lower()}_minor"] = value.minor(total, currency)
        else:
            found[name] = total
    return found
