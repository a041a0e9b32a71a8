"""Gateway and emulator over real mutual TLS: records arrive once, whatever is lost or repeated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest

from gateways.identity import Identity
from gateways.moment import date_digits
from gateways.safe import gateway, institution
from tests.unit.gateways.pboc.corridor import running, serving
from tests.unit.gateways.safe.corridor import WINDOW_MS, Engine, make_keys
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.feed.v1 import feed_service_pb2_grpc as feed_grpc
from whampoa.forex.v1 import forex_service_pb2_grpc as forex_grpc
from whampoa.institution.v1 import institution_service_pb2 as wire
from whampoa.institution.v1 import institution_service_pb2_grpc as wire_grpc

Item = Callable[..., feed.BopRecordItem]
ONE, TWO = b"r" * 16, b"2" * 16
MERCHANT = "91440300MA5EXAMP72"
RESTORED = feed.BOP_RECORD_KIND_RESTORED
UNATTRIBUTED = feed.BOP_RECORD_KIND_UNATTRIBUTED
CHANGE = feed.BOP_ACTION_CHANGE
CURSORS = ("declared.json", "cursor.json", "letters.json")


class Corridor:
    """A data directory, the engine of it, and a stub with an operator's certificate."""

    def __init__(self, data_dir: Path, engine: Engine) -> None:
        self.data_dir = data_dir
        self.engine = engine
        self.addresses = {"safe": "127.0.0.1:0"}

    def configure(self, **addresses: str) -> None:
        self.addresses |= addresses
        lines = [
            f'[engine]\nlisten = "{self.addresses["engine"]}"',
            f'[institution.safe]\nlisten = "{self.addresses["safe"]}"',
        ]
        (self.data_dir / "config.toml").write_text("\n".join(lines), "ascii")

    def stub(self, name: str = "operator") -> wire_grpc.InstitutionServiceAsyncStub:
        channel = Identity.read(self.data_dir, name).channel(self.addresses["safe"])
        return wire_grpc.InstitutionServiceStub(channel)

    async def instruct(self, kind: str, count: int) -> None:
        arguments = {"kind": kind, "count": str(count)}
        request = wire.InstructRequest(action="fault", arguments=arguments)
        await self.stub().Instruct(request, timeout=10)

    async def totals(self) -> dict[str, int]:
        answer = await self.stub().ReadBooks(wire.ReadBooksRequest(book="records"), timeout=10)
        return dict(answer.totals)

    async def settle(self, records: int) -> dict[str, int]:
        """Wait until the engine was told of a number of records; give SAFE's totals."""
        await until(lambda: len(self.engine.said) == records, f"{records} records answered")
        return await self.totals()


