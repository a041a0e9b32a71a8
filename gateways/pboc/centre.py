"""The national processing centre: takes messages, settles them, and writes its letters."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import groupby

from gateways import moment
from gateways.books import next_sequence, write_letter
from gateways.fault import REFUSED, Faults
from gateways.pboc import acknowledgement, envelope, notice, profile, receipt, refund
from gateways.pboc.batch import Batch
from gateways.pboc.books import ClearingBooks
from gateways.pboc.header import Header
from gateways.pboc.payment import Payment
from gateways.pboc.report import Outcome, Report
from gateways.pboc.settlement import Origin, Settlement
from gateways.pboc.status import Status
from gateways.pboc.transfer import Transfer

_Item = tuple[Origin, sqlite3.Row, Outcome]


class Centre:
    """Works on one set of books; the caller tells the time and calls one at a time."""

    def __init__(self, books: ClearingBooks) -> None:
        self.books = books
        self.faults = Faults(REFUSED)

    def deliver(self, message: bytes, message_format: str, now_ms: int) -> tuple[bytes, str]:
        """Takes in a message; the answer is an acknowledgement or says why it was discarded."""
        opening, reason = None, ""
        try:
            opening = Header.parse(message)
            self._accept(message, message_format, now_ms)
        except ValueError as failure:
            reason = str(failure) if str(failure).startswith("AM05") else f"FF01: {failure}"
        kind = profile.DISCARDED if reason else profile.ACKNOWLEDGED
        named = opening.message_id if opening else ""
        identifier = envelope.identifier(now_ms, (kind, named, reason))
        return acknowledgement.write(opening, identifier, now_ms, reason), kind

    def release(self, connection: sqlite3.Connection, bank_code: str, now_ms: int) -> int:
        """Settles what a participant's money now allows; returns how many outcomes that had."""
        settlement = Settlement(connection, self.faults)
        settlement.release([bank_code])
        self._report(connection, settlement.outcomes, now_ms)
        return len(settlement.outcomes)

    def _accept(self, message: bytes, message_format: str, now_ms: int) -> None:
        payments: tuple[Payment, ...]
        if message_format == profile.TRANSFER:
            transfer = Transfer.parse(message)
            origin, payments = (transfer.message_id, message_format, 1), (transfer.payment,)
        elif message_format == profile.BATCH:
            batch = Batch.parse(message)
            payments = batch.payments
            origin = (batch.message_id, message_format, len(payments))
        else:
            wanted = f"{profile.TRANSFER!r} or {profile.BATCH!r} wanted"
            raise ValueError(f"format: {message_format!r}, {wanted}")
        with self.books.transaction() as connection:
            settlement = Settlement(connection, self.faults)
            settlement.accept(origin, payments)
            self._report(connection, settlement.outcomes, now_ms)

    def _report(self, connection: sqlite3.Connection, items: Iterable[_Item], now_ms: int) -> None:
        # A return is told after the settlement that it follows, in a letter of its own.
        ordered = sorted(items, key=lambda item: (_is_return(item), item[0]))
        for (_, origin), some in groupby(ordered, key=lambda item: (_is_return(item), item[0])):
            _write_letter(connection, origin, list(some), now_ms)


def _is_return(item: _Item) -> bool:
    return item[2].status is Status.RETURNED


def _write_letter(
    connection: sqlite3.Connection, origin: Origin, items: list[_Item], now_ms: int
) -> None:
    message_id, message_type, batch_rows = origin
    if message_type == profile.TRANSFER and len(items) > 1:
        # Queued and settled within one transaction: each is told on its own.
        for item in items:
            _write_letter(connection, origin, [item], now_ms)
        return
    sequence = next_sequence(connection)
    report = Report(
        message_id=f"{moment.date_digits(now_ms)}{sequence:012d}",
        time_ms=now_ms,
        original_id=message_id,
        outcomes=tuple(outcome for _, _, outcome in items),
    )
    member, payee_bank = items[0][1]["sender"], items[0][1]["receiver"]
    if message_type == profile.BATCH:
        message_format = profile.RECEIPT
        message = receipt.write(report, member, batch_rows)
    elif _is_return(items[0]):
        message_format = profile.REFUND
        message = refund.write(report, payee_bank, member)
    else:
        message_format = profile.NOTICE
        message = notice.write(report, member)
    write_letter(connection, message_format, message)
