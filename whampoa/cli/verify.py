"""The verb `verify`: recomputes everything from the files of a data directory alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

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
    """Recompute headers, payload roots, chain, tree and laws.

    Private parts are held against their commitments where they are there; nothing needs them.
    """
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
        for line in _places(report):
            out.note(line)
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


def _places(report: dict[str, Any]) -> Iterator[str]:
    """Where something is wrong, or was never finished, as a person reads it."""
    if bad := report["first_bad"]:
        place = f"{bad['file']} at byte {bad['offset']}, entry {bad['index']}"
        yield f"first bad: {place}: {bad['what']}"
    if torn := report.get("torn"):
        yield (
            f"never fully written, acknowledged to nobody: {torn['file']} from byte "
            f"{torn['offset']} on"
        )
    if unfinished := report.get("unfinished"):
        yield (
            f"without its end, acknowledged to nobody: the operation that begins with entry "
            f"{unfinished['index']}, {unfinished['file']} at byte {unfinished['offset']}"
        )
    private = report.get("private")
    if private is None:
        yield "private parts: none here"
        return
    yield (
        f"private parts: {private['whole']} of {private['fields']} open their commitment, "
        f"{private['absent']} are absent (erased, or kept elsewhere), {private['damaged']} damaged"
    )
    if bad := private["first_bad"]:
        whose = "" if bad["index"] is None else f", entry {bad['index']}, field {bad['field']:#x}"
        yield f"first bad: private/{bad['file']} at byte {bad['offset']}{whose}: {bad['what']}"
