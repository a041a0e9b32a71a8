"""ccms.318: the payee's bank returns a settled large-value payment; the body is a pacs.004."""

from __future__ import annotations

from gateways import markup, moment
from gateways.pboc import amount, envelope, header, profile
from gateways.pboc.payment import check_payout
from gateways.pboc.report import Outcome, Report, single
from gateways.pboc.status import Status

_ROOT = "PmtRtr"


def write(report: Report, returning: str, member: str) -> bytes:
    """The message from the returning bank to the payer's, with its header."""
    outcome = single(report)
    if outcome.status is not Status.RETURNED or not outcome.reason:
        raise ValueError(f"RtrRsnInf: {outcome.status} with reason {outcome.reason!r} is no return")
    body = markup.Body(profile.PACS_004, _ROOT)
    group = markup.add(body.root, "GrpHdr")
    markup.add(group, "MsgId", report.message_id)
    markup.add(group, "CreDtTm", moment.write(report.time_ms))
    markup.add(group, "NbOfTxs", "1")
    markup.add(group, "SttlmInf/SttlmMtd", "CLRG")
    row = markup.add(body.root, "TxInf")
    markup.add(row, "RtrId", report.message_id)
    markup.add(row, "OrgnlGrpInf/OrgnlMsgId", report.original_id)
    markup.add(row, "OrgnlEndToEndId", outcome.payout_id)
    markup.add(row, "RtrdIntrBkSttlmAmt", amount.write(outcome.amount_minor), Ccy="CNY")
    markup.add(row, "RtrRsnInf/Rsn/Cd", outcome.reason)
    reference = report.original_id
    route = envelope.Route(returning, member, profile.HVPS, header.DOWN, reference)
    kind = profile.REFUND
    return envelope.seal(route, kind, report.message_id, report.time_ms, body.bytes())


def parse(message: bytes) -> Report:
    """Reads a message."""
    _, body = envelope.split(message, profile.REFUND)
    root = markup.parse(body, profile.PACS_004, _ROOT)
    row = root.child("TxInf")
    outcome = Outcome(
        payout_id=check_payout(row.text("OrgnlEndToEndId"), "OrgnlEndToEndId"),
        amount_minor=amount.parse(row.text("RtrdIntrBkSttlmAmt"), "RtrdIntrBkSttlmAmt"),
        status=Status.RETURNED,
        reason=row.text("RtrRsnInf/Rsn/Cd"),
    )
    return Report(
        message_id=root.text("GrpHdr/MsgId"),
        time_ms=moment.parse(root.text("GrpHdr/CreDtTm"), "CreDtTm"),
        original_id=row.text("OrgnlGrpInf/OrgnlMsgId"),
        outcomes=(outcome,),
    )
