"""The verb `bench`: load runs of this machine, each on a throw-away corridor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from whampoa.cli.output import JsonOption, Output

RunsOption = Annotated[int, typer.Option(min=1, help="How often each case is measured.")]
KeepOption = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Keep the data here; default: thrown away."),
]


def register(application: typer.Typer) -> None:
    bench = typer.Typer(
        help="Measure this machine, each load on a throw-away corridor.", no_args_is_help=True
    )
    bench.command("allocate")(allocate)
    bench.command("backup")(backup)
    bench.command("documents")(documents)
    bench.command("recover")(recover)
    application.add_typer(bench, name="bench")


def allocate(
    trades: Annotated[int, typer.Option(min=1, help="Open trades of the enterprise.")] = 100_000,
    merchants: Annotated[int, typer.Option(min=8, help="Merchants that own them.")] = 2_000,
    runs: RunsOption = 5,
    data_dir: KeepOption = None,
    json: JsonOption = False,
) -> None:
    """Allocate one remittance over all open trades, in every mode."""
    from bench.scenarios import allocate as scenario

    with Output(json) as out, out.stages() as stage:
        found = asyncio.run(scenario.run(trades, merchants, runs, data_dir, stage))
        _show(out, "allocate", found)


def documents(
    documents: Annotated[
        int, typer.Option(min=300, help="Documents, a third of each kind.")
    ] = 90_000,
    clients: Annotated[int, typer.Option(min=1, help="Messages under way at once.")] = 8,
    runs: RunsOption = 3,
    data_dir: KeepOption = None,
    json: JsonOption = False,
) -> None:
    """Send a mix of CEB303, 505 and 603 messages through the Single Window gateway."""
    from bench.scenarios import documents as scenario

    with Output(json) as out, out.stages() as stage:
        found = asyncio.run(scenario.run(documents, clients, runs, data_dir, stage))
        _show(out, "documents", found)


def backup(
    seconds: Annotated[float, typer.Option(min=1, help="Length of a window.")] = 6.0,
    clients: Annotated[int, typer.Option(min=1, help="Messages under way at once.")] = 4,
    runs: Annotated[int, typer.Option(min=1, help="Windows of each kind, in turns.")] = 5,
    data_dir: KeepOption = None,
    json: JsonOption = False,
) -> None:
    """Send transfers with and without a backup beside them, in turns; restore it at the end."""
    from bench.scenarios import backup as scenario

    with Output(json) as out, out.stages() as stage:
        found = asyncio.run(scenario.run(seconds, runs, clients, data_dir, stage))
        _show(out, "backup", found)


def recover(
    transfers: Annotated[int, typer.Option(min=1, help="Rows of the journal.")] = 10_000_000,
    data_dir: KeepOption = None,
    json: JsonOption = False,
) -> None:
    """Kill an engine full of transfers; start it again without a snapshot, and with one."""
    from bench.scenarios import recover as scenario

    with Output(json) as out, out.stages() as stage:
        found = asyncio.run(scenario.run(transfers, data_dir, stage))
        _show(out, "recover", found)


def _show(out: Output, title: str, found: dict[str, object]) -> None:
    rows = [(name, value) for name, value in found.items() if not isinstance(value, dict)]
    for name, value in found.items():
        if isinstance(value, dict):
            rows += [(f"{name}.{key}", inner) for key, inner in value.items()]
    out.table(title, ["figure", "value"], rows)
    out.result(**found, ok=bool(found["laws_ok"]) and bool(found["durable"]))