@pytest.fixture
async def corridor(tmp_path: Path) -> AsyncIterator[Corridor]:
    make_keys(tmp_path)
    it = Corridor(tmp_path, Engine(time.time_ns() // 1_000_000))
    engine = grpc.aio.server()
    feed_grpc.add_FeedServiceServicer_to_server(it.engine, engine)
    forex_grpc.add_ForexServiceServicer_to_server(it.engine, engine)
    async with serving(engine, Identity.read(tmp_path, "engine")) as address:
        it.configure(engine=address)
        yield it


@pytest.fixture
def today(item: Item, corridor: Corridor) -> Item:
    """Give records with numbers of today, by serial; the actual one of a line has serial N001."""
    date = date_digits(corridor.engine.now_ms)

    def make(serial: str, actual: str = "N001", **values: object) -> feed.BopRecordItem:
        numbers = [f"440100000101{date[2:]}{it}" for it in (serial, actual)]
        return item(rptno=numbers[0], actual_rptno=numbers[1], report_date=int(date), **values)

    return make


def entry(*records: feed.BopRecordItem) -> feed.FeedEntry:
    rows = [feed.FeedRow(row=row, bop_record=it) for row, it in enumerate(records)]
    return feed.FeedEntry(kind=feed.FEED_KIND_BOP_RECORDS, rows=rows)


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.01)


def first_and_second(today: Item) -> list[feed.FeedEntry]:
    """Give two declarations of one remittance: 250 merchants, then what was left of it."""
    parts = [
        today(f"P{serial:03d}", kind=RESTORED, uscc=MERCHANT, amount=100)
        for serial in range(1, 251)
    ]
    rest = {"kind": UNATTRIBUTED}
    return [
        entry(today("N001"), *parts, today("N002", amount=25000, **rest)),
        entry(
            today("N002", amount=1, action=CHANGE, **rest),
            today("N003", kind=RESTORED, uscc=MERCHANT, amount=24999),
        ),
    ]


async def test_declared_sent_and_answered(corridor: Corridor, today: Item) -> None:
    engine = corridor.engine
    engine.declarations[ONE] = first_and_second(today)
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(safe=address)
        async with running(gateway.run, corridor.data_dir):
            # A burst is one declaration.
            for _ in range(20):
                engine.allocate(ONE)
            totals = await corridor.settle(252)
            assert engine.declared == [ONE]
            assert (totals["restored"], totals["unattributed_USD"]) == (250, 25000)
            assert totals["unbalanced"] == 0
            engine.allocate(ONE)
            totals = await corridor.settle(253)
        assert engine.declared == [ONE, ONE]
        assert (totals["restored_USD"], totals["unattributed_USD"]) == (49999, 1)
        assert (totals["refused"], totals["unbalanced"]) == (0, 0)
        assert all(accepted for accepted, _ in engine.said.values())
        await repeat_all(corridor, totals)


async def repeat_all(corridor: Corridor, totals: dict[str, int]) -> None:
    """Forget the cursors: everything goes again, and nothing changes."""
    engine = corridor.engine
    said, feedbacks, entries = dict(engine.said), engine.feedbacks, len(engine.entries)
    for name in CURSORS:
        (corridor.data_dir / "gateways" / "safe" / name).unlink()
    async with running(gateway.run, corridor.data_dir):
        await until(lambda: cursors(corridor) == 3, "all worked off again")
    assert (engine.said, engine.feedbacks) == (said, feedbacks)
    assert (len(engine.entries), engine.declared) == (entries, [ONE, ONE])
    assert await corridor.totals() == totals


def cursors(corridor: Corridor) -> int:
    """Count the cursors that were written again."""
    folder = corridor.data_dir / "gateways" / "safe"
    return sum((folder / name).exists() for name in CURSORS)


async def test_every_fault_is_harmless(corridor: Corridor, today: Item) -> None:
    engine = corridor.engine
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(safe=address)
        for kind, count in (("down", 3), ("lose_reply", 3), ("repeat", 2), ("slow", 2)):
            await corridor.instruct(kind, count)
        for at, made in enumerate(first_and_second(today)):
            engine.emit(made, engine.now_ms + at)
        async with running(gateway.run, corridor.data_dir):
            totals = await corridor.settle(253)
        assert (totals["accepted"], totals["refused"], totals["unbalanced"]) == (254, 0, 0)


async def test_refusals_come_back_with_their_reason(corridor: Corridor, today: Item) -> None:
    engine = corridor.engine
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(safe=address)
        part = {"kind": RESTORED, "uscc": MERCHANT, "amount": 25000}
        engine.emit(
            entry(
                today("N001"),
                today("N002", **part),
                today("N003", **(part | {"uscc": "91440300MA5EXAMP73"})),
                today("N004", **(part | {"party_name": "a\x01b"})),
            )
        )
        async with running(gateway.run, corridor.data_dir):
            totals = await corridor.settle(4)
            said = {rptno[-4:]: it for rptno, it in engine.said.items()}
            assert said["N001"] == said["N002"] == (True, "")
            assert said["N003"][0] is said["N004"][0] is False
            assert "check character" in said["N003"][1]
            assert "cannot be sent: party_name" in said["N004"][1]
            assert (totals["refused"], totals["unbalanced"]) == (1, 1)
            # What was refused is sent again once it was set right.
            engine.emit(entry(today("N003", **part)))
            await until(lambda: all_accepted(engine, "N003"), "N003 is accepted")
        assert (await corridor.totals())["unbalanced"] == 0


def all_accepted(engine: Engine, serial: str) -> bool:
    return [it for rptno, (it, _) in engine.said.items() if rptno.endswith(serial)] == [True]


async def test_ten_thousand_merchants_of_one_receipt(corridor: Corridor, today: Item) -> None:
    engine = corridor.engine
    serials = [f"{letter}{serial:03d}" for letter in "PQRSTN" for serial in range(1, 1000)]
    part = {"kind": RESTORED, "uscc": MERCHANT, "amount": 5}
    parts = [today(serial, **part) for serial in serials if serial != "N001"]
    rptno = parts[0].rptno
    # The numbers of one branch do not suffice: the next branch goes on.
    parts += [today(serial, **part) for serial in serials[: 10_000 - len(parts)]]
    for it in parts[5_993:]:
        it.rptno = f"{rptno[:10]}02{it.rptno[12:]}"
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(safe=address)
        engine.emit(entry(today("N001"), *parts[:7_999]))
        engine.emit(entry(*parts[7_999:]))
        async with running(gateway.run, corridor.data_dir):
            totals = await corridor.settle(10_001)
    assert (totals["restored"], totals["restored_USD"]) == (10_000, 50_000)
    assert (totals["refused"], totals["unbalanced"]) == (0, 0)


async def test_safe_may_be_away(corridor: Corridor, today: Item) -> None:
    engine = corridor.engine
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(safe=address)
    for made in first_and_second(today):
        engine.emit(made)
    async with running(gateway.run, corridor.data_dir):
        await asyncio.sleep(0.3)
        assert engine.said == {}
        async with running(institution.run, corridor.data_dir):
            totals = await corridor.settle(253)
    assert totals["unbalanced"] == 0


async def test_a_gateway_that_was_away_for_days_catches_up(corridor: Corridor, today: Item) -> None:
    engine = corridor.engine
    engine.declarations[TWO] = [entry(today("N001", remittance_id=TWO))]
    engine.allocate(TWO, engine.now_ms - 3 * WINDOW_MS)
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(safe=address)
        async with running(gateway.run, corridor.data_dir):
            totals = await corridor.settle(1)
    assert (engine.declared, totals["actual_USD"]) == ([TWO], 50000)


async def test_only_who_has_the_right(corridor: Corridor) -> None:
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(safe=address)
        calls = (
            ("declarant", grpc.StatusCode.PERMISSION_DENIED, "records"),
            ("operator", grpc.StatusCode.INVALID_ARGUMENT, "accounts"),
        )
        for name, code, book in calls:
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                request = wire.ReadBooksRequest(book=book)
                await corridor.stub(name).ReadBooks(request, timeout=10)
            assert failure.value.code() is code
        with pytest.raises(grpc.aio.AioRpcError, match="no right"):
            await corridor.stub().Deliver(wire.DeliverRequest(), timeout=10)
