"""The verb `party`: who is registered, new ones with relations and grants, where one is paid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from whampoa.cli import subject
from whampoa.cli.connection import OPERATOR, AsOption, Connection
from whampoa.cli.output import DataDirOption, JsonOption, Output
from whampoa.cli.pages import every
from whampoa.cli.party_file import read
from whampoa.cli.plain import place, plain
from whampoa.ids import uuid7
from whampoa.query.v1.query_service_pb2 import ListAccountsRequest, ListPartiesRequest, PartyView
from whampoa.registry.v1.registry_service_pb2 import (
    PayeeAccount,
    RegisterGrantsRequest,
    RegisterPartiesRequest,
    RegisterRelationsRequest,
    RevokeGrantRequest,
    SetPayeeRequest,
)

_COLUMNS = ("id", "USCC", "name", "roles", "sanctioned")

PartyArgument = Annotated[
    str, typer.Argument(metavar="PARTY", help="USCC, id, or the unique beginning of an id.")
]


def register(application: typer.Typer) -> None:
    group = typer.Typer(
        help="Who takes part: list, show, add, revoke a grant, and where one is paid."
    )
    group.command("list")(list_parties)
    group.command("show")(show)
    group.command("add")(add)
    group.command("payee")(payee)
    group.command("revoke")(revoke)
    application.add_typer(group, name="party")


def list_parties(
    data_dir: DataDirOption,
    role: Annotated[
        str, typer.Option(metavar="ROLE", help="merchant, service_enterprise, declarant, …")
    ] = "",
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """List the registered parties."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        asked = ListPartiesRequest(role=role.lower().replace("-", "_"))
        parties = list(every(connection, connection.client.query.ListParties, asked, "parties"))
        out.table("Parties", _COLUMNS, [_row(one) for one in parties])
        out.answer(f"{len(parties)} parties")
        out.result(parties=[plain(one) for one in parties])


def show(
    party: PartyArgument,
    data_dir: DataDirOption,
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """Show one party and its accounts."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        found = subject.party(connection, party, "PARTY")
        asked = ListAccountsRequest(party_id=found.party_id)
        call = connection.client.query.ListAccounts
        accounts = list(every(connection, call, asked, "accounts"))
        out.table("Party", _COLUMNS, [_row(found)])
        out.table(
            "Accounts, minor units",
            ["account", "kind", "currency", "debits", "credits", "debits held", "credits held"],
            [
                [
                    one.account_index,
                    one.kind,
                    one.currency,
                    one.debits_posted_minor,
                    one.credits_posted_minor,
                    one.debits_pending_minor,
                    one.credits_pending_minor,
                ]
                for one in accounts
            ],
        )
        out.answer(f"{found.party_id.hex()} {found.uscc} {found.name}")
        out.result(party=plain(found), accounts=[plain(one) for one in accounts])


def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML, or JSON if it ends so.")],
    data_dir: DataDirOption,
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """Register the parties, relations and grants of a file: of each kind all or none.

    TOML: [[party]], [[relation]], [[grant]] with the fields of the contract. Ids are hex, and made
    when absent; a relation or grant may name a party by its USCC.
    """
    with Output(json) as out, Connection(data_dir, as_) as connection:
        told = read(file, lambda uscc: subject.party(connection, uscc, f"{file}").party_id)
        registry = connection.client.registry
        steps: list[tuple[Any, Any, str, Any]] = [
            (registry.RegisterParties, RegisterPartiesRequest, "parties", told.parties),
            (registry.RegisterRelations, RegisterRelationsRequest, "relations", told.relations),
            (registry.RegisterGrants, RegisterGrantsRequest, "grants", told.grants),
        ]
        for call, kind, field, items in steps:
            if items:
                request = kind(request_id=uuid7(), **{field: items})
                reply = connection.write(call, request)
                out.note(f"{len(items)} {field} registered at {place(reply.position)}")
                out.result(
                    **{f"{field}_position": plain(reply.position)},
                    **{f"{field}_request_id": request.request_id},
                )
        for party in told.parties:
            out.answer(f"{party.party_id.hex()} {party.uscc} {party.name}")
        out.result(
            party_ids=[one.party_id.hex() for one in told.parties],
            relation_ids=[one.relation_id.hex() for one in told.relations],
            grant_ids=[one.grant_id.hex() for one in told.grants],
        )


def revoke(
    grant: Annotated[str, typer.Argument(metavar="GRANT", help="Id of the grant.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept.")],
    data_dir: DataDirOption,
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """Revoke a grant: what it allowed is refused from now on."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        request = RevokeGrantRequest(
            request_id=uuid7(), grant_id=subject.identifier(grant, "GRANT"), reason=reason
        )
        reply = connection.write(connection.client.registry.RevokeGrant, request)
        out.answer(f"grant {request.grant_id.hex()} is revoked from {place(reply.position)} on")
        out.result(
            grant_id=request.grant_id,
            position=plain(reply.position),
            request_id=request.request_id,
        )


def payee(
    party: PartyArgument,
    data_dir: DataDirOption,
    account_no: Annotated[str, typer.Option(metavar="TEXT", help="Number of the account.")],
    account_name: Annotated[str, typer.Option(metavar="TEXT", help="Name of its holder.")],
    bank_code: Annotated[
        str, typer.Option(metavar="CODE", help="CNAPS2 member id of the bank, 14 characters.")
    ],
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """Say where a party is paid from now on."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        found = subject.party(connection, party, "PARTY")
        request = SetPayeeRequest(
            request_id=uuid7(),
            party_id=found.party_id,
            payee=PayeeAccount(
                account_no=account_no, account_name=account_name, bank_code=bank_code
            ),
        )
        reply = connection.write(connection.client.registry.SetPayee, request)
        out.answer(f"{found.party_id.hex()} is paid there from {place(reply.position)} on")
        out.result(
            party_id=found.party_id,
            position=plain(reply.position),
            request_id=request.request_id,
        )


def _row(party: PartyView) -> list[str]:
    return [
        party.party_id.hex(),
        party.uscc,
        party.name,
        ", ".join(party.roles),
        "YES" if party.sanctioned else "",
    ]
