"""Every decoder in Python: bytes give a value or its own error, and values survive writing.

A decoder that raises anything else than its documented error stops the process behind it: the
gateways catch `ValueError` alone, and would meet the same letter again after every restart.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engine import formats
from engine.identity import Identity
from gateways.bank import comeback, counter, notification, outcome, status
from gateways.bank import profile as bank
from gateways.bank.board import Board
from gateways.bank.books import BankBooks
from gateways.bank.order import Order
from gateways.bank.statement import Series, Statement
from gateways.fault import REFUSED, Faults
from gateways.moment import date_digits
from gateways.pboc import acknowledgement
from gateways.pboc import outcome as cleared
from gateways.pboc import profile as pboc
from gateways.pboc.batch import Batch
from gateways.pboc.books import ClearingBooks
from gateways.pboc.centre import Centre
from gateways.pboc.header import BYTES, Header
from gateways.pboc.transfer import Transfer
from gateways.safe import batch, checks, feedback
from gateways.safe import profile as safe
from gateways.safe.books import RecordBooks
from gateways.safe.office import Office
from gateways.safe.record import Record
from gateways.singlewindow import dxp, entry, platform
from gateways.singlewindow.kind import Kind
from whampoa import ids, proof
from whampoa.cli import party_file
from whampoa.cli.output import Failure
from whampoa.customs.v1 import document_pb2 as documents

# 2026-11-24, the day of the golden files.
NOW_MS = 1_795_500_000_000
# A carriage return can be read, by its number, and is never written.
_CARRIAGE_RETURN = "cannot stand in XML"


@dataclass(frozen=True)
class Decoder:
    """One decoder under fuzz; its name is also the folder of its corpus."""

    name: str
    # Raises `refuses` alone, whatever the bytes; an `AssertionError` is a broken promise.
    run: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...] = (ValueError,)

    def check(self, data: bytes) -> None:
        try:
            self.run(data)
        except self.refuses:
            return


def _written(write: Callable[[], bytes]) -> bytes | None:
    """What a value that was read is written as; nothing where it holds what no writer takes."""
    try:
        return write()
    except ValueError as failure:
        if _CARRIAGE_RETURN in str(failure):
            return None
        raise AssertionError(f"was read, cannot be written: {failure}") from failure


def _notification(data: bytes) -> None:
    entries = notification.parse(data)
    list(outcome.of_letter(data, bank.NOTIFICATION))
    again = _written(lambda: notification.write(entries))
    assert again is None or notification.parse(again) == entries


def _statement(data: bytes) -> None:
    statement = Statement.parse(data)
    assert Series().add(statement) == ""
    again = _written(statement.write)
    assert again is None or Statement.parse(again) == statement


def _status(data: bytes) -> None:
    report = status.parse(data, bank.STATUS)
    # A refused order says nothing of its payments, and any other gives no reason.
    if report.reason:
        report = replace(report, states=(), text=report.text[:105])
    else:
        report = replace(report, text="")
    again = _written(lambda: status.write(report))
    assert again is None or status.parse(again, bank.STATUS) == report


def _order(data: bytes) -> None:
    order = Order.parse(data)
    again = _written(order.write)
    assert again is None or Order.parse(again) == order


def _board(data: bytes) -> None:
    board = Board.parse(data)
    list(outcome.of_letter(data, bank.BOARD))
    again = _written(board.write)
    assert again is None or Board.parse(again) == board


class _Counters:
    """The institutions' counters, on books in a folder that goes with the process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self.bank = BankBooks(folder / "bank.db")
        self.safe = Office(RecordBooks(folder / "safe.db"))
        self.pboc = Centre(ClearingBooks(folder / "pboc.db"))
        for books in (self.bank, self.safe.books, self.pboc.books):
            books.connection.execute("PRAGMA synchronous = OFF")


_counters: list[_Counters] = []


def _open() -> _Counters:
    if not _counters:
        _counters.append(_Counters())
    return _counters[0]


def _bank_counter(data: bytes) -> None:
    with _open().bank.transaction() as connection:
        answer = counter.take_in(connection, data, bank.BANK_CODE, Faults(REFUSED), NOW_MS)
    status.parse(answer, bank.STATUS)


def _comeback(data: bytes) -> None:
    with _open().bank.transaction() as connection:
        comeback.credit(connection, data, NOW_MS)


