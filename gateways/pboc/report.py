"""What the clearing system says of payments, whichever message it comes in."""

from __future__ import annotations

from dataclasses import dataclass

from gateways.pboc.status import Status


@dataclass(frozen=True)
class Outcome:
    """The status that one payment reached; the reason is an ISO 20022 code, if there is one."""

    payout_id: str
    amount_minor: int
    status: Status
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """Outcomes of payments of one message; `message_id` is the clearing system's own."""

    message_id: str
    time_ms: int
    original_id: str
    outcomes: tuple[Outcome, ...]


def single(report: Report) -> Outcome:
    """The outcome of a report on a payment that went alone."""
    if len(report.outcomes) != 1:
        raise ValueError(f"report: {len(report.outcomes)} outcomes, one wanted")
    return report.outcomes[0]
