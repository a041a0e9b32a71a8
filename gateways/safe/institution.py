"""SAFE's emulator: one receiving office behind the service of every institution."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from gateways import emulator, fault
from gateways.safe.books import RecordBooks
from gateways.safe.office import Office

NAME = "safe"


class ForeignExchangeAdministration:
    """An office and its books as an institution."""

    def __init__(self, books: RecordBooks) -> None:
        self.books = books
        self._office = Office(books)
        self.faults = self._office.faults

    def deliver(self, message: bytes, message_format: str, now_ms: int) -> tuple[bytes, str]:
        return self._office.deliver(message, message_format, now_ms)

    def instruct(self, action: str, arguments: Mapping[str, str], now_ms: int) -> str:
        del arguments, now_ms  # SAFE is told faults alone
        raise ValueError(f"action: {action!r}, {fault.ACTION!r} wanted")

    def rows(self, book: str, offset: int, limit: int) -> tuple[list[dict[str, str]], int]:
        return self.books.rows(book, offset, limit)

    def totals(self, book: str) -> dict[str, int]:
        del book  # both books share their sums
        return self.books.totals()

    def tick(self, now_ms: int) -> bool:
        del now_ms  # the office acts on batches alone
        return False


async def run(data_dir: Path, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Serves until `stop` is set."""
    it = ForeignExchangeAdministration(RecordBooks(emulator.books_path(data_dir, NAME)))
    await emulator.serve(NAME, it, data_dir, ready, stop)
