"""The verb `restore`: makes a data directory out of a backup, whole or up to an entry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from whampoa.cli.backing import Bars, absent
from whampoa.cli.output import DataDirOption, Failure, JsonOption, Output


def register(application: typer.Typer) -> None:
    application.command("restore")(restore)


def restore(
    backup: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `whampoa backup` made.")],
    data_dir: DataDirOption,
    until: Annotated[
        int | None,
        typer.Option(min=0, metavar="INDEX", help="The last entry wanted; default: all."),
    ] = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Restore what is whole, and say what is lost.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check every file of a backup and make DIR of it; of an incomplete one nothing is written."""
    from engine import bridge

    with Output(json) as out:
        with out.stages() as stages:
            bars = Bars(stages)
            try:
                found = bridge.restore(
                    backup, data_dir, until=until, accept_loss=accept_loss, progress=bars
                )
            except (bridge.Fault, OSError) as fault:
                raise Failure(str(fault), backup=str(backup)) from fault
        fields = _fields(found, bars.seconds)
        _show(out, found)
        if not found["ok"]:
            raise Failure(found["error"], **fields)
        _tell(out, found)
        out.answer(
            f"ok: {data_dir} ends with entry {found['index']}; `whampoa init` completes keys"
        )
        out.result(**fields, directory=str(data_dir))


def _fields(found: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The JSON object, with the figures of the recomputed directory beside the others."""
    proof = found["proof"] or {}
    told = {name: value for name, value in found.items() if name not in ("ok", "error", "proof")}
    figures = {name: proof.get(name) for name in ("entries", "rows", "root", "state_hash", "laws")}
    return {**told, **figures, "seconds": round(seconds, 3)}


def _show(out: Output, found: dict[str, Any]) -> None:
    if not found["damage"]:
        return
    rows = [
        [
            one["file"],
            one["what"],
            f"{one['from_byte']} to {one['until_byte']}",
            "-" if one["first_index"] is None else f"{one['first_index']} to {one['last_index']}",
        ]
        for one in found["damage"]
    ]
    out.table("Not as the manifest says", ["file", "is", "bytes", "entries"], rows)


def _tell(out: Output, found: dict[str, Any]) -> None:
    if found["lost"]:
        first, last = found["lost"]
        out.note(f"entries {first} to {last} are lost")
    if found["private"]["missing"]:
        out.note(absent(found["private"]))
    proof = found["proof"]
    out.note(
        f"{proof['entries']} entries, {proof['rows']} rows, root {proof['root']}, "
        f"state hash {proof['state_hash']}"
    )
