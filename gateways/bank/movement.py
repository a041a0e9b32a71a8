"""Accounts and entries as notifications and statements tell them, without what they are about."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from gateways import markup, moment
from gateways.bank import amount, reference
from gateways.bank.entry import Account, Kind, Movement

_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOKED = "BOOK"
_KINDS = {kind.value: kind for kind in Kind}


def add_account(parent: ET.Element, account: Account) -> None:
    """Writes the account that a notification or statement is about."""
    node = markup.add(parent, "Acct")
    markup.add(node, "Id/Othr/Id", account.enterprise)
    markup.add(node, "Ccy", account.currency)
    if account.collection:
        markup.add(node, "Prxy/Id", account.collection)


def read_account(parent: markup.Node) -> Account:
    """Reads the account that a notification or statement is about."""
    node = parent.child("Acct")
    return Account(
        enterprise=reference.check_id(node.text("Id/Othr/Id"), "Acct/Id/Othr/Id"),
        currency=node.text("Ccy"),
        collection=node.optional("Prxy/Id"),
    )


def add_money(parent: ET.Element, path: str, minor: int, currency: str) -> None:
    """Writes an amount with its currency."""
    markup.add(parent, path, amount.write(minor, currency), Ccy=currency)


def read_money(node: markup.Node, path: str, currency: str) -> int:
    """Reads an amount in the currency of its account."""
    told = node.attribute(path, "Ccy")
    if told != currency:
        raise ValueError(f"{path}: Ccy {told!r}, {currency!r} wanted")
    return amount.parse(node.text(path), currency, path)


def add(parent: ET.Element, movement: Movement) -> ET.Element:
    """Writes an entry up to its details."""
    direction, domain, family, sub_family = movement.kind.value
    node = markup.add(parent, "Ntry")
    add_money(node, "Amt", movement.amount_minor, movement.account.currency)
    markup.add(node, "CdtDbtInd", direction)
    markup.add(node, "Sts/Cd", _BOOKED)
    markup.add(node, "BookgDt/DtTm", moment.write(movement.booked_at_ms))
    markup.add(node, "ValDt/Dt", movement.value_date)
    markup.add(node, "AcctSvcrRef", movement.reference)
    code = markup.add(node, "BkTxCd/Domn")
    markup.add(code, "Cd", domain)
    code = markup.add(code, "Fmly")
    markup.add(code, "Cd", family)
    markup.add(code, "SubFmlyCd", sub_family)
    return node


def read(node: markup.Node, account: Account) -> Movement:
    """Reads an entry up to its details."""
    code = node.child("BkTxCd/Domn")
    direction = node.text("CdtDbtInd")
    value = (direction, code.text("Cd"), code.text("Fmly/Cd"), code.text("Fmly/SubFmlyCd"))
    kind = _KINDS.get(value)
    if kind is None:
        raise ValueError(f"BkTxCd: {'/'.join(value)} is no entry that this bank books")
    if node.text("Sts/Cd") != _BOOKED:
        raise ValueError(f"Sts: {node.text('Sts/Cd')!r}, {_BOOKED!r} wanted")
    date = node.text("ValDt/Dt")
    if _DATE.fullmatch(date) is None:
        raise ValueError(f"ValDt: {date!r} is not a date")
    return Movement(
        kind=kind,
        account=account,
        amount_minor=read_money(node, "Amt", account.currency),
        reference=node.text("AcctSvcrRef"),
        booked_at_ms=moment.parse(node.text("BookgDt/DtTm"), "BookgDt/DtTm"),
        value_date=date,
    )
