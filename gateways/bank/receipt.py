"""Foreign money of one remittance: credited, charged, called back, sold, given back."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from gateways.bank import reference
from gateways.bank.entry import Account, Claim, Credit, Entry, Kind
from gateways.bank.ledger import Ledger


@dataclass(frozen=True)
class Receipt:
    """A remittance as it stands in the books."""

    remittance_id: str
    account: Account
    claim: Claim
    credited_minor: int
    taken_minor: int
    sold_minor: int
    debt_minor: int

    @property
    def left_minor(self) -> int:
        """What is neither sold nor taken back."""
        return self.credited_minor + self.debt_minor - self.taken_minor - self.sold_minor

    @property
    def recallable_minor(self) -> int:
        """What may still be taken back, sold or not."""
        return self.credited_minor - self.taken_minor


def find(ledger: Ledger, remittance_id: str) -> Receipt | None:
    """The remittance of an id."""
    row: sqlite3.Row | None = ledger.connection.execute(
        "SELECT * FROM remittances WHERE remittance_id = ?", (remittance_id,)
    ).fetchone()
    if row is None:
        return None
    return Receipt(
        remittance_id=remittance_id,
        account=ledger.account(row["enterprise"], row["currency"]),
        claim=Claim(row["reference"], row["booked_at_ms"]),
        credited_minor=row["credited_minor"],
        taken_minor=row["taken_minor"],
        sold_minor=row["sold_minor"],
        debt_minor=row["debt_minor"],
    )


def credit(
    ledger: Ledger, account: Account, told: Credit, named: str, value_date: str
) -> tuple[str, Entry]:
    """Credits a remittance and tells of it; gives its id and entry."""
    own = named or ledger.next_reference()
    minor = told.instructed_minor - told.charges_minor
    remittance_id = reference.remittance_id(own, ledger.now_ms).hex()
    entry = ledger.book(Kind.REMITTANCE, account, minor, remittance_id, told, own, value_date)
    done = ledger.connection.execute(
        "INSERT INTO remittances"
        " (remittance_id, reference, enterprise, currency, credited_minor, booked_at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (remittance_id, own, account.enterprise, account.currency, minor, ledger.now_ms),
    )
    if done.rowcount == 0:
        raise ValueError(f"reference: {own} was credited in this same millisecond")
    ledger.tell([entry])
    return remittance_id, entry


def take(ledger: Ledger, receipt: Receipt, kind: Kind, minor: int, reason: str) -> int:
    """Takes money back, sold or not, and tells of it; gives how much of it became a debt."""
    if not 0 < minor <= receipt.recallable_minor:
        limit = receipt.recallable_minor
        raise ValueError(f"amount_minor: {minor} is outside 1..{limit} of what was credited")
    debt = max(0, minor - receipt.left_minor)
    _change(ledger, receipt.remittance_id, taken=minor, debt=debt)
    claim = Claim(receipt.claim.reference, receipt.claim.booked_at_ms, reason)
    ledger.tell([ledger.book(kind, receipt.account, minor, receipt.remittance_id, claim)])
    return debt


def sell(ledger: Ledger, remittance_id: str, minor: int) -> None:
    """Notes that money of a remittance was sold; the books refuse more than is left."""
    _change(ledger, remittance_id, sold=minor)


def give_back(ledger: Ledger, remittance_id: str, minor: int) -> None:
    """Notes that money went back to the payer; the books refuse more than is left."""
    _change(ledger, remittance_id, taken=minor)


def _change(
    ledger: Ledger, remittance_id: str, taken: int = 0, sold: int = 0, debt: int = 0
) -> None:
    ledger.connection.execute(
        "UPDATE remittances SET taken_minor = taken_minor + ?, sold_minor = sold_minor + ?,"
        " debt_minor = debt_minor + ? WHERE remittance_id = ?",
        (taken, sold, debt, remittance_id),
    )
