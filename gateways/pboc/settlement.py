"""Settles payments between participants: at once, from the queue, and back from closed accounts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from gateways.fault import REFUSE, Faults
from gateways.pboc import profile
from gateways.pboc.payment import Payment
from gateways.pboc.report import Outcome
from gateways.pboc.status import Status, step

# Outcomes under the message that they belong to: its id, its type, and how many rows it has.
Origin = tuple[str, str, int]

_PAID = {profile.TRANSFER: Status.SETTLED, profile.BATCH: Status.NETTED}
_WAITING = {profile.TRANSFER: Status.QUEUED_SETTLEMENT, profile.BATCH: Status.QUEUED_NETTING}


class Settlement:
    """One transaction's work; the outcomes it reached stand in order."""

    def __init__(self, connection: sqlite3.Connection, faults: Faults) -> None:
        self._connection = connection
        self._faults = faults
        self.outcomes: list[tuple[Origin, sqlite3.Row, Outcome]] = []

    def accept(self, origin: Origin, payments: Iterable[Payment]) -> None:
        """Takes in payments; those already known by their payout ids are left as they are."""
        for payment in payments:
            if not self._is_known(payment):
                self._enter(origin, payment)
        # What was paid in may settle what waits elsewhere.
        codes = {row["receiver"] for _, row, _ in self.outcomes}
        self.release(codes | {row["sender"] for _, row, _ in self.outcomes})

    def release(self, bank_codes: Iterable[str]) -> None:
        """Settles what waits at participants while their balances last, first in, first out."""
        todo = sorted(bank_codes)
        while todo:
            sender = todo.pop(0)
            row = self._first_queued(sender)
            if row is None or not self._covers(sender, row["amount_minor"]):
                continue
            self._settle(row, step(Status(row["status"]), Status.FROZEN))
            todo += [sender, row["receiver"]]

    def _is_known(self, payment: Payment) -> bool:
        row = self._row(payment.payout_id)
        if row is None:
            return False
        before = (row["amount_minor"], row["sender"], row["receiver"], row["payee_account"])
        payer, payee = payment.payer, payment.payee
        now = (payment.amount_minor, payer.bank_code, payee.bank_code, payee.account)
        if before != now:
            raise ValueError(f"AM05: payout {payment.payout_id} was sent before with other content")
        return True

    def _enter(self, origin: Origin, payment: Payment) -> None:
        confirmed = step(Status.FORWARDED, Status.CONFIRMED)
        payer, payee = payment.payer, payment.payee
        self._connection.execute(
            "INSERT INTO payments (payout_id, message_id, message_type, batch_rows, sender,"
            " payer_account, receiver, payee_account, payee_name, amount_minor, status)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(payment.payout_id, *origin),
                *(payer.bank_code, payer.account),
                *(payee.bank_code, payee.account, payee.name),
                *(payment.amount_minor, confirmed),
            ),
        )
        row = self._row(payment.payout_id)
        assert row is not None
        if not self._is_participant(payer.bank_code):
            self._reach(row, step(confirmed, Status.REJECTED), "RC03")
        elif not self._is_participant(payee.bank_code):
            self._reach(row, step(confirmed, Status.REJECTED), "RC04")
        elif self._faults.happens(REFUSE):
            self._reach(row, step(confirmed, Status.REJECTED), self._faults.reason)
        else:
            self._settle_or_queue(row, step(confirmed, Status.FROZEN))

    def _settle_or_queue(self, row: sqlite3.Row, frozen: Status) -> None:
        # An older payment that waits goes first, whatever the balance.
        if self._first_queued(row["sender"]) is None and self._covers(
            row["sender"], row["amount_minor"]
        ):
            self._settle(row, frozen)
        else:
            self._reach(row, step(frozen, _WAITING[row["message_type"]]))

    def _settle(self, row: sqlite3.Row, frozen: Status) -> None:
        paid = step(frozen, _PAID[row["message_type"]])
        self._move(row["sender"], row["receiver"], row["amount_minor"])
        self._reach(row, paid)
        closed = self._connection.execute(
            "SELECT reason FROM closed_accounts WHERE account = ?", (row["payee_account"],)
        ).fetchone()
        if closed is not None:
            self._move(row["receiver"], row["sender"], row["amount_minor"])
            self._reach(row, step(paid, Status.RETURNED), closed["reason"])

    def _reach(self, row: sqlite3.Row, status: Status, reason: str = "") -> None:
        self._connection.execute(
            "UPDATE payments SET status = ?, reason = ? WHERE sequence = ?",
            (status, reason, row["sequence"]),
        )
        origin = (row["message_id"], row["message_type"], row["batch_rows"])
        outcome = Outcome(row["payout_id"], row["amount_minor"], status, reason)
        self.outcomes.append((origin, row, outcome))

    def _move(self, source: str, target: str, minor: int) -> None:
        change = "UPDATE participants SET balance_minor = balance_minor + ? WHERE bank_code = ?"
        self._connection.execute(change, (-minor, source))
        self._connection.execute(change, (minor, target))

    def _row(self, payout_id: str) -> sqlite3.Row | None:
        statement = "SELECT * FROM payments WHERE payout_id = ?"
        row: sqlite3.Row | None = self._connection.execute(statement, (payout_id,)).fetchone()
        return row

    def _first_queued(self, sender: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(
            "SELECT * FROM payments WHERE sender = ? AND status IN ('PR11', 'PR12')"
            " ORDER BY sequence LIMIT 1",
            (sender,),
        ).fetchone()
        return row

    def _is_participant(self, bank_code: str) -> bool:
        statement = "SELECT 1 FROM participants WHERE bank_code = ?"
        return self._connection.execute(statement, (bank_code,)).fetchone() is not None

    def _covers(self, bank_code: str, minor: int) -> bool:
        statement = "SELECT 1 FROM participants WHERE bank_code = ? AND balance_minor >= ?"
        return self._connection.execute(statement, (bank_code, minor)).fetchone() is not None
