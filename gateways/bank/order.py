"""pain.001: what a service enterprise orders of its bank, all of one kind from one account."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from enum import Enum

from gateways import markup, moment
from gateways.bank import amount, profile, reference
from gateways.bank.amount import CNY

_ROOT = "CstmrCdtTrfInitn"
_NAMESPACE = profile.namespace(profile.ORDER)


class Purpose(Enum):
    """What an order is for."""

    # Foreign currency sold for CNY.
    SALE = profile.PURPOSE_SALE
    # CNY paid to merchants.
    PAYOUT = profile.PURPOSE_PAYOUT
    # Foreign currency given back to the payer of a remittance.
    REPAYMENT = profile.PURPOSE_REPAYMENT


class OrderError(ValueError):
    """What is wrong with an order, with the status reason of ISO 20022."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Payee:
    """Where a payout goes."""

    name: str
    account: str
    bank_code: str


@dataclass(frozen=True)
class Instruction:
    """One amount to sell or pay; the id of the conversion or payout is its end-to-end id."""

    payment_id: str
    amount_minor: int
    payee: Payee | None = None
    # The remittance whose money is sold or given back.
    remittance_id: str = ""


@dataclass(frozen=True)
class Order:
    """Instructions on one account of one enterprise."""

    message_id: str
    time_ms: int
    purpose: Purpose
    enterprise: str
    currency: str
    bank_code: str
    instructions: tuple[Instruction, ...]

    def write(self) -> bytes:
        """The message."""
        body = markup.Body(_NAMESPACE, _ROOT)
        total = amount.write(sum(it.amount_minor for it in self.instructions), self.currency)
        count = str(len(self.instructions))
        group = markup.add(body.root, "GrpHdr")
        markup.add(group, "MsgId", self.message_id)
        markup.add(group, "CreDtTm", moment.write(self.time_ms))
        markup.add(group, "NbOfTxs", count)
        markup.add(group, "CtrlSum", total)
        markup.add(group, "InitgPty/Id/OrgId/Othr/Id", self.enterprise)
        node = markup.add(body.root, "PmtInf")
        markup.add(node, "PmtInfId", self.message_id)
        markup.add(node, "PmtMtd", "TRF")
        markup.add(node, "BtchBookg", "true")
        markup.add(node, "NbOfTxs", count)
        markup.add(node, "CtrlSum", total)
        markup.add(node, "PmtTpInf/CtgyPurp/Cd", self.purpose.value)
        markup.add(node, "ReqdExctnDt/Dt", moment.date(self.time_ms))
        markup.add(node, "Dbtr/Id/OrgId/Othr/Id", self.enterprise)
        account = markup.add(node, "DbtrAcct")
        markup.add(account, "Id/Othr/Id", self.enterprise)
        markup.add(account, "Ccy", self.currency)
        markup.add(node, "DbtrAgt/FinInstnId/ClrSysMmbId/MmbId", self.bank_code)
        for instruction in self.instructions:
            self._add(markup.add(node, "CdtTrfTxInf"), instruction)
        return body.bytes()

    def _add(self, node: ET.Element, instruction: Instruction) -> None:
        markup.add(node, "PmtId/EndToEndId", instruction.payment_id)
        text = amount.write(instruction.amount_minor, self.currency)
        if self.purpose is Purpose.SALE:
            sold = markup.add(node, "Amt/EqvtAmt")
            markup.add(sold, "Amt", text, Ccy=self.currency)
            markup.add(sold, "CcyOfTrf", CNY)
            account = markup.add(node, "CdtrAcct")
            markup.add(account, "Id/Othr/Id", self.enterprise)
            markup.add(account, "Ccy", CNY)
        else:
            markup.add(node, "Amt/InstdAmt", text, Ccy=self.currency)
        payee = instruction.payee
        if payee is not None:
            markup.add(node, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId", payee.bank_code)
            markup.add(node, "Cdtr/Nm", payee.name)
            markup.add(node, "CdtrAcct/Id/Othr/Id", payee.account)
        if instruction.remittance_id:
            markup.add(node, "RltdRmtInf/RmtId", instruction.remittance_id)

    @classmethod
    def parse(cls, message: bytes) -> Order:
        """Reads a message; what is wrong with it is an `OrderError`."""
        try:
            return _order(message)
        except OrderError:
            raise
        except ValueError as failure:
            raise OrderError("FF01", str(failure)) from None


def _order(message: bytes) -> Order:
    root = markup.parse(message, _NAMESPACE, _ROOT)
    group, node = root.child("GrpHdr"), root.child("PmtInf")
    purposes = {purpose.value: purpose for purpose in Purpose}
    purpose = purposes.get(node.text("PmtTpInf/CtgyPurp/Cd"))
    if purpose is None:
        raise ValueError(f"CtgyPurp: {node.text('PmtTpInf/CtgyPurp/Cd')!r} is not known")
    currency = node.text("DbtrAcct/Ccy")
    rows = node.children("CdtTrfTxInf")
    if not rows:
        raise ValueError("CdtTrfTxInf: no payment stands there")
    order = Order(
        message_id=group.text("MsgId"),
        time_ms=moment.parse(group.text("CreDtTm"), "CreDtTm"),
        purpose=purpose,
        enterprise=reference.check_id(node.text("DbtrAcct/Id/Othr/Id"), "DbtrAcct/Id"),
        currency=currency,
        bank_code=node.text("DbtrAgt/FinInstnId/ClrSysMmbId/MmbId"),
        instructions=tuple(_instruction(row, purpose, currency) for row in rows),
    )
    for totals in (group, node):
        _check_totals(totals, order)
    named = [it.payment_id for it in order.instructions]
    if len(set(named)) != len(named):
        raise OrderError("AM05", "EndToEndId: one stands twice in this order")
    return order


def _check_totals(node: markup.Node, order: Order) -> None:
    count, total = node.text("NbOfTxs"), node.text("CtrlSum")
    if count != str(len(order.instructions)):
        raise OrderError("AM18", f"NbOfTxs: {count}, {len(order.instructions)} stand there")
    minor = sum(it.amount_minor for it in order.instructions)
    if amount.parse(total, order.currency, "CtrlSum") != minor:
        raise OrderError("AM10", f"CtrlSum: {total} is not the sum of the amounts")


def _instruction(row: markup.Node, purpose: Purpose, currency: str) -> Instruction:
    path = "Amt/EqvtAmt/Amt" if purpose is Purpose.SALE else "Amt/InstdAmt"
    if row.attribute(path, "Ccy") != currency:
        raise OrderError("AM03", f"{path}: Ccy {row.attribute(path, 'Ccy')!r}, account {currency}")
    minor = amount.parse(row.text(path), currency, path)
    if not 0 < minor <= amount.MINOR_MAX:
        raise OrderError("AM12", f"{path}: {minor} is outside 1..{amount.MINOR_MAX}")
    if purpose is Purpose.SALE and row.text("Amt/EqvtAmt/CcyOfTrf") != CNY:
        raise OrderError("AM03", f"CcyOfTrf: {row.text('Amt/EqvtAmt/CcyOfTrf')!r}, CNY wanted")
    payee = None
    if purpose is Purpose.PAYOUT:
        payee = Payee(
            name=row.text("Cdtr/Nm"),
            account=row.text("CdtrAcct/Id/Othr/Id"),
            bank_code=row.text("CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"),
        )
    remittance_id = ""
    if purpose is not Purpose.PAYOUT:
        remittance_id = reference.check_id(row.text("RltdRmtInf/RmtId"), "RltdRmtInf/RmtId")
    return Instruction(
        payment_id=reference.check_id(row.text("PmtId/EndToEndId"), "EndToEndId"),
        amount_minor=minor,
        payee=payee,
        remittance_id=remittance_id,
    )
