"""The bank's counter: takes orders in and carries them out, once each."""

from __future__ import annotations

import hashlib
import sqlite3
from itertools import groupby

from gateways.bank import profile, receipt, status
from gateways.bank.amount import CNY
from gateways.bank.entry import Batch, Entry, Exchange, Kind
from gateways.bank.ledger import Ledger
from gateways.bank.order import Instruction, Order, OrderError, Purpose
from gateways.bank.rate import Rate
from gateways.bank.status import Report, State
from gateways.fault import REFUSE, Faults
from whampoa import ids

_STATUS = {
    "waiting": status.WAITING,
    "debited": status.BOOKED,
    "returned": status.BOOKED,
    "booked": status.BOOKED,
    "refused": status.REFUSED,
}
UNKNOWN_ACCOUNT, WRONG_CURRENCY, NO_FUNDS = "AC01", "AM03", "AM04"
DUPLICATE, TOO_SMALL, WRONG_BANK = "AM05", "AM12", "RC01"


def take_in(
    connection: sqlite3.Connection, message: bytes, bank_code: str, faults: Faults, now_ms: int
) -> bytes:
    """Carries an order out and answers it; an order that comes again gets the same answer."""
    digest, order_id = hashlib.sha256(message).digest(), ""
    states: tuple[State, ...] = ()
    reason, text = "", ""
    try:
        order = Order.parse(message)
        order_id = order.message_id
        known = connection.execute(
            "SELECT digest, answer FROM orders WHERE order_id = ?", (order_id,)
        ).fetchone()
        if known is not None:
            if known["digest"] == digest:
                return bytes(known["answer"])
            raise OrderError(DUPLICATE, f"MsgId: {order_id} came before with other content")
        if order.bank_code != bank_code:
            raise OrderError(WRONG_BANK, f"DbtrAgt: {order.bank_code}, this bank is {bank_code}")
        states = tuple(_carry_out(Ledger(connection, now_ms), order, faults))
    except OrderError as failure:
        reason, text = failure.reason, str(failure)
    answer_id = ids.derive(now_ms, profile.STATUS, digest).hex()
    answer = status.write(Report(answer_id, now_ms, order_id, states, reason, text))
    if not reason:
        connection.execute("INSERT INTO orders VALUES (?, ?, ?)", (order_id, digest, answer))
    return answer


def _carry_out(ledger: Ledger, order: Order, faults: Faults) -> list[State]:
    if not ledger.knows(order.enterprise):
        raise OrderError(UNKNOWN_ACCOUNT, f"DbtrAcct: {order.enterprise} has no account here")
    wrong = {Purpose.PAYOUT: order.currency != CNY, Purpose.SALE: order.currency == CNY}
    if wrong.get(order.purpose, False):
        raise OrderError(WRONG_CURRENCY, f"DbtrAcct: no {order.purpose.name} in {order.currency}")
    conflicts: set[str] = set()
    for instruction in order.instructions:
        if _is_conflict(ledger.connection, order, instruction):
            conflicts.add(instruction.payment_id)
        elif order.purpose is Purpose.SALE:
            _convert(ledger, order, instruction, faults)
        else:
            _pay(ledger, order, instruction, faults)
    release(ledger, order.enterprise)
    return [
        State(it.payment_id, status.REFUSED, DUPLICATE)
        if it.payment_id in conflicts
        else _state(ledger.connection, order, it)
        for it in order.instructions
    ]


def release(ledger: Ledger, enterprise: str) -> None:
    """Debits payouts that wait while the money lasts, first in, first out, and tells of them."""
    balance = ledger.balance(enterprise, CNY)
    covered = []
    for row in ledger.connection.execute(
        "SELECT * FROM payments WHERE enterprise = ? AND currency = ? AND state = 'waiting'"
        " ORDER BY sequence",
        (enterprise, CNY),
    ):
        balance -= row["amount_minor"]
        if balance < 0:
            break
        covered.append(row)
    account = ledger.account(enterprise, CNY)
    for order_id, rows in groupby(covered, key=lambda row: row["order_id"]):
        payments = tuple((row["payment_id"], row["amount_minor"]) for row in rows)
        minor = sum(it for _, it in payments)
        entry = ledger.book(Kind.PAYOUT, account, minor, order_id, Batch(order_id, payments))
        ledger.connection.executemany(
            "UPDATE payments SET state = 'debited', reference = ? WHERE payment_id = ?",
            [(entry.reference, payment_id) for payment_id, _ in payments],
        )
        ledger.tell([entry])


