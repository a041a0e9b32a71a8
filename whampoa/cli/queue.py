"""The verb `queue`: what waits for a person, and the officers' word on it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from whampoa.clearing.v1.clearing_service_pb2 import ClawbackSettlement, SettleClawbackRequest
from whampoa.cli import subject
from whampoa.cli.connection import OPERATOR, AsOption, Connection, OfficerAsOption
from whampoa.cli.output import DataDirOption, Failure, JsonOption, Output
from whampoa.cli.pages import every
from whampoa.cli.plain import place, plain
from whampoa.customs.v1.customs_service_pb2 import SettleDisputeRequest
from whampoa.ids import uuid7
from whampoa.query.v1.query_service_pb2 import (
    ListPartiesRequest,
    ListRemittancesRequest,
    ListTradesRequest,
    RemittanceView,
    TradeView,
)
from whampoa.risk.v1.review_pb2 import ReviewState
from whampoa.risk.v1.risk_service_pb2 import ClearReviewRequest, RejectReviewRequest

RemittanceArgument = Annotated[
    str, typer.Argument(metavar="REMITTANCE", help="Id, or the unique beginning of one that waits.")
]
TradeArgument = Annotated[str, typer.Argument(metavar="TRADE", help="Id or order number.")]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept.")]
OfficerOption = Annotated[
    str,
    typer.Option(
        metavar="PARTY", help="The officer's party; else the one whose name is the --as name."
    ),
]


class Settlement(StrEnum):
    """How a clawback ends."""

    REALLOCATED = "reallocated"
    REPAID = "repaid"


_SETTLEMENTS = {
    Settlement.REALLOCATED: ClawbackSettlement.CLAWBACK_SETTLEMENT_REALLOCATED,
    Settlement.REPAID: ClawbackSettlement.CLAWBACK_SETTLEMENT_REPAID_FROM_BALANCE,
}


def register(application: typer.Typer) -> None:
    group = typer.Typer(help="What waits for a person: reviews, disputed trades, clawbacks.")
    group.command("list")(list_waiting)
    group.command("clear")(clear)
    group.command("reject")(reject)
    group.command("settle-dispute")(settle_dispute)
    group.command("settle-clawback")(settle_clawback)
    application.add_typer(group, name="queue")


def list_waiting(
    data_dir: DataDirOption, as_: AsOption = OPERATOR, json: JsonOption = False
) -> None:
    """List reviews, disputed trades and open clawbacks."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        reviews = list(_reviews(connection))
        disputes = list(_trades(connection, ListTradesRequest(state="disputed")))
        clawbacks = list(_trades(connection, ListTradesRequest(with_clawback=True)))
        out.table(
            "Reviews",
            ["remittance", "enterprise", "currency", "credited", "outcome", "state", "reasons"],
            [
                [
                    one.remittance_id.hex(),
                    one.service_enterprise_party_id.hex(),
                    one.currency,
                    one.credited_minor,
                    one.review_outcome,
                    one.review_state,
                    ", ".join(one.review_reasons),
                ]
                for one in reviews
            ],
        )
        out.table(
            "Disputed trades",
            ["trade", "order", "merchant", "currency", "declared", "why"],
            [[*_trade(one), one.declared_minor, one.merchant_reason] for one in disputes],
        )
        out.table(
            "Clawbacks",
            ["trade", "order", "merchant", "currency", "used", "clawback"],
            [[*_trade(one), one.used_minor, one.clawback_minor] for one in clawbacks],
        )
        out.answer(
            f"{len(reviews)} reviews, {len(disputes)} disputed trades, {len(clawbacks)} clawbacks"
        )
        out.result(
            reviews=[plain(one) for one in reviews],
            disputes=[plain(one) for one in disputes],
            clawbacks=[plain(one) for one in clawbacks],
        )


def clear(
    remittance: RemittanceArgument,
    reason: ReasonOption,
    as_: OfficerAsOption,
    data_dir: DataDirOption,
    officer: OfficerOption = "",
    json: JsonOption = False,
) -> None:
    """Clear a stopped remittance: the first officer proposes, a second one clears."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        call = connection.client.risk.ClearReview
        _judge(out, connection, call, ClearReviewRequest, (remittance, officer, reason))


def reject(
    remittance: RemittanceArgument,
    reason: ReasonOption,
    as_: OfficerAsOption,
    data_dir: DataDirOption,
    officer: OfficerOption = "",
    json: JsonOption = False,
) -> None:
    """Reject a stopped remittance, two officers again: the money waits to be returned."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        call = connection.client.risk.RejectReview
        _judge(out, connection, call, RejectReviewRequest, (remittance, officer, reason))


