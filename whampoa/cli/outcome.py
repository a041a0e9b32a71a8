"""The verb `outcome`: what became of a request, with the very reply it had."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf import descriptor_pool, message_factory

from whampoa.cli import subject
from whampoa.cli.connection import OPERATOR, AsOption, Connection
from whampoa.cli.output import DataDirOption, JsonOption, Output
from whampoa.cli.plain import place, plain
from whampoa.evidence.v1.evidence_service_pb2 import GetOutcomeRequest


def register(application: typer.Typer) -> None:
    application.command("outcome")(outcome)


def outcome(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID", help="32 hex digits.")],
    data_dir: DataDirOption,
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """Say what a request did. One that was refused, or never came, left nothing: it is unknown."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        wanted = subject.identifier(request_id, "REQUEST_ID")
        found = connection.read(
            connection.client.evidence.GetOutcome, GetOutcomeRequest(request_id=wanted)
        )
        out.result(request_id=wanted, known=found.known)
        if not found.known:
            out.answer(f"request {wanted.hex()} is unknown: nothing was done, it may be sent again")
            return
        reply = _decoded(found.method, found.reply)
        out.answer(f"request {wanted.hex()} was done at {place(found.position)} by {found.method}")
        shown = [[name, value] for name, value in reply.items() if value not in (None, "", [])]
        out.table("Reply", ["field", "value"], shown)
        out.result(position=plain(found.position), method=found.method, reply=reply)


def _decoded(method: str, reply: bytes) -> dict[str, object]:
    """The reply in fields: the contract is known by the stubs that the connection loaded."""
    service, _, name = method.rpartition("/")
    # The pool finds descriptors by name, so a method of any area needs no table here.
    pool = descriptor_pool.Default()
    kind = pool.FindServiceByName(service).methods_by_name[name].output_type
    return plain(message_factory.GetMessageClass(kind).FromString(reply))
