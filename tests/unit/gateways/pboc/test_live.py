"""Gateway and emulator over real mutual TLS: every payout ends where its money is."""

from __future__ import annotations

import asyncio
import time
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from gateways.identity import Identity
from gateways.pboc import gateway, institution
from tests.unit.gateways.pboc.corridor import Bank, Engine, make_keys, running, serving
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.clearing.v1 import clearing_service_pb2_grpc as clearing_grpc
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.feed.v1 import feed_service_pb2_grpc as feed_grpc
from whampoa.institution.v1 import institution_service_pb2 as wire
from whampoa.institution.v1 import institution_service_pb2_grpc as wire_grpc

SENDER, RECEIVER, FOREIGN = "10400000000001", "10300000000002", "99900000000009"
LARGE = 100_000_001
NOW_MS = 1_795_500_000_123


class Corridor:
    """A data directory, the servers around it, and a stub with an operator's certificate."""

    def __init__(self, data_dir: Path, engine: Engine, bank: Bank) -> None:
        self.data_dir = data_dir
        self.engine = engine
        self.bank = bank
        self.addresses = {"pboc": "127.0.0.1:0"}

    def configure(self, scenario: str = "", **addresses: str) -> None:
        self.addresses |= addresses
        lines = [f'[engine]\nlisten = "{self.addresses["engine"]}"']
        lines += [
            f'[institution.{name}]\nlisten = "{self.addresses[name]}"' for name in ("bank", "pboc")
        ]
        lines.append(scenario)
        (self.data_dir / "config.toml").write_text("\n".join(lines), "ascii")

    def stub(self, name: str = "operator") -> wire_grpc.InstitutionServiceAsyncStub:
        channel = Identity.read(self.data_dir, name).channel(self.addresses["pboc"])
        return wire_grpc.InstitutionServiceStub(channel)

    async def instruct(self, action: str, **arguments: str) -> None:
        request = wire.InstructRequest(action=action, arguments=arguments)
        await self.stub().Instruct(request, timeout=10)

    async def totals(self) -> dict[str, int]:
        answer = await self.stub().ReadBooks(wire.ReadBooksRequest(book="payments"), timeout=10)
        return dict(answer.totals)


@pytest.fixture
async def corridor(tmp_path: Path) -> AsyncIterator[Corridor]:
    make_keys(tmp_path)
    it = Corridor(tmp_path, Engine(), Bank())
    engine, bank = grpc.aio.server(), grpc.aio.server()
    feed_grpc.add_FeedServiceServicer_to_server(it.engine, engine)
    clearing_grpc.add_ClearingServiceServicer_to_server(it.engine, engine)
    wire_grpc.add_InstitutionServiceServicer_to_server(it.bank, bank)
    async with AsyncExitStack() as stack:
        identity = Identity.read(tmp_path, "engine")
        engine_address = await stack.enter_async_context(serving(engine, identity))
        identity = Identity.read(tmp_path, "bank-institution")
        bank_address = await stack.enter_async_context(serving(bank, identity))
        it.configure(engine=engine_address, bank=bank_address)
        yield it


def entry(*payouts: tuple[int, int, str]) -> feed.FeedEntry:
    rows = []
    for number, minor, bank_code in payouts:
        item = feed.PayoutItem(
            payout_id=number.to_bytes(16),
            service_enterprise_party_id=b"e" * 16,
            service_enterprise_name="广州外贸服务",
            cny_minor=minor,
        )
        item.payee.account_no = f"account-{number}"
        item.payee.account_name = f"商户{number}"
        item.payee.bank_code = bank_code
        rows.append(feed.FeedRow(payout_debited=item))
    return feed.FeedEntry(time_ms=NOW_MS, kind=feed.FEED_KIND_PAYOUT_DEBITED, rows=rows)


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.01)


async def queued(corridor: Corridor, minor: int) -> None:
    for _ in range(1000):
        if (await corridor.totals())["queued_minor"] == minor:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"never: {minor} queued")


async def open_participants(corridor: Corridor) -> None:
    for bank_code, minor in ((SENDER, 3 * LARGE), (RECEIVER, 0)):
        name = f"bank {bank_code}"
        await corridor.instruct(
            "participant", bank_code=bank_code, name=name, balance_minor=str(minor)
        )


def ends(engine: Engine) -> dict[int, tuple[str, str]]:
    """Give the last outcome and reason of each payout."""
    return {
        int.from_bytes(it.payout_id): (
            clearing.PayoutOutcome.Name(it.outcome).removeprefix("PAYOUT_OUTCOME_"),
            it.reason_code,
        )
        for it in engine.results
    }


def told_to_bank(bank: Bank) -> list[tuple[str, str]]:
    """Give amount and reason of each return."""
    assert {kind for kind, _ in bank.received} == {"clearing.return"}
    returned = [ET.fromstring(message) for _, message in bank.received]  # noqa: S314
    return sorted((it.attrib["amountMinor"], it.attrib["reason"]) for it in returned)


