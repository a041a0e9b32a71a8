"""Gateway and bank over real mutual TLS: what one books the other is told, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest

from engine.authority import STANDARD, Authority
from gateways.bank import gateway, institution, profile
from gateways.identity import Identity
from tests.unit.gateways.bank.conftest import ENTERPRISE, payment_id
from tests.unit.gateways.bank.engine import Engine
from tests.unit.gateways.pboc.corridor import running, serving
from whampoa import ids
from whampoa.clearing.v1 import clearing_service_pb2_grpc as clearing_grpc
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.feed.v1 import feed_service_pb2_grpc as feed_grpc
from whampoa.forex.v1 import forex_service_pb2_grpc as forex_grpc
from whampoa.institution.v1 import institution_service_pb2 as wire
from whampoa.institution.v1 import institution_service_pb2_grpc as wire_grpc
from whampoa.money.v1 import money_pb2 as money

WANTED = {"engine", "bank", "pboc", "bank-institution", "operator", "declarant"}
# What a new bank's board makes: pairs of CNY and five currencies, both ways.
PAIRS = 30


class Corridor:
    """A data directory, the engine beside it, and stubs of the bank."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.engine = Engine()
        self.addresses = {"engine": "", "bank": "127.0.0.1:0"}
        self.added = 0

    def configure(self, **addresses: str) -> None:
        self.addresses |= addresses
        (self.data_dir / "config.toml").write_text(
            f'[engine]\nlisten = "{self.addresses["engine"]}"\n'
            f'[institution.bank]\nlisten = "{self.addresses["bank"]}"\n',
            "ascii",
        )

    def stub(self, name: str = "operator") -> wire_grpc.InstitutionServiceAsyncStub:
        channel = Identity.read(self.data_dir, name).channel(self.addresses["bank"])
        return wire_grpc.InstitutionServiceStub(channel)

    async def instruct(self, action: str, /, **arguments: str) -> str:
        request = wire.InstructRequest(action=action, arguments=arguments)
        return (await self.stub().Instruct(request, timeout=10)).result

    async def totals(self) -> dict[str, int]:
        answer = await self.stub().ReadBooks(wire.ReadBooksRequest(book="accounts"), timeout=10)
        return {key: minor for key, minor in answer.totals.items() if minor}

    async def open(self) -> None:
        name = "广州外贸服务"
        given = {"enterprise": ENTERPRISE, "name": name, "collection_account": "FTN4401"}
        await self.instruct("open_account", **given)

    async def remit(self, minor: int, **more: str) -> bytes:
        told = await self.instruct(
            "remit",
            enterprise=ENTERPRISE,
            currency="USD",
            instructed_minor=str(minor),
            payer_name="Harbor",
            payer_country="DEU",
            text="November",
            **more,
        )
        word, remittance_id, *_ = told.split()
        assert word == "remittance"
        await until(lambda: bytes.fromhex(remittance_id) in self.engine.remittances, "remitted")
        return bytes.fromhex(remittance_id)

    def add(self, *rows: feed.FeedRow) -> None:
        at = len(self.engine.entries)
        position = money.Position(log="test-1", index=at)
        now_ms = time.time_ns() // 1_000_000
        self.engine.entries.append(feed.FeedEntry(position=position, time_ms=now_ms, rows=rows))


@pytest.fixture
async def corridor(tmp_path: Path) -> AsyncIterator[Corridor]:
    authority = Authority(tmp_path / "keys")
    authority.establish()
    for identity in STANDARD:
        if identity.name in WANTED:
            authority.issue(identity)
    it = Corridor(tmp_path)
    server = grpc.aio.server()
    feed_grpc.add_FeedServiceServicer_to_server(it.engine, server)
    forex_grpc.add_ForexServiceServicer_to_server(it.engine, server)
    clearing_grpc.add_ClearingServiceServicer_to_server(it.engine, server)
    async with serving(server, Identity.read(tmp_path, "engine")) as address:
        it.configure(engine=address)
        yield it


