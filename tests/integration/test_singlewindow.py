"""Declarants, gateway, customs and a real engine: parcels end released, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.conftest import NewEngine
from tests.integration.port import Port, make_world, messages, until

TRADES = 40
DXP = "{http://www.chinaport.gov.cn/dxp}"


@pytest.fixture
async def port(new_engine: NewEngine, tmp_path: Path) -> AsyncIterator[Port]:
    """Give an engine with customs and a gateway around it."""
    engine = new_engine().start()
    async with AsyncExitStack() as stack:
        it = Port(engine, tmp_path / "port")
        await stack.enter_async_context(it.customs())
        await stack.enter_async_context(it.gateway())
        yield it
    assert engine.stop() == 0, engine.said[-5:]


async def all_released(port: Port, count: int) -> None:
    async def holds() -> bool:
        return len(await asyncio.to_thread(port.trades, "released")) == count

    await until(holds, f"{count} trades released, now {[it.state for it in port.trades()]}")


async def test_parcels_are_released_and_every_book_agrees(port: Port) -> None:
    world = make_world(TRADES)
    await port.register(world)
    sent = messages(world.parcels)
    answers = await port.send(sent)
    assert sum(it.accepted for it in answers) == 3 * TRADES
    assert not [found for it in answers for found in it.findings if found.severity > 1]
    await all_released(port, TRADES)
    value = sum(parcel.value for parcel in world.parcels)
    assert sum(trade.verified_minor for trade in port.trades()) == value
    orders, lists = await port.totals("orders"), await port.totals("lists")
    assert (orders["orders"], orders["stored"]) == (TRADES, TRADES)
    assert (await port.totals("waybills"))["stored"] == TRADES
    assert (lists["lists"], lists["released"]) == (TRADES, TRADES)
    assert lists["released_usd_minor"] == orders["declared_usd_minor"] == value
