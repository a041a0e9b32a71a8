"""The bank's emulator: counter, board and books behind the service of every institution."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from gateways import emulator
from gateways.addresses import Addresses
from gateways.bank import comeback, counter, instruction, profile
from gateways.bank.amount import CNY
from gateways.bank.books import BankBooks
from gateways.bank.ledger import Ledger
from gateways.bank.rate import Rate
from gateways.fault import REFUSED, Faults

NAME = "bank"
_MEMBER = re.compile(r"[0-9A-Za-z]{14}")


class Bank:
    """A bank and its books as an institution."""

    def __init__(self, books: BankBooks, bank_code: str = profile.BANK_CODE) -> None:
        if _MEMBER.fullmatch(bank_code) is None:
            raise ValueError(f"institution.bank.bank_code: {bank_code!r} is not 14 characters")
        self.books = books
        self.faults = Faults(REFUSED)
        self._bank_code = bank_code

    def deliver(self, message: bytes, message_format: str, now_ms: int) -> tuple[bytes, str]:
        with self.books.transaction() as connection:
            return self._work(connection, message, message_format, now_ms)

    def _work(
        self, connection: sqlite3.Connection, message: bytes, message_format: str, now_ms: int
    ) -> tuple[bytes, str]:
        if message_format == profile.ORDER:
            answer = counter.take_in(connection, message, self._bank_code, self.faults, now_ms)
            return answer, profile.STATUS
        if message_format == profile.CLEARING_RETURN:
            comeback.credit(connection, message, now_ms)
            return b"", ""
        wanted = f"{profile.ORDER!r} or {profile.CLEARING_RETURN!r} wanted"
        raise ValueError(f"format: {message_format!r}, {wanted}")

    def instruct(self, action: str, arguments: Mapping[str, str], now_ms: int) -> str:
        with self.books.transaction() as connection:
            return instruction.carry_out(connection, action, arguments, now_ms)

    def rows(self, book: str, offset: int, limit: int) -> tuple[list[dict[str, str]], int]:
        return self.books.rows(book, offset, limit)

    def totals(self, book: str) -> dict[str, int]:
        del book  # all books share their sums
        return self.books.totals()

    def tick(self, now_ms: int) -> bool:
        del now_ms  # the bank acts on orders and instructions alone
        return False

    def open_board(self, rates_e8: Mapping[str, object], now_ms: int) -> None:
        """Quotes of a bank that has none yet."""
        with self.books.transaction() as connection:
            if connection.execute("SELECT 1 FROM quotes").fetchone() is not None:
                return
            rates = []
            for currency, rate_e8 in rates_e8.items():
                if type(rate_e8) is not int:
                    raise ValueError(f"institution.bank.rates.{currency}: {rate_e8!r} no integer")
                rate = Rate(currency, CNY, rate_e8)
                rate.check()
                rates.append(rate)
            instruction.quote(Ledger(connection, now_ms), rates)


async def run(data_dir: Path, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Serves until `stop` is set."""
    section = Addresses.read(data_dir, NAME).institution_section
    bank_code = str(section.get("bank_code", profile.BANK_CODE))
    it = Bank(BankBooks(emulator.books_path(data_dir, NAME)), bank_code)
    it.open_board(section.get("rates", profile.RATES_E8), time.time_ns() // 1_000_000)
    await emulator.serve(NAME, it, data_dir, ready, stop)
