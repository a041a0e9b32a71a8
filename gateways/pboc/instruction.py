"""What operators and tests make happen at the clearing system."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from gateways import fault
from gateways.pboc.books import BALANCE_MINOR_MAX
from gateways.pboc.centre import Centre
from gateways.pboc.payment import check_member

_REASON = re.compile(r"[A-Z]{2}[0-9]{2}")
_DIGITS = re.compile(r"[0-9]{1,19}")
CLOSED = "AC04"

Arguments = Mapping[str, str]


def carry_out(centre: Centre, action: str, arguments: Arguments, now_ms: int) -> str:
    """Does what is asked and says what was done."""
    act = _ACTIONS.get(action)
    if act is None:
        raise ValueError(f"action: {action!r} is none of {', '.join((*_ACTIONS, fault.ACTION))}")
    return act(centre, arguments, now_ms)


def _participant(centre: Centre, arguments: Arguments, _now_ms: int) -> str:
    bank_code = _bank_code(arguments)
    name, balance = _text(arguments, "name"), _minor(arguments, "balance_minor")
    with centre.books.transaction() as connection:
        done = connection.execute(
            "INSERT INTO participants (bank_code, name, balance_minor) VALUES (?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (bank_code, name, balance),
        )
    # Money comes to one that exists by `fund` alone, so asking twice adds nothing.
    return f"participant {bank_code} {'created' if done.rowcount else 'exists'}"


def _fund(centre: Centre, arguments: Arguments, now_ms: int) -> str:
    bank_code, minor = _bank_code(arguments), _minor(arguments, "amount_minor")
    with centre.books.transaction() as connection:
        done = connection.execute(
            "UPDATE participants SET balance_minor = balance_minor + ? WHERE bank_code = ?",
            (minor, bank_code),
        )
        if done.rowcount == 0:
            raise ValueError(f"bank_code: {bank_code} is no participant")
        outcomes = centre.release(connection, bank_code, now_ms)
    return f"participant {bank_code} has {minor} more, {outcomes} outcomes of queued payments"


def _close_account(centre: Centre, arguments: Arguments, _now_ms: int) -> str:
    account, reason = _text(arguments, "account"), arguments.get("reason") or CLOSED
    if _REASON.fullmatch(reason) is None:
        raise ValueError(f"reason: {reason!r} is not two letters and two digits, as AC04 is")
    with centre.books.transaction() as connection:
        connection.execute(
            "INSERT INTO closed_accounts (account, reason) VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET reason = excluded.reason",
            (account, reason),
        )
    return f"payments to account {account} are returned with {reason}"


def _open_account(centre: Centre, arguments: Arguments, _now_ms: int) -> str:
    account = _text(arguments, "account")
    with centre.books.transaction() as connection:
        connection.execute("DELETE FROM closed_accounts WHERE account = ?", (account,))
    return f"account {account} is open"


_ACTIONS: dict[str, Callable[[Centre, Arguments, int], str]] = {
    "participant": _participant,
    "fund": _fund,
    "close_account": _close_account,
    "open_account": _open_account,
}


def _text(arguments: Arguments, name: str) -> str:
    value = arguments.get(name, "")
    if not value:
        raise ValueError(f"arguments[{name!r}]: missing or empty")
    return value


def _bank_code(arguments: Arguments) -> str:
    bank_code = _text(arguments, "bank_code")
    check_member(bank_code, "arguments['bank_code']")
    return bank_code


def _minor(arguments: Arguments, name: str) -> int:
    text = _text(arguments, name)
    if _DIGITS.fullmatch(text) is None or int(text) > BALANCE_MINOR_MAX:
        raise ValueError(f"arguments[{name!r}]: {text!r} is not 0..{BALANCE_MINOR_MAX}")
    return int(text)
