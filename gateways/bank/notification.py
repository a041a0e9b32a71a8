"""camt.054: the bank tells of entries, one account and one entry in each notification."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from gateways import markup, moment
from gateways.bank import country, movement, profile, rate, reference
from gateways.bank.entry import Account, Batch, Claim, Credit, Detail, Entry, Exchange, Kind
from gateways.bank.rate import Rate

_ROOT = "BkToCstmrDbtCdtNtfctn"
_NAMESPACE = profile.namespace(profile.NOTIFICATION)
_LINE = profile.TEXT_CHARACTERS_MAX


def write(entries: tuple[Entry, ...]) -> bytes:
    """The message on entries that belong together."""
    body = markup.Body(_NAMESPACE, _ROOT)
    first = entries[0]
    group = markup.add(body.root, "GrpHdr")
    markup.add(group, "MsgId", first.reference)
    markup.add(group, "CreDtTm", moment.write(first.booked_at_ms))
    for entry in entries:
        notification = markup.add(body.root, "Ntfctn")
        markup.add(notification, "Id", entry.reference)
        markup.add(notification, "CreDtTm", moment.write(entry.booked_at_ms))
        movement.add_account(notification, entry.account)
        _add_entry(notification, entry)
    return body.bytes()


def parse(message: bytes) -> tuple[Entry, ...]:
    """Reads a message."""
    root = markup.parse(message, _NAMESPACE, _ROOT)
    root.child("GrpHdr").text("MsgId")
    entries = tuple(
        _entry(it, movement.read_account(notification))
        for notification in root.children("Ntfctn")
        for it in notification.children("Ntry")
    )
    if not entries:
        raise ValueError("Ntry: no entry")
    return entries


def _add_entry(parent: ET.Element, entry: Entry) -> None:
    details = markup.add(movement.add(parent, entry), "NtryDtls")
    if isinstance(entry.detail, Batch):
        _add_batch(details, entry, entry.detail)
    elif isinstance(entry.detail, Credit):
        _add_credit(details, entry, entry.detail)
    elif isinstance(entry.detail, Claim):
        _add_claim(details, entry, entry.detail)
    else:
        _add_exchange(details, entry, entry.detail)


def _add_sum(details: ET.Element, entry: Entry) -> None:
    movement.add_money(details, "Amt", entry.amount_minor, entry.account.currency)
    markup.add(details, "CdtDbtInd", entry.kind.direction)


def _add_credit(parent: ET.Element, entry: Entry, credit: Credit) -> None:
    currency = entry.account.currency
    details = markup.add(parent, "TxDtls")
    markup.add(details, "Refs/AcctSvcrRef", entry.reference)
    _add_sum(details, entry)
    movement.add_money(details, "AmtDtls/InstdAmt/Amt", credit.instructed_minor, currency)
    if credit.charges_minor:
        charges = markup.add(details, "Chrgs")
        movement.add_money(charges, "TtlChrgsAndTaxAmt", credit.charges_minor, currency)
        record = markup.add(charges, "Rcrd")
        movement.add_money(record, "Amt", credit.charges_minor, currency)
        markup.add(record, "CdtDbtInd", "DBIT")
        markup.add(record, "Br", profile.CHARGE_BEARER)
    payer = markup.add(details, "RltdPties/Dbtr/Pty")
    markup.add(payer, "Nm", credit.payer_name)
    markup.add(payer, "PstlAdr/Ctry", country.two_letters(credit.payer_country, "payer_country"))
    if credit.text:
        remittance = markup.add(details, "RmtInf")
        for start in range(0, len(credit.text), _LINE):
            markup.add(remittance, "Ustrd", credit.text[start : start + _LINE])


def _add_claim(parent: ET.Element, entry: Entry, claim: Claim) -> None:
    details = markup.add(parent, "TxDtls")
    refs = markup.add(details, "Refs")
    markup.add(refs, "AcctSvcrRef", entry.reference)
    named = markup.add(refs, "Prtry")
    markup.add(named, "Tp", profile.REMITTANCE_REFERENCE)
    markup.add(named, "Ref", claim.reference)
    _add_sum(details, entry)
    markup.add(details, "RltdDts/TxDtTm", moment.write(claim.booked_at_ms))
    if claim.reason:
        markup.add(details, "RtrInf/Rsn/Cd", claim.reason)


def _add_exchange(parent: ET.Element, entry: Entry, exchange: Exchange) -> None:
    details = markup.add(parent, "TxDtls")
    markup.add(details, "Refs/EndToEndId", exchange.conversion_id)
    _add_sum(details, entry)
    node = markup.add(details, "AmtDtls/TxAmt")
    movement.add_money(node, "Amt", entry.amount_minor, entry.account.currency)
    node = markup.add(node, "CcyXchg")
    markup.add(node, "SrcCcy", exchange.rate.base)
    markup.add(node, "TrgtCcy", exchange.rate.quote)
    markup.add(node, "UnitCcy", exchange.rate.base)
    markup.add(node, "XchgRate", rate.write(exchange.rate.rate_e8))


def _add_batch(parent: ET.Element, entry: Entry, batch: Batch) -> None:
    currency, direction = entry.account.currency, entry.kind.direction
    node = markup.add(parent, "Btch")
    markup.add(node, "MsgId", batch.order_id)
    markup.add(node, "NbOfTxs", str(len(batch.payments)))
    movement.add_money(node, "TtlAmt", entry.amount_minor, currency)
    markup.add(node, "CdtDbtInd", direction)
    for payment_id, minor in batch.payments:
        details = markup.add(parent, "TxDtls")
        markup.add(details, "Refs/EndToEndId", payment_id)
        movement.add_money(details, "Amt", minor, currency)
        markup.add(details, "CdtDbtInd", direction)
        if batch.reason:
            markup.add(details, "RtrInf/Rsn/Cd", batch.reason)


def _entry(node: markup.Node, account: Account) -> Entry:
    it = movement.read(node, account)
    details = node.child("NtryDtls")
    return Entry(
        kind=it.kind,
        account=account,
        amount_minor=it.amount_minor,
        reference=it.reference,
        booked_at_ms=it.booked_at_ms,
        value_date=it.value_date,
        detail=_detail(it.kind, details, it.amount_minor, account.currency),
    )


def _detail(kind: Kind, details: markup.Node, minor: int, currency: str) -> Detail:
    if kind is Kind.REMITTANCE:
        return _credit(details.child("TxDtls"), minor, currency)
    if kind in {Kind.CHARGE, Kind.RECALL}:
        return _claim(details.child("TxDtls"))
    if kind in {Kind.SALE, Kind.PURCHASE}:
        return _exchange(details.child("TxDtls"))
    return _batch(details, minor, currency)


def _credit(node: markup.Node, minor: int, currency: str) -> Credit:
    path = "Chrgs/TtlChrgsAndTaxAmt"
    charges = movement.read_money(node, path, currency) if node.optional(path) else 0
    instructed = movement.read_money(node, "AmtDtls/InstdAmt/Amt", currency)
    if instructed - charges != minor:
        raise ValueError(f"Chrgs: {instructed} - {charges} is not the {minor} credited")
    payer = node.child("RltdPties/Dbtr/Pty")
    return Credit(
        instructed_minor=instructed,
        charges_minor=charges,
        payer_name=payer.text("Nm"),
        payer_country=country.three_letters(payer.text("PstlAdr/Ctry"), "PstlAdr/Ctry"),
        text="".join(node.texts("RmtInf/Ustrd")),
    )


def _claim(node: markup.Node) -> Claim:
    named = node.child("Refs/Prtry")
    if named.text("Tp") != profile.REMITTANCE_REFERENCE:
        raise ValueError(f"Refs/Prtry/Tp: {named.text('Tp')!r} names no remittance")
    return Claim(
        reference=named.text("Ref"),
        booked_at_ms=moment.parse(node.text("RltdDts/TxDtTm"), "RltdDts/TxDtTm"),
        reason=node.optional("RtrInf/Rsn/Cd"),
    )


def _exchange(node: markup.Node) -> Exchange:
    told = node.child("AmtDtls/TxAmt/CcyXchg")
    rate_e8 = rate.parse(told.text("XchgRate"), "XchgRate")
    return Exchange(
        conversion_id=reference.check_id(node.text("Refs/EndToEndId"), "EndToEndId"),
        rate=Rate(told.text("SrcCcy"), told.text("TrgtCcy"), rate_e8),
    )


def _batch(node: markup.Node, minor: int, currency: str) -> Batch:
    rows = node.children("TxDtls")
    payments = tuple(
        (
            reference.check_id(row.text("Refs/EndToEndId"), "EndToEndId"),
            movement.read_money(row, "Amt", currency),
        )
        for row in rows
    )
    if node.text("Btch/NbOfTxs") != str(len(payments)):
        raise ValueError(f"NbOfTxs: {node.text('Btch/NbOfTxs')}, {len(payments)} stand there")
    if sum(it for _, it in payments) != minor:
        raise ValueError(f"TxDtls: the amounts do not sum to {minor}")
    reasons = {row.optional("RtrInf/Rsn/Cd") for row in rows}
    return Batch(node.text("Btch/MsgId"), payments, reasons.pop() if len(reasons) == 1 else "")
