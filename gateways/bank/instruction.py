"""What operators and tests make happen at the bank."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from collections.abc import Callable, Mapping

from gateways import fault
from gateways.bank import (
    amount,
    closing,
    counter,
    country,
    profile,
    receipt,
    reference,
)
from gateways.bank.amount import CNY
from gateways.bank.board import Board
from gateways.bank.entry import Credit, Kind
from gateways.bank.ledger import Ledger
from gateways.bank.rate import Rate
from gateways.books import write_letter

_REASON = re.compile(r"[A-Z]{2}[0-9]{2}|[A-Z]{4}")
_DIGITS = re.compile(r"[0-9]{1,17}")
_REMITTANCE_TEXT_MAX = 10 * profile.TEXT_CHARACTERS_MAX
# Reason of a recall when none is given: the customer asked for it.
_RECALLED = "CUST"

Arguments = Mapping[str, str]


def carry_out(
    connection: sqlite3.Connection, action: str, arguments: Arguments, now_ms: int
) -> str:
    """Does what is asked and says what was done."""
    act = _ACTIONS.get(action)
    if act is None:
        raise ValueError(f"action: {action!r} is none of {', '.join((*_ACTIONS, fault.ACTION))}")
    return act(Ledger(connection, now_ms), arguments)


def _open_account(ledger: Ledger, arguments: Arguments) -> str:
    enterprise = _id(arguments, "enterprise")
    name = _text(arguments, "name", profile.NAME_CHARACTERS_MAX)
    collection = _text(arguments, "collection_account", 34)
    before = ledger.connection.execute(
        "SELECT name, collection_account FROM enterprises WHERE enterprise = ?", (enterprise,)
    ).fetchone()
    if before is not None:
        if tuple(before) != (name, collection):
            raise ValueError(f"enterprise: {enterprise} has accounts as {before['name']!r}")
        return f"accounts of {enterprise} exist"
    ledger.connection.execute(
        "INSERT INTO enterprises VALUES (?, ?, ?)", (enterprise, name, collection)
    )
    ledger.connection.execute("INSERT INTO accounts VALUES (?, ?, 0)", (enterprise, CNY))
    return f"accounts of {enterprise} opened"


def _remit(ledger: Ledger, arguments: Arguments) -> str:
    enterprise, currency = _id(arguments, "enterprise"), _currency(arguments, "currency")
    account = ledger.account(enterprise, currency)
    instructed = _minor(arguments, "instructed_minor")
    charges = _minor(arguments, "charges_before_minor", "0")
    if not charges < instructed:
        raise ValueError(f"arguments['charges_before_minor']: {charges} leave none of {instructed}")
    text = arguments.get("text", "")
    if len(text) > _REMITTANCE_TEXT_MAX:
        limit = _REMITTANCE_TEXT_MAX
        raise ValueError(f"arguments['text']: {len(text)} characters, at most {limit}")
    told = Credit(
        instructed_minor=instructed,
        charges_minor=charges,
        payer_name=_text(arguments, "payer_name", profile.NAME_CHARACTERS_MAX),
        payer_country=_text(arguments, "payer_country", 3),
        text=text,
    )
    country.two_letters(told.payer_country, "arguments['payer_country']")
    named = arguments.get("reference", "")
    if named:
        reference.check_reference(named, "arguments['reference']")
    remittance_id, entry = receipt.credit(
        ledger, account, told, named, _date(arguments, "value_date")
    )
    # Money in CNY may be what payouts waited for.
    counter.release(ledger, enterprise)
    return (
        f"remittance {remittance_id} reference {entry.reference}"
        f" credited {entry.amount_minor} {currency}"
    )


def _charge(ledger: Ledger, arguments: Arguments) -> str:
    return _take(ledger, arguments, Kind.CHARGE, "")


def _recall(ledger: Ledger, arguments: Arguments) -> str:
    reason = arguments.get("reason") or _RECALLED
    return _take(ledger, arguments, Kind.RECALL, _reason(reason))


def _take(ledger: Ledger, arguments: Arguments, kind: Kind, reason: str) -> str:
    remittance_id = _id(arguments, "remittance")
    found = receipt.find(ledger, remittance_id)
    if found is None:
        raise ValueError(f"arguments['remittance']: {remittance_id} was not credited here")
    minor = _minor(arguments, "amount_minor")
    debt = receipt.take(ledger, found, kind, minor, reason)
    currency = found.account.currency
    return f"{kind.word} {remittance_id} booked {minor} {currency} debt {debt}"


def _rate(ledger: Ledger, arguments: Arguments) -> str:
    rate_e8 = _minor(arguments, "rate_e8")
    rate = Rate(_currency(arguments, "base"), _currency(arguments, "quote"), rate_e8)
    rate.check()
    quote(ledger, [rate])
    return f"rate {rate.base}/{rate.quote} {rate.rate_e8}"


def quote(ledger: Ledger, rates: list[Rate]) -> None:
    """Puts rates on the board and tells of it."""
    ledger.connection.executemany(
        "INSERT INTO quotes (base, quote, rate_e8) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET rate_e8 = excluded.rate_e8",
        [(it.base, it.quote, it.rate_e8) for it in rates],
    )
    rows = ledger.connection.execute("SELECT * FROM quotes ORDER BY base, quote").fetchall()
    board = Board(
        time_ms=ledger.now_ms,
        quotes=tuple(Rate(row["base"], row["quote"], row["rate_e8"]) for row in rows),
        changed=frozenset((it.base, it.quote) for it in rates),
    )
    write_letter(ledger.connection, profile.BOARD, board.write())


def _close_day(ledger: Ledger, arguments: Arguments) -> str:
    del arguments
    return f"statements {closing.close_day(ledger)}"


_ACTIONS: dict[str, Callable[[Ledger, Arguments], str]] = {
    "open_account": _open_account,
    "remit": _remit,
    "charge": _charge,
    "recall": _recall,
    "rate": _rate,
    "close_day": _close_day,
}


def _text(arguments: Arguments, name: str, characters_max: int) -> str:
    value = arguments.get(name, "")
    if not 0 < len(value) <= characters_max:
        length = len(value)
        raise ValueError(f"arguments[{name!r}]: {length} characters, 1 to {characters_max} wanted")
    return value


def _id(arguments: Arguments, name: str) -> str:
    return reference.check_id(arguments.get(name, ""), f"arguments[{name!r}]")


def _currency(arguments: Arguments, name: str) -> str:
    value = arguments.get(name, "")
    amount.exponent(value, f"arguments[{name!r}]")
    return value


def _minor(arguments: Arguments, name: str, default: str = "") -> int:
    text = arguments.get(name) or default
    if _DIGITS.fullmatch(text) is None or int(text) > amount.MINOR_MAX:
        raise ValueError(f"arguments[{name!r}]: {text!r} is not 0..{amount.MINOR_MAX}")
    return int(text)


def _date(arguments: Arguments, name: str) -> str:
    text = arguments.get(name, "")
    try:
        return dt.date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise ValueError(f"arguments[{name!r}]: {text!r} is not a date YYYY-MM-DD") from None


def _reason(reason: str) -> str:
    if _REASON.fullmatch(reason) is None:
        raise ValueError(f"arguments['reason']: {reason!r} is no ISO 20022 reason as AC04 is")
    return reason
