"""What the engine is told of payouts, and the bank of money that came back."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from gateways.pboc import notice, profile, receipt, refund, status
from gateways.pboc.report import Outcome, Report
from gateways.pboc.status import Status
from whampoa import ids
from whampoa.clearing.v1 import clearing_service_pb2 as clearing

RETURN_FORMAT = "clearing.return"
_PARSERS = {
    profile.NOTICE: notice.parse,
    profile.RECEIPT: receipt.parse,
    profile.REFUND: refund.parse,
}
# The engine keeps at most this many characters of a reason.
_REASON_CHARACTERS_MAX = 8


def read(message: bytes, message_format: str) -> Report:
    """Reads a letter of the clearing system."""
    parser = _PARSERS.get(message_format)
    if parser is None:
        raise ValueError(f"format: {message_format!r} is none of {', '.join(_PARSERS)}")
    return parser(message)


def settlement(report: Report, message_format: str) -> clearing.RecordSettlementRequest | None:
    """The request for what a report decides; nothing when all of it still waits in a queue."""
    results = [
        clearing.PayoutResult(
            payout_id=bytes.fromhex(outcome.payout_id),
            outcome=_outcome(outcome.status),
            reason_code=outcome.reason[:_REASON_CHARACTERS_MAX],
            clearing_reference=report.message_id,
        )
        for outcome in report.outcomes
        if _outcome(outcome.status) != clearing.PAYOUT_OUTCOME_UNSPECIFIED
    ]
    if not results:
        return None
    subject = f"{message_format}/{report.message_id}"
    return clearing.RecordSettlementRequest(
        request_id=ids.derive(report.time_ms, subject), results=results
    )


def returns(report: Report) -> Iterator[bytes]:
    """The bank's message for each payment whose money came back."""
    for outcome in report.outcomes:
        if outcome.status in {Status.REJECTED, Status.RETURNED}:
            yield _return(report, outcome)


def follows_settlement(report: Report) -> bool:
    """Whether the report says what can only be said once the engine knows of a settlement."""
    return any(outcome.status is Status.RETURNED for outcome in report.outcomes)


def _outcome(code: Status) -> clearing.PayoutOutcome.ValueType:
    if code in status.PAID:
        return clearing.PAYOUT_OUTCOME_SETTLED
    if code is Status.REJECTED:
        return clearing.PAYOUT_OUTCOME_REJECTED
    if code is Status.RETURNED:
        return clearing.PAYOUT_OUTCOME_RETURNED
    return clearing.PAYOUT_OUTCOME_UNSPECIFIED


def _return(report: Report, outcome: Outcome) -> bytes:
    attributes = {
        "payoutId": outcome.payout_id,
        "amountMinor": str(outcome.amount_minor),
        "reason": outcome.reason,
        "reference": report.message_id,
        "timeMs": str(report.time_ms),
    }
    written: bytes = ET.tostring(ET.Element("clearingReturn", attributes), encoding="utf-8")
    return written