def _row(connection: sqlite3.Connection, order: Order, it: Instruction) -> sqlite3.Row | None:
    statement = (
        "SELECT * FROM conversions WHERE conversion_id = ?"
        if order.purpose is Purpose.SALE
        else "SELECT * FROM payments WHERE payment_id = ?"
    )
    row: sqlite3.Row | None = connection.execute(statement, (it.payment_id,)).fetchone()
    return row


def _is_conflict(connection: sqlite3.Connection, order: Order, it: Instruction) -> bool:
    """Whether an id came before for something else; the same again is only answered."""
    row = _row(connection, order, it)
    if row is None:
        return False
    before = (row["enterprise"], row["currency"], row["amount_minor"], row["remittance_id"])
    return before != (order.enterprise, order.currency, it.amount_minor, it.remittance_id)


def _state(connection: sqlite3.Connection, order: Order, it: Instruction) -> State:
    row = _row(connection, order, it)
    assert row is not None
    return State(it.payment_id, _STATUS[row["state"]], row["reason"])


def _convert(ledger: Ledger, order: Order, it: Instruction, faults: Faults) -> None:
    if _row(ledger.connection, order, it) is not None:
        return
    quote = ledger.connection.execute(
        "SELECT rate_e8 FROM quotes WHERE base = ? AND quote = ?", (order.currency, CNY)
    ).fetchone()
    # A currency that the bank does not quote has no rate to be refused at.
    rate_e8 = int(quote["rate_e8"]) if quote else 0
    rate = Rate(order.currency, CNY, rate_e8)
    cny_minor = rate.convert(it.amount_minor)
    reason = faults.reason if faults.happens(REFUSE) else _objection(ledger, order, it)
    if not reason and cny_minor == 0:
        reason = TOO_SMALL if rate_e8 else WRONG_CURRENCY
    named = "" if reason else _exchange(ledger, order, it, rate, cny_minor)
    ledger.connection.execute(
        "INSERT INTO conversions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(it.payment_id, it.remittance_id, order.enterprise, order.currency),
            *(it.amount_minor, rate_e8, 0 if reason else cny_minor),
            *("refused" if reason else "booked", reason, named),
        ),
    )


def _exchange(ledger: Ledger, order: Order, it: Instruction, rate: Rate, cny_minor: int) -> str:
    """Books both sides of a conversion, tells of them, and gives their reference."""
    receipt.sell(ledger, it.remittance_id, it.amount_minor)
    exchange = Exchange(it.payment_id, rate)
    entries: list[Entry] = []
    for kind, currency, minor in (
        (Kind.SALE, order.currency, it.amount_minor),
        (Kind.PURCHASE, CNY, cny_minor),
    ):
        account = ledger.account(order.enterprise, currency)
        named = entries[0].reference if entries else ""
        entries.append(ledger.book(kind, account, minor, it.payment_id, exchange, named))
    ledger.tell(entries)
    return entries[0].reference


def _objection(ledger: Ledger, order: Order, it: Instruction) -> str:
    """Why money of a remittance cannot be taken, if there is a reason."""
    found = receipt.find(ledger, it.remittance_id)
    account = (order.enterprise, order.currency)
    if found is None or (found.account.enterprise, found.account.currency) != account:
        return UNKNOWN_ACCOUNT
    return "" if it.amount_minor <= found.left_minor else NO_FUNDS


def _pay(ledger: Ledger, order: Order, it: Instruction, faults: Faults) -> None:
    if _row(ledger.connection, order, it) is not None:
        return
    reason = faults.reason if faults.happens(REFUSE) else ""
    state, named = "waiting", ""
    if order.purpose is Purpose.REPAYMENT:
        # The money of a remittance is there or it is not: nothing will come that it could wait for.
        reason = reason or _objection(ledger, order, it)
        state, named = "debited", "" if reason else _repay(ledger, order, it)
    payee = it.payee
    ledger.connection.execute(
        "INSERT INTO payments (payment_id, purpose, order_id, enterprise, currency, amount_minor,"
        " payee_name, payee_account, payee_bank_code, remittance_id, state, reason, reference)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(it.payment_id, order.purpose.name.lower(), order.message_id),
            *(order.enterprise, order.currency, it.amount_minor),
            *((payee.name, payee.account, payee.bank_code) if payee else ("", "", "")),
            *(it.remittance_id, "refused" if reason else state, reason, named),
        ),
    )


def _repay(ledger: Ledger, order: Order, it: Instruction) -> str:
    """Books money that goes back to the payer, tells of it, and gives its reference."""
    receipt.give_back(ledger, it.remittance_id, it.amount_minor)
    account = ledger.account(order.enterprise, order.currency)
    batch = Batch(order.message_id, ((it.payment_id, it.amount_minor),))
    entry = ledger.book(Kind.REPAYMENT, account, it.amount_minor, it.remittance_id, batch)
    ledger.tell([entry])
    return entry.reference
