"""The verb `verify`: recomputes everything from the files of a data directory alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from whampoa.cli.output import Failure, JsonOption, Output


def register(application: typer.Typer) -> None:
    application.command("verify")(verify)


def verify(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The data directory to check.")],
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Which witnesses must have signed the log."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Recompute headers, payload roots, chain, tree and laws; the private part is not needed."""
    from engine import bridge

    with Output(json) as out:
        try:
            report = bridge.verify(directory, _policy(policy))
        except bridge.Fault as fault:
            raise Failure(str(fault), entries=0, first_bad=None) from fault
        laws = report["laws"]
        out.table(
            "Laws",
            ["law", "holds", "what broke"],
            [[law["number"], "yes" if law["holds"] else "NO", law["text"]] for law in laws],
        )
        bad, torn = report["first_bad"], report.get("torn")
        if bad:
            place = f"{bad['file']} at byte {bad['offset']}, entry {bad['index']}"
            out.note(f"first bad: {place}: {bad['what']}")
        if torn:
            out.note(
                f"never fully written, acknowledged to nobody: {torn['file']} from byte "
                f"{torn['offset']} on"
            )
        out.note(f"{report['entries']} entries, {report['rows']} rows, {report['seconds']} s")
        out.answer(
            f"{'ok' if report['ok'] else 'NOT OK'}: {report['policy']}, root {report['root']}"
        )
        out.result(**report)


def _policy(path: Path | None) -> str:
    """The text of a policy; none is none, but an empty file is not."""
    if path is None:
        return ""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise Failure(f"--policy: {path}: {fault}", exit_code=2) from fault
    if not text.strip():
        raise Failure(f"--policy: {path}: the file is empty", exit_code=2)
    return text
