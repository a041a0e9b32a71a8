"""beps.382: a batch payout of one payer to accounts at one bank, netted payment by payment."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from gateways import markup, moment
from gateways.pboc import amount, envelope, header, profile
from gateways.pboc.payment import Party, Payment

_NAMESPACE = profile.own_namespace(profile.BATCH)
_ROOT = "BtchPmtOut"
_NUMBERS = 10**8
_NUMBER = re.compile(r"[0-9]{8}")


@dataclass(frozen=True)
class Batch:
    """Payments under one message id; the number of a row, from 1, is its transaction id."""

    message_id: str
    time_ms: int
    payments: tuple[Payment, ...]

    @classmethod
    def of(cls, payments: tuple[Payment, ...], time_ms: int) -> Batch:
        """Gives the payments the message id that they get whenever they are sent together."""
        parts = [profile.BATCH, *(payment.payout_id for payment in payments)]
        return cls(envelope.identifier(time_ms, parts), time_ms, payments)

    @property
    def number(self) -> str:
        """The batch number of eight digits, drawn from the message id."""
        digest = hashlib.sha256(self.message_id.encode("ascii")).digest()
        return f"{int.from_bytes(digest[:8]) % _NUMBERS:08d}"

    @property
    def total_minor(self) -> int:
        return sum(payment.amount_minor for payment in self.payments)

    def write(self) -> bytes:
        """The message with its header."""
        _check(self.payments)
        body = markup.Body(_NAMESPACE, _ROOT)
        group = markup.add(body.root, "GrpHdr")
        markup.add(group, "MsgId", self.message_id)
        markup.add(group, "CreDtTm", moment.write(self.time_ms))
        _add_head(markup.add(body.root, "BtchInf"), self)
        for at, payment in enumerate(self.payments, start=1):
            _add_row(markup.add(body.root, "CdtrDtls"), at, payment)
        first = self.payments[0]
        payer, payee = first.payer.bank_code, first.payee.bank_code
        route = envelope.Route(payer, payee, profile.BEPS, header.UP)
        kind = profile.BATCH
        return envelope.seal(route, kind, self.message_id, self.time_ms, body.bytes())

    @classmethod
    def parse(cls, message: bytes) -> Batch:
        """Reads a message strictly: count, total, order of the rows and their banks must hold."""
        opening, body = envelope.split(message, profile.BATCH)
        root = markup.parse(body, _NAMESPACE, _ROOT)
        head = root.child("BtchInf")
        payer = Party(
            name=head.text("Dbtr/Nm"),
            account=head.text("Dbtr/Acct"),
            bank_code=head.text("Dbtr/AgtId"),
        )
        bank_code = head.text("CdtrAgtId")
        rows = root.children("CdtrDtls")
        payments = tuple(_row(row, at, payer, bank_code) for at, row in enumerate(rows, start=1))
        time_ms = moment.parse(root.text("GrpHdr/CreDtTm"), "CreDtTm")
        batch = cls(root.text("GrpHdr/MsgId"), time_ms, payments)
        _check(payments)
        _check_head(opening, head, batch)
        return batch


def _check(payments: tuple[Payment, ...]) -> None:
    if not 0 < len(payments) <= profile.BATCH_ROWS_MAX:
        limit = profile.BATCH_ROWS_MAX
        raise ValueError(f"CdtrDtls: {len(payments)} payments, 1 to {limit} wanted")
    first = payments[0]
    known: set[str] = set()
    for at, payment in enumerate(payments, start=1):
        payment.check()
        if payment.payer != first.payer:
            raise ValueError(f"CdtrDtls[{at}]: another payer than the batch has")
        if payment.payee.bank_code != first.payee.bank_code:
            raise ValueError(f"CdtrDtls[{at}]: another creditor agent than the batch has")
        if payment.payout_id in known:
            raise ValueError(f"CdtrDtls[{at}]/Inf: payout {payment.payout_id} stands twice")
        known.add(payment.payout_id)


def _check_head(opening: header.Header, head: markup.Node, batch: Batch) -> None:
    agent = batch.payments[0].payer.bank_code
    wanted = (
        ("GrpHdr/MsgId", batch.message_id, opening.message_id),
        ("OrigSender", opening.sender, agent),
        ("CdtrNb", head.text("CdtrNb"), str(len(batch.payments))),
    )
    for field, value, allowed in wanted:
        if value != allowed:
            raise ValueError(f"{field}: {value!r}, {allowed!r} wanted")
    if _NUMBER.fullmatch(head.text("BtchNb")) is None:
        raise ValueError(f"BtchNb: {head.text('BtchNb')!r} is not a number of eight digits")
    total = amount.parse(head.text("TtlAmt"), "TtlAmt")
    if total != batch.total_minor:
        raise ValueError(f"TtlAmt: {total} fen, the rows make {batch.total_minor}")


def _add_head(head: ET.Element, batch: Batch) -> None:
    first = batch.payments[0]
    markup.add(head, "BtchNb", batch.number)
    markup.add(head, "TxDt", moment.beijing(batch.time_ms).date().isoformat())
    markup.add(head, "RtrLtd", profile.BATCH_RETURN_DAYS)
    markup.add(head, "RcvTp", profile.BATCH_RECEIVE_TYPE)
    markup.add(head, "ChckFlg", profile.BATCH_CHECK_FLAG)
    debtor = markup.add(head, "Dbtr")
    markup.add(debtor, "Nm", first.payer.name)
    markup.add(debtor, "Acct", first.payer.account)
    markup.add(debtor, "AgtId", first.payer.bank_code)
    markup.add(head, "CdtrAgtId", first.payee.bank_code)
    markup.add(head, "TtlAmt", amount.write(batch.total_minor), Ccy="CNY")
    markup.add(head, "CtgyPurp", profile.BATCH_PURPOSE)
    markup.add(head, "CdtrNb", str(len(batch.payments)))


def _add_row(row: ET.Element, at: int, payment: Payment) -> None:
    markup.add(row, "Purp", profile.BUSINESS_KIND)
    markup.add(row, "TxId", f"{at:016d}")
    markup.add(row, "BrnchId", payment.payee.bank_code)
    markup.add(row, "Nm", payment.payee.name)
    markup.add(row, "Acct", payment.payee.account)
    markup.add(row, "Amt", amount.write(payment.amount_minor), Ccy="CNY")
    # The end-to-end id: receipts repeat it.
    markup.add(row, "Inf", payment.payout_id)


def _row(row: markup.Node, at: int, payer: Party, bank_code: str) -> Payment:
    place = f"CdtrDtls[{at}]"
    if row.text("TxId") != f"{at:016d}":
        raise ValueError(f"{place}/TxId: {row.text('TxId')!r}, rows count up from 1")
    if row.text("BrnchId") != bank_code:
        raise ValueError(f"{place}/BrnchId: {row.text('BrnchId')!r} is not the creditor agent")
    if row.attribute("Amt", "Ccy") != "CNY":
        raise ValueError(f"{place}/Amt/@Ccy: {row.attribute('Amt', 'Ccy')!r}, 'CNY' wanted")
    return Payment(
        payout_id=row.text("Inf"),
        amount_minor=amount.parse(row.text("Amt"), f"{place}/Amt"),
        payer=payer,
        payee=Party(name=row.text("Nm"), account=row.text("Acct"), bank_code=bank_code),
    )
