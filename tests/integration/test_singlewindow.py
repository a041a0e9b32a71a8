"""Declarants, gateway, customs and a real engine: parcels end released, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from bench.documents import codes
from bench.documents.messages import Writer
from bench.documents.world import Company
from engine import formats
from tests.integration.conftest import NewEngine
from tests.integration.port import (
    TRADES,
    Port,
    all_released,
    documents_of,
    make_world,
    messages,
    now_ms,
    until,
)

# More than enough for a gateway to send again what it forgot.
REPEAT_SECONDS = 2.0


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


async def test_the_same_bytes_again_change_nothing(port: Port) -> None:
    world = make_world(TRADES)
    await port.register(world)
    sent = messages(world.parcels)
    await port.send(sent)
    await all_released(port, TRADES)
    books = [await port.totals(book) for book in ("orders", "waybills", "lists")]
    trades = {it.trade_id: it.verified_minor for it in port.trades()}
    recorded = port.documents()
    again = await port.send(sent)
    assert [it.accepted for it in again] == [it.documents for it in again]
    await asyncio.sleep(0.5)
    assert {it.trade_id: it.verified_minor for it in port.trades()} == trades
    assert port.documents() == recorded
    assert [await port.totals(book) for book in ("orders", "waybills", "lists")] == books
    # The same documents under new numbers are refused by the engine, each with its reason.
    later = await port.send(messages(world.parcels, seed=2))
    rules = {found.rule for it in later for found in it.findings if found.severity > 1}
    assert rules == {"STATUS_REFUSES_RESEND"}
    assert sum(it.accepted for it in later) == 0
    assert len([it for it in later[0].findings if it.severity > 1]) == later[0].documents


async def test_a_gateway_that_forgets_repeats_harmlessly(
    new_engine: NewEngine, tmp_path: Path
) -> None:
    engine = new_engine().start()
    port = Port(engine, tmp_path / "port")
    world = make_world(TRADES)
    await port.register(world)
    async with port.customs():
        async with port.gateway():
            await port.send(messages(world.parcels))
            await all_released(port, TRADES)
        totals = await port.totals("lists")
        recorded = port.documents()
        for name in ("cursor.json", "letters.json"):
            (port.folder / name).unlink()
        async with port.gateway():
            await asyncio.sleep(REPEAT_SECONDS)
        assert caught_up(port)
        assert port.documents() == recorded
        assert await port.totals("lists") == totals
        # Without its archive the gateway gives new ids: older answers are stale, none goes back.
        for path in port.folder.glob("*"):
            if path.is_file():
                path.unlink()
        async with port.gateway():
            await asyncio.sleep(REPEAT_SECONDS)
        assert caught_up(port)
        await all_released(port, TRADES)
        assert await port.totals("lists") == totals


def caught_up(port: Port) -> bool:
    """Whether a gateway that was stopped had worked off every letter."""
    place = json.loads((port.folder / "letters.json").read_text())
    return bool(place["index"] == port.letters() + 1)


async def test_customs_loses_answers_repeats_letters_and_goes_down(port: Port) -> None:
    world = make_world(TRADES)
    await port.register(world)
    assert await port.instruct("fault", kind="lose_reply", count="3") == "fault lose_reply 3 times"
    await port.instruct("fault", kind="repeat", count="5")
    await port.instruct("fault", kind="slow", count="2", delay_ms="50")
    await port.instruct("fault", kind="refuse", count="2")
    await port.instruct("fault", kind="down", count="3")
    await port.send(messages(world.parcels))
    await all_released(port, TRADES)
    lists = await port.totals("lists")
    assert (lists["lists"], lists["released"]) == (TRADES, TRADES)


async def test_held_rejected_and_withdrawn(port: Port) -> None:
    world = make_world(TRADES)
    await port.register(world)
    one, two, three, four, five = world.parcels[:5]
    await port.instruct("hold", book="lists", pattern=one.cop_no)
    await port.instruct("hold", book="lists", pattern=two.order_no, status="120")
    await port.instruct("hold", book="orders", pattern=three.order_no)
    await port.instruct("reject", book="lists", pattern=four.cop_no, status="-603005")
    await port.instruct("reject", book="orders", pattern=five.order_no)
    sent = messages(world.parcels)
    await port.send(sent)
    await all_released(port, TRADES - 5)
    rows = {it["order_no"]: it for it in await port.rows("lists")}
    statuses = [rows[it.order_no]["status"] for it in (one, two, three, four, five)]
    assert statuses == ["399", "120", "120", "-603005", "120"]
    states = {it.order_no: it.state for it in port.trades()}
    assert [states[it.order_no] for it in (one, two)] == ["matched", "matched"]
    # What was rejected is declared once more; what was held goes on.
    await port.send(messages([four, five], seed=2))
    await all_released(port, TRADES - 3)
    assert await port.instruct("release_held") == "2 lists released"
    assert await port.instruct("release_held", book="orders") == "1 orders released"
    await all_released(port, TRADES)
    assert await port.instruct("withdraw", pattern=one.order_no) == "1 lists withdrawn"
    await all_released(port, TRADES - 1)
    lists = await port.totals("lists")
    assert (lists["released"], lists["withdrawn"], lists["held"]) == (TRADES - 1, 1, 0)


async def test_two_orders_on_one_waybill_are_looked_at(port: Port) -> None:
    world = make_world(TRADES)
    await port.register(world)
    robbed, thief = world.parcels[0], world.parcels[24]
    assert robbed.carrier == thief.carrier
    stolen = replace(thief, waybill_no=robbed.waybill_no)
    await port.send(messages([robbed]))
    await all_released(port, 1)
    writer = Writer(3, now_ms())
    await port.send([*writer.orders([stolen]), *writer.lists([stolen])])
    await until(lambda: reviewed(port, 1), "the second list is under review")
    assert [it["status"] for it in await port.rows("lists")] == ["899", "300"]


async def reviewed(port: Port, count: int) -> bool:
    return (await port.totals("lists"))["reviewed"] == count


async def test_departure_closes_and_aggregation_maps_every_line(
    new_engine: NewEngine, tmp_path: Path
) -> None:
    engine = new_engine().start()
    port = Port(engine, tmp_path / "port", customs='closing = "departure"')
    world = make_world(TRADES)
    async with port.customs(), port.gateway():
        await port.register(world)
        await port.send(messages(world.parcels))
        await all_released(port, TRADES)
        assert {it["status"] for it in await port.rows("lists")} == {"800"}
        writer = Writer(9, now_ms())
        carrier = world.carriers[0]
        carried = [it for it in world.parcels if it.carrier == carrier]
        numbers = [it.waybill_no for it in carried]
        await port.send([writer.departure(carrier, "DEP1", numbers)])
        await until(lambda: closed(port, len(carried)), "the lists on board are closed")
        own = [it["invt_no"] for it in await port.rows("lists")]
        (answer,) = await port.send([writer.aggregation(world.declarants[0], "SUM1", own)])
        assert (answer.message_type, answer.accepted) == (701, 1), answer.findings
        await until(lambda: counted(port, "documents:792"), "the result is recorded")
        results = [it for it in await port.replies("operator") if b"CEB792" in it]
        (result,) = [it.aggregation_result for it in documents_of(results[0])]
        told = sorted((line.invt_no, line.gnum) for line in result.lines)
        rows = {it["order_no"]: it["invt_no"] for it in await port.rows("lists")}
        assert told == sorted(
            (rows[parcel.order_no], line.gnum) for parcel in world.parcels for line in parcel.lines
        )


async def closed(port: Port, count: int) -> bool:
    return [it["status"] for it in await port.rows("lists")].count("899") == count


async def counted(port: Port, name: str) -> bool:
    return name in port.counts()


def application(number: int) -> dict[str, object]:
    """What every upstream document begins with."""
    return {
        "guid": f"{number:036d}",
        "appType": "1",
        "appTime": codes.china_time(now_ms()),
        "appStatus": "2",
    }


def transfer(company: Company) -> dict[str, str]:
    code = company.customs_code
    return {
        "copCode": code,
        "copName": company.name,
        "dxpMode": "DXP",
        "dxpId": f"DXPENT{code}",
    }


async def test_collection_notes_and_withdrawals_are_answered(port: Port) -> None:
    world = make_world(TRADES)
    await port.register(world)
    await port.send(messages(world.parcels))
    await all_released(port, TRADES)
    parcel = world.parcels[0]
    code, name = parcel.consignor
    note = application(1) | {
        "ebpCode": parcel.platform.code,
        "ebpName": parcel.platform.name,
        "ebcCode": code,
        "ebcName": name,
        "orderNo": parcel.order_no,
        "payName": "珠江支付",
        "payNo": "P1",
        "charge": "1.00",
        "currency": "502",
        "accountingDate": codes.china_time(now_ms()),
    }
    (row,) = [it for it in await port.rows("lists") if it["order_no"] == parcel.order_no]
    withdrawal = application(2) | {
        "customsCode": "5100",
        "copNo": "WITHDRAWAL-1",
        "invtNo": row["invt_no"],
        "reason": "the buyer gave up",
        "agentCode": parcel.declarant.customs_code,
        "agentName": parcel.declarant.name,
        "ebcCode": code,
        "ebcName": name,
    }
    sent = [
        formats.write(number, [fields], "B" * 36, transfer(parcel.declarant))
        for number, fields in ((403, note), (605, withdrawal))
    ]
    answers = await port.send(sent)
    assert [it.accepted for it in answers] == [1, 1], answers
    await until(lambda: counted(port, "documents:404"), "the note is answered")
    await all_released(port, TRADES - 1)
    assert (await port.totals("lists"))["withdrawn"] == 1


async def test_a_killed_gateway_doubles_nothing(new_engine: NewEngine, tmp_path: Path) -> None:
    engine = new_engine().start()
    port = Port(engine, tmp_path / "port")
    world = make_world(4 * TRADES)
    await port.register(world)
    sent = messages(world.parcels)
    async with port.customs():
        for lived_ms in (30, 120):
            process = port.start_gateway()
            calls = asyncio.create_task(port.send(sent))
            await asyncio.sleep(lived_ms / 1000)
            process.kill()
            process.wait()
            await asyncio.gather(calls, return_exceptions=True)
        async with port.gateway():
            answers = await port.send(sent)
            assert sum(it.accepted for it in answers) == 3 * len(world.parcels)
            await all_released(port, len(world.parcels))
        found = port.documents()
        assert [found[f"documents:{number}"] for number in (303, 505, 603)] == [4 * TRADES] * 3
        lists = await port.totals("lists")
        assert (lists["lists"], lists["released"]) == (4 * TRADES, 4 * TRADES)


async def test_one_number_on_two_platforms_without_a_code(port: Port) -> None:
    world = make_world(TRADES)
    await port.register(world)
    nameless = [it for it in world.platforms if not it.code.isascii()]
    one = next(it for it in world.parcels if it.platform == nameless[0])
    other = replace(
        one, platform=nameless[1], waybill_no=f"{one.waybill_no}B", cop_no=f"{one.cop_no}B"
    )
    await port.instruct("reject", book="orders", pattern=one.order_no)
    writer = Writer(1, now_ms())
    await port.send([*writer.orders([one]), *writer.waybills([one]), *writer.lists([one])])
    await until(lambda: counted(port, "documents:304"), "the first order is answered")
    # The order first: a list alone would be taken for a misspelt one of the other order.
    for sent in (writer.orders([other]), writer.waybills([other]), writer.lists([other])):
        await port.send(sent)
    await all_released(port, 1)
    states = {it.platform.casefold(): it.state for it in port.trades()}
    assert states[nameless[1].name.replace(" ", "").casefold()] == "released", states
    # The first one was rejected, so it may come again, and is another trade.
    await port.send(Writer(2, now_ms()).orders([one]))
    await all_released(port, 2)
    assert {it.verified_minor for it in port.trades()} == {one.value}


async def test_an_order_changed_before_it_was_answered(
    new_engine: NewEngine, tmp_path: Path
) -> None:
    engine = new_engine().start()
    port = Port(engine, tmp_path / "port")
    world = make_world(TRADES)
    await port.register(world)
    parcel = world.parcels[0]
    changed = replace(parcel, lines=(replace(parcel.lines[0], price=777), *parcel.lines[1:]))
    async with port.customs():
        await port.instruct("reject", book="orders", pattern=parcel.order_no)
        await port.instruct("fault", kind="down", count="5")
        async with port.gateway():
            writer = Writer(1, now_ms())
            for sent in (writer.orders([parcel]), writer.orders([changed])):
                (answer,) = await port.send(sent)
                assert answer.accepted == 1, answer
            await port.send([*writer.waybills([changed]), *writer.lists([changed])])
            # Both versions reach customs, though they wait together: the second one is taken.
            await all_released(port, 1)
            assert [it.verified_minor for it in port.trades()] == [changed.value]
