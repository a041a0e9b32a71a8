"""Runs a gateway or an emulator as a process until it is asked to stop."""

from __future__ import annotations

import asyncio
import importlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import grpc

from gateways.addresses import INSTITUTION_OF
from gateways.identity import Identity

STOP_SECONDS_MAX = 5.0


class Runnable(Protocol):
    """What every `gateway.run` and `institution.run` is: serves until `stop` is set."""

    async def __call__(
        self, data_dir: Path, ready: Callable[[str], None], stop: asyncio.Event
    ) -> None: ...


def run_gateway(name: str, data_dir: Path, ready: Callable[[str], None]) -> None:
    """Runs a gateway in the foreground; calls `ready` once it works."""
    _run(_runnable(name, "gateway"), data_dir, ready)


def run_emulator(name: str, data_dir: Path, ready: Callable[[str], None]) -> None:
    """Runs the emulator of the institution behind a gateway."""
    _run(_runnable(name, "institution"), data_dir, ready)


def _runnable(name: str, kind: str) -> Runnable:
    if name not in INSTITUTION_OF:
        raise ValueError(f"no {kind} is named {name!r}; there are {', '.join(INSTITUTION_OF)}")
    run: Runnable = importlib.import_module(f"gateways.{name}.{kind}").run
    return run


def _run(run: Runnable, data_dir: Path, ready: Callable[[str], None]) -> None:
    asyncio.run(_until_stopped(run, data_dir, ready))


async def _until_stopped(run: Runnable, data_dir: Path, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(data_dir, ready, stop)


async def start(server: grpc.aio.Server, address: str, identity: Identity) -> str:
    """Binds and starts a server; port 0 takes a free one. Returns the address it listens on."""
    host = address.rpartition(":")[0]
    port = server.add_secure_port(address, identity.server_credentials())
    await server.start()
    return f"{host}:{port}"


async def first_failure(tasks: list[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """Waits until `stop` is set or a task fails; ends the tasks; raises the failure."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in [stopping, *tasks]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
