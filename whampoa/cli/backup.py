"""The verb `backup`: copies what is new of a data directory, while its engine runs or not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from whampoa.cli.backing import Bars, Pace, absent
from whampoa.cli.output import DataDirOption, Failure, JsonOption, Output

# The engine goes first, for the processor and for the disk.
NICE = 19


def register(application: typer.Typer) -> None:
    application.command("backup")(backup)


def backup(
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="The backup: an empty folder, or one to go on.")
    ],
    data_dir: DataDirOption,
    laws: Annotated[
        bool, typer.Option(help="Recompute laws and state of the whole backup afterwards.")
    ] = True,
    cpu: Annotated[
        int, typer.Option(min=1, max=100, metavar="PERCENT", help="Most of one core to take.")
    ] = 25,
    without_private: Annotated[
        bool, typer.Option("--without-private", help="Leave private parts and the log's key out.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Copy a log and its private parts; what TARGET has already is not copied again."""
    from engine import bridge

    with Output(json) as out:
        os.nice(NICE)
        with out.stages() as stages:
            bars = Bars(stages)
            try:
                found = bridge.backup(
                    data_dir,
                    target,
                    with_private=not without_private,
                    with_laws=laws,
                    progress=Pace(cpu, bars),
                )
            except (bridge.Fault, OSError) as fault:
                raise Failure(str(fault), target=str(target)) from fault
        _show(out, target, found, bars.seconds, with_private=not without_private)


def _show(
    out: Output, target: Path, found: dict[str, Any], seconds: float, *, with_private: bool
) -> None:
    proof = found.pop("proof")
    copied = found["journal_bytes_copied"] + found["private_bytes_copied"]
    rows: list[list[object]] = [
        ["log", found["log"]],
        ["entries, rows", f"{found['entries']}, {found['rows']}"],
        ["new entries", found["entries_copied"]],
        ["new bytes, journal and private", copied],
        ["tree root", found["root"]],
        ["state hash", found["state_hash"] or "not computed"],
    ]
    out.table("Backup", ["figure", "value"], rows)
    broken = [law for law in proof["laws"] if not law["holds"]] if proof else []
    for law in broken:
        out.note(f"law {law['number']} is broken: {law['text']}")
    if found["private_damaged"]:
        out.note(f"private parts of the source are damaged in {found['private_damaged']} places")
    if proof and with_private and proof["private"]["missing"]:
        out.note(absent(proof["private"]))
    out.answer(f"{'NOT OK' if broken else 'ok'}: {target} ends with entry {found['index']}")
    out.result(
        ok=not broken,
        target=str(target),
        **found,
        laws=proof["laws"] if proof else None,
        private=proof["private"] if proof else None,
        seconds=round(seconds, 3),
    )
