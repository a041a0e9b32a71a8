"""Entries on accounts of service enterprises, as the bank books and tells them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gateways.bank.rate import Rate

CREDIT, DEBIT = "CRDT", "DBIT"


class Kind(Enum):
    """What an entry is: direction, then domain, family and sub-family of ISO 20022."""

    # Foreign money came for a service enterprise.
    REMITTANCE = (CREDIT, "PMNT", "RCDT", "XBCT")
    # The bank took a charge after the credit.
    CHARGE = (DEBIT, "PMNT", "MDOP", "CHRG")
    # The payer's bank called money back.
    RECALL = (DEBIT, "PMNT", "RCDT", "RPCR")
    # The two sides of a conversion.
    SALE = (DEBIT, "FORX", "SPOT", "OTHR")
    PURCHASE = (CREDIT, "FORX", "SPOT", "OTHR")
    # CNY that goes out to merchants, and what of it came back.
    PAYOUT = (DEBIT, "PMNT", "ICDT", "DMCT")
    RETURN = (CREDIT, "PMNT", "ICDT", "RRTN")
    # Foreign money given back to its payer.
    REPAYMENT = (DEBIT, "PMNT", "ICDT", "XBCT")

    @property
    def direction(self) -> str:
        return self.value[0]

    @property
    def word(self) -> str:
        """As it stands in the books."""
        return self.name.lower()


@dataclass(frozen=True)
class Account:
    """An account; its number is the enterprise's party id, its proxy where payers pay to."""

    enterprise: str
    currency: str
    collection: str = ""


@dataclass(frozen=True)
class Credit:
    """What a remittance carried."""

    instructed_minor: int
    charges_minor: int
    payer_name: str
    # Three letters.
    payer_country: str
    text: str


@dataclass(frozen=True)
class Claim:
    """The remittance that a charge or recall is about; the reason is an ISO 20022 code."""

    reference: str
    booked_at_ms: int
    reason: str = ""


@dataclass(frozen=True)
class Exchange:
    """The conversion that an entry is one side of."""

    conversion_id: str
    rate: Rate


@dataclass(frozen=True)
class Batch:
    """Payments that one entry sums up: id and amount of each, under their order."""

    order_id: str
    payments: tuple[tuple[str, int], ...]
    reason: str = ""


Detail = Credit | Claim | Exchange | Batch


@dataclass(frozen=True)
class Movement:
    """What every entry has, told with its detail or without."""

    kind: Kind
    account: Account
    amount_minor: int
    reference: str
    booked_at_ms: int
    # YYYY-MM-DD.
    value_date: str

    @property
    def signed_minor(self) -> int:
        """What the entry adds to the balance."""
        return self.amount_minor if self.kind.direction == CREDIT else -self.amount_minor


@dataclass(frozen=True)
class Entry(Movement):
    """A movement with what it is about."""

    detail: Detail
