"""Sharing: rows of the engine's journal and published vectors against a second implementation."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.corridor import Corridor
from tests.integration.engine_process import accepted
from tests.properties import sharing
from tests.properties.in_process import InProcess
from tests.properties.journal import FORMATS, Row, rows
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import uuid7
from whampoa.money.v1 import money_pb2 as money

CNY, USD = 156, 840
CNY_CUSTOMS = "142"
RELEASED = 3
CNY_USD_E8, USD_CNY_E8 = 14_012_345, 712_345_678
E8 = 100_000_000
MERCHANTS = 4


def _tie(place: int) -> bytes:
    return place.to_bytes(16, "big")


def test_published_vectors() -> None:
    """Every line of the table in docs/formats.md."""
    table = FORMATS.read_text(encoding="utf-8").partition("| total | caps |")[2].splitlines()[2:]
    checked = 0
    for line in table:
        if not line.startswith("|"):
            break
        cells = [[int(word) for word in cell.split()] for cell in line.split("|")[1:-1]]
        (total,), caps, weights, ties, shares = cells
        claims = [
            sharing.Claim(cap, weight, _tie(tie))
            for cap, weight, tie in zip(caps, weights, ties, strict=True)
        ]
        assert sharing.share(total, claims) == shares, line
        checked += 1
    assert checked >= 10


@given(
    st.integers(0, 5_000),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600)), max_size=12),
)
def test_nothing_is_lost(total: int, numbers: list[tuple[int, int]]) -> None:
    """Shares stay below caps and sum to what there is to share."""
    claims = [sharing.Claim(cap, weight, _tie(at)) for at, (cap, weight) in enumerate(numbers)]
    shares = sharing.share(total, claims)
    assert all(0 <= part <= one.cap for part, one in zip(shares, claims, strict=True))
    assert sum(shares) == min(total, sum(one.cap for one in claims if one.weight > 0))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InProcess]:
    engine = InProcess(tmp_path)
    yield engine
    engine.close()


class Ledger:
    """What the journal says so far: trades, used values, parties."""

    def __init__(self, folder: Path) -> None:
        self.all = list(rows(folder / "journal"))
        self.parties = {int(it["index"]): bytes(it["party_id"]) for it in self.of("PartyRow")}
        self._trades: dict[Any, Row] = {it["trade_id"]: it for it in self.of("TradeRow")}
        self._used: dict[Any, int] = {}
        for row in self.of("AllocationRow"):
            used = self._used.get(row["trade_id"], 0)
            self._used[row["trade_id"]] = used + int(row["used_minor"])

    def of(self, kind: str) -> list[Row]:
        return [row for name, row in self.all if name == kind]

    def open_trades(self) -> list[sharing.Trade]:
        found = []
        for trade_id, row in self._trades.items():
            left = int(row["verified_minor"]) - self._used.get(trade_id, 0)
            if row["state"] == RELEASED and left > 0:
                rate = Fraction(1) if row["currency"] == USD else Fraction(CNY_USD_E8, E8)
                merchant, released = int(row["merchant"]), int(row["released_at_ms"])
                found.append(sharing.Trade(trade_id, merchant, released, left, rate))
        return found


def _goods(corridor: Corridor, chance: random.Random) -> None:
    """Released trades of all merchants, some in CNY, released in several turns."""
    for turn in range(5):
        numbers = range(turn * 12, turn * 12 + 12)
        declared = []
        for at in numbers:
            documents = list(corridor.declared(at, chance.randint(1, 90_000)))
            if at % 3 == 0:
                documents[0].order.lines[0].currency = CNY_CUSTOMS
                documents[2].list.lines[0].currency = CNY_CUSTOMS
            declared += documents
        corridor.submit(declared)
        corridor.submit(it for at in numbers for it in corridor.answered(at))


def _rate(engine: InProcess, base: str, quote: str, rate_e8: int) -> None:
    rate = money.Rate(base=base, quote=quote, rate_e8=rate_e8)
    request = forex.PublishRateRequest(request_id=uuid7(), rate=rate, source="test")
    accepted(engine.client("bank").forex.PublishRate(request))


def _request(remittance: bytes, mode: Any, advice: dict[bytes, int]) -> clearing.AllocateRequest:
    return clearing.AllocateRequest(
        request_id=uuid7(),
        remittance_id=remittance,
        mode=mode,
        row_count=len(advice),
        id_high=[int.from_bytes(it[:8], "big") for it in advice],
        id_low=[int.from_bytes(it[8:], "big") for it in advice],
        advised_minor=list(advice.values()),
    )


@pytest.mark.parametrize("mode", ["by_orders", "by_merchants", "by_volume"])
def test_engine_gives_the_same_rows(mode: str, engine: InProcess, chance: random.Random) -> None:
    """One remittance in every mode, shared, converted and distributed."""
    corridor = Corridor(engine, merchants=MERCHANTS)  # type: ignore[arg-type]
    _rate(engine, "CNY", "USD", CNY_USD_E8)
    _goods(corridor, chance)
    before = Ledger(engine.folder)
    trades = before.open_trades()
    assert len(trades) == 60
    by_trade = by_merchant = None
    if mode == "by_orders":
        named = chance.sample(trades, 25)
        by_trade = {it.trade_id: chance.randint(1, 100_000) for it in named}
    if mode == "by_merchants":
        by_merchant = {it: chance.randint(1, 700_000) for it in corridor.merchants}
    credited = chance.randint(100_000, 900_000)
    remittance = corridor.remit(credited)
    expected = sharing.allocate(credited, trades, before.parties, by_trade, by_merchant)
    value = clearing.AllocationMode.Value(f"ALLOCATION_MODE_{mode.upper()}")
    request = _request(remittance, value, by_trade or by_merchant or {})
    reply = accepted(engine.client().clearing.Allocate(request))
    allocations = Ledger(engine.folder).of("AllocationRow")
    got = [(it["trade_id"], it["amount_minor"], it["used_minor"]) for it in allocations]
    assert got == expected
    total = sum(amount for _, amount, _ in expected)
    assert (reply.allocated_minor, reply.suspense_minor) == (total, credited - total)
    _check_conversion(engine, remittance, allocations, chance)


def _check_conversion(
    engine: InProcess, remittance: bytes, allocations: list[Row], chance: random.Random
) -> None:
    held: dict[int, int] = {}
    for row in allocations:
        merchant = int(row["merchant"])
        held[merchant] = held.get(merchant, 0) + int(row["amount_minor"])
    parties = Ledger(engine.folder).parties
    amount = chance.randint(1, sum(held.values()))
    conversion = uuid7()
    forex_of = engine.client("bank").forex
    request = forex.RequestConversionRequest(
        request_id=uuid7(), conversion_id=conversion, remittance_id=remittance, amount_minor=amount
    )
    accepted(forex_of.RequestConversion(request))
    cny = amount * USD_CNY_E8 // E8
    rate = money.Rate(base="USD", quote="CNY", rate_e8=USD_CNY_E8)
    confirm = forex.ConfirmConversionRequest(
        request_id=uuid7(), conversion_id=conversion, rate=rate, cny_minor=cny
    )
    accepted(forex_of.ConfirmConversion(confirm))
    order = sorted(held)
    parts = sharing.share(amount, [sharing.Claim(held[it], held[it], parties[it]) for it in order])
    named = [(it, part) for it, part in zip(order, parts, strict=True) if part]
    shared = sharing.share(cny, [sharing.Claim(cny, part, parties[it]) for it, part in named])
    found = Ledger(engine.folder)
    shares = [(it["merchant"], it["amount_minor"]) for it in found.of("ConversionShareRow")]
    assert shares == named
    distributed = [
        (it["merchant"], it["amount_minor"], it["cny_minor"]) for it in found.of("DistributionRow")
    ]
    assert distributed == [(it, part, cny) for (it, part), cny in zip(named, shared, strict=True)]
