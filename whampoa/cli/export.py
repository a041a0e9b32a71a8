"""The verb `export`: data sets for authorities, as CSV or Parquet."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from whampoa.cli import pages
from whampoa.cli.connection import OPERATOR, AsOption, Connection
from whampoa.cli.dataset import DATA_SETS, SIGNED, TEXT, TRUTH, UNSIGNED, Column, DataSet
from whampoa.cli.output import DataDirOption, Failure, JsonOption, Output
from whampoa.query.v1.query_service_pb2 import ListPartiesRequest

_CSV, _PARQUET = ".csv", ".parquet"
Rows = list[list[Any]]


class Sink(Protocol):
    """A file that takes rows."""

    def write(self, rows: Rows) -> None: ...


def register(application: typer.Typer) -> None:
    application.command("export")(export)


def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(DATA_SETS)}.")],
    data_dir: DataDirOption,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="NAME.csv if absent; .parquet makes Parquet."),
    ] = None,
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """Write a data set to a file: exact integers, decimals as text, ids in hex."""
    with Output(json) as out:
        wanted = DATA_SETS.get(name)
        if wanted is None:
            raise Failure(f"NAME: {name!r} is none of {', '.join(DATA_SETS)}", exit_code=2)
        path = output or Path(f"{name}{_CSV}")
        if path.suffix not in (_CSV, _PARQUET):
            raise Failure(f"--output: {path} ends in neither {_CSV} nor {_PARQUET}", exit_code=2)
        with Connection(data_dir, as_) as connection:
            count, as_of = _write(out, connection, wanted, path)
        out.answer(f"{count} rows of {name} in {path}, as of entry {as_of}")
        out.result(name=name, rows=count, file=path, as_of_index=as_of)


def _write(
    out: Output, connection: Connection, wanted: DataSet, path: Path
) -> tuple[int, int | None]:
    """Rows written, and the newest entry that every one of them has seen."""
    called = connection.client.query.ListParties
    usccs = {
        party.party_id: party.uscc
        for party in pages.every(connection, called, ListPartiesRequest(), "parties")
    }
    columns = wanted.columns()
    call = getattr(connection.client.query, wanted.method)
    count = 0
    with file_of(path, columns) as sink, out.progress(path.name) as advance:
        for reply in pages.pages(connection, call, wanted.request):
            rows = [
                [column.value(row, usccs) for column in columns]
                for row in getattr(reply, wanted.rows)
            ]
            sink.write(rows)
            count += len(rows)
            advance(len(rows))
    return count, connection.head.index if connection.head else None


@contextmanager
def file_of(path: Path, columns: Sequence[Column]) -> Iterator[Sink]:
    """A file beside the wanted one, which takes its place only when it is whole."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with (
            _parquet(partial, columns)
            if path.suffix == _PARQUET
            else _csv(partial, columns) as sink
        ):
            yield sink
        os.replace(partial, path)  # noqa: PTH105
    except OSError as fault:
        raise Failure(f"{fault.filename or path}: {fault.strerror or fault}") from fault
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _csv(path: Path, columns: Sequence[Column]) -> Iterator[Sink]:
    with path.open("w", newline="", encoding="utf-8") as file:
        yield _CsvSink(file, columns)


class _CsvSink:
    """RFC 4180, UTF-8, names of the columns first; truth is 1 or 0."""

    def __init__(self, file: Any, columns: Sequence[Column]) -> None:
        self._writer = csv.writer(file)
        self._writer.writerow([column.name for column in columns])

    def write(self, rows: Rows) -> None:
        self._writer.writerows(
            [int(cell) if isinstance(cell, bool) else cell for cell in row] for row in rows
        )


@contextmanager
def _parquet(path: Path, columns: Sequence[Column]) -> Iterator[Sink]:
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ImportError as missing:
        raise Failure("Parquet needs pyarrow: pip install 'whampoa[exports]'") from missing
    kinds = {
        TEXT: pa.string(),
        SIGNED: pa.int64(),
        UNSIGNED: pa.uint64(),
        TRUTH: pa.bool_(),
    }
    schema = pa.schema([(column.name, kinds[column.kind]) for column in columns])
    with ParquetWriter(path, schema) as writer:
        yield _ParquetSink(pa, writer, schema)


class _ParquetSink:
    """One row group a page."""

    def __init__(self, pa: Any, writer: Any, schema: Any) -> None:
        self._pa = pa
        self._writer = writer
        self._schema = schema

    def write(self, rows: Rows) -> None:
        if not rows:
            return
        cells = [
            self._pa.array(values, type=field.type)
            for values, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(self._pa.Table.from_arrays(cells, schema=self._schema))
