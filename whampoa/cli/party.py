"""The verb `party`: who is registered, new ones from a file, where one is paid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    RegisterPartiesRequest,
    SetPayeeRequest,
)

_COLUMNS = ("id", "USCC", "name", "roles", "sanctioned")

PartyArgument = Annotated[
    str, typer.Argument(metavar="PARTY", help="USCC, id, or the unique beginning of an id.")
]


def register(application: typer.Typer) -> None:
    group = typer.Typer(help="Who takes part: list, show, add, and where one is paid.")
    group.command("list")(list_parties)
    group.command("show")(show)
    group.command("add")(add)
    group.command("payee")(payee)
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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Parties as TOML or JSON.")],
    data_dir: DataDirOption,
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """Register the parties of a file, all of them or none.

    TOML: one [[party]] a party, with the fields of the contract. Ids are hex, and made when absent.
    """
    with Output(json) as out:
        parties = read(file)
        with Connection(data_dir, as_) as connection:
            request = RegisterPartiesRequest(request_id=uuid7(), parties=parties)
            reply = connection.write(connection.client.registry.RegisterParties, request)
        for party in parties:
            out.answer(f"{party.party_id.hex()} {party.uscc} {party.name}")
        out.note(f"{len(parties)} parties registered at {place(reply.position)}")
        out.result(
            party_ids=[party.party_id.hex() for party in parties],
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
