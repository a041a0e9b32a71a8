"""Turns debited payouts into messages: large ones alone, small ones in batches."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateways.pboc import profile
from gateways.pboc.batch import Batch
from gateways.pboc.payment import Party, Payment, check_member
from gateways.pboc.transfer import Transfer
from whampoa.feed.v1 import feed_service_pb2 as feed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Despatch:
    """Which bank sends, and up to which amount a payment goes by the small-value system."""

    bank_code: str = profile.SETTLEMENT_BANK
    small_value_max_minor: int = profile.SMALL_VALUE_MAX_MINOR

    def __post_init__(self) -> None:
        check_member(self.bank_code, "gateway.pboc.bank_code")
        if self.small_value_max_minor < 0:
            limit = self.small_value_max_minor
            raise ValueError(f"gateway.pboc.small_value_max_minor: {limit} is negative")

    @classmethod
    def read(cls, section: dict[str, Any]) -> Despatch:
        """Reads `[gateway.pboc]`."""
        bank_code = section.get("bank_code", profile.SETTLEMENT_BANK)
        limit = section.get("small_value_max_minor", profile.SMALL_VALUE_MAX_MINOR)
        if not isinstance(bank_code, str):
            raise ValueError(f"gateway.pboc.bank_code: {bank_code!r} is no text")
        if type(limit) is not int:
            raise ValueError(f"gateway.pboc.small_value_max_minor: {limit!r} is no integer")
        return cls(bank_code, limit)

    def messages(self, entry: feed.FeedEntry) -> Iterator[tuple[str, bytes]]:
        """Format and bytes of each message of an entry; a repeated entry gives the same bytes."""
        small: dict[tuple[Party, str], list[Payment]] = {}
        for row in entry.rows:
            payment = self._payment(row.payout_debited)
            if payment is None:
                continue
            if payment.amount_minor > self.small_value_max_minor:
                yield profile.TRANSFER, Transfer.of(payment, entry.time_ms).write()
            else:
                small.setdefault((payment.payer, payment.payee.bank_code), []).append(payment)
        for payments in small.values():
            for start in range(0, len(payments), profile.BATCH_ROWS_MAX):
                some = tuple(payments[start : start + profile.BATCH_ROWS_MAX])
                yield profile.BATCH, Batch.of(some, entry.time_ms).write()

    def _payment(self, item: feed.PayoutItem) -> Payment | None:
        payment = Payment(
            payout_id=item.payout_id.hex(),
            amount_minor=item.cny_minor,
            # The settlement bank keeps the enterprise's account under its party id.
            payer=Party(
                name=_name(item.service_enterprise_name),
                account=item.service_enterprise_party_id.hex(),
                bank_code=self.bank_code,
            ),
            payee=Party(
                name=_name(item.payee.account_name),
                account=item.payee.account_no,
                bank_code=item.payee.bank_code,
            ),
        )
        try:
            payment.check()
        except ValueError as failure:
            # One payment that no message can carry, as after an erasure, stops no other.
            log.error("payout %s cannot be sent: %s", payment.payout_id, failure)
            return None
        return payment


def _name(name: str) -> str:
    # The clearing system carries no longer names; the account number decides who is paid.
    return name[: profile.NAME_CHARACTERS_MAX]
