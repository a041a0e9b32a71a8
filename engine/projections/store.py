"""Keeps the projections in SQLite or PostgreSQL: rows and cursor in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, create_engine, event, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.projections import schema

_NAME = "corridor"
# Rows that one statement carries; drivers bound the number of parameters.
_ROWS_PER_STATEMENT = 2_000

Batch = tuple[str, list[str], list[list[object]]]


class Store:
    """The tables of one log behind a database URL."""

    def __init__(self, url: str, log: str) -> None:
        self._log = log
        self._engine: Engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _relax)

    def open(self) -> int:
        """Makes the tables, anew when of another log or version; returns the next entry."""
        schema.cursor.create(self._engine, checkfirst=True)
        with self._engine.begin() as connection:
            row = connection.execute(select(schema.cursor)).mappings().first()
        if row is not None and row["version"] == schema.VERSION and row["log"] == self._log:
            return int(row["next_index"])
        self.reset()
        return 0

    def reset(self) -> None:
        """Drops everything: the journal makes it again."""
        schema.metadata.drop_all(self._engine)
        schema.metadata.create_all(self._engine)
        first = {
            "name": _NAME,
            "version": schema.VERSION,
            "log": self._log,
            "next_index": 0,
        }
        with self._engine.begin() as connection:
            connection.execute(schema.cursor.insert(), first)

    def apply(self, batches: Sequence[Batch], next_index: int) -> None:
        """Applies rows in order and moves the cursor."""
        with self._engine.begin() as connection:
            for table, columns, values in batches:
                self._upsert(connection, schema.metadata.tables[table], columns, values)
            connection.execute(schema.cursor.update().values(next_index=next_index))

    def _upsert(
        self, connection: Connection, table: Table, columns: list[str], values: list[list[object]]
    ) -> None:
        width = schema.KEY_WIDTHS.get(table.name, 1)
        keys, rest = columns[:width], columns[width:]
        dialect: Any = sqlite if self._engine.dialect.name == "sqlite" else postgresql
        statement = dialect.insert(table)
        replaced = {name: statement.excluded[name] for name in rest}
        upsert = (
            statement.on_conflict_do_update(index_elements=keys, set_=replaced)
            if replaced
            else statement.on_conflict_do_nothing(index_elements=keys)
        )
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
        for start in range(0, len(rows), _ROWS_PER_STATEMENT):
            connection.execute(upsert, rows[start : start + _ROWS_PER_STATEMENT])

    def rows(self, query: Select[Any]) -> list[Mapping[str, Any]]:
        """The rows of a query, as mappings."""
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def close(self) -> None:
        self._engine.dispose()


def _relax(connection: Any, _record: object) -> None:
    """Projections can be made again, so SQLite need not wait for the disk; readers do not block."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
