"""Money through real engine, bank and clearing system: every book says the same in the end."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateways.bank import gateway, institution
from gateways.identity import Identity
from gateways.pboc import gateway as front
from gateways.pboc import institution as centre
from gateways.process import Runnable
from tests.integration.conftest import NewEngine
from tests.integration.corridor import Corridor
from tests.integration.engine_process import CALL_SECONDS, EngineProcess, accepted
from tests.unit.gateways.pboc.corridor import running
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import uuid7
from whampoa.institution.v1 import institution_service_pb2 as wire
from whampoa.institution.v1 import institution_service_pb2_grpc as wire_grpc
from whampoa.query.v1 import query_service_pb2 as query

BANK_CODE, PAYEE_BANK = "10400000000001", "10300000000002"


class Town:
    """The engine with a bank and a clearing system around it."""

    def __init__(self, engine: EngineProcess, data_dir: Path) -> None:
        self.engine = engine
        self.corridor = Corridor(engine, merchants=3)
        self.data_dir = data_dir
        self.addresses = {"bank": "127.0.0.1:0", "pboc": "127.0.0.1:0"}
        shutil.copytree(engine.keys, data_dir / "keys")
        self.configure()

    def configure(self, **addresses: str) -> None:
        self.addresses |= addresses
        lines = [f'[engine]\nlisten = "{self.engine.address}"']
        lines += [f'[institution.{name}]\nlisten = "{it}"' for name, it in self.addresses.items()]
        (self.data_dir / "config.toml").write_text("\n".join(lines), "ascii")

    def _stub(self, name: str) -> wire_grpc.InstitutionServiceAsyncStub:
        channel = Identity.read(self.data_dir, "operator").channel(self.addresses[name])
        return wire_grpc.InstitutionServiceStub(channel)

    async def instruct(self, name: str, action: str, /, **arguments: str) -> str:
        request = wire.InstructRequest(action=action, arguments=arguments)
        answer = await self._stub(name).Instruct(request, timeout=CALL_SECONDS)
        return answer.result

    async def totals(self, name: str, book: str) -> dict[str, int]:
        request = wire.ReadBooksRequest(book=book)
        answer = await self._stub(name).ReadBooks(request, timeout=CALL_SECONDS)
        return {key: minor for key, minor in answer.totals.items() if minor}

    async def open_account(self) -> None:
        await self.instruct(
            "bank",
            "open_account",
            enterprise=self.corridor.enterprise.hex(),
            name="穗通综合服务",
            collection_account="FTN4401",
        )

    async def remit(self, minor: int, charges: int = 0) -> bytes:
        told = await self.instruct(
            "bank",
            "remit",
            enterprise=self.corridor.enterprise.hex(),
            currency="USD",
            instructed_minor=str(minor),
            charges_before_minor=str(charges),
            payer_name="Bargain Harbor Inc.",
            payer_country="USA",
            text="settlement of November",
        )
        remittance_id = bytes.fromhex(told.split()[1])
        await until(lambda: self.remittance(remittance_id) is not None, "the remittance is known")
        return remittance_id

    def remittance(self, remittance_id: bytes) -> query.RemittanceView | None:
        request = query.ListRemittancesRequest(service_enterprise_party_id=self.corridor.enterprise)
        found = self.engine.client().query.ListRemittances(request, timeout=CALL_SECONDS)
        return next((it for it in found.remittances if it.remittance_id == remittance_id), None)

    def payouts(self) -> dict[bytes, list[str]]:
        """States of the payouts of each merchant of this corridor."""
        request = query.ListPayoutsRequest()
        found = self.engine.client().query.ListPayouts(request, timeout=CALL_SECONDS)
        states: dict[bytes, list[str]] = {}
        for it in found.payouts:
            if it.service_enterprise_party_id == self.corridor.enterprise:
                states.setdefault(it.merchant_party_id, []).append(it.state)
        return states

    def convert(self, remittance_id: bytes) -> None:
        request = forex.RequestConversionRequest(
            request_id=uuid7(), conversion_id=uuid7(), remittance_id=remittance_id
        )
        client = self.engine.client().forex
        accepted(client.RequestConversion(request, timeout=CALL_SECONDS))


@pytest.fixture
async def town(new_engine: NewEngine, tmp_path: Path) -> AsyncIterator[Town]:
    # An engine of its own: a new bank knows nothing of what an old one did.
    it = Town(new_engine().start(), tmp_path / "town")
    async with AsyncExitStack() as stack:

        async def enter(run: Runnable) -> str:
            return await stack.enter_async_context(running(run, it.data_dir))

        it.configure(bank=await enter(institution.run), pboc=await enter(centre.run))
        await it.open_account()
        for code, minor in ((BANK_CODE, 10**9), (PAYEE_BANK, 0)):
            given = {"bank_code": code, "name": f"bank {code}", "balance_minor": str(minor)}
            await it.instruct("pboc", "participant", **given)
        await enter(gateway.run)
        await enter(front.run)
        yield it


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.05)


async def test_from_remittance_to_merchants(town: Town) -> None:
    corridor = town.corridor
    corridor.release(range(6), minor=10_000)
    # The first merchant's account is closed: its payout comes back to the bank.
    await town.instruct("pboc", "close_account", account="6222000000000000")
    remittance_id = await town.remit(70_000, charges=1_000)
    town.corridor.allocate_by_volume(remittance_id)
    town.convert(remittance_id)
    ends = [["settled"], ["settled"], ["returned"]]
    await until(lambda: sorted(town.payouts().values(), reverse=True) == ends, "paid")
    found = town.remittance(remittance_id)
    assert found is not None
    assert (found.credited_minor, found.converted_minor) == (69_000, 60_000)
    assert found.suspense_minor == 9_000
    await until_total(town, "returned:CNY", 142_468)
    told = await town.totals("bank", "accounts")
    assert told == {
        "credited:USD": 69_000,
        "sold:USD": 60_000,
        "balance:USD": 9_000,
        "bought:CNY": 427_404,
        "debited:CNY": 427_404,
        "returned:CNY": 142_468,
        "balance:CNY": 142_468,
    }
    assert (await town.totals("pboc", "payments"))["net_paid_minor"] == 427_404 - 142_468


async def until_total(town: Town, key: str, minor: int) -> None:
    for _ in range(400):
        if (await town.totals("bank", "accounts")).get(key) == minor:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"never: {key} is {minor}")


async def test_refusals_recalls_and_charges(town: Town) -> None:
    corridor = town.corridor
    corridor.release(range(3), minor=10_000)
    remittance_id = await town.remit(40_000)
    given = {"remittance": remittance_id.hex()}
    await town.instruct("bank", "charge", amount_minor="500", **given)
    await until(lambda: _amounts(town, remittance_id)[1:] == (0, 500), "charged")
    request = forex.ReturnSuspenseRequest(
        request_id=uuid7(), remittance_id=remittance_id, amount_minor=1_500, reason="not ours"
    )
    accepted(town.engine.client().forex.ReturnSuspense(request, timeout=CALL_SECONDS))
    await until_total(town, "repaid:USD", 1_500)
    corridor.allocate_by_volume(remittance_id)
    await town.instruct("bank", "fault", kind="refuse", count="1")
    town.convert(remittance_id)
    # Refused by the bank, so it may be asked for again.
    await until_convertible(town, remittance_id)
    await until(lambda: _amounts(town, remittance_id)[0] == 30_000, "converted")
    told = await town.instruct("bank", "recall", amount_minor="10000", **given)
    # 8,000 are left in suspense; the rest was converted.
    assert told.endswith("booked 10000 USD debt 2000")
    await until(lambda: _amounts(town, remittance_id)[1] == 9_500, "recalled")
    told_by_bank = await town.totals("bank", "accounts")
    assert {it: told_by_bank[it] for it in ("balance:USD", "debt:USD", "repaid:USD")} == {
        "balance:USD": -2_000,
        "debt:USD": 2_000,
        "repaid:USD": 1_500,
    }


def _amounts(town: Town, remittance_id: bytes) -> tuple[int, int, int]:
    found = town.remittance(remittance_id)
    assert found is not None
    return found.converted_minor, found.returned_minor, found.charges_after_minor


async def until_convertible(town: Town, remittance_id: bytes) -> None:
    client = town.engine.client().forex
    for _ in range(200):
        request = forex.RequestConversionRequest(
            request_id=uuid7(), conversion_id=uuid7(), remittance_id=remittance_id
        )
        reply = client.RequestConversion(request, timeout=CALL_SECONDS)
        if not reply.HasField("refusal"):
            return
        await asyncio.sleep(0.05)
    pytest.fail("never: the refused conversion was failed")


async def test_a_refused_payout_is_paid_again(town: Town) -> None:
    corridor = town.corridor
    corridor.release(range(3), minor=10_000)
    remittance_id = await town.remit(30_000)
    corridor.allocate_by_volume(remittance_id)
    # The sale goes through first, then one payout of three is refused: its order waits so long.
    await town.instruct("bank", "fault", kind="slow", count="2", delay_ms="2000")
    town.convert(remittance_id)
    await until_total(town, "bought:CNY", 213_702)
    await town.instruct("bank", "fault", kind="refuse", count="1")
    wanted = [["settled"], ["settled"], ["rejected"]]
    await until(lambda: sorted(town.payouts().values(), reverse=True) == wanted, "two paid")
    request = clearing.InstructPayoutsRequest(
        request_id=uuid7(), service_enterprise_party_id=corridor.enterprise
    )
    accepted(town.engine.client().clearing.InstructPayouts(request, timeout=CALL_SECONDS))
    await until(lambda: sum(it.count("settled") for it in town.payouts().values()) == 3, "all paid")
    told = await town.totals("bank", "payouts")
    assert (told["debited:CNY"], told.get("balance:CNY")) == (213_702, None)


async def test_a_bank_that_lost_its_books_undoes_nothing(
    new_engine: NewEngine, tmp_path: Path
) -> None:
    town = Town(new_engine().start(), tmp_path / "town")
    town.corridor.release(range(3), minor=10_000)
    async with running(institution.run, town.data_dir) as address:
        town.configure(bank=address)
        await town.open_account()
        async with running(gateway.run, town.data_dir):
            remittance_id = await town.remit(30_000)
            town.corridor.allocate_by_volume(remittance_id)
            town.convert(remittance_id)
            await until(lambda: list(town.payouts().values()) == [["debited"]] * 3, "debited")
    for folder in ("institutions", "gateways"):
        shutil.rmtree(town.data_dir / folder)
    async with running(institution.run, town.data_dir) as address:
        town.configure(bank=address)
        async with running(gateway.run, town.data_dir):
            # The new bank refuses every order of the old one: it has no such account.
            path = town.data_dir / "gateways" / "bank" / "cursor.json"
            await until(path.exists, "the feed was followed to its end")
            await asyncio.sleep(0.5)
    assert list(town.payouts().values()) == [["debited"]] * 3
    assert _amounts(town, remittance_id)[0] == 30_000
