"""Rows of a journal as dictionaries, by the tables of docs/formats.md alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.interop.check_row import entries, number, records

FORMATS = Path(__file__).parents[2] / "docs" / "formats.md"
_ROW = re.compile(r"^\*\*(\d+) (\w+)\*\*, (\d+) bytes", re.MULTILINE)
_COLUMN = re.compile(r"^\| (\d+) \| (\d+) \| (\w+) \| ([^|]*) \|", re.MULTILINE)

Value = int | bytes
Row = dict[str, Value]
Layout = tuple[str, list[tuple[str, int, int, bool]]]


def layouts() -> dict[int, Layout]:
    """Name and columns (name, offset, length, is a number) of every row kind."""
    text = FORMATS.read_text(encoding="utf-8")
    text = text[text.index("### Row kinds") :]
    found = list(_ROW.finditer(text))
    ends = [one.start() for one in found[1:]] + [len(text)]
    known = {}
    for one, end in zip(found, ends, strict=True):
        columns = [
            (name, int(offset), int(length), _is_number(value.strip()))
            for offset, length, name, value in _COLUMN.findall(text[one.end() : end])
        ]
        assert sum(length for _, _, length, _ in columns) == int(one[3]), one[2]
        known[int(one[1])] = (one[2], columns)
    return known


def _is_number(value: str) -> bool:
    return value not in {"id", "step", "digest", "text", "bytes"}


def rows(folder: Path) -> Iterator[tuple[str, Row]]:
    """Every row of a journal in order: name of its kind and its columns."""
    known = layouts()
    for entry in entries(folder):
        fields, stored = records(entry)
        directory = fields[0][9:-16]
        at = 0
        for place in range(0, len(directory), 8):
            name, columns = known[number(directory, place, 2)]
            for _ in range(number(directory, place + 4, 4)):
                yield name, _columns(stored[at], columns)
                at += 1


def _columns(row: bytes, columns: list[tuple[str, int, int, bool]]) -> Row:
    found: Row = {}
    for name, offset, length, is_number in columns:
        value = row[offset : offset + length]
        found[name] = int.from_bytes(value, "big") if is_number else value
    return found
