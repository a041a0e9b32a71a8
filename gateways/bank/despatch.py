"""Turns entries of the feed into orders: conversions, payouts in batches, money given back."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateways import markup
from gateways.bank import profile
from gateways.bank.amount import CNY
from gateways.bank.order import Instruction, Order, Payee, Purpose
from whampoa import ids
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.money.v1 import money_pb2 as money

log = logging.getLogger(__name__)

_MEMBER = re.compile(r"[0-9A-Za-z]{14}")
_ACCOUNT_CHARACTERS_MAX = 34


@dataclass(frozen=True)
class Despatch:
    """Which bank keeps the accounts."""

    bank_code: str = profile.BANK_CODE

    def __post_init__(self) -> None:
        if _MEMBER.fullmatch(self.bank_code) is None:
            raise ValueError(f"gateway.bank.bank_code: {self.bank_code!r} is not 14 characters")

    @classmethod
    def read(cls, section: dict[str, Any]) -> Despatch:
        """Reads `[gateway.bank]`."""
        return cls(str(section.get("bank_code", profile.BANK_CODE)))

    def orders(self, entry: feed.FeedEntry) -> Iterator[Order]:
        """The orders of an entry; a repeated entry gives the same ones."""
        payouts: dict[bytes, list[Instruction]] = {}
        for row in entry.rows:
            kind = row.WhichOneof("item")
            if kind == "conversion_requested":
                yield self._sale(row.conversion_requested, entry.time_ms)
            elif kind == "money_returned":
                yield self._repayment(row, entry)
            elif kind == "payout_instructed":
                item = row.payout_instructed
                instruction = _payout(item)
                if instruction is not None:
                    payouts.setdefault(item.service_enterprise_party_id, []).append(instruction)
        for enterprise, instructions in payouts.items():
            for start in range(0, len(instructions), profile.PAYMENTS_MAX):
                some = tuple(instructions[start : start + profile.PAYMENTS_MAX])
                yield self._order(Purpose.PAYOUT, entry.time_ms, enterprise, CNY, some)

    def _sale(self, item: feed.ConversionRequestedItem, time_ms: int) -> Order:
        some = Instruction(
            payment_id=item.conversion_id.hex(),
            amount_minor=item.amount.amount_minor,
            remittance_id=item.remittance_id.hex(),
        )
        return self._foreign(Purpose.SALE, time_ms, item, item.amount, some)

    def _repayment(self, row: feed.FeedRow, entry: feed.FeedEntry) -> Order:
        item = row.money_returned
        # The place in the journal names the payment: the engine has no id for it.
        place = f"{entry.position.log}/{entry.position.index}/{row.row}"
        some = Instruction(
            payment_id=ids.derive(entry.time_ms, "repayment", place).hex(),
            amount_minor=item.amount.amount_minor,
            remittance_id=item.remittance_id.hex(),
        )
        return self._foreign(Purpose.REPAYMENT, entry.time_ms, item, item.amount, some)

    def _foreign(
        self,
        purpose: Purpose,
        time_ms: int,
        item: feed.ConversionRequestedItem | feed.MoneyReturnedItem,
        amount: money.Money,
        some: Instruction,
    ) -> Order:
        enterprise = item.service_enterprise_party_id
        return self._order(purpose, time_ms, enterprise, amount.currency, (some,))

    def _order(
        self,
        purpose: Purpose,
        time_ms: int,
        enterprise: bytes,
        currency: str,
        instructions: tuple[Instruction, ...],
    ) -> Order:
        named = [f"{it.payment_id}:{it.amount_minor}" for it in instructions]
        return Order(
            message_id=ids.derive(time_ms, purpose.name, *named).hex(),
            time_ms=time_ms,
            purpose=purpose,
            enterprise=enterprise.hex(),
            currency=currency,
            bank_code=self.bank_code,
            instructions=instructions,
        )


def _payout(item: feed.PayoutItem) -> Instruction | None:
    payee = Payee(
        name=item.payee.account_name[: profile.NAME_CHARACTERS_MAX],
        account=item.payee.account_no,
        bank_code=item.payee.bank_code,
    )
    try:
        _check(payee)
    except ValueError as failure:
        # One payment that no message can carry, as after an erasure, stops no other.
        log.error("payout %s cannot be ordered: %s", item.payout_id.hex(), failure)
        return None
    return Instruction(item.payout_id.hex(), item.cny_minor, payee)


def _check(payee: Payee) -> None:
    if not payee.name:
        raise ValueError("payee.account_name: missing")
    markup.check(payee.name, "payee.account_name")
    if not 0 < len(payee.account) <= _ACCOUNT_CHARACTERS_MAX:
        length, limit = len(payee.account), _ACCOUNT_CHARACTERS_MAX
        raise ValueError(f"payee.account_no: {length} characters, 1 to {limit} wanted")
    markup.check(payee.account, "payee.account_no")
    if _MEMBER.fullmatch(payee.bank_code) is None:
        raise ValueError(f"payee.bank_code: {payee.bank_code!r} is not 14 characters")
