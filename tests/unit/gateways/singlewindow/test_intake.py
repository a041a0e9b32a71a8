"""Messages on their way in: bounded, first in line, and refused where they are not the client's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from bench.documents.messages import Writer
from bench.documents.world import Parcel
from gateways.singlewindow.archive import Archive
from gateways.singlewindow.deposit import Deposited, Depository
from gateways.singlewindow.intake import Busy, Intake
from whampoa.customs.v1 import finding_pb2 as finding
from whampoa.money.v1 import rejection_pb2 as rejection

NOW_MS = 1_795_500_000_123


class Shelf:
    """A depository that takes everything once it is opened, but for the places it was told."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.refusals: dict[int, rejection.Refusal] = {}
        self.documents: list[bytes] = []

    async def deposit(self, documents: Sequence[bytes]) -> Deposited:
        await self.opened.wait()
        self.documents += documents
        accepted = len(documents) - len(self.refusals)
        return Deposited(accepted=accepted, refusals=self.refusals)


class Window:
    """An intake over a shelf."""

    def __init__(self, path: Path) -> None:
        self.shelf = Shelf()
        self.archive = Archive(path, {})
        self.codec = ThreadPoolExecutor(max_workers=2)
        self.intake = Intake(self.archive, cast("Depository", self.shelf), self.codec)


@pytest.fixture
async def open_window(tmp_path: Path) -> AsyncIterator[Window]:
    it = Window(tmp_path / "archive.sqlite")
    yield it
    it.archive.close()
    it.codec.shutdown()


def orders(parcels: list[Parcel], seed: int = 1) -> bytes:
    """One message with the orders of the first parcel's declarant."""
    return next(iter(Writer(seed, NOW_MS).orders(parcels)))


async def test_more_than_can_wait_is_sent_away(open_window: Window, parcels: list[Parcel]) -> None:
    intake, shelf = open_window.intake, open_window.shelf
    message = orders(parcels)
    calls = [asyncio.create_task(intake.take(message, "declarant/a")) for _ in range(300)]
    await asyncio.sleep(0.1)
    start = time.monotonic()
    await intake.give_way()
    assert 0.4 < time.monotonic() - start < 5
    shelf.opened.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(it, Busy) for it in answers] == [False] * 256 + [True] * 44
    start = time.monotonic()
    await intake.give_way()
    assert time.monotonic() - start < 0.4
    # However often the bytes come, their documents have one id each.
    assert len(set(shelf.documents)) == len(shelf.documents) // 256


async def test_large_messages_wait_in_smaller_number(open_window: Window) -> None:
    intake = open_window.intake
    calls = [asyncio.create_task(intake.take(bytes(16 << 20), "declarant/a")) for _ in range(17)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(it, Busy) for it in answers] == [False] * 16 + [True]


async def test_refusals_of_the_engine_are_findings(
    open_window: Window, parcels: list[Parcel]
) -> None:
    intake, shelf = open_window.intake, open_window.shelf
    shelf.opened.set()
    message = orders(parcels)
    refusal = rejection.Refusal(
        code=rejection.REJECTION_UNKNOWN_CURRENCY,
        field="documents[0].order.lines[1].currency",
        value="x" * 100,
        message="no such currency",
    )
    shelf.refusals = {0: refusal}
    answer = await intake.take(message, "declarant/a")
    (told,) = [it for it in answer.findings if it.rule == "UNKNOWN_CURRENCY"]
    assert (told.field, told.ordinal) == ("order.lines[1].currency", 0)
    assert (told.severity, told.value) == (finding.SEVERITY_REFUSED, "x" * 64)


async def test_a_code_is_its_first_clients(open_window: Window, parcels: list[Parcel]) -> None:
    intake, shelf = open_window.intake, open_window.shelf
    shelf.opened.set()
    message = orders(parcels)
    assert (await intake.take(message, "operator/operator")).accepted > 0
    assert (await intake.take(message, "declarant/a")).accepted > 0
    refused = await intake.take(message, "declarant/b")
    assert refused.accepted == 0
    assert [it.rule for it in refused.findings if it.severity == finding.SEVERITY_MALFORMED] == [
        "TRANSMITTER_NOT_YOURS"
    ]
    assert (await intake.take(message, "operator/operator")).accepted > 0
