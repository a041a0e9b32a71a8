"""One balance-of-payments record: what it says, and its fields in a file (tables A and G)."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateways.safe import profile, rptno


class Kind(enum.Enum):
    """What a record stands for; the value is RECKIND."""

    ACTUAL = "1"
    RESTORED = "2"
    UNATTRIBUTED = "3"


class Action(enum.Enum):
    """What is done to a record; the value is ACTIONTYPE."""

    NEW = "A"
    CHANGE = "C"
    DELETE = "D"


_RATE = re.compile(r"(0|[1-9][0-9]{0,4})\.([0-9]{8})")
_RATE_SCALE = 10**8
RATE_E8_MAX = 10**13 - 1


@dataclass(frozen=True)
class Record:
    """Amounts are whole units of the currency; a deletion says only which record it deletes."""

    rptno: str
    kind: Kind
    action: Action
    uscc: str = ""
    name: str = ""
    # With the prefix that says whether the payer is abroad.
    payer: str = ""
    country: str = ""
    currency: str = ""
    amount: int = 0
    # Of the amount, what was settled into CNY at the rate; the rest is kept in foreign currency.
    settled: int = 0
    rate_e8: int = 0
    account: str = ""
    reference: str = ""
    transaction_code: str = ""
    report_date: str = ""

    def fields(self) -> dict[str, str]:
        """Texts by field name, in the order of the file."""
        texts = {
            "ACTIONTYPE": self.action.value,
            "ACTIONDESC": _REASONS[self.action],
            "RECKIND": self.kind.value,
            "RPTNO": self.rptno,
        }
        if self.action is not Action.DELETE:
            texts |= self._basic() | self._declared()
        return {name: text for name, text in texts.items() if text}

    def _basic(self) -> dict[str, str]:
        kept = self.amount - self.settled
        is_settled = self.settled > 0
        return {
            "CUSTYPE": rptno.ENTERPRISE,
            "CUSTCOD": self.uscc,
            "CUSTNM": self.name,
            "OPPUSER": self.payer,
            "TXCCY": self.currency,
            "TXAMT": str(self.amount),
            "EXRATE": write_rate(self.rate_e8) if is_settled else "",
            "LCYAMT": str(self.settled) if is_settled else "",
            "LCYACC": self.account if is_settled else "",
            "FCYAMT": str(kept) if kept > 0 else "",
            "FCYACC": self.account if kept > 0 else "",
            "METHOD": profile.METHOD,
            "BUSCODE": self.reference,
        }

    def _declared(self) -> dict[str, str]:
        return {
            "COUNTRY": self.country,
            "PAYTYPE": profile.PAY_TYPE,
            "TXCODE": self.transaction_code,
            "TC1AMT": str(self.amount),
            "ISREF": profile.NOT_BONDED,
            "CRTUSER": profile.REPORTER,
            "INPTELC": profile.REPORTER_PHONE,
            "RPTDATE": self.report_date,
        }

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Record:
        """The record that checked fields say."""
        text = {name: fields.get(name, "") for name in _READ}
        return cls(
            rptno=text["RPTNO"],
            kind=Kind(text["RECKIND"]),
            action=Action(text["ACTIONTYPE"]),
            uscc=text["CUSTCOD"],
            name=text["CUSTNM"],
            payer=text["OPPUSER"],
            country=text["COUNTRY"],
            currency=text["TXCCY"],
            amount=int(text["TXAMT"] or 0),
            settled=int(text["LCYAMT"] or 0),
            rate_e8=parse_rate(text["EXRATE"]) if text["EXRATE"] else 0,
            account=text["LCYACC"] or text["FCYACC"],
            reference=text["BUSCODE"],
            transaction_code=text["TXCODE"],
            report_date=text["RPTDATE"],
        )


_READ = (
    *("RPTNO", "RECKIND", "ACTIONTYPE", "CUSTCOD", "CUSTNM", "OPPUSER", "COUNTRY", "TXCCY"),
    *("TXAMT", "LCYAMT", "EXRATE", "LCYACC", "FCYACC", "BUSCODE", "TXCODE", "RPTDATE"),
)
_REASONS = {
    Action.NEW: "",
    Action.CHANGE: profile.CHANGE_REASON,
    Action.DELETE: profile.DELETE_REASON,
}


def write_rate(rate_e8: int) -> str:
    """CNY for one unit, five digits and eight places at the most."""
    if not 0 < rate_e8 <= RATE_E8_MAX:
        raise ValueError(f"EXRATE: {rate_e8} is outside 1..{RATE_E8_MAX}")
    return f"{rate_e8 // _RATE_SCALE}.{rate_e8 % _RATE_SCALE:08d}"


def parse_rate(text: str) -> int:
    """The rate times 10^8."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"EXRATE: {text!r} is not a rate with eight places")
    return int(match[1]) * _RATE_SCALE + int(match[2])
