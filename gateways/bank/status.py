"""pain.002: what the bank answers to an order, for each of its payments."""

from __future__ import annotations

from dataclasses import dataclass

from gateways import markup, moment
from gateways.bank import profile, reference

_ROOT = "CstmrPmtStsRpt"
_NAMESPACE = profile.namespace(profile.STATUS)
# Booked on the debtor's account; waiting for money; refused.
BOOKED, WAITING, REFUSED, PART = "ACSC", "PDNG", "RJCT", "PART"
_STATES = {BOOKED, WAITING, REFUSED}
_NOT_PROVIDED = "NOTPROVIDED"
_TEXT_CHARACTERS_MAX = 105


@dataclass(frozen=True)
class State:
    """Where one payment stands; a refused one has its reason."""

    payment_id: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """States of an order's payments, or why the order as a whole was refused."""

    message_id: str
    time_ms: int
    order_id: str
    states: tuple[State, ...]
    reason: str = ""
    text: str = ""

    @property
    def group(self) -> str:
        """The status of the order."""
        found = {state.status for state in self.states}
        if self.reason or not found:
            return REFUSED
        return found.pop() if len(found) == 1 else PART


def write(report: Report) -> bytes:
    """The message."""
    body = markup.Body(_NAMESPACE, _ROOT)
    group = markup.add(body.root, "GrpHdr")
    markup.add(group, "MsgId", report.message_id)
    markup.add(group, "CreDtTm", moment.write(report.time_ms))
    original = markup.add(body.root, "OrgnlGrpInfAndSts")
    markup.add(original, "OrgnlMsgId", report.order_id or _NOT_PROVIDED)
    markup.add(original, "OrgnlMsgNmId", profile.ORDER)
    markup.add(original, "GrpSts", report.group)
    if report.reason:
        told = markup.add(original, "StsRsnInf")
        markup.add(told, "Rsn/Cd", report.reason)
        markup.add(told, "AddtlInf", report.text[:_TEXT_CHARACTERS_MAX])
        return body.bytes()
    node = markup.add(body.root, "OrgnlPmtInfAndSts")
    markup.add(node, "OrgnlPmtInfId", report.order_id)
    for state in report.states:
        row = markup.add(node, "TxInfAndSts")
        markup.add(row, "OrgnlEndToEndId", state.payment_id)
        markup.add(row, "TxSts", state.status)
        if state.reason:
            markup.add(row, "StsRsnInf/Rsn/Cd", state.reason)
    return body.bytes()


def parse(message: bytes, message_format: str) -> Report:
    """Reads an answer."""
    if message_format != profile.STATUS:
        raise ValueError(f"format: {message_format!r}, {profile.STATUS!r} wanted")
    root = markup.parse(message, _NAMESPACE, _ROOT)
    original = root.child("OrgnlGrpInfAndSts")
    report = Report(
        message_id=root.text("GrpHdr/MsgId"),
        time_ms=moment.parse(root.text("GrpHdr/CreDtTm"), "CreDtTm"),
        order_id=original.text("OrgnlMsgId"),
        states=tuple(_state(row) for row in root.children("OrgnlPmtInfAndSts/TxInfAndSts")),
        reason=original.optional("StsRsnInf/Rsn/Cd"),
        text=original.optional("StsRsnInf/AddtlInf"),
    )
    if not report.states and not report.reason:
        raise ValueError("StsRsnInf: neither a payment nor the reason of a refusal stands there")
    if original.text("GrpSts") != report.group:
        raise ValueError(f"GrpSts: {original.text('GrpSts')!r}, {report.group!r} wanted")
    return report


def _state(row: markup.Node) -> State:
    status, reason = row.text("TxSts"), row.optional("StsRsnInf/Rsn/Cd")
    if status not in _STATES:
        raise ValueError(f"TxSts: {status!r} is none of {', '.join(sorted(_STATES))}")
    if (status == REFUSED) != bool(reason):
        raise ValueError(f"StsRsnInf: {status} with reason {reason!r}")
    payment_id = reference.check_id(row.text("OrgnlEndToEndId"), "OrgnlEndToEndId")
    return State(payment_id, status, reason)
