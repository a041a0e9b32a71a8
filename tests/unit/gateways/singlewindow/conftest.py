"""A customs office with declarants' messages, and what its letters say."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from bench.documents.messages import Writer
from bench.documents.world import Parcel, build
from engine import formats
from gateways.line import Line
from gateways.singlewindow import dxp
from gateways.singlewindow.books import CustomsBooks
from gateways.singlewindow.institution import Customs
from gateways.singlewindow.office import Practice
from whampoa.customs.v1 import document_pb2 as document

NOW_MS = 1_795_500_000_123
# Status series by number of the reply and business key.
Said = dict[tuple[int, str], list[int]]


class Counter:
    """Customs' counter: messages over it, letters from it."""

    def __init__(self, path: Path, practice: Practice) -> None:
        self.customs = Customs(CustomsBooks(path), practice)
        self.line = Line(self.customs)
        self.now_ms = NOW_MS
        self._read = 0
        self._seed = 0

    def writer(self) -> Writer:
        """Give a writer whose guids were not used before."""
        self._seed += 1
        return Writer(self._seed, self.now_ms)

    def deliver(self, messages: Iterable[bytes]) -> None:
        for message in messages:
            self.now_ms += 1
            reply, kind = self.line.deliver(message, dxp.MESSAGE_FORMAT, self.now_ms)
            assert kind == dxp.RESPONSE_FORMAT
            assert dxp.parse_response(reply)[0] == dxp.TAKEN, reply

    def declare(self, parcels: Sequence[Parcel], order: str = "order waybill list") -> None:
        """Deliver the documents of parcels in an order."""
        writer = self.writer()
        write = {"order": writer.orders, "waybill": writer.waybills, "list": writer.lists}
        for word in order.split():
            self.deliver(write[word](parcels))

    def instruct(self, action: str, /, **arguments: str) -> str:
        self.now_ms += 1
        return self.line.instruct(action, arguments, self.now_ms)

    def letters(self) -> list[formats.Reading]:
        """Give the letters since the last call."""
        found = self.customs.books.letters(self._read + 1, 10_000)
        self._read += len(found)
        readings = [formats.read(message) for _, _, message in found]
        assert all(it.accepted and not it.findings for it in readings), readings
        return readings

    def said(self) -> Said:
        """Give the statuses of the letters since the last call; their times must rise."""
        said: Said = {}
        newest: dict[tuple[int, str], str] = {}
        for reading in self.letters():
            for raw in reading.accepted:
                reply = document.Document.FromString(raw).reply
                key = reply.order_no or reply.logistics_no or reply.invt_no or reply.cop_no
                assert newest.get((reading.number, key), "") < reply.return_time
                newest[reading.number, key] = reply.return_time
                said.setdefault((reading.number, key), []).append(reply.return_status)
        return said

    def list_row(self, parcel: Parcel) -> Mapping[str, str]:
        rows, _ = self.customs.rows("lists", 0, 0)
        (row,) = [row for row in rows if row["order_no"] == parcel.order_no]
        return row


NewCounter = Callable[..., Counter]


@pytest.fixture
def new_counter(tmp_path: Path) -> Iterator[NewCounter]:
    """Give a customs counter that works as told."""
    made: list[Counter] = []

    def make(**practice: object) -> Counter:
        it = Counter(tmp_path / f"{len(made)}.sqlite", Practice.read(practice))
        made.append(it)
        return it

    yield make
    for one in made:
        one.customs.books.close()


@pytest.fixture
def parcels(chance: random.Random) -> list[Parcel]:
    """Give some parcels of a world without mishaps."""
    return build(chance.randrange(1000), 12, merchants=12, mishaps=False).parcels
