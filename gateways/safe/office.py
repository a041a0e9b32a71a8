"""SAFE's receiving office: takes batches in, checks every record, and writes feedback."""

from __future__ import annotations

import hashlib
import sqlite3

from gateways.books import write_letter
from gateways.fault import REFUSE, Faults
from gateways.moment import date_digits
from gateways.safe import batch, books, checks, profile
from gateways.safe.batch import Batch, Head
from gateways.safe.books import RecordBooks
from gateways.safe.feedback import Fault, Feedback, Refused
from gateways.safe.record import Action, Kind, Record

# Digits of an institution code that all branch sequences of one bank in one place share.
_BANK_DIGITS = 10


class Office:
    """Works on one set of books; the caller tells the time and calls one at a time."""

    def __init__(self, record_books: RecordBooks) -> None:
        self.books = record_books
        self.faults = Faults()

    def deliver(self, message: bytes, message_format: str, now_ms: int) -> tuple[bytes, str]:
        """Takes in a batch; the answer is empty, or says why no record of it was looked at."""
        try:
            self._take_in(message, message_format, now_ms)
        except ValueError as failure:
            answer = Feedback(reference="", time_ms=now_ms, formats=(str(failure),))
            return answer.write(), profile.FEEDBACK
        return b"", ""

    def _take_in(self, message: bytes, message_format: str, now_ms: int) -> None:
        if message_format != profile.BATCH:
            raise ValueError(f"format: {message_format!r}, {profile.BATCH!r} wanted")
        received = batch.parse(message)
        digest = hashlib.sha256(message).digest()
        with self.books.transaction() as connection:
            if books.take_batch(connection, received.head.reference, digest):
                answer = self._work_off(connection, received, now_ms).write()
                write_letter(connection, profile.FEEDBACK, answer)

    def _work_off(self, connection: sqlite3.Connection, received: Batch, now_ms: int) -> Feedback:
        accepted, refused = [], []
        today = date_digits(now_ms)
        for fields in received.records:
            found = self._judge(connection, received.head, fields, today)
            it = Refused(fields["RPTNO"], tuple(found))
            if found:
                refused.append(it)
            else:
                accepted.append(it.rptno)
                books.put(connection, Record.of(fields), received.head.actual_rptno)
            books.note(connection, fields, received.head.reference, it.description)
        return Feedback(received.head.reference, now_ms, tuple(accepted), tuple(refused))

    def _judge(
        self, connection: sqlite3.Connection, head: Head, fields: dict[str, str], today: str
    ) -> list[Fault]:
        found = checks.check(fields, head.currency, today)
        if found:
            return found
        if self.faults.happens(REFUSE):
            return [checks.fault("RPTNO", "refused as told, send it again")]
        record = Record.of(fields)
        return _against_books(connection, head, record)


def _against_books(connection: sqlite3.Connection, head: Head, record: Record) -> list[Fault]:
    known = books.find(connection, record.rptno)
    is_live = known is not None and known["state"] == books.LIVE
    if record.rptno[:_BANK_DIGITS] != head.institution_code[:_BANK_DIGITS]:
        return [checks.fault("RPTNO", f"is not of institution {head.institution_code}")]
    if record.action is Action.NEW:
        if known is not None:
            return [checks.fault("RPTNO", f"{record.rptno} was reported before")]
    elif not is_live:
        return [checks.fault("ACTIONTYPE", f"no record {record.rptno} to change or delete")]
    elif known is not None and not _is_same(known, record, head):
        return [checks.fault("RECKIND", "kind, actual record or currency differ from the report")]
    if record.kind is Kind.ACTUAL:
        return _actual(connection, head, record)
    return _part(connection, head, record)


def _is_same(known: sqlite3.Row, record: Record, head: Head) -> bool:
    before = (known["kind"], known["actual_rptno"], known["currency"])
    return before == (record.kind.name.lower(), head.actual_rptno, head.currency)


def _actual(connection: sqlite3.Connection, head: Head, record: Record) -> list[Fault]:
    if record.rptno != head.actual_rptno:
        return [checks.fault("RPTNO", f"is not the actual record {head.actual_rptno} of the batch")]
    if record.action is Action.DELETE and books.has_parts(connection, record.rptno):
        return [checks.fault("ACTIONTYPE", "restored records belong to the actual one")]
    return []


def _part(connection: sqlite3.Connection, head: Head, record: Record) -> list[Fault]:
    actual = books.find(connection, head.actual_rptno)
    if actual is None or actual["state"] != books.LIVE or actual["kind"] != "actual":
        return [checks.fault("RPTNO", f"{head.actual_rptno} is no actual record")]
    if record.action is Action.DELETE:
        return []
    if record.currency != actual["currency"]:
        return [checks.fault("TXCCY", f"the actual record is in {actual['currency']}")]
    if record.amount > actual["amount"]:
        return [checks.fault("TXAMT", f"the actual record has {actual['amount']}")]
    if record.kind is Kind.UNATTRIBUTED and record.uscc != actual["uscc"]:
        return [checks.fault("CUSTCOD", f"the actual record is of {actual['uscc']}")]
    return []
