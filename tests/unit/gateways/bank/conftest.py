"""Golden messages, and a bank with one service enterprise."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateways.bank import profile, status
from gateways.bank.books import BankBooks
from gateways.bank.institution import Bank
from gateways.bank.order import Instruction, Order, Payee, Purpose
from gateways.bank.status import Report
from gateways.line import Line

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "bank"
ENTERPRISE = "0190000000007000800000000000beef"
NOW_MS = 1_795_500_000_123
PAYEE = Payee("李商行", "6222000000000001", "10300000000002")


def plain(message: bytes) -> str:
    """Give a message without the layout of its text."""
    return ET.canonicalize(message.decode(), strip_text=True)


def payment_id(number: int) -> str:
    return f"019abcdef0127000800000000000{number:04d}"


@pytest.fixture
def golden() -> Callable[[str], bytes]:
    return lambda name: (GOLDEN / name).read_bytes()


class Branch:
    """A bank whose clock moves by a millisecond with every call."""

    def __init__(self, path: Path) -> None:
        self.bank = Bank(BankBooks(path))
        self.bank.open_board(profile.RATES_E8, NOW_MS)
        self.line = Line(self.bank)
        self.now_ms = NOW_MS
        self.instruct(
            "open_account", enterprise=ENTERPRISE, name="广州外贸服务", collection_account="FTN4401"
        )

    def instruct(self, action: str, /, **arguments: str) -> str:
        self.now_ms += 1
        return self.line.instruct(action, arguments, self.now_ms)

    def remit(self, minor: int, currency: str = "USD", **more: str) -> str:
        """Credit a remittance; its id."""
        given = {
            "enterprise": ENTERPRISE,
            "currency": currency,
            "instructed_minor": str(minor),
            "payer_name": "Harbor & Sons",
            "payer_country": "USA",
        }
        return self.instruct("remit", **(given | more)).split()[1]

    def order(
        self, purpose: Purpose, currency: str, *some: Instruction, message_id: str = "", **more: str
    ) -> Report:
        named = message_id or f"order-{some[0].payment_id[-4:]}"
        enterprise = more.get("enterprise", ENTERPRISE)
        bank_code = more.get("bank_code", profile.BANK_CODE)
        message = Order(named, NOW_MS, purpose, enterprise, currency, bank_code, some).write()
        return self.deliver(message)

    def deliver(self, message: bytes) -> Report:
        self.now_ms += 1
        self.line.admit()
        answer = self.line.deliver(message, profile.ORDER, self.now_ms)
        return status.parse(*answer)

    def sell(self, number: int, remittance_id: str, minor: int, currency: str = "USD") -> str:
        """Order a conversion; its status and reason."""
        some = Instruction(payment_id(number), minor, None, remittance_id)
        state = self.order(Purpose.SALE, currency, some).states[0]
        return f"{state.status} {state.reason}".strip()

    def pay(self, *payouts: tuple[int, int]) -> list[str]:
        """Order payouts in one message; their states."""
        some = [Instruction(payment_id(number), minor, PAYEE) for number, minor in payouts]
        report = self.order(Purpose.PAYOUT, "CNY", *some)
        return [f"{it.status} {it.reason}".strip() for it in report.states]

    def come_back(self, number: int, minor: int, reason: str = "AC04") -> None:
        self.now_ms += 1
        message = (
            f'<clearingReturn payoutId="{payment_id(number)}" amountMinor="{minor}"'
            f' reason="{reason}" reference="2026112400000001" timeMs="{NOW_MS}" />'
        )
        answer = self.bank.deliver(message.encode(), profile.CLEARING_RETURN, self.now_ms)
        assert answer == (b"", "")

    @property
    def letters(self) -> list[tuple[str, bytes]]:
        """Format and bytes of each letter after the first board."""
        return [(kind, message) for _, kind, message in self.bank.books.letters(2, 1_000)]

    @property
    def totals(self) -> dict[str, int]:
        """Give the sums that are not zero."""
        return {key: minor for key, minor in self.bank.totals("accounts").items() if minor}


@pytest.fixture
def branch(tmp_path: Path) -> Iterator[Branch]:
    it = Branch(tmp_path / "books.sqlite")
    yield it
    it.bank.books.close()