def sale(number: int, remittance_id: bytes, minor: int) -> feed.FeedRow:
    item = feed.ConversionRequestedItem(
        conversion_id=bytes.fromhex(payment_id(number)),
        remittance_id=remittance_id,
        service_enterprise_party_id=bytes.fromhex(ENTERPRISE),
        amount=money.Money(currency="USD", amount_minor=minor),
    )
    return feed.FeedRow(conversion_requested=item)


def payout(number: int, minor: int, account: str = "") -> feed.FeedRow:
    item = feed.PayoutItem(
        payout_id=bytes.fromhex(payment_id(number)),
        service_enterprise_party_id=bytes.fromhex(ENTERPRISE),
        cny_minor=minor,
    )
    item.payee.account_no = account or f"6222{number:012d}"
    item.payee.account_name = f"商户{number}"
    item.payee.bank_code = "10300000000002"
    return feed.FeedRow(payout_instructed=item)


def repayment(remittance_id: bytes, minor: int) -> feed.FeedRow:
    item = feed.MoneyReturnedItem(
        remittance_id=remittance_id,
        service_enterprise_party_id=bytes.fromhex(ENTERPRISE),
        amount=money.Money(currency="USD", amount_minor=minor),
    )
    return feed.FeedRow(money_returned=item)


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.01)


async def until_total(corridor: Corridor, key: str, minor: int) -> None:
    for _ in range(1_000):
        if (await corridor.totals()).get(key) == minor:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"never: {key} is {minor}")


def conversion(engine: Engine, number: int) -> str:
    return engine.conversions.get(bytes.fromhex(payment_id(number)), "")


def states(engine: Engine) -> dict[int, str]:
    return {int(it.hex()[-4:]): state for it, state in engine.payouts.items()}


async def test_the_whole_day_and_again(corridor: Corridor) -> None:
    engine = corridor.engine
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(bank=address)
        await corridor.open()
        async with running(gateway.run, corridor.data_dir):
            await the_day(corridor)
        totals = await corridor.totals()
        before = (dict(engine.conversions), dict(engine.payouts), list(engine.recalls))
        requests = engine.repeats
        await forget_all(corridor)
        async with running(gateway.run, corridor.data_dir):
            # Rates, a remittance, two conversions, two debits, a charge and a recall.
            await until(lambda: engine.repeats == requests + PAIRS + 7, "told again")
            assert await corridor.totals() == totals
        assert (engine.conversions, engine.payouts, engine.recalls) == before
        assert engine.refusals == []


async def the_day(corridor: Corridor) -> None:
    engine = corridor.engine
    one = await corridor.remit(100_000, charges_before_minor="1000")
    assert len(engine.rates) == PAIRS
    assert engine.rates["CNY", "USD"] == 10**16 // profile.RATES_E8["USD"]
    told = engine.remittances[one]
    assert (told.instructed_minor, told.charges_before_minor) == (100_000, 1_000)
    assert (told.credited_minor, told.payer_name, told.payer_country) == (99_000, "Harbor", "DEU")
    assert (told.remittance_text, told.collection_account) == ("November", "FTN4401")
    assert one == ids.derive(ids.time_ms_of(one), "remittance", told.bank_reference)
    corridor.add(sale(1, one, 60_000), sale(2, one, 1_000_000))
    await until(lambda: conversion(engine, 1) == "427404 at USD/CNY", "converted")
    await until(lambda: conversion(engine, 2) == "failed AM04", "refused")
    corridor.add(payout(3, 100_000), payout(4, 300_000))
    corridor.add(payout(5, 27_404), payout(6, 7))
    await until(lambda: states(engine) == dict.fromkeys((3, 4, 5), "debited"), "debited")
    corridor.add(repayment(one, 5_000))
    await until_total(corridor, "repaid:USD", 5_000)
    await corridor.instruct("charge", remittance=one.hex(), amount_minor="100")
    await corridor.instruct("recall", remittance=one.hex(), amount_minor="40000")
    await until(lambda: engine.recalls == [(one, 40_000)], "recalled")
    assert engine.charges == [(one, 100)]
    assert await corridor.totals() == {
        "credited:USD": 99_000,
        "sold:USD": 60_000,
        "repaid:USD": 5_000,
        "charged:USD": 100,
        "recalled:USD": 40_000,
        "balance:USD": -6_100,
        "debt:USD": 6_100,
        "bought:CNY": 427_404,
        "debited:CNY": 427_404,
        "waiting:CNY": 7,
    }


