"""Planted bugs: what each would break is noticed by the simulation of the corridor.

`make test` runs a seed that catches each bug; `-m soak` looks whether the first hundred do.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import pytest

from gateways.bank import comeback, outcome
from gateways.bank.gateway import _KINDS, Desk
from gateways.books import Books
from gateways.client import Replied, follow
from gateways.cursor import Cursor
from gateways.pboc import gateway as front
from gateways.pboc import outcome as settlements
from gateways.pboc.settlement import Settlement
from gateways.safe import books as records
from gateways.singlewindow.archive import Archive
from tests.simulation.run import Case, simulate
from whampoa import ids

Plant = Callable[[], AbstractContextManager[object]]
SEEDS = 100


def _each_time_another_request_id() -> AbstractContextManager[object]:
    """The bank gateway's requests have a new id whenever a letter comes again."""
    return mock.patch.object(outcome, "_request_id", side_effect=lambda _: ids.uuid7())


def _cursor_before_work() -> AbstractContextManager[object]:
    """The bank gateway notes an entry as done before the bank has its orders."""

    async def send(self: Any, cursor: Cursor) -> None:
        async for response in follow(self._engine, _KINDS, cursor.place.index):
            cursor.advance(response.next_index)
            cursor.save()
            orders = (
                self._order(order)
                for entry in response.entries
                for order in self._despatch.orders(entry)
            )
            await asyncio.gather(*orders)

    return mock.patch.object(Desk, "send", send)


def _returns_overtake() -> AbstractContextManager[object]:
    """The clearing front tells of returns together with the settlements they follow."""
    return mock.patch.object(settlements, "follows_settlement", return_value=False)


def _told_once() -> AbstractContextManager[object]:
    """The clearing front tells the engine an outcome once, and takes any answer for a yes."""

    async def tell(call: Callable[[], Awaitable[Replied]], what: str) -> None:
        try:
            await call()
        except Exception:
            return

    return mock.patch.object(front, "tell", tell)


def _credited_again() -> AbstractContextManager[object]:
    """The bank credits money that came back as often as it is told."""
    real = comeback.credit

    def credit(connection: sqlite3.Connection, message: bytes, now_ms: int) -> None:
        connection.execute("UPDATE payments SET state = 'debited' WHERE state = 'returned'")
        real(connection, message, now_ms)

    return mock.patch.object(comeback, "credit", credit)


def _settled_again() -> AbstractContextManager[object]:
    """The clearing system settles a payment as often as it comes."""

    def is_known(self: Any, payment: Any) -> bool:
        self._connection.execute("DELETE FROM payments WHERE payout_id = ?", (payment.payout_id,))
        return False

    return mock.patch.object(Settlement, "_is_known", is_known)


def _batches_again() -> AbstractContextManager[object]:
    """SAFE works off a batch as often as it comes."""
    return mock.patch.object(records, "take_batch", return_value=True)


def _arrivals_forgotten() -> AbstractContextManager[object]:
    """The Single Window gateway takes what comes again for something new."""

    def arrivals(self: Any, arriving: Any) -> Mapping[bytes, int]:
        self._count = getattr(self, "_count", 0) + 1
        now_ms = ids.time_ms_of(ids.uuid7())
        return {digest: now_ms + self._count for digest, _ in arriving}

    return mock.patch.object(Archive, "_arrivals", arrivals)


def _letters_lost() -> AbstractContextManager[object]:
    """An institution's letters are gone once they were collected, whether they arrived or not."""
    real = Books.letters

    def letters(self: Any, from_sequence: int, limit: int) -> list[tuple[int, str, bytes]]:
        seen = getattr(self, "_seen", 0)
        found = [it for it in real(self, from_sequence, limit) if it[0] > seen]
        self._seen = max([seen, *(it[0] for it in found)])
        return found

    return mock.patch.object(Books, "letters", letters)


def _cursor_too_far() -> AbstractContextManager[object]:
    """A cursor that is ahead of what was worked off by one entry."""
    real = Cursor.advance

    def advance(self: Cursor, index: int, row: int = 0) -> None:
        real(self, index + 1, row)

    return mock.patch.object(Cursor, "advance", advance)


PLANTED: dict[str, tuple[Plant, int]] = {
    "each time another request id": (_each_time_another_request_id, 5),
    "cursor before work": (_cursor_before_work, 68),
    "returns overtake": (_returns_overtake, 13),
    "told once": (_told_once, 6),
    "credited again": (_credited_again, 7),
    "settled again": (_settled_again, 3),
    "batches again": (_batches_again, 0),
    "arrivals forgotten": (_arrivals_forgotten, 3),
    "letters lost": (_letters_lost, 1),
    "cursor too far": (_cursor_too_far, 0),
}


def _caught(plant: Plant, seed: int) -> str:
    """What a seed notices of a planted bug; empty when nothing."""
    case = Case(seed)
    calm = simulate(case.calm())
    assert not calm.failure
    with plant():
        found = simulate(case)
    if found.failure:
        return found.failure
    return "" if found.totals == calm.totals else "Totals differ"


@pytest.fixture(params=PLANTED)
def planted(request: pytest.FixtureRequest) -> tuple[str, Plant, int]:
    return (request.param, *PLANTED[request.param])


def test_a_planted_bug_is_noticed(planted: tuple[str, Plant, int]) -> None:
    name, plant, known = planted
    # A change of the engine's entries moves what a seed meets: another of the first hundred does.
    assert any(_caught(plant, seed) for seed in (known, *range(SEEDS))), name


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_planted_bug_is_noticed_within_a_hundred_seeds(planted: tuple[str, Plant, int]) -> None:
    name, plant, _ = planted
    first = int(os.environ.get("WHAMPOA_SEED", "0"))
    for seed in range(first, first + SEEDS):
        if found := _caught(plant, seed):
            print(f"{name}: seed {seed}, {found[:120]}")  # noqa: T201
            return
    pytest.fail(f"{name} is not noticed in {SEEDS} seeds from {first} on")