def _batch(data: bytes) -> None:
    found = batch.parse(data)
    for fields in found.records:
        if not checks.check(fields, found.head.currency, date_digits(NOW_MS)):
            Record.of(fields).fields()
    again = _written(found.write)
    assert again is None or batch.parse(again) == found


def _feedback(data: bytes) -> None:
    found = feedback.parse(data, safe.FEEDBACK)
    ids.derive(found.time_ms, "bop-feedback", found.reference)
    again = _written(found.write)
    assert again is None or feedback.parse(again, safe.FEEDBACK) == found


def _safe_office(data: bytes) -> None:
    answer, answer_format = _open().safe.deliver(data, safe.BATCH, NOW_MS)
    if answer:
        feedback.parse(answer, answer_format)


def _header(data: bytes) -> None:
    header = Header.parse(data)
    assert Header.parse(header.write()) == header


def _transfer(data: bytes) -> None:
    transfer = Transfer.parse(data)
    again = _written(transfer.write)
    assert again is None or Transfer.parse(again) == transfer


def _pboc_batch(data: bytes) -> None:
    found = Batch.parse(data)
    again = _written(found.write)
    assert again is None or Batch.parse(again) == found


def _outcome(data: bytes) -> None:
    message_format = Header.parse(data).message_type
    report = cleared.read(data, message_format)
    try:
        cleared.settlement(report, message_format)
        returned = list(cleared.returns(report))
    except ValueError as failure:
        raise AssertionError(f"was read, cannot be told on: {failure}") from failure
    assert all(message.startswith(b"<clearingReturn ") for message in returned)


def _acknowledgement(data: bytes) -> None:
    acknowledgement.parse(data, Header.parse(data).message_type)


def _pboc_centre(data: bytes) -> None:
    kind = pboc.BATCH if b"beps.382" in data[:BYTES] else pboc.TRANSFER
    answer, answer_format = _open().pboc.deliver(data, kind, NOW_MS)
    acknowledgement.parse(answer, answer_format)


def _dxp(data: bytes) -> None:
    reading = formats.read(data)
    dxp.parse_response(dxp.response(reading, dxp.TAKEN, "", NOW_MS))
    if reading.accepted:
        try:
            inside = formats.read(dxp.content(data))
        except ValueError as failure:
            raise AssertionError(f"was read, cannot be taken out: {failure}") from failure
        assert inside.accepted == reading.accepted


def _response(data: bytes) -> None:
    code, _ = dxp.parse_response(data)
    dxp.is_passing(code)


def _filed(data: bytes) -> None:
    reading = formats.read(data)
    platform.orders(reading.accepted)
    for raw in reading.accepted:
        platform.answered(raw)
        document = documents.Document.FromString(raw)
        if int(document.type) in set(Kind):
            filed = entry.read(Kind(document.type), document)
            filed.unfiled(NOW_MS)
            filed.values(NOW_MS)


def _proof(data: bytes) -> None:
    found = proof.check(data)
    # What is shown of a proof goes to a terminal.
    f"{found.log}{found.kind}{found.text}".encode()


def _party_file(data: bytes) -> None:
    suffix = ".json" if data[:1] == b"{" else ".toml"
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        told = party_file.read(Path(file.name), lambda _: bytes(16))
    assert told.parties or told.relations or told.grants


def _identity(data: bytes) -> None:
    uri = data.decode("utf-8", "replace")
    assert Identity.parse(uri).uri == uri


DECODERS = (
    Decoder("bank_notification", _notification),
    Decoder("bank_statement", _statement),
    Decoder("bank_status", _status),
    Decoder("bank_order", _order),
    Decoder("bank_board", _board),
    Decoder("bank_counter", _bank_counter),
    Decoder("bank_comeback", _comeback),
    Decoder("safe_batch", _batch),
    Decoder("safe_feedback", _feedback),
    Decoder("safe_office", _safe_office),
    Decoder("pboc_header", _header),
    Decoder("pboc_transfer", _transfer),
    Decoder("pboc_batch", _pboc_batch),
    Decoder("pboc_outcome", _outcome),
    Decoder("pboc_acknowledgement", _acknowledgement),
    Decoder("pboc_centre", _pboc_centre),
    Decoder("dxp", _dxp),
    Decoder("dxp_response", _response),
    Decoder("filed", _filed),
    Decoder("proof", _proof, (proof.BadProof,)),
    Decoder("party_file", _party_file, (Failure,)),
    Decoder("identity", _identity),
)
