"""The customs emulator: one office behind the service of every institution."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine import formats
from gateways import emulator
from gateways.addresses import Addresses
from gateways.fault import REFUSE, Faults
from gateways.singlewindow import dxp, instruction
from gateways.singlewindow.books import CustomsBooks
from gateways.singlewindow.office import Office, Practice, Work
from gateways.singlewindow.rule import Rule
from whampoa.customs.v1 import finding_pb2 as finding

NAME = "singlewindow"


class Customs:
    """An office, its books and its faults as an institution."""

    def __init__(self, books: CustomsBooks, practice: Practice) -> None:
        self.books = books
        self.office = Office(books, practice)
        self.faults = Faults()

    def deliver(self, message: bytes, message_format: str, now_ms: int) -> tuple[bytes, str]:
        """Takes in a message; the answer is a DxpRep."""
        if message_format != dxp.MESSAGE_FORMAT:
            raise ValueError(f"format: {message_format!r}, {dxp.MESSAGE_FORMAT!r} wanted")
        reading = formats.read(message)
        code, info = dxp.TAKEN, f"{len(reading.accepted)} of {reading.documents} documents taken"
        if self.faults.happens(REFUSE):
            code, info = dxp.SYSTEM_ERROR, "system error, send again"
        elif not reading.accepted:
            code, info = dxp.BAD_SCHEMA, _first(reading)
        else:
            self._take(reading, now_ms)
        return dxp.response(reading, code, info, now_ms), dxp.RESPONSE_FORMAT

    def _take(self, reading: formats.Reading, now_ms: int) -> None:
        def take(work: Work) -> None:
            for raw in reading.accepted:
                work.take(raw)

        self.office.work(now_ms, take)

    def instruct(self, action: str, arguments: Mapping[str, str], now_ms: int) -> str:
        return instruction.carry_out(self.office, action, arguments, now_ms)

    def rows(self, book: str, offset: int, limit: int) -> tuple[list[dict[str, str]], int]:
        return self.books.rows(book, offset, limit)

    def totals(self, book: str) -> dict[str, int]:
        return self.books.totals(book)

    def tick(self, now_ms: int) -> bool:
        return self.office.expire(now_ms)


def _first(reading: formats.Reading) -> str:
    if not reading.findings:
        return "no document in the message"
    first = finding.Finding.FromString(reading.findings[0])
    return f"{first.field} {first.rule}: {first.message}"


def follow_scenario(it: Customs, section: Mapping[str, Any]) -> None:
    """Rules of `[[institution.customs.rules]]`."""
    rules = []
    for given in section.get("rules", []):
        arguments = {name: str(value) for name, value in given.items()}
        rules.append(Rule.of(arguments.pop("action", ""), arguments))
    it.office.add_rules(rules)


async def run(data_dir: Path, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Serves until `stop` is set."""
    section = Addresses.read(data_dir, NAME).institution_section
    practice = Practice.read(section)
    it = Customs(CustomsBooks(emulator.books_path(data_dir, NAME)), practice)
    follow_scenario(it, section)
    await emulator.serve(NAME, it, data_dir, ready, stop)