def settle_dispute(
    trade: TradeArgument,
    merchant: Annotated[
        str, typer.Option(metavar="PARTY", help="The genuine merchant: USCC or id.")
    ],
    reason: ReasonOption,
    as_: OfficerAsOption,
    data_dir: DataDirOption,
    json: JsonOption = False,
) -> None:
    """Name the genuine merchant of a disputed trade."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        request = SettleDisputeRequest(
            request_id=uuid7(),
            trade_id=subject.trade_or(connection, trade, "TRADE"),
            merchant_party_id=subject.party(connection, merchant, "--merchant").party_id,
            reason=reason,
        )
        reply = connection.write(connection.client.customs.SettleDispute, request)
        out.answer(f"trade {request.trade_id.hex()} settled at {place(reply.position)}")
        out.result(
            trade_id=request.trade_id,
            merchant_party_id=request.merchant_party_id,
            position=plain(reply.position),
            request_id=request.request_id,
        )


def settle_clawback(
    trade: TradeArgument,
    how: Annotated[Settlement, typer.Option(help="To other open trades, or out of its balance.")],
    reason: ReasonOption,
    data_dir: DataDirOption,
    as_: AsOption = OPERATOR,
    json: JsonOption = False,
) -> None:
    """End a clawback, as far as it can be: what remains blocks the merchant's payouts."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        request = SettleClawbackRequest(
            request_id=uuid7(),
            trade_id=subject.trade_or(connection, trade, "TRADE"),
            settlement=_SETTLEMENTS[how],
            reason=reason,
        )
        reply = connection.write(connection.client.clearing.SettleClawback, request)
        out.answer(
            f"trade {request.trade_id.hex()}: {reply.settled_minor} settled, "
            f"{reply.remaining_minor} remain"
        )
        out.result(
            trade_id=request.trade_id,
            settled_minor=reply.settled_minor,
            remaining_minor=reply.remaining_minor,
            position=plain(reply.position),
            request_id=request.request_id,
        )


def _judge(
    out: Output, connection: Connection, call: Any, kind: Any, words: tuple[str, str, str]
) -> None:
    remittance, officer, reason = words
    waiting = (one.remittance_id for one in _reviews(connection))
    request = kind(
        request_id=uuid7(),
        subject_id=subject.among(remittance, waiting, "REMITTANCE"),
        officer_party_id=_officer(connection, officer),
        reason=reason,
    )
    reply = connection.write(call, request)
    state = ReviewState.Name(reply.state).removeprefix("REVIEW_STATE_").lower()
    more = ": a second officer has to agree" if state == "proposed" else ""
    out.answer(f"remittance {request.subject_id.hex()} is {state}{more}")
    out.result(
        remittance_id=request.subject_id,
        state=state,
        position=plain(reply.position),
        request_id=request.request_id,
    )


def _officer(connection: Connection, text: str) -> bytes:
    """The party of an officer: as named, or the one that bears the identity's name."""
    if text:
        return subject.party(connection, text, "--officer").party_id
    call, asked = connection.client.query.ListParties, ListPartiesRequest(role="officer")
    named = [
        one.party_id
        for one in every(connection, call, asked, "parties")
        if one.name == connection.name
    ]
    if len(named) != 1:
        raise Failure(
            f"--officer: {len(named)} registered officers bear the name {connection.name!r}; "
            "name the party, or register one with `whampoa party add`"
        )
    found: bytes = named[0]
    return found


def _reviews(connection: Connection) -> Iterator[RemittanceView]:
    asked = ListRemittancesRequest(waiting_review=True)
    return every(connection, connection.client.query.ListRemittances, asked, "remittances")


def _trades(connection: Connection, asked: ListTradesRequest) -> Iterator[TradeView]:
    return every(connection, connection.client.query.ListTrades, asked, "trades")


def _trade(one: TradeView) -> list[object]:
    return [one.trade_id.hex(), one.order_no, one.merchant_party_id.hex(), one.currency]
