"""Pages over the projections: rows in key order, an opaque token where the next page begins."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Select, Table, func, select

from engine.projections import schema
from engine.projections.store import Store

PAGE_DEFAULT = 100
PAGE_MAX = 1_000


class BadPage(ValueError):
    """The page request cannot be served."""


@dataclass(frozen=True)
class Page:
    """Rows and the token of the next page, empty on the last."""

    rows: list[Mapping[str, Any]]
    next_token: str


def page_size(asked: int) -> int:
    """How many rows a page has. Raises `BadPage`."""
    if asked < 0:
        raise BadPage(f"page.page_size: not below 0 (got {asked})")
    return min(asked or PAGE_DEFAULT, PAGE_MAX)


class Queries:
    """Reads of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(self, table: Table, size: int, token: str, *wanted: ColumnElement[bool]) -> Page:
        """A page of a table. Raises `BadPage`."""
        return self._page(select(table), table, size, token, wanted)

    def documents_of(self, trade_id: bytes, size: int, token: str) -> Page:
        """A page of the documents that prove a trade. Raises `BadPage`."""
        documents, links = schema.documents, schema.trade_documents
        query = select(documents).join(links, links.c.document_id == documents.c.document_id)
        return self._page(query, documents, size, token, (links.c.trade_id == trade_id,))

    def _page(
        self,
        query: Select[Any],
        table: Table,
        size: int,
        token: str,
        wanted: tuple[ColumnElement[bool], ...],
    ) -> Page:
        size = page_size(size)
        key = next(iter(table.primary_key.columns))
        if wanted:
            query = query.where(*wanted)
        if token:
            query = query.where(
                key > _read_token(token, is_binary=isinstance(key.type, LargeBinary))
            )
        rows = self._store.rows(query.order_by(key).limit(size + 1))
        has_more = len(rows) > size
        rows = rows[:size]
        return Page(rows, _token(rows[-1][key.name]) if has_more else "")

    def counts(self) -> dict[str, int]:
        """How many subjects there are, by name; "<name>:<state>" where they have states."""
        counts: dict[str, int] = {}
        for name, column in (
            ("trades", schema.trades.c.state),
            ("payouts", schema.payouts.c.state),
            ("remittances", schema.remittances.c.review_state),
            ("tax_items", schema.tax_items.c.database),
            ("bop_records", schema.bop_records.c.kind),
            ("documents", schema.documents.c.type),
        ):
            query = select(column.label("word"), func.count().label("number")).group_by(column)
            for row in self._store.rows(query):
                counts[f"{name}:{row['word']}"] = int(row["number"])
                counts[name] = counts.get(name, 0) + int(row["number"])
        query = select(func.count().label("number")).select_from(schema.parties)
        counts["parties"] = int(self._store.rows(query)[0]["number"])
        return counts

    def sums(self) -> dict[str, int]:
        """Sums in minor units by "<name>:<currency>"."""
        sums: dict[str, int] = {}
        trades, remittances, payouts = schema.trades.c, schema.remittances.c, schema.payouts.c
        for currency, columns in (
            (trades.currency, ("declared", "verified", "used", "clawback")),
            (remittances.currency, ("credited", "allocated", "suspense", "returned", "converted")),
        ):
            table = currency.table
            picked = [func.sum(table.c[f"{name}_minor"]).label(name) for name in columns]
            query = select(currency.label("currency"), *picked).group_by(currency)
            for row in self._store.rows(query):
                for name in columns:
                    sums[f"{name}:{row['currency']}"] = int(row[name] or 0)
        paid = select(payouts.state, func.sum(payouts.cny_minor).label("cny"))
        for row in self._store.rows(paid.group_by(payouts.state)):
            sums[f"payouts_{row['state']}:CNY"] = int(row["cny"])
        return sums


def _token(key: bytes | str) -> str:
    raw = key.encode("ascii") if isinstance(key, str) else key
    return base64.urlsafe_b64encode(raw).decode("ascii")


def _read_token(token: str, *, is_binary: bool) -> bytes | str:
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        if is_binary:
            return raw
        text = raw.decode("ascii")
    except ValueError:
        raise bad_token(token) from None
    if not text.isprintable():
        raise bad_token(token)
    return text


def bad_token(token: str) -> BadPage:
    return BadPage(f"page.page_token: not a token of this query (got {token!r})")
