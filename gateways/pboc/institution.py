"""The clearing system's emulator: one centre behind the service of every institution."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateways import emulator
from gateways.addresses import Addresses
from gateways.pboc import instruction
from gateways.pboc.books import ClearingBooks
from gateways.pboc.centre import Centre

NAME = "pboc"


class ClearingSystem:
    """A centre and its books as an institution."""

    def __init__(self, books: ClearingBooks) -> None:
        self.books = books
        self._centre = Centre(books)
        self.faults = self._centre.faults

    def deliver(self, message: bytes, message_format: str, now_ms: int) -> tuple[bytes, str]:
        return self._centre.deliver(message, message_format, now_ms)

    def instruct(self, action: str, arguments: Mapping[str, str], now_ms: int) -> str:
        return instruction.carry_out(self._centre, action, arguments, now_ms)

    def rows(self, book: str, offset: int, limit: int) -> tuple[list[dict[str, str]], int]:
        return self.books.rows(book, offset, limit)

    def totals(self, book: str) -> dict[str, int]:
        del book  # both books share their sums
        return self.books.totals()

    def tick(self, now_ms: int) -> bool:
        del now_ms  # the centre acts on messages alone
        return False


def open_participants(it: ClearingSystem, section: dict[str, Any]) -> None:
    """Participants of `[[institution.pboc.participants]]`; those that exist stay as they are."""
    for given in section.get("participants", []):
        arguments = {name: str(value) for name, value in given.items()}
        it.instruct("participant", arguments, time.time_ns() // 1_000_000)


async def run(data_dir: Path, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Serves until `stop` is set."""
    it = ClearingSystem(ClearingBooks(emulator.books_path(data_dir, NAME)))
    open_participants(it, Addresses.read(data_dir, NAME).institution_section)
    await emulator.serve(NAME, it, data_dir, ready, stop)
