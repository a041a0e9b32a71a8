"""The verb `serve`: runs the engine of a data directory."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from whampoa.cli.output import DataDirOption, Failure, Output
from whampoa.cli.settings import engine_settings


def register(application: typer.Typer) -> None:
    application.command("serve")(serve)


def serve(
    data_dir: DataDirOption,
    accept_loss: Annotated[
        bool,
        typer.Option(help="Open a damaged journal up to the damage; what follows it is lost."),
    ] = False,
) -> None:
    """Run the engine until SIGTERM; the first line on stdout says where it listens."""
    from engine import logs, server
    from engine.bridge import Fault

    with Output():
        if not (data_dir / "keys" / "engine.key").exists():
            raise Failure(f"{data_dir} has no keys: run `whampoa init {data_dir}` first")
        logs.configure(json=not sys.stderr.isatty())
        settings = engine_settings(data_dir)
        try:
            asyncio.run(server.serve(data_dir, settings, _ready, accept_loss=accept_loss))
        except (Fault, OSError, RuntimeError) as fault:
            raise Failure(str(fault)) from fault


def _ready(address: str) -> None:
    """Whoever started the process waits for this line."""
    print(f"ready {address}", flush=True)  # noqa: T201
