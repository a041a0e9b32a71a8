"""camt.053: the statement of one account, numbered, from one balance to the next."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from gateways import markup, moment
from gateways.bank import movement, profile
from gateways.bank.entry import CREDIT, DEBIT, Account, Movement

_ROOT = "BkToCstmrStmt"
_NAMESPACE = profile.namespace(profile.STATEMENT)
_OPENING, _CLOSING = "OPBD", "CLBD"
_NUMBER = re.compile("[0-9]{1,18}")


@dataclass(frozen=True)
class Statement:
    """Entries of an account between two booked balances, which may be below zero."""

    number: int
    time_ms: int
    account: Account
    opening_minor: int
    closing_minor: int
    movements: tuple[Movement, ...]

    @property
    def name(self) -> str:
        """The id of the statement."""
        return f"{self.account.currency}-{self.number}-{self.account.enterprise[-20:]}"

    def write(self) -> bytes:
        """The message."""
        body = markup.Body(_NAMESPACE, _ROOT)
        group = markup.add(body.root, "GrpHdr")
        markup.add(group, "MsgId", self.name)
        markup.add(group, "CreDtTm", moment.write(self.time_ms))
        node = markup.add(body.root, "Stmt")
        markup.add(node, "Id", self.name)
        markup.add(node, "ElctrncSeqNb", str(self.number))
        markup.add(node, "CreDtTm", moment.write(self.time_ms))
        movement.add_account(node, self.account)
        self._add_balance(node, _OPENING, self.opening_minor)
        self._add_balance(node, _CLOSING, self.closing_minor)
        for it in self.movements:
            movement.add(node, it)
        return body.bytes()

    def _add_balance(self, parent: ET.Element, kind: str, minor: int) -> None:
        node = markup.add(parent, "Bal")
        markup.add(node, "Tp/CdOrPrtry/Cd", kind)
        movement.add_money(node, "Amt", abs(minor), self.account.currency)
        markup.add(node, "CdtDbtInd", DEBIT if minor < 0 else CREDIT)
        markup.add(node, "Dt/Dt", moment.date(self.time_ms))

    @classmethod
    def parse(cls, message: bytes) -> Statement:
        """Reads a message; its balances have to add up."""
        node = markup.parse(message, _NAMESPACE, _ROOT).child("Stmt")
        account = movement.read_account(node)
        balances = {
            it.text("Tp/CdOrPrtry/Cd"): _balance(it, account) for it in node.children("Bal")
        }
        if set(balances) != {_OPENING, _CLOSING}:
            raise ValueError(
                f"Bal: {', '.join(sorted(balances))}, {_OPENING} and {_CLOSING} wanted"
            )
        number = node.text("ElctrncSeqNb")
        if _NUMBER.fullmatch(number) is None:
            raise ValueError(f"ElctrncSeqNb: {number!r} is no number of at most 18 digits")
        statement = cls(
            number=int(number),
            time_ms=moment.parse(node.text("CreDtTm"), "CreDtTm"),
            account=account,
            opening_minor=balances[_OPENING],
            closing_minor=balances[_CLOSING],
            movements=tuple(movement.read(it, account) for it in node.children("Ntry")),
        )
        sums = statement.opening_minor + sum(it.signed_minor for it in statement.movements)
        if sums != statement.closing_minor:
            raise ValueError(f"Bal: entries lead to {sums}, not to {statement.closing_minor}")
        return statement


def _balance(node: markup.Node, account: Account) -> int:
    minor = movement.read_money(node, "Amt", account.currency)
    direction = node.text("CdtDbtInd")
    if direction not in {CREDIT, DEBIT}:
        raise ValueError(f"CdtDbtInd: {direction!r}, {CREDIT} or {DEBIT} wanted")
    return minor if direction == CREDIT else -minor


class Series:
    """Statements of all accounts as they come: whether each continues the one before."""

    def __init__(self) -> None:
        self._last: dict[Account, Statement] = {}

    def add(self, statement: Statement) -> str:
        """What is wrong with the next statement of an account, if anything."""
        last = self._last.get(statement.account)
        if last is None or statement.number == last.number + 1:
            self._last[statement.account] = statement
            if last is not None and last.closing_minor != statement.opening_minor:
                opening, closing = statement.opening_minor, last.closing_minor
                return (
                    f"{statement.name} opens with {opening}, the one before closed with {closing}"
                )
            return ""
        if statement.number <= last.number:
            return ""
        self._last[statement.account] = statement
        return f"{statement.name} follows number {last.number}: statements between are missing"
