"""A seeded mutator without coverage: what `make test` has where atheris is not at hand."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

BYTES_MAX = 64 << 10
# Between two marks: a text, a number, a name.
_PIECE = re.compile(rb"[^<>\"'=:,{}\[\]\s]+")
_ELEMENT = re.compile(rb"<([A-Za-z0-9]+)[^<>]*>[^<>]*</\1>")
WORDS = (
    b"",
    b"0",
    b"-1",
    b"00",
    b"1.5",
    b"9" * 18,
    b"9" * 40,
    b"9" * 5_000,
    b"1e9",
    b"NaN",
    b"true",
    b"null",
    b"&#13;",
    b"&#0;",
    b"&amp;",
    b"&x;",
    b"<![CDATA[x]]>",
    b"<!-- -->",
    b"<?x y?>",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\xff\xfe",
    b"\\ud800",
    "٣".encode(),
    "无".encode(),
    "款".encode("gb18030"),
    "𠀀".encode(),
    b"0001-01-01T00:00:00.000+08:00",
    b"9999-12-31T23:59:59.999+08:00",
    b"00010101000000000",
    b"99991231235959999",
    b'<?xml version="1.0" encoding="x"?>',
    b'<?xml version="1.0" encoding="utf-7"?>',
    b'<!DOCTYPE a [<!ENTITY x "y">]>',
    b"USD",
    b"CNY",
    b"JPY",
)


def mutated(chance: random.Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    """An input with one to four changes; some are pieces of others."""
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(_CHANGES)(chance, data, corpus)
    return data[:BYTES_MAX]


def _spot(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    return start, min(len(data), start + chance.randint(0, 32))


def _flip(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _cut(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _spot(chance, data)
    return data[:start] + data[end:]


def _truncate(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: chance.randint(0, len(data))]


def _insert(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(WORDS) + data[at:]


def _cross(chance: random.Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    other = chance.choice(corpus)
    start, end = _spot(chance, other)
    at = chance.randint(0, len(data))
    return data[:at] + other[start:end] + data[at:]


def _piece(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Another text in place of one, most often."""
    found = list(_PIECE.finditer(data))
    if not found:
        return data
    one, other = chance.choice(found), chance.choice(found)
    new = other[0] if chance.random() < 0.3 else chance.choice(WORDS)
    return data[: one.start()] + new + data[one.end() :]


def _number(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    found = list(re.finditer(rb"[0-9]+", data))
    if not found:
        return data
    one = chance.choice(found)
    near = int(one[0][:30]) + chance.randint(-2, 2)
    new = str(near).encode() if chance.random() < 0.7 else chance.choice(WORDS)
    return data[: one.start()] + new + data[one.end() :]


def _element(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """An element is gone, or stands twice."""
    found = list(_ELEMENT.finditer(data))
    if not found:
        return data
    one = chance.choice(found)
    return data[: one.start()] + one[0] * chance.choice((0, 2)) + data[one.end() :]


_CHANGES: tuple[Callable[[random.Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip,
    _cut,
    _truncate,
    _insert,
    _cross,
    _piece,
    _piece,
    _number,
    _element,
)
