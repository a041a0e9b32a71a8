"""Status codes of customs: their meaning and order, and when a document may come again."""

from __future__ import annotations

from gateways.singlewindow.kind import Kind

SAVED = 1
DECLARING = 2
REJECTED = 100
STORED = 120
REVIEW = 300
INSPECTION = 500
APPROVED = 399
RELEASED = 800
CLOSED = 899

TEXTS = {
    SAVED: "saved, not declared",
    DECLARING: "taken in",
    REJECTED: "sent back",
    STORED: "stored",
    REVIEW: "under review",
    INSPECTION: "under inspection",
    APPROVED: "approved",
    RELEASED: "released",
    CLOSED: "closed",
}

# What a document goes through by itself; lists go on once their three documents agree.
ON_ARRIVAL: dict[Kind, tuple[int, ...]] = {
    Kind.ORDER: (DECLARING, STORED),
    Kind.NOTE: (DECLARING, STORED),
    Kind.WAYBILL: (DECLARING, STORED),
    Kind.LIST: (DECLARING, STORED),
    Kind.DEPARTURE: (DECLARING, APPROVED),
    Kind.WITHDRAWAL: (DECLARING, APPROVED),
    Kind.AGGREGATION: (DECLARING, APPROVED),
}
# A list from its match to its end.
ON_MATCH = (APPROVED, RELEASED, CLOSED)

# States in which a document with the same key is refused; from any other it is taken anew.
REFUSES_RESEND: dict[Kind, frozenset[int]] = {
    Kind.ORDER: frozenset({DECLARING, STORED}),
    Kind.NOTE: frozenset({DECLARING, STORED}),
    Kind.WAYBILL: frozenset({DECLARING, STORED}),
    Kind.LIST: frozenset({DECLARING, STORED, APPROVED, RELEASED, CLOSED}),
    Kind.DEPARTURE: frozenset({DECLARING, APPROVED}),
    Kind.WITHDRAWAL: frozenset({DECLARING, APPROVED}),
    Kind.AGGREGATION: frozenset({DECLARING, APPROVED}),
}
# The first code of each kind's ranges: what breaks a business rule, what is there already.
BUSINESS_ERROR: dict[Kind, int] = {
    Kind.ORDER: -303001,
    Kind.NOTE: -403001,
    Kind.WAYBILL: -503001,
    Kind.LIST: -603001,
    Kind.DEPARTURE: -507001,
    Kind.WITHDRAWAL: -607001,
    Kind.AGGREGATION: -703001,
}
EXISTS: dict[Kind, int] = {
    Kind.ORDER: -304001,
    Kind.NOTE: -404001,
    Kind.WAYBILL: -504001,
    Kind.LIST: -604001,
    Kind.DEPARTURE: -508001,
    Kind.WITHDRAWAL: -608001,
    Kind.AGGREGATION: -704001,
}


def text(status: int) -> str:
    """What a status says, for the reply."""
    return TEXTS.get(status, "processing exception")


def is_end(status: int) -> bool:
    """An end from which the document may be sent again."""
    return status == REJECTED or status < 0


def is_released(status: int) -> bool:
    return status in {RELEASED, CLOSED}


def check_rejection(status: int) -> None:
    """Raises `ValueError` for a code that rejects nothing."""
    if not is_end(status):
        raise ValueError(f"status: {status} is neither {REJECTED} nor negative")
