"""Payouts whose money the clearing system sent back, credited to the enterprise's CNY account."""

from __future__ import annotations

import re
import sqlite3
import xml.etree.ElementTree as ET

from gateways import markup
from gateways.bank import counter, reference
from gateways.bank.amount import CNY
from gateways.bank.entry import Batch, Kind
from gateways.bank.ledger import Ledger

_ROOT = "clearingReturn"
_REASON = re.compile(r"[A-Z0-9]{4}")
_BYTES_MAX = 4_096


def credit(connection: sqlite3.Connection, message: bytes, now_ms: int) -> None:
    """Credits what came back, once; payouts that waited for it go out."""
    payment_id, minor, reason = _parse(message)
    row = connection.execute(
        "SELECT * FROM payments WHERE payment_id = ? AND purpose = 'payout'", (payment_id,)
    ).fetchone()
    if row is None or row["state"] not in {"debited", "returned"}:
        raise ValueError(f"payoutId: {payment_id} was never debited here")
    if row["amount_minor"] != minor:
        raise ValueError(f"amountMinor: {minor}, {row['amount_minor']} were debited")
    if row["state"] == "returned":
        return
    ledger = Ledger(connection, now_ms)
    account = ledger.account(row["enterprise"], CNY)
    connection.execute(
        "UPDATE payments SET state = 'returned', reason = ? WHERE payment_id = ?",
        (reason, payment_id),
    )
    batch = Batch(row["order_id"], ((payment_id, minor),), reason)
    ledger.tell([ledger.book(Kind.RETURN, account, minor, payment_id, batch)])
    counter.release(ledger, row["enterprise"])


def _parse(message: bytes) -> tuple[str, int, str]:
    # One element of attributes: without declarations there is nothing in it to expand.
    if len(message) > _BYTES_MAX or b"<!" in message:
        raise ValueError(f"{_ROOT}: one short element without declarations wanted")
    markup.check_encoding(message)
    try:
        parser = ET.XMLParser(encoding="utf-8")  # noqa: S314
        root = ET.fromstring(message, parser)  # noqa: S314
    except ET.ParseError as failure:
        raise ValueError(f"{_ROOT}: {failure}") from None
    if root.tag != _ROOT:
        raise ValueError(f"XML: root is {root.tag}, {_ROOT} wanted")
    payment_id = reference.check_id(root.get("payoutId", ""), "payoutId")
    text, reason = root.get("amountMinor", ""), root.get("reason", "")
    if re.fullmatch(r"[1-9][0-9]{0,17}", text) is None:
        raise ValueError(f"amountMinor: {text!r} is no positive integer")
    if _REASON.fullmatch(reason) is None:
        raise ValueError(f"reason: {reason!r} is no reason of four characters")
    return payment_id, int(text), reason
