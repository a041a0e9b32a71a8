"""Instructions to customs: hold, reject, release what is held, take lists back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from gateways import fault
from gateways.singlewindow import status
from gateways.singlewindow.entry import Row
from gateways.singlewindow.kind import Kind
from gateways.singlewindow.office import Office, Work
from gateways.singlewindow.rule import BOOKS, HOLD, REJECT, Rule

_NAMES = {
    "orders": ("order_no",),
    "waybills": ("logistics_no",),
    "lists": ("order_no", "cop_no", "invt_no"),
}
_STORED_KINDS = {"orders": Kind.ORDER, "waybills": Kind.WAYBILL}


def carry_out(office: Office, action: str, arguments: Mapping[str, str], now_ms: int) -> str:
    """Does what an action says and tells what was done. Raises `ValueError`."""
    known = _ACTIONS.get(action)
    if known is None:
        raise ValueError(f"action: {action!r} is none of {', '.join(ACTIONS)}")
    return known(office, arguments, now_ms)


def _add_rule(action: str) -> Callable[[Office, Mapping[str, str], int], str]:
    def add(office: Office, arguments: Mapping[str, str], now_ms: int) -> str:
        del now_ms
        rule = Rule.of(action, arguments)
        with office.books.transaction() as connection:
            office.rules.add(connection, rule)
        return f"{action} {rule.book} {rule.pattern} at {rule.status}"

    return add


def _release_held(office: Office, arguments: Mapping[str, str], now_ms: int) -> str:
    """Releases what is held under a pattern; with `review`, lists under review as well."""
    book, pattern = _book(arguments), arguments.get("pattern", "*")
    condition = "held = 1"
    if arguments.get("review", "") == "true" and book == "lists":
        condition = f"(held = 1 OR status = {status.REVIEW}) AND withdrawn = 0"
    rows = _rows(office, book, pattern, condition)

    def release(work: Work) -> None:
        office.rules.lift(work.connection, book, pattern)
        for row in rows:
            if book == "lists":
                work.release(row)
            else:
                work.store(_STORED_KINDS[book], row)

    office.work(now_ms, release)
    return f"{len(rows)} {book} released"


def _withdraw(office: Office, arguments: Mapping[str, str], now_ms: int) -> str:
    """Takes lists back that customs stored, approved or released."""
    pattern = arguments.get("pattern", "")
    if not pattern:
        raise ValueError("pattern: it is missing")
    rows = _rows(office, "lists", pattern, f"status >= {status.STORED} AND withdrawn = 0")

    def withdraw(work: Work) -> None:
        for row in rows:
            work.withdraw(row)

    office.work(now_ms, withdraw)
    return f"{len(rows)} lists withdrawn"


def _rows(office: Office, book: str, pattern: str, condition: str) -> list[Row]:
    # Book and condition are words of this module.
    found = office.books.connection.execute(
        f"SELECT * FROM {book} WHERE {condition} ORDER BY number"  # noqa: S608
    )
    return [
        dict(row) for row in found if any(fnmatchcase(row[name], pattern) for name in _NAMES[book])
    ]


def _book(arguments: Mapping[str, str]) -> str:
    book = arguments.get("book", "lists")
    if book not in BOOKS:
        raise ValueError(f"book: {book!r} is none of {', '.join(BOOKS)}")
    return book


_ACTIONS: dict[str, Callable[[Office, Mapping[str, str], int], str]] = {
    HOLD: _add_rule(HOLD),
    REJECT: _add_rule(REJECT),
    "release_held": _release_held,
    "withdraw": _withdraw,
}
ACTIONS = (*_ACTIONS, fault.ACTION)