async def test_every_outcome_and_a_repeated_feed(corridor: Corridor) -> None:
    engine = corridor.engine
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(pboc=address)
        await open_participants(corridor)
        await corridor.instruct("close_account", account="account-3")
        await corridor.instruct("close_account", account="account-5", reason="AC01")
        engine.entries.append(
            entry(
                (1, 700, RECEIVER),
                (2, 800, FOREIGN),
                (3, 900, RECEIVER),
                (4, LARGE, RECEIVER),
                (5, LARGE, RECEIVER),
            )
        )
        async with running(gateway.run, corridor.data_dir):
            await until(lambda: len(engine.results) == 7, "seven results")
            await until(lambda: len(corridor.bank.received) == 3, "three returns")
            engine.entries.append(entry((6, 5 * LARGE, RECEIVER)))
            await queued(corridor, 5 * LARGE)
            await corridor.instruct("fund", bank_code=SENDER, amount_minor=str(4 * LARGE))
            await until(lambda: len(engine.results) == 8, "the queued payment settles")
        assert ends(engine) == {
            1: ("SETTLED", ""),
            2: ("REJECTED", "RC04"),
            3: ("RETURNED", "AC04"),
            4: ("SETTLED", ""),
            5: ("RETURNED", "AC01"),
            6: ("SETTLED", ""),
        }
        assert told_to_bank(corridor.bank) == [
            (str(LARGE), "AC01"),
            ("800", "RC04"),
            ("900", "AC04"),
        ]
        totals = await corridor.totals()
        assert totals["participants_minor"] == 7 * LARGE
        assert totals["net_paid_minor"] == 700 + 6 * LARGE
        await repeat_all(corridor, totals)


async def repeat_all(corridor: Corridor, totals: dict[str, int]) -> None:
    """Forget both cursors: the same messages and letters go again, and nothing is paid twice."""
    folder = corridor.data_dir / "gateways" / "pboc"
    for name in ("cursor.json", "letters.json"):
        (folder / name).unlink()
    returned = list(corridor.bank.received)
    results = len(corridor.engine.results)
    async with running(gateway.run, corridor.data_dir):
        await until(lambda: len(corridor.bank.received) == 6, "returns are told again")
    assert sorted(corridor.bank.received[3:]) == sorted(returned)
    assert (len(corridor.engine.results), corridor.engine.refused) == (results, 0)
    assert await corridor.totals() == totals


async def test_the_centre_may_be_away(corridor: Corridor) -> None:
    engine = corridor.engine
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(pboc=address)
        await open_participants(corridor)
    engine.entries.append(entry((1, 700, RECEIVER)))
    async with running(gateway.run, corridor.data_dir):
        await asyncio.sleep(0.2)
        assert engine.results == []
        async with running(institution.run, corridor.data_dir):
            await until(lambda: len(engine.results) == 1, "paid once the centre is back")
            assert (await corridor.totals())["net_paid_minor"] == 700


async def test_faults_of_a_scenario(corridor: Corridor) -> None:
    engine = corridor.engine
    faults = (("down", 2), ("lose_reply", 1), ("repeat", 2), ("slow", 1), ("refuse", 1))
    scenario = "\n".join(
        f'[[institution.pboc.faults]]\nkind = "{kind}"\ncount = {count}' for kind, count in faults
    )
    corridor.configure(scenario)
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(pboc=address)
        await open_participants(corridor)
        engine.entries.append(entry((1, 700, RECEIVER)))
        async with running(gateway.run, corridor.data_dir):
            await until(lambda: ends(engine) == {1: ("REJECTED", "RR04")}, "the first is refused")
            engine.entries.append(entry((2, 800, RECEIVER)))
            await until(lambda: ends(engine).get(2) == ("SETTLED", ""), "the second is paid")
            await until(lambda: len(corridor.bank.received) == 2, "the return is told twice")
        assert len(engine.results) == 2
        assert set(told_to_bank(corridor.bank)) == {("700", "RR04")}
        assert (await corridor.totals())["net_paid_minor"] == 800


async def test_a_bad_scenario_is_named(corridor: Corridor) -> None:
    corridor.configure('[[institution.pboc.faults]]\nkind = "slow"\ndelay_ms = 60001')
    wanted = r"institution.pboc.faults\[1\].delay_ms: '60001' is not 0..60000"
    with pytest.raises(ValueError, match=wanted):
        async with running(institution.run, corridor.data_dir):
            pass


async def test_rights_and_bad_calls(corridor: Corridor) -> None:
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(pboc=address)
        calls = (
            ("declarant", grpc.StatusCode.PERMISSION_DENIED, "payments"),
            ("operator", grpc.StatusCode.INVALID_ARGUMENT, "accounts"),
        )
        for name, code, book in calls:
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                request = wire.ReadBooksRequest(book=book)
                await corridor.stub(name).ReadBooks(request, timeout=10)
            assert failure.value.code() is code
        with pytest.raises(grpc.aio.AioRpcError, match="no right"):
            await corridor.stub().Deliver(wire.DeliverRequest(), timeout=10)
        with pytest.raises(grpc.aio.AioRpcError, match="action: 'remit'"):
            await corridor.instruct("remit")
        wanted = wire.CollectRequest(from_sequence=5, wait_ms=50)
        answer = await corridor.stub("pboc").Collect(wanted, timeout=10)
        assert (list(answer.letters), answer.next_sequence) == ([], 5)
