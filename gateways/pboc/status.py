"""Processing status codes (PrcSts) of the clearing system, and in which order they may come."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The codes that a credit payment goes through."""

    FORWARDED = "PR00"
    NETTED = "PR03"
    SETTLED = "PR04"
    REJECTED = "PR09"
    CONFIRMED = "PR10"
    QUEUED_NETTING = "PR11"
    QUEUED_SETTLEMENT = "PR12"
    FROZEN = "PR16"
    RETURNED = "PR18"


# A package's own code, said over the whole of a receipt.
PACKAGE_RETURNED = "PR23"
PACKAGE_PART_RETURNED = "PR25"
PACKAGE_PROCESSED = "PR07"

# A settlement notice comes only to what is frozen, a rejection only to what is confirmed.
_AFTER: dict[Status, frozenset[Status]] = {
    Status.FORWARDED: frozenset({Status.CONFIRMED}),
    Status.CONFIRMED: frozenset({Status.REJECTED, Status.FROZEN}),
    Status.FROZEN: frozenset(
        {Status.SETTLED, Status.NETTED, Status.QUEUED_SETTLEMENT, Status.QUEUED_NETTING}
    ),
    Status.QUEUED_SETTLEMENT: frozenset({Status.FROZEN}),
    Status.QUEUED_NETTING: frozenset({Status.FROZEN}),
    Status.SETTLED: frozenset({Status.RETURNED}),
    Status.NETTED: frozenset({Status.RETURNED}),
}

# Both mean that the payee's bank has the money.
PAID = frozenset({Status.SETTLED, Status.NETTED})
QUEUED = frozenset({Status.QUEUED_SETTLEMENT, Status.QUEUED_NETTING})


class OrderError(ValueError):
    """A status that may not follow the one before."""


def step(before: Status, after: Status) -> Status:
    """Moves on, when the order allows it."""
    if after not in _AFTER.get(before, frozenset()):
        raise OrderError(f"PrcSts: {after} after {before} is out of order")
    return after


def parse(text: str, field: str) -> Status:
    """A status code of the table."""
    try:
        return Status(text)
    except ValueError:
        raise ValueError(f"{field}: {text!r} is not a status of a credit payment") from None
