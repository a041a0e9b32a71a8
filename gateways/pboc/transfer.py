"""hvps.111: one customer credit, settled gross; the body is a pacs.008.001.02."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from gateways import markup, moment
from gateways.pboc import amount, envelope, header, profile
from gateways.pboc.payment import Party, Payment

_ROOT = "FIToFICstmrCdtTrf"
_MEMBER = "FinInstnId/ClrSysMmbId/MmbId"


@dataclass(frozen=True)
class Transfer:
    """A payment on its own under a message id."""

    message_id: str
    time_ms: int
    payment: Payment

    @classmethod
    def of(cls, payment: Payment, time_ms: int) -> Transfer:
        """Gives the payment the message id that it gets whenever it is sent."""
        parts = (profile.TRANSFER, payment.payout_id)
        return cls(envelope.identifier(time_ms, parts), time_ms, payment)

    def write(self) -> bytes:
        """The message with its header."""
        self.payment.check()
        body = markup.Body(profile.PACS_008, _ROOT)
        group = markup.add(body.root, "GrpHdr")
        markup.add(group, "MsgId", self.message_id)
        markup.add(group, "CreDtTm", moment.write(self.time_ms))
        markup.add(group, "NbOfTxs", "1")
        markup.add(group, "SttlmInf/SttlmMtd", "CLRG")
        _add_credit(markup.add(body.root, "CdtTrfTxInf"), self)
        payer = self.payment.payer.bank_code
        route = envelope.Route(payer, self.payment.payee.bank_code, profile.HVPS, header.UP)
        kind = profile.TRANSFER
        return envelope.seal(route, kind, self.message_id, self.time_ms, body.bytes())

    @classmethod
    def parse(cls, message: bytes) -> Transfer:
        """Reads a message strictly."""
        opening, body = envelope.split(message, profile.TRANSFER)
        root = markup.parse(body, profile.PACS_008, _ROOT)
        credit = root.child("CdtTrfTxInf")
        message_id = root.text("GrpHdr/MsgId")
        _check(root, credit)
        payment = Payment(
            payout_id=credit.text("PmtId/EndToEndId"),
            amount_minor=amount.parse(credit.text("IntrBkSttlmAmt"), "IntrBkSttlmAmt"),
            payer=_party(credit, "Dbtr"),
            payee=_party(credit, "Cdtr"),
        )
        payment.check()
        if opening.message_id != message_id:
            raise ValueError(f"GrpHdr/MsgId: {message_id!r}, {opening.message_id!r} in the header")
        if opening.sender != payment.payer.bank_code:
            raise ValueError(f"OrigSender: {opening.sender!r} is not the debtor's agent")
        return cls(message_id, moment.parse(root.text("GrpHdr/CreDtTm"), "CreDtTm"), payment)


def _check(root: markup.Node, credit: markup.Node) -> None:
    wanted = (
        ("GrpHdr/NbOfTxs", root.text("GrpHdr/NbOfTxs"), "1"),
        ("SttlmMtd", root.text("GrpHdr/SttlmInf/SttlmMtd"), "CLRG"),
        ("IntrBkSttlmAmt/@Ccy", credit.attribute("IntrBkSttlmAmt", "Ccy"), "CNY"),
    )
    for field, value, allowed in wanted:
        if value != allowed:
            raise ValueError(f"{field}: {value!r}, {allowed!r} wanted")


def _add_credit(credit: ET.Element, transfer: Transfer) -> None:
    payment = transfer.payment
    identification = markup.add(credit, "PmtId")
    markup.add(identification, "EndToEndId", payment.payout_id)
    markup.add(identification, "TxId", transfer.message_id)
    markup.add(credit, "PmtTpInf/CtgyPurp/Prtry", profile.BUSINESS_TYPE)
    markup.add(credit, "IntrBkSttlmAmt", amount.write(payment.amount_minor), Ccy="CNY")
    markup.add(credit, "SttlmPrty", profile.SETTLEMENT_PRIORITY)
    markup.add(credit, "ChrgBr", profile.CHARGE_BEARER)
    markup.add(credit, "Dbtr/Nm", payment.payer.name)
    markup.add(credit, "DbtrAcct/Id/Othr/Id", payment.payer.account)
    markup.add(credit, f"DbtrAgt/{_MEMBER}", payment.payer.bank_code)
    markup.add(credit, f"CdtrAgt/{_MEMBER}", payment.payee.bank_code)
    markup.add(credit, "Cdtr/Nm", payment.payee.name)
    markup.add(credit, "CdtrAcct/Id/Othr/Id", payment.payee.account)
    markup.add(credit, "Purp/Prtry", profile.BUSINESS_KIND)


def _party(credit: markup.Node, side: str) -> Party:
    return Party(
        name=credit.text(f"{side}/Nm"),
        account=credit.text(f"{side}Acct/Id/Othr/Id"),
        bank_code=credit.text(f"{side}Agt/{_MEMBER}"),
    )
