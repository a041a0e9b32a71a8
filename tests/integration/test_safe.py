"""Declarations through the real engine, gateway and SAFE: both books say the same and add up."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateways.identity import Identity
from gateways.safe import gateway, institution
from tests.integration.corridor import Corridor
from tests.integration.engine_process import CALL_SECONDS, EngineProcess, accepted
from tests.unit.gateways.pboc.corridor import running
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import uuid7
from whampoa.institution.v1 import institution_service_pb2 as wire
from whampoa.institution.v1 import institution_service_pb2_grpc as wire_grpc
from whampoa.money.v1 import rejection_pb2 as rejection
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.registry.v1 import registry_service_pb2 as registry

INSTITUTION_CODE = "440100000101"
RATE_E8 = 712_345_678


class Reported(Corridor):
    """A corridor whose service enterprise has a bank that reports for it."""

    def _party(
        self, party_id: bytes, number: int, name: str, *roles: registry.Role.ValueType
    ) -> registry.Party:
        party = super()._party(party_id, number, name, *roles)
        if registry.ROLE_SERVICE_ENTERPRISE in roles:
            party.institution_code = INSTITUTION_CODE
        return party

    def convert(self, remittance_id: bytes) -> None:
        """Convert all that is allocated, at the bank's rate."""
        conversion_id = uuid7()
        request = forex.RequestConversionRequest(
            request_id=uuid7(), conversion_id=conversion_id, remittance_id=remittance_id
        )
        operator = self.engine.client().forex
        asked = accepted(operator.RequestConversion(request, timeout=CALL_SECONDS))
        confirmed = forex.ConfirmConversionRequest(
            request_id=uuid7(),
            conversion_id=conversion_id,
            cny_minor=asked.amount_minor * RATE_E8 // 10**8,
            bank_reference="conversion",
        )
        confirmed.rate.base, confirmed.rate.quote = "USD", "CNY"
        confirmed.rate.rate_e8 = RATE_E8
        bank = self.engine.client("bank").forex
        accepted(bank.ConfirmConversion(confirmed, timeout=CALL_SECONDS))

    def recall(self, remittance_id: bytes, minor: int) -> forex.RecallRemittanceResponse:
        request = forex.RecallRemittanceRequest(
            request_id=uuid7(),
            remittance_id=remittance_id,
            amount_minor=minor,
            bank_reference="recall",
        )
        bank = self.engine.client("bank").forex
        return accepted(bank.RecallRemittance(request, timeout=CALL_SECONDS))

    def declare(self, remittance_id: bytes) -> forex.DeclareRemittanceResponse:
        request = forex.DeclareRemittanceRequest(request_id=uuid7(), remittance_id=remittance_id)
        return self.engine.client().forex.DeclareRemittance(request, timeout=CALL_SECONDS)


class Desk:
    """The directory of gateway and SAFE, and what SAFE's books say."""

    def __init__(self, engine: EngineProcess, data_dir: Path) -> None:
        self.engine = engine
        self.data_dir = data_dir
        self.address = "127.0.0.1:0"
        shutil.copytree(engine.keys, data_dir / "keys")
        self.configure(self.address)

    def configure(self, address: str) -> None:
        self.address = address
        lines = (
            f'[engine]\nlisten = "{self.engine.address}"\n[institution.safe]\nlisten = "{address}"'
        )
        (self.data_dir / "config.toml").write_text(lines, "ascii")

    def _stub(self) -> wire_grpc.InstitutionServiceAsyncStub:
        channel = Identity.read(self.data_dir, "operator").channel(self.address)
        return wire_grpc.InstitutionServiceStub(channel)

    async def fault(self, kind: str, count: int) -> None:
        arguments = {"kind": kind, "count": str(count)}
        request = wire.InstructRequest(action="fault", arguments=arguments)
        await self._stub().Instruct(request, timeout=CALL_SECONDS)

    async def books(self) -> wire.ReadBooksResponse:
        request = wire.ReadBooksRequest(book="records")
        return await self._stub().ReadBooks(request, timeout=CALL_SECONDS)

    async def reach(self, **wanted: int) -> dict[str, int]:
        """Wait until the books have some totals; they must add up then."""
        deadline = time.monotonic() + 30
        while True:
            totals = dict((await self.books()).totals)
            if all(totals.get(name, 0) == count for name, count in wanted.items()):
                return totals
            assert time.monotonic() < deadline, f"never {wanted}: {totals}"
            await asyncio.sleep(0.05)

    def states(self) -> dict[str, str]:
        """What the engine's projection says of every record."""
        request = query.ListBopRecordsRequest()
        found = self.engine.client().query.ListBopRecords(request, timeout=CALL_SECONDS)
        return {it.rptno: it.state for it in found.records}


