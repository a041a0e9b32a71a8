"""Scenario `documents`: CEB303, 505 and 603 messages through the Single Window gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import chain, zip_longest
from pathlib import Path

from bench.corridor import Stage, corridor, declarant
from bench.demo.registration import Registration
from bench.documents.messages import Writer
from bench.documents.world import DECLARANTS, World, build
from bench.figures import Reading, Run, figures
from bench.latency import Latencies
from whampoa.customs.v1 import single_window_service_pb2 as window

SEED = 303
CALL_SECONDS_MAX = 120.0
PROCESSES = ("engine", "singlewindow", "customs-institution")
DOCUMENTS_PER_TRADE = 3

Advance = Callable[[int], None]


# A message and the number of the declarant who sends it.
Sent = tuple[int, bytes]


def messages(world: World, started_ms: int) -> list[Sent]:
    """The three kinds of all declarants interleaved; every message has up to 100 documents."""
    writer = Writer(SEED, started_ms)
    streams: list[list[Sent]] = []
    for number, company in enumerate(world.declarants):
        parcels = [parcel for parcel in world.parcels if parcel.declarant == company]
        kinds = (writer.orders, writer.waybills, writer.lists)
        streams += [[(number, message) for message in kind(parcels)] for kind in kinds]
    return [sent for sent in chain(*zip_longest(*streams)) if sent is not None]


async def run(
    documents: int,
    clients: int,
    runs: int,
    data_dir: Path | None,
    loaded: Callable[[str, int], Advance],
) -> dict[str, object]:
    """Sends the mix in `runs` equal parts, each measured by itself, on one corridor."""
    trades = documents // DOCUMENTS_PER_TRADE
    world = build(SEED, trades, mishaps=False)
    async with corridor(data_dir, PROCESSES) as stage:
        await Registration(stage.partners, world, stage.ids).of_engine()
        prepared = messages(world, stage.ids.started_ms)
        before = await Reading.take(stage.partners.operator, stage.corridor)
        advance = loaded("documents through the gateway", documents)
        measured = [
            await _send(stage, list(part), clients, advance) for part in _parts(prepared, runs)
        ]
        after = await Reading.take(stage.partners.operator, stage.corridor)
        return {
            **figures(measured, before, after, stage.corridor),
            "documents": documents,
            "messages": len(prepared),
            "clients": clients,
        }


def _parts(prepared: list[Sent], runs: int) -> Iterator[list[Sent]]:
    size = -(-len(prepared) // runs)
    for start in range(0, len(prepared), size):
        yield prepared[start : start + size]


async def _send(stage: Stage, part: list[Sent], clients: int, advance: Advance) -> Run:
    """Closed loop: each client sends its next message when the reply to the last one came."""
    latencies = Latencies()
    waiting = iter(part)
    accepted = last = 0

    stubs = [await stage.partners.window(declarant(number)) for number in range(DECLARANTS)]

    async def client() -> None:
        nonlocal accepted, last
        for number, message in waiting:
            request = window.SubmitMessageRequest(message=message)
            start = time.perf_counter_ns()
            response = await stubs[number].SubmitMessage(request, timeout=CALL_SECONDS_MAX)
            latencies.add(start, time.perf_counter_ns())
            if response.accepted != response.documents:
                first = response.findings[0].message if response.findings else "no finding"
                raise RuntimeError(
                    f"{response.accepted} of {response.documents} documents accepted: {first}"
                )
            accepted += response.accepted
            last = max(last, response.position.index)
            advance(response.accepted)

    start = time.perf_counter_ns()
    await asyncio.gather(*(client() for _ in range(clients)))
    seconds = (time.perf_counter_ns() - start) / 1e9
    return Run(accepted, seconds, latencies, last)
