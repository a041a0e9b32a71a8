"""A corridor for one run: a throw-away data directory, its processes, and everybody's channels."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.demo.ids import Ids
from bench.demo.partners import Partners
from bench.demo.processes import Corridor
from bench.demo.setting import prepare
from bench.documents.world import CARRIERS, DECLARANTS


@dataclass(frozen=True)
class Stage:
    """What a run works with."""

    corridor: Corridor
    partners: Partners
    ids: Ids


def declarant(number: int) -> str:
    """Name of the identity of the `number`th declarant, from 0."""
    return f"declarant-{number + 1}"


def carrier(number: int) -> str:
    """Name of the identity of the `number`th carrier, from 0: it declares departures."""
    return f"carrier-{number + 1}"


@asynccontextmanager
async def corridor(data_dir: Path | None, processes: Sequence[str] = ()) -> AsyncIterator[Stage]:
    """Starts the processes (all of them when none is named) and stops them whatever happens.

    A directory that the caller names is kept; one made here is removed.
    """
    own = Path(tempfile.mkdtemp(prefix="whampoa-")) if data_dir is None else None
    directory = data_dir or own
    assert directory is not None
    try:
        directory.mkdir(parents=True, exist_ok=True)
        names = [declarant(number) for number in range(DECLARANTS)]
        names += [carrier(number) for number in range(CARRIERS)]
        addresses = await prepare(directory, names)
        running = Corridor(directory, addresses)
        ids = Ids(time.time_ns() // 1_000_000)
        try:
            await running.start_all(processes)
            async with Partners(directory, addresses) as partners:
                yield Stage(running, partners, ids)
        finally:
            await running.stop_all()
    finally:
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)
