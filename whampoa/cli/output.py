"""What a verb says: answers, tables and progress for people, one JSON object for programs.

    def status(json: JsonOption = False) -> None:
        with Output(json) as out:
            out.table("Queues", ["name", "waiting"], rows)
            out.result(lag=lag)

Tables, notes and progress go to stderr. With `--json` the last line on stdout is one object: the
results, `ok`, and on failure `error`. Without it, stdout has the answers alone.
"""

import json as json_format
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Literal, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

JSON_FLAG = "--json"
# Columns of a table that goes to a file or a pipe.
WIDTH_OF_A_FILE = 160

JsonOption = Annotated[
    bool, typer.Option(JSON_FLAG, help="Print one JSON object as the last line on stdout.")
]
DataDirOption = Annotated[
    Path, typer.Option("--data-dir", metavar="DIR", help="Where the data lives.")
]


class Failure(Exception):
    """An expected failure: one line for people, fields for the JSON object, no traceback."""

    def __init__(self, message: str, *, exit_code: int = 1, **fields: object) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.fields = fields


class Output:
    """The output of one verb; leaving the `with` block prints the object and sets the exit code."""

    def __init__(self, json: bool = False) -> None:
        self._json = json
        self._fields: dict[str, object] = {}
        self._console = Console(stderr=True, highlight=False)
        if not self._console.is_terminal:
            self._console = Console(stderr=True, highlight=False, width=WIDTH_OF_A_FILE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._close(0 if self._fields.get("ok", True) else 1)
        elif isinstance(error, Failure):
            self._fields.update(error.fields)
            self._close(error.exit_code, str(error))
        elif isinstance(error, Exception) and not isinstance(error, typer.Exit | typer.Abort):
            traceback.print_exception(kind, error, trace)
            self._close(1, f"{type(error).__name__}: {error}")
        elif isinstance(error, typer.Exit):
            self._close(error.exit_code)

    def answer(self, text: str) -> None:
        """Say what was asked for: on stdout for people, on stderr when stdout is for a program."""
        print(text, file=sys.stderr if self._json else sys.stdout)

    def note(self, text: str) -> None:
        """Say something by the way."""
        self._console.print(text, markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Show rows; numbers are aligned to the right."""
        listed = [list(row) for row in rows]
        table = Table(title=title, title_justify="left")
        for index, column in enumerate(columns):
            numeric = bool(listed) and all(isinstance(row[index], int | float) for row in listed)
            # An id cut short names nothing: long cells are folded.
            justify: Literal["right", "left"] = "right" if numeric else "left"
            table.add_column(column, justify=justify, overflow="fold")
        for row in listed:
            # As text: a name with brackets is no markup.
            table.add_row(*(Text(str(cell)) for cell in row))
        self._console.print(table)

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator["Advance"]:
        """Show how far something is; the block gets a function that takes the steps done."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
        )
        with Progress(*columns, TimeElapsedColumn(), console=self._console) as progress:
            yield Advance(progress, progress.add_task(what, total=total))

    @contextmanager
    def stages(self) -> Iterator[Callable[[str, int], "Advance"]]:
        """Show several things one after the other, a bar each.

        The block gets a function that takes a name and a total, and gives the bar's `Advance`.
        """
        columns = (TextColumn("{task.description:<36}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=self._console) as progress:
            yield lambda what, total: Advance(progress, progress.add_task(what, total=total))

    def result(self, **fields: object) -> None:
        """Add to the JSON object. `ok=False` makes the verb exit with 1."""
        self._fields.update(fields)

    def _close(self, exit_code: int, message: str | None = None) -> None:
        if message is not None:
            message = " ".join(message.split())
            self._fields["error"] = message
            self.note(f"whampoa: {message}")
        if self._json:
            ok = bool(self._fields.pop("ok", True)) and exit_code == 0
            print_object({"ok": ok, **self._fields})
        if exit_code:
            raise typer.Exit(exit_code)


class Advance:
    """Moves one progress bar on."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self._progress = progress
        self._task = task

    def __call__(self, steps: int = 1) -> None:
        self._progress.advance(self._task, steps)


def print_object(fields: Mapping[str, object]) -> None:
    """Print one JSON object on a line of its own."""
    line = json_format.dumps(fields, default=_plain)
    print(line, file=sys.stdout, flush=True)  # noqa: T201


def _plain(value: object) -> object:
    """What JSON has no word for: bytes as hex, numpy's numbers as numbers, the rest as text."""
    if isinstance(value, bytes):
        return value.hex()
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)