async def forget_all(corridor: Corridor) -> None:
    folder = corridor.data_dir / "gateways" / "bank"
    for name in ("cursor.json", "letters.json"):
        (folder / name).unlink()


async def test_faults_change_nothing_in_the_end(corridor: Corridor) -> None:
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(bank=address)
        await corridor.open()
        async with running(gateway.run, corridor.data_dir):
            await the_bad_day(corridor)
        totals = await corridor.totals()
        assert (totals["sold:USD"], totals["debited:CNY"]) == (100_000, 712_340)
        assert corridor.engine.refusals == []
        assert corridor.engine.repeats >= 2


async def the_bad_day(corridor: Corridor) -> None:
    engine = corridor.engine
    one = await corridor.remit(100_000)
    for kind, count in (("repeat", 3), ("slow", 2), ("lose_reply", 2), ("down", 2)):
        await corridor.instruct("fault", kind=kind, count=str(count))
    corridor.add(sale(1, one, 100_000))
    await until(lambda: conversion(engine, 1) == "712340 at USD/CNY", "converted")
    # What no message can carry stops no other payout.
    corridor.add(payout(2, 700_000), payout(3, 2_340, "bad\x00account"), payout(4, 12_339))
    await until(lambda: states(engine) == {2: "debited", 4: "debited"}, "debited")
    await corridor.instruct("fault", kind="refuse", reason="AC06")
    corridor.add(payout(5, 1), payout(6, 1))
    await until(lambda: states(engine).get(5) == "rejected AC06", "refused")
    await until(lambda: states(engine).get(6) == "debited", "the other one debited")
    await corridor.instruct("rate", base="USD", quote="CNY", rate_e8="700000000")
    await until(lambda: engine.rates["CNY", "USD"] == 14_285_714, "the new rate, one way")
    await until(lambda: engine.rates["USD", "CNY"] == 700_000_000, "the new rate, the other way")


async def test_the_bank_may_be_away(corridor: Corridor) -> None:
    engine = corridor.engine
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(bank=address)
        await corridor.open()
    corridor.add(payout(1, 700))
    async with running(gateway.run, corridor.data_dir):
        await asyncio.sleep(0.2)
        async with running(institution.run, corridor.data_dir):
            one = await corridor.remit(1_000)
            corridor.add(sale(2, one, 100))
            await until(lambda: states(engine) == {1: "debited"}, "debited once money came")
            await until_total(corridor, "balance:CNY", 12)
    assert engine.refusals == []


async def test_the_board_is_told_by_every_start_of_a_new_bank_only(corridor: Corridor) -> None:
    for _ in range(2):
        async with running(institution.run, corridor.data_dir) as address:
            corridor.configure(bank=address)
            answer = await corridor.stub("bank").Collect(wire.CollectRequest(), timeout=10)
            assert [letter.format for letter in answer.letters] == [profile.BOARD]


async def test_rights(corridor: Corridor) -> None:
    async with running(institution.run, corridor.data_dir) as address:
        corridor.configure(bank=address)
        with pytest.raises(grpc.aio.AioRpcError, match="no right"):
            await corridor.stub("declarant").ReadBooks(wire.ReadBooksRequest(), timeout=10)
        with pytest.raises(grpc.aio.AioRpcError, match="no right"):
            await corridor.stub().Deliver(wire.DeliverRequest(), timeout=10)
        with pytest.raises(grpc.aio.AioRpcError, match="format: 'ceb'"):
            await corridor.stub("pboc").Deliver(wire.DeliverRequest(format="ceb"), timeout=10)
        with pytest.raises(grpc.aio.AioRpcError, match="book: 'safe'"):
            await corridor.stub().ReadBooks(wire.ReadBooksRequest(book="safe"), timeout=10)
