"""ccms.900: the centre's confirmation of how far it processed a large-value payment."""

from __future__ import annotations

from gateways import markup, moment
from gateways.pboc import amount, envelope, header, profile, result, status
from gateways.pboc.payment import check_payout
from gateways.pboc.report import Outcome, Report, single

_NAMESPACE = profile.own_namespace(profile.NOTICE)
_ROOT = "CmonPrcCnf"


def write(report: Report, member: str) -> bytes:
    """The message to a member, with its header."""
    outcome = single(report)
    body = markup.Body(_NAMESPACE, _ROOT)
    group = markup.add(body.root, "GrpHdr")
    markup.add(group, "MsgId", report.message_id)
    markup.add(group, "CreDtTm", moment.write(report.time_ms))
    original = markup.add(body.root, "OrgnlGrpHdr")
    markup.add(original, "OrgnlMsgId", report.original_id)
    markup.add(original, "OrgnlMT", profile.TRANSFER)
    markup.add(original, "OrgnlEndToEndId", outcome.payout_id)
    markup.add(original, "OrgnlAmt", amount.write(outcome.amount_minor), Ccy="CNY")
    result.add(body.root, outcome.status, outcome.reason, report.time_ms)
    reference = report.original_id
    route = envelope.Route(profile.CENTRE, member, profile.HVPS, header.DOWN, reference)
    kind = profile.NOTICE
    return envelope.seal(route, kind, report.message_id, report.time_ms, body.bytes())


def parse(message: bytes) -> Report:
    """Reads a message."""
    _, body = envelope.split(message, profile.NOTICE)
    root = markup.parse(body, _NAMESPACE, _ROOT)
    original = root.child("OrgnlGrpHdr")
    outcome = Outcome(
        payout_id=check_payout(original.text("OrgnlEndToEndId"), "OrgnlEndToEndId"),
        amount_minor=amount.parse(original.text("OrgnlAmt"), "OrgnlAmt"),
        status=status.parse(root.text("NPCPrcInf/PrcSts"), "PrcSts"),
        reason=root.optional("NPCPrcInf/PrcCd"),
    )
    return Report(
        message_id=root.text("GrpHdr/MsgId"),
        time_ms=moment.parse(root.text("GrpHdr/CreDtTm"), "CreDtTm"),
        original_id=original.text("OrgnlMsgId"),
        outcomes=(outcome,),
    )
