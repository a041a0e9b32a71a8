"""Ids of 16 bytes in UUIDv7 layout: random for new subjects, derived for what must keep its id."""

from __future__ import annotations

import hashlib
import os
import threading
import time

ID_BYTES = 16
_TIME_BYTES = 6
_VERSION_7 = 0x70
_VARIANT = 0x80


class _Clock:
    """Milliseconds that never step back within a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0

    def now_ms(self) -> int:
        with self._lock:
            self._last_ms = max(self._last_ms, time.time_ns() // 1_000_000)
            return self._last_ms


_clock = _Clock()


def uuid7(time_ms: int | None = None) -> bytes:
    """A new id; ids of one process ascend by millisecond even when the clock steps back."""
    at_ms = _clock.now_ms() if time_ms is None else time_ms
    return _laid_out(at_ms, os.urandom(ID_BYTES - _TIME_BYTES))


def derive(time_ms: int, *parts: str | bytes) -> bytes:
    """The id of what `parts` name, at `time_ms`: the same parts always give the same id."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return _laid_out(time_ms, digest.digest()[: ID_BYTES - _TIME_BYTES])


def time_ms_of(identifier: bytes) -> int:
    """The Unix milliseconds an id begins with."""
    return int.from_bytes(identifier[:_TIME_BYTES], "big")


def parse(text: str) -> bytes:
    """An id from 32 hex digits, with or without hyphens. Raises `ValueError`."""
    raw = bytes.fromhex(text.replace("-", ""))
    if len(raw) != ID_BYTES:
        raise ValueError(f"an id has {ID_BYTES} bytes, {text!r} has {len(raw)}")
    return raw


def halves(identifier: bytes) -> tuple[int, int]:
    """The two big-endian halves in which ids stand in columns."""
    return int.from_bytes(identifier[:8], "big"), int.from_bytes(identifier[8:], "big")


def _laid_out(time_ms: int, free: bytes) -> bytes:
    raw = bytearray(time_ms.to_bytes(_TIME_BYTES, "big") + free)
    raw[6] = raw[6] & 0x0F | _VERSION_7
    raw[8] = raw[8] & 0x3F | _VARIANT
    return bytes(raw)
