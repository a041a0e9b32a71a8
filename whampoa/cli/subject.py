"""Names that people type for subjects: an id in hex, a unique beginning of one, a code, a place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from whampoa.cli.connection import Connection
from whampoa.cli.output import Failure
from whampoa.cli.pages import every
from whampoa.ids import ID_BYTES, parse
from whampoa.query.v1.query_service_pb2 import (
    ListPartiesRequest,
    ListTradesRequest,
    PartyView,
    TradeView,
)

# A beginning of an id shorter than this is rather a mistake.
PREFIX_DIGITS_MIN = 6
USCC_CHARACTERS = 18
_PREFIX = re.compile(rf"[0-9a-f]{{{PREFIX_DIGITS_MIN},{2 * ID_BYTES - 1}}}")
_PLACE = re.compile(r"([0-9]{1,15}):([0-9]{1,5})")


def identifier(text: str, field: str) -> bytes:
    """An id of 16 bytes from hex digits. Raises `Failure`."""
    try:
        return parse(text)
    except ValueError:
        raise Failure(f"{field}: 32 hex digits are wanted, got {text!r}", exit_code=2) from None


def is_identifier(text: str) -> bool:
    """Whether a text is a whole id in hex."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def position(text: str) -> tuple[int, int] | None:
    """Index and row of `INDEX:ROW`; None for other text."""
    match = _PLACE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def among(text: str, known: Iterable[bytes], field: str) -> bytes:
    """The id that a text names whole, or the only one of `known` that begins with it."""
    if is_identifier(text):
        return parse(text)
    prefix = text.replace("-", "").lower()
    if not _PREFIX.fullmatch(prefix):
        raise Failure(
            f"{field}: an id of 32 hex digits, or at least the first {PREFIX_DIGITS_MIN}, is "
            f"wanted, got {text!r}",
            exit_code=2,
        )
    fitting = {one for one in known if one.hex().startswith(prefix)}
    if len(fitting) != 1:
        found = "none begins" if not fitting else f"{len(fitting)} begin"
        raise Failure(f"{field}: {found} with {text!r}")
    return fitting.pop()


def party(connection: Connection, text: str, field: str = "party") -> PartyView:
    """The party of a USCC, an id or a unique beginning of an id. Raises `Failure`."""
    if len(text) == USCC_CHARACTERS:
        asked = ListPartiesRequest(uscc=text.upper())
        for found in _parties(connection, asked):
            return found
    parties = {one.party_id: one for one in _parties(connection, ListPartiesRequest())}
    wanted = among(text, parties, field)
    if wanted not in parties:
        raise Failure(f"{field}: no party has the id {wanted.hex()}")
    return parties[wanted]


def _parties(connection: Connection, asked: ListPartiesRequest) -> Iterator[PartyView]:
    return every(connection, connection.client.query.ListParties, asked, "parties")


def trade_or(connection: Connection, text: str, field: str) -> bytes:
    """An id as it is typed, or the trade of an order number. Raises `Failure`."""
    if is_identifier(text):
        return parse(text)
    asked = ListTradesRequest(order_no=text)
    call = connection.client.query.ListTrades
    trades: list[TradeView] = list(every(connection, call, asked, "trades"))
    if not trades:
        raise Failure(f"{field}: {text!r} is neither an id nor the order number of a trade")
    if len(trades) > 1:
        ids = ", ".join(trade.trade_id.hex() for trade in trades[:10])
        raise Failure(f"{field}: order {text!r} makes {len(trades)} trades: {ids}")
    return trades[0].trade_id
