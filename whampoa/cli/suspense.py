"""The verb `suspense`: credited money not yet allocated, put to trades or sent back."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from whampoa.clearing.v1.clearing_service_pb2 import AllocateRequest, AllocationMode
from whampoa.cli import subject
from whampoa.cli.connection import OPERATOR, AsOption, Connection
from whampoa.cli.output import DataDirOption, Failure, JsonOption, Output
from whampoa.cli.pages import every
from whampoa.cli.plain import place, plain
from whampoa.forex.v1.forex_service_pb2 import ReturnSuspenseRequest
from whampoa.ids import halves, uuid7
from whampoa.money.v1.rejection_pb2 import Rejection
from whampoa.query.v1.query_service_pb2 import ListRemittancesRequest, RemittanceView

AMOUNT_MAX = 2**63 - 1

RemittanceArgument = Annotated[
    str,
    typer.Argument(metavar="REMITTANCE", help="Id, or the unique beginning of one with suspense."),
]
AmountOption = Annotated[
    int | None,
    typer.Option(
        "--amount-minor", min=1, max=AMOUNT_MAX, help="Minor units; else all of the suspense."
    ),
]


def register(application: typer.Typer) -> None:
    group = typer.Typer(help="Credited money not yet allocated: list, assign, return.")
    group.command("list")(list_suspense)
    group.command("assign")(assign)
    group.command("return")(return_suspense)
    application.add_typer(group, name="suspense")


def list_suspense(
    data_dir: DataDirOption, as_: AsOption = OPERATOR, json: JsonOption = False
) -> None:
    """List the remittances with suspense."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        found = list(_with_suspense(connection))
        out.table(
            "Suspense, minor units",
            ["remittance", "enterprise", "currency", "credited", "suspense", "review"],
            [
                [
                    one.remittance_id.hex(),
                    one.service_enterprise_party_id.hex(),
                    one.currency,
                    one.credited_minor,
                    one.suspense_minor,
                    one.review_state,
                ]
                for one in found
            ],
        )
        totals: dict[str, int] = {}
        for one in found:
            totals[one.currency] = totals.get(one.currency, 0) + one.suspense_minor
        sums = ", ".join(f"{total} {currency}" for currency, total in sorted(totals.items()))
        out.answer(f"{len(found)} remittances with suspense: {sums or 'nothing'}")
        out.result(remittances=[plain(one) for one in found], suspense_minor=totals)


def assign(
    remittance: RemittanceArgument,
    data_dir: DataDirOption,
    orders: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Advice by trade: CSV of trade_id,amount_minor."),
    ] = None,
    merchants: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Advice by merchant: CSV of party_id,amount_minor."),
    ] = None,
    amount_minor: AmountOption = None,
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """Put suspense to open trades: by volume, or as a file advises."""
    with Output(json) as out:
        request = _advised(orders, merchants)
        with Connection(data_dir, as_) as connection:
            found = _one(connection, remittance)
            request.request_id = uuid7()
            request.remittance_id = found.remittance_id
            request.amount_minor = amount_minor or 0
            reply = connection.write(connection.client.clearing.Allocate, request)
        refused = [
            {"line": row + 1, "rule": Rejection.Name(code).removeprefix("REJECTION_")}
            for row, code in zip(reply.refused_rows, reply.refused_codes, strict=True)
        ]
        if refused:
            rows = [[one["line"], one["rule"]] for one in refused]
            out.table("Advice that could not be used", ["row of the file", "rule"], rows)
        out.answer(
            f"{reply.allocated_minor} {found.currency} allocated in {reply.rows} rows to "
            f"{reply.merchants} merchants, {reply.suspense_minor} stay in suspense"
        )
        out.result(
            remittance_id=found.remittance_id,
            allocated_minor=reply.allocated_minor,
            suspense_minor=reply.suspense_minor,
            rows=reply.rows,
            merchants=reply.merchants,
            refused=refused,
            position=plain(reply.position),
            last=plain(reply.last),
            request_id=request.request_id,
        )


def return_suspense(
    remittance: RemittanceArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept.")],
    data_dir: DataDirOption,
    amount_minor: AmountOption = None,
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """Send suspense back to the payer."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        found = _one(connection, remittance)
        request = ReturnSuspenseRequest(
            request_id=uuid7(),
            remittance_id=found.remittance_id,
            amount_minor=amount_minor or found.suspense_minor,
            reason=reason,
        )
        reply = connection.write(connection.client.forex.ReturnSuspense, request)
        out.answer(
            f"{request.amount_minor} {found.currency} go back to the payer, decided at "
            f"{place(reply.position)}"
        )
        out.result(
            remittance_id=found.remittance_id,
            returned_minor=request.amount_minor,
            position=plain(reply.position),
            request_id=request.request_id,
        )


def _with_suspense(connection: Connection) -> Iterator[RemittanceView]:
    asked = ListRemittancesRequest(with_suspense=True)
    return every(connection, connection.client.query.ListRemittances, asked, "remittances")


def _one(connection: Connection, text: str) -> RemittanceView:
    known = {one.remittance_id: one for one in _with_suspense(connection)}
    wanted = subject.among(text, known, "REMITTANCE")
    if wanted not in known:
        raise Failure(f"REMITTANCE: no remittance {wanted.hex()} has suspense")
    return known[wanted]


def _advised(orders: Path | None, merchants: Path | None) -> AllocateRequest:
    """A request with the mode and the columns of advice."""
    if orders and merchants:
        raise Failure("--orders, --merchants: one of them at most", exit_code=2)
    path = orders or merchants
    if path is None:
        return AllocateRequest(mode=AllocationMode.ALLOCATION_MODE_BY_VOLUME)
    mode = (
        AllocationMode.ALLOCATION_MODE_BY_ORDERS
        if orders
        else AllocationMode.ALLOCATION_MODE_BY_MERCHANTS
    )
    rows = list(_rows(path))
    split = [halves(identifier) for identifier, _ in rows]
    return AllocateRequest(
        mode=mode,
        row_count=len(rows),
        id_high=[high for high, _ in split],
        id_low=[low for _, low in split],
        advised_minor=[amount for _, amount in rows],
    )


def _rows(path: Path) -> Iterator[tuple[bytes, int]]:
    """Ids and amounts of a CSV without a head line. Raises `Failure` naming the row."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, cells in enumerate(csv.reader(file), start=1):
                where = f"{path}: row {number}"
                if len(cells) != 2:
                    raise Failure(f"{where}: id,amount_minor are wanted", exit_code=2)
                amount = cells[1].strip()
                if not (amount.isascii() and amount.isdecimal() and int(amount) <= AMOUNT_MAX):
                    raise Failure(
                        f"{where}: amount_minor: a number of minor units is wanted, got {amount!r}",
                        exit_code=2,
                    )
                yield subject.identifier(cells[0].strip(), f"{where}: id"), int(amount)
    except OSError as fault:
        raise Failure(f"{path}: {fault.strerror}", exit_code=2) from fault
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise Failure(f"{path}: {wrong}", exit_code=2) from wrong
