"""beps.383: the receipt of a batch payout; later receipts tell what changed since the first."""

from __future__ import annotations

from gateways import markup, moment
from gateways.pboc import amount, envelope, header, profile, result, status
from gateways.pboc.payment import check_payout
from gateways.pboc.report import Outcome, Report
from gateways.pboc.status import Status

_NAMESPACE = profile.own_namespace(profile.RECEIPT)
_ROOT = "BtchPmtOutRct"


def write(report: Report, member: str, batch_rows: int) -> bytes:
    """The message to a member, with its header; `batch_rows` are all payments of the batch."""
    body = markup.Body(_NAMESPACE, _ROOT)
    group = markup.add(body.root, "GrpHdr")
    markup.add(group, "MsgId", report.message_id)
    markup.add(group, "CreDtTm", moment.write(report.time_ms))
    markup.add(body.root, "OrgnlGrpHdr/OrgnlMsgId", report.original_id)
    result.add(body.root, _package(report, batch_rows), "", report.time_ms)
    for outcome in report.outcomes:
        row = markup.add(body.root, "RctDtls")
        markup.add(row, "Inf", outcome.payout_id)
        markup.add(row, "Amt", amount.write(outcome.amount_minor), Ccy="CNY")
        markup.add(row, "Sts", outcome.status)
        if outcome.reason:
            markup.add(row, "RjctCd", outcome.reason)
    reference = report.original_id
    route = envelope.Route(profile.CENTRE, member, profile.BEPS, header.DOWN, reference)
    kind = profile.RECEIPT
    return envelope.seal(route, kind, report.message_id, report.time_ms, body.bytes())


def parse(message: bytes) -> Report:
    """Reads a message."""
    _, body = envelope.split(message, profile.RECEIPT)
    root = markup.parse(body, _NAMESPACE, _ROOT)
    root.child("NPCPrcInf").text("PrcSts")
    rows = root.children("RctDtls")
    if not rows:
        raise ValueError("RctDtls: no row")
    return Report(
        message_id=root.text("GrpHdr/MsgId"),
        time_ms=moment.parse(root.text("GrpHdr/CreDtTm"), "CreDtTm"),
        original_id=root.text("OrgnlGrpHdr/OrgnlMsgId"),
        outcomes=tuple(_outcome(row, at) for at, row in enumerate(rows, start=1)),
    )


def _package(report: Report, batch_rows: int) -> str:
    returned = sum(outcome.status is Status.RETURNED for outcome in report.outcomes)
    if returned == 0:
        return status.PACKAGE_PROCESSED
    return status.PACKAGE_RETURNED if returned == batch_rows else status.PACKAGE_PART_RETURNED


def _outcome(row: markup.Node, at: int) -> Outcome:
    place = f"RctDtls[{at}]"
    return Outcome(
        payout_id=check_payout(row.text("Inf"), f"{place}/Inf"),
        amount_minor=amount.parse(row.text("Amt"), f"{place}/Amt"),
        status=status.parse(row.text("Sts"), f"{place}/Sts"),
        reason=row.optional("RjctCd"),
    )