@pytest.fixture
async def desk(new_engine: Callable[..., EngineProcess], tmp_path: Path) -> AsyncIterator[Desk]:
    data_dir = tmp_path / "desk"
    data_dir.mkdir()
    it = Desk(new_engine().start(), data_dir)
    async with running(institution.run, data_dir) as address:
        it.configure(address)
        async with running(gateway.run, data_dir):
            yield it


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.05)


async def test_declared_corrected_and_recalled(desk: Desk) -> None:
    corridor = Reported(desk.engine, merchants=3)
    corridor.release(range(6), minor=10_000)
    first = corridor.remit(50_050)
    corridor.allocate_by_volume(first)
    await desk.reach(actual_USD=500, restored=3, restored_USD=500, unattributed=0, unbalanced=0)
    corridor.convert(first)
    await desk.reach(restored_settled_USD=500, actual_settled_USD=500, unbalanced=0)

    # What merchants have still open is 99.50; the rest is not attributed.
    second = corridor.remit(100_000)
    corridor.allocate_by_volume(second)
    # 1,000 units over 33.17, 33.17, 33.16 and 900.50: the half unit is the enterprise's.
    await desk.reach(actual_USD=1500, restored_USD=599, unattributed_USD=901, unbalanced=0)
    # A recall beyond the suspense takes from the merchants; the actual record stays as it is.
    taken = corridor.recall(second, 95_000)
    assert (taken.from_suspense_minor, taken.from_allocations_minor) == (90_050, 4_950)
    await desk.reach(
        actual_USD=1500, restored_USD=550, unattributed_USD=950, unbalanced=0, refused=0
    )
    await until(lambda: set(desk.states().values()) <= {"accepted", "deleted"}, "all are answered")
    rows = (await desk.books()).rows
    assert {it.cells["rptno"]: it.cells["state"].replace("live", "accepted") for it in rows} == (
        desk.states()
    )
    assert all(law.holds for law in desk.engine.status().laws)
    assert corridor.declare(second).refusal.code == rejection.REJECTION_ALREADY_DECLARED


async def test_what_safe_refused_is_told_again(desk: Desk) -> None:
    corridor = Reported(desk.engine, merchants=3)
    corridor.release(range(3), minor=10_000)
    await desk.fault("refuse", 2)
    await desk.fault("lose_reply", 1)
    remittance = corridor.remit(30_000)
    corridor.allocate_by_volume(remittance)
    # The actual record is refused, so the restored ones belong to none.
    await until(lambda: list(desk.states().values()).count("refused") == 4, "four are refused")
    assert (await desk.books()).total == 0
    accepted(corridor.declare(remittance))
    totals = await desk.reach(actual_USD=300, restored=3, restored_USD=300, unbalanced=0)
    assert (totals["accepted"], totals["refused"]) == (4, 4)
    await until(lambda: set(desk.states().values()) == {"accepted"}, "all are accepted")


async def test_a_restart_with_nothing_kept_changes_nothing(desk: Desk) -> None:
    corridor = Reported(desk.engine, merchants=3)
    corridor.release(range(3), minor=10_000)
    remittance = corridor.remit(40_000)
    corridor.allocate_by_volume(remittance)
    await desk.reach(actual_USD=400, restored_USD=300, unattributed_USD=100, unbalanced=0)
    await until(lambda: set(desk.states().values()) == {"accepted"}, "all are accepted")
    entries = desk.engine.status().entries
    before = await desk.books()
    # A second gateway without cursors works everything off again.
    again = desk.data_dir / "again"
    again.mkdir()
    shutil.copytree(desk.data_dir / "keys", again / "keys")
    shutil.copy(desk.data_dir / "config.toml", again / "config.toml")
    async with running(gateway.run, again):
        folder = again / "gateways" / "safe"
        await until(lambda: len(list(folder.glob("*.json"))) == 3, "all worked off again")
    assert await desk.books() == before
    assert desk.engine.status().entries == entries
