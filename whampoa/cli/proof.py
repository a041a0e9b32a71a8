"""The verb `proof`: a self-contained proof of a subject's newest step; checks one offline."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from whampoa.cli.output import Failure, JsonOption, Output
from whampoa.cli.plain import moment
from whampoa.proof import BadProof, Proof, check

CHECK = "check"


def register(application: typer.Typer) -> None:
    application.command("proof")(proof)


def proof(
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID|check",
            help="Id or order number of a subject, INDEX:ROW of a row, or the word `check`.",
        ),
    ],
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="After `check`: the proof to check.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="Whose engine to ask; not for `check`."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the proof; else stdout.")
    ] = None,
    root: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="After `check`: the tree root that you trust."),
    ] = None,
    as_: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Whose key and certificate to show.")
    ] = "operator",
    json: JsonOption = False,
) -> None:
    """Get a proof from the engine, or `proof check FILE`: check one with SHA-256 alone."""
    with Output(json) as out:
        if what == CHECK:
            _check(out, file, root)
        elif file is not None:
            raise Failure(f"FILE: goes with `proof check` alone, got {file}", exit_code=2)
        elif data_dir is None:
            raise Failure("--data-dir: is needed to get a proof", exit_code=2)
        else:
            _get(out, what, data_dir, as_, output)


def _check(out: Output, file: Path | None, root: str | None) -> None:
    if file is None:
        raise Failure("FILE: `proof check` needs the proof to check", exit_code=2)
    try:
        shown = check(file.read_bytes())
    except OSError as fault:
        raise Failure(f"{file}: {fault.strerror}") from fault
    except BadProof as bad:
        raise Failure(f"{file}: {bad}") from bad
    if root is not None and root.lower() != shown.tree_root.hex():
        raise Failure(f"{file}: tree_root: {root} is trusted, got {shown.tree_root.hex()}")
    _say(out, shown)
    if root is None:
        out.note("the root is as the file tells it: compare it with one you trust, or give --root")


def _get(out: Output, what: str, data_dir: Path, name: str, output: Path | None) -> None:
    # The check alone needs neither gRPC nor keys.
    from whampoa.cli import subject
    from whampoa.cli.connection import Connection
    from whampoa.evidence.v1.evidence_service_pb2 import GetProofRequest
    from whampoa.money.v1.money_pb2 import Position

    with Connection(data_dir, name) as connection:
        place = subject.position(what)
        if place is None:
            wanted = subject.trade_or(connection, what, "ID")
            request = GetProofRequest(subject_id=wanted)
        else:
            if connection.head is None:
                raise Failure("ID: the log is empty, there is nothing to prove")
            index, row = place
            position = Position(log=connection.head.log, index=index, row=row)
            request = GetProofRequest(position=position)
        raw = connection.read(connection.client.evidence.GetProof, request).proof
    try:
        shown = check(raw)
    except BadProof as bad:
        raise Failure(f"the engine's proof does not hold: {bad}") from bad
    if output is None:
        out.answer(raw.decode("utf-8"))
        out.result(proof=json_format.loads(raw))
    else:
        output.write_bytes(raw + b"\n")
        out.result(file=output)
    _say(out, shown)


def _say(out: Output, shown: Proof) -> None:
    out.note(
        f"ok: row {shown.row} of entry {shown.index}, {moment(shown.time_ms)} UTC, stands in the "
        f"log of {shown.tree_size} entries with root {shown.tree_root.hex()}"
    )
    out.note(f"the row in words (not proven): {shown.kind}: {shown.text}")
    out.result(
        ok=True,
        log=shown.log,
        index=shown.index,
        row=shown.row,
        time_ms=shown.time_ms,
        tree_size=shown.tree_size,
        tree_root=shown.tree_root,
    )
