"""The verbs `gateway` and `emulator`: one process beside the engine."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from whampoa.cli.output import DataDirOption, Failure, Output

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="singlewindow, bank, safe or pboc.")
]


def register(application: typer.Typer) -> None:
    application.command("gateway")(gateway)


def register_emulator(application: typer.Typer) -> None:
    application.command("emulator")(emulator)


def gateway(name: NameArgument, data_dir: DataDirOption) -> None:
    """Run one gateway until SIGTERM."""
    from gateways.process import run_gateway

    _run(name, data_dir, run_gateway)


def emulator(name: NameArgument, data_dir: DataDirOption) -> None:
    """Run the emulator of the institution behind a gateway until SIGTERM."""
    from gateways.process import run_emulator

    _run(name, data_dir, run_emulator)


def _run(
    name: str, data_dir: Path, run: Callable[[str, Path, Callable[[str], None]], None]
) -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(levelname)s: %(message)s"
    )
    with Output():
        try:
            run(name, data_dir, _ready)
        except ValueError as wrong:
            raise Failure(str(wrong), exit_code=2) from wrong
        except OSError as fault:
            raise Failure(f"{name}: {fault}") from fault


def _ready(address: str) -> None:
    """Whoever started the process waits for this line."""
    print(f"ready {address}", flush=True)  # noqa: T201
