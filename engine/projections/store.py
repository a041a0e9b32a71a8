"""Keeps the projections in SQLite or PostgreSQL: rows and cursor in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, create_engine, event, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    InterfaceError,
    OperationalError,
)

from engine.logs import logger
from engine.projections import schema

log = logger(__name__)

_NAME = "corridor"
# Rows that one statement carries; drivers bound the number of parameters.
_ROWS_PER_STATEMENT = 2_000

Batch = tuple[str, list[str], list[list[object]]]


class Away(RuntimeError):
    """The database does not answer, or takes nothing more."""


class BadValue(ValueError):
    """A query asks for a value that the database cannot hold."""


class Store:
    """The tables of one log behind a database URL. Every call raises `Away` when it is away."""

    def __init__(self, url: str, log: str) -> None:
        self._log = log
        # A connection that broke while nobody used it is made anew. Values are private: errors do
        # not show them.
        self._engine: Engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _relax)

    def open(self) -> int:
        """Makes the tables, anew when of another log or version; returns the next entry."""
        try:
            row = self._cursor()
        except DatabaseError as error:
            if self._engine.dialect.name != "sqlite":
                raise
            log.warning("projections are damaged, made again", cause=_cause(error))
            self._remove_files()
            row = self._cursor()
        if row is not None and row["version"] == schema.VERSION and row["log"] == self._log:
            return int(row["next_index"])
        self.reset()
        return 0

    def _cursor(self) -> Mapping[str, Any] | None:
        with self._begin() as connection:
            if self._engine.dialect.name == "sqlite":
                # Written without waiting for the disk: after a power cut anything may stand there.
                found = connection.execute(text("PRAGMA quick_check(1)")).scalar()
                if found != "ok":
                    raise DatabaseError("quick_check", None, ValueError(found))
            schema.cursor.create(connection, checkfirst=True)
            row = connection.execute(select(schema.cursor)).mappings().first()
            return None if row is None else dict(row)

    def _remove_files(self) -> None:
        """A file of SQLite that cannot be read: the journal makes it again."""
        self._engine.dispose()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._engine.url.database}{suffix}").unlink(missing_ok=True)

    def reset(self) -> None:
        """Drops everything: the journal makes it again."""
        first = {
            "name": _NAME,
            "version": schema.VERSION,
            "log": self._log,
            "next_index": 0,
        }
        with self._begin() as connection:
            schema.metadata.drop_all(connection)
            schema.metadata.create_all(connection)
            connection.execute(schema.cursor.insert(), first)

    def apply(self, batches: Sequence[Batch], next_index: int) -> None:
        """Applies rows in order and moves the cursor. Doing it again changes nothing."""
        with self._begin() as connection:
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
        if self._engine.dialect.name != "sqlite":
            values = [[_storable(value) for value in column] for column in values]
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
        for start in range(0, len(rows), _ROWS_PER_STATEMENT):
            connection.execute(upsert, rows[start : start + _ROWS_PER_STATEMENT])

    def rows(self, query: Select[Any]) -> list[Mapping[str, Any]]:
        """The rows of a query, as mappings. Raises `BadValue`."""
        try:
            with self._begin() as connection:
                return [dict(row) for row in connection.execute(query).mappings()]
        except DataError as error:
            raise BadValue(f"a value asked for: {_cause(error)}") from None

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:
            raise Away(f"the projections are away: {_cause(error)}") from None


def _cause(error: DBAPIError) -> str:
    """The first line of the driver alone: SQLAlchemy's own text has the statement too."""
    return str(error.orig).strip().partition("\n")[0]


def _storable(value: object) -> object:
    """PostgreSQL keeps no NUL in text; documents that came as bytes may hold one."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _relax(connection: Any, _record: object) -> None:
    """Projections can be made again, so SQLite need not wait for the disk; readers do not block."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
