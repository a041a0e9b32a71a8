"""The verb `up`: the engine, the gateways and the institutions' emulators in one foreground."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from whampoa.cli.output import DataDirOption, Failure, JsonOption, Output
from whampoa.cli.settings import engine_settings

if TYPE_CHECKING:
    from bench.demo.processes import Addresses, Corridor

LOOK_SECONDS = 0.5
# A signal of the terminal reaches every process: those that obey it at once did not fail.
SIGNAL_SECONDS = 0.5


def register(application: typer.Typer) -> None:
    application.command("up")(up)


def up(data_dir: DataDirOption, json: JsonOption = False) -> None:
    """Run everything until SIGINT or SIGTERM; makes the data directory when there is none."""
    from bench.demo.processes import Corridor, ProcessFailed
    from whampoa.cli.init import establish

    with Output(json) as out:
        if not (data_dir / "keys" / "engine.key").exists():
            made = establish(data_dir)
            out.note(f"{data_dir}: {len(made)} identities made")
        try:
            asyncio.run(_run(out, Corridor(data_dir, _addresses(data_dir))))
        except ProcessFailed as failed:
            raise Failure(str(failed)) from failed


async def _run(out: Output, corridor: Corridor) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        starting = asyncio.create_task(corridor.start_all())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            await starting
            _say(out, corridor)
            await _watch(corridor, stop)
        starting.cancel()
        stopping.cancel()
    finally:
        out.note("stopping: gateways and institutions, then the engine")
        await corridor.stop_all()
    out.answer("stopped")


async def _watch(corridor: Corridor, stop: asyncio.Event) -> None:
    """Returns when a stop is asked for. Raises `ProcessFailed` when a process ended by itself."""
    from bench.demo.processes import ProcessFailed

    while not stop.is_set():
        await _pause(stop, LOOK_SECONDS)
        try:
            corridor.check_alive()
        except ProcessFailed:
            await _pause(stop, SIGNAL_SECONDS)
            if not stop.is_set():
                raise


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _addresses(data_dir: Path) -> Addresses:
    """As the configuration says, variables included."""
    from bench.demo.processes import Addresses
    from gateways import addresses

    engine = engine_settings(data_dir)
    read = {name: addresses.Addresses.read(data_dir, name) for name in addresses.INSTITUTION_OF}
    return Addresses(
        engine=engine.listen,
        metrics=engine.metrics,
        singlewindow=read["singlewindow"].listen,
        institutions={
            institution: read[gateway].institution_listen
            for gateway, institution in addresses.INSTITUTION_OF.items()
        },
    )


def _say(out: Output, corridor: Corridor) -> None:
    known = corridor.addresses
    emulators = {f"emulator {name}": at for name, at in known.institutions.items()}
    rows = {"engine": known.engine, "gateway singlewindow": known.singlewindow, **emulators}
    out.table("Listening, mutual TLS", ["process", "address"], list(rows.items()))
    out.note(f"metrics at http://{known.metrics}/metrics" if known.metrics else "no metrics")
    out.note(f"keys in {corridor.data_dir / 'keys'}, logs in {corridor.data_dir}/*.log")
    out.answer(f"ready {known.engine}")
    out.result(addresses=rows)
