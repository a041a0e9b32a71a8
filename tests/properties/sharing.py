"""A second way to share money, in exact fractions: what rows must be."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor


@dataclass(frozen=True)
class Claim:
    """One who shares."""

    cap: int
    weight: int
    tie: bytes


def share(total: int, claims: list[Claim]) -> list[int]:
    """Raise one level for all until it spends the total; then whole units by largest remainder."""
    open_ones = [at for at, one in enumerate(claims) if one.cap > 0 and one.weight > 0]
    if sum(claims[at].cap for at in open_ones) <= total:
        return [one.cap if at in open_ones else 0 for at, one in enumerate(claims)]
    level = _level(total, [claims[at] for at in open_ones])
    exact = {at: min(Fraction(claims[at].cap), level * claims[at].weight) for at in open_ones}
    shares = [floor(exact.get(at, 0)) for at in range(len(claims))]
    partial = [at for at in open_ones if exact[at] < claims[at].cap]
    partial.sort(key=lambda at: (shares[at] - exact[at], claims[at].tie))
    for at in partial[: total - sum(shares)]:
        shares[at] += 1
    return shares


def _level(total: int, claims: list[Claim]) -> Fraction:
    """What a unit of weight gets, when nobody gets more than its cap."""
    for bound in sorted({Fraction(one.cap, one.weight) for one in claims}):
        if sum(min(Fraction(one.cap), bound * one.weight) for one in claims) >= total:
            full = [one for one in claims if Fraction(one.cap, one.weight) < bound]
            rest = [one for one in claims if one not in full]
            spent = sum(one.cap for one in full)
            return Fraction(total - spent, sum(one.weight for one in rest))
    raise AssertionError("the caps hold the total")


@dataclass
class Trade:
    """A released trade with open value; `rate` is remittance currency for one of its own."""

    trade_id: bytes
    merchant: int
    released_at_ms: int
    open_minor: int
    rate: Fraction

    @property
    def worth(self) -> int:
        return floor(self.open_minor * self.rate)

    def used_by(self, amount: int) -> int:
        """All that is open when filled, else the least value that is worth the amount."""
        return self.open_minor if amount == self.worth else ceil(amount / self.rate)


Allocated = list[tuple[bytes, int, int]]


def allocate(
    amount: int,
    trades: list[Trade],
    party_ids: dict[int, bytes],
    by_trade: dict[bytes, int] | None = None,
    by_merchant: dict[bytes, int] | None = None,
) -> Allocated:
    """trade, amount and used value, in the order of the rows; advice limits trades or merchants."""
    seats: dict[int, list[tuple[Trade, int]]] = {}
    for trade in sorted(trades, key=lambda one: (one.merchant, one.released_at_ms, one.trade_id)):
        cap = trade.worth if by_trade is None else min(trade.worth, by_trade.get(trade.trade_id, 0))
        if cap > 0:
            seats.setdefault(trade.merchant, []).append((trade, cap))
    claims = []
    for merchant, seated in seats.items():
        cap = sum(cap for _, cap in seated)
        if by_merchant is not None:
            cap = min(cap, by_merchant.get(party_ids[merchant], 0))
        claims.append(Claim(cap, cap, party_ids[merchant]))
    rows: Allocated = []
    for seated, part_of_merchant in zip(seats.values(), share(amount, claims), strict=True):
        left = part_of_merchant
        for trade, cap in seated:
            part = min(cap, left)
            left -= part
            if part:
                rows.append((trade.trade_id, part, trade.used_by(part)))
    return rows
