"""The verb `trace`: every step of a trade, remittance, conversion or payout, with positions."""

from __future__ import annotations

from typing import Annotated

import typer

from whampoa.cli import subject
from whampoa.cli.connection import OPERATOR, AsOption, Connection
from whampoa.cli.output import DataDirOption, Failure, JsonOption, Output
from whampoa.cli.plain import moment, place, plain
from whampoa.evidence.v1.evidence_service_pb2 import TraceRequest


def register(application: typer.Typer) -> None:
    application.command("trace")(trace)


def trace(
    name: Annotated[
        str,
        typer.Argument(metavar="ID", help="Id of the subject, or the order number of a trade."),
    ],
    data_dir: DataDirOption,
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """Walk a case from its first document to its newest step."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        wanted = subject.trade_or(connection, name, "ID")
        found = connection.read(connection.client.evidence.Trace, TraceRequest(subject_id=wanted))
        if not found.steps:
            raise Failure(
                f"ID: the log knows no trade, remittance, conversion or payout {wanted.hex()}",
                steps=[],
            )
        out.table(
            f"{found.subject_kind} {wanted.hex()}",
            ["position", "time (UTC)", "kind", "step", "follows", "under grant"],
            [
                [
                    place(step.position),
                    moment(step.time_ms),
                    step.kind,
                    step.text,
                    place(step.previous) if step.HasField("previous") else "",
                    place(step.grant_position) if step.HasField("grant_position") else "",
                ]
                for step in found.steps
            ],
        )
        whole = "complete" if found.complete else f"missing: {', '.join(found.missing)}"
        out.answer(f"{found.subject_kind} {wanted.hex()}: {len(found.steps)} steps, {whole}")
        out.result(
            subject_id=wanted,
            subject_kind=found.subject_kind,
            steps=[plain(step) for step in found.steps],
            complete=found.complete,
            missing=list(found.missing),
        )
