"""One payment in CNY from a service enterprise to a merchant, as messages carry it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateways import markup
from gateways.pboc import amount, profile

_MEMBER = re.compile(r"[0-9A-Za-z]{14}")
_PAYOUT = re.compile(r"[0-9a-f]{32}")
_ACCOUNT_CHARACTERS_MAX = 34


@dataclass(frozen=True)
class Party:
    """Who pays or is paid: a name, an account, and the member id of its bank."""

    name: str
    account: str
    bank_code: str

    def check(self, field: str) -> None:
        """Refuses what no message can carry."""
        if not self.name or len(self.name) > profile.NAME_CHARACTERS_MAX:
            limit = profile.NAME_CHARACTERS_MAX
            raise ValueError(f"{field}.name: {len(self.name)} characters, 1 to {limit} wanted")
        if not self.account or len(self.account) > _ACCOUNT_CHARACTERS_MAX:
            limit = _ACCOUNT_CHARACTERS_MAX
            length = len(self.account)
            raise ValueError(f"{field}.account: {length} characters, 1 to {limit} wanted")
        markup.check(self.name, f"{field}.name")
        markup.check(self.account, f"{field}.account")
        check_member(self.bank_code, f"{field}.bank_code")


@dataclass(frozen=True)
class Payment:
    """What is paid; the payout id in hexadecimal is its end-to-end id."""

    payout_id: str
    amount_minor: int
    payer: Party
    payee: Party

    def check(self) -> None:
        """Refuses what no message can carry."""
        check_payout(self.payout_id, "payout_id")
        amount.write(self.amount_minor)
        self.payer.check("payer")
        self.payee.check("payee")


def check_payout(text: str, field: str) -> str:
    """Payouts are named by their id in hexadecimal."""
    if _PAYOUT.fullmatch(text) is None:
        raise ValueError(f"{field}: {text!r} is not 32 hexadecimal digits")
    return text


def check_member(code: str, field: str) -> None:
    """Member ids have fourteen letters or digits."""
    if _MEMBER.fullmatch(code) is None:
        raise ValueError(f"{field}: {code!r} is not a member id of 14 letters or digits")
