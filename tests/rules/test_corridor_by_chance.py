"""The corridor under chance: documents, disputes, money and officers in any order keep the laws."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from google.protobuf.message import Message

from tests.rules.customs import CNY, NAMELESS, OFFICER, USD, Line, Parcel
from tests.rules.ground import code
from tests.rules.scenario import (
    BY_MERCHANTS,
    BY_ORDERS,
    BY_VOLUME,
    CNY_USD,
    REALLOCATED,
    REPAID,
    USD_CNY,
    Scenario,
)
from whampoa.customs.v1 import customs_service_pb2 as service
from whampoa.customs.v1.document_pb2 import Document
from whampoa.forex.v1 import forex_service_pb2 as forex

ORDERS, STEPS = 4, 60
STATUSES = (2, 100, 120, 300, 399, 500, 800, 899, -604_001)


class Corridor:
    """One enterprise, three merchants, two agents, a few numbers; every step may be refused."""

    def __init__(self, field: Scenario, chance: random.Random) -> None:
        self.field, self.chance = field, chance
        self.enterprise = field.enterprise("E")
        self.merchants = [field.client(f"M{number}", self.enterprise) for number in range(3)]
        self.agents = [field.agent("A"), field.agent("B")]
        self.run = field.new_id().hex()[-8:]
        for at, merchant in enumerate(self.merchants):
            field.own_items(merchant, f"{self.run}{at}-")
            for agent in self.agents[: 1 + at % 2]:
                field.entrust(merchant, agent)
        field.publish("CNY", "USD", CNY_USD)
        field.publish("USD", "CNY", USD_CNY)
        # Most that any version of an order ever said, by order number and currency.
        self.declared: dict[tuple[str, str, str], int] = defaultdict(int)
        self.refusals: set[str] = set()
        # Trades that were closed for a reason.
        self.closed: set[bytes] = set()

    def ask(self, request: Message, by: str = OFFICER) -> bool:
        """Whether it was accepted; the laws hold either way."""
        reply = self.field.ask(request, by)
        if reply.HasField("refusal"):
            self.refusals.add(code(reply.refusal.code))
        assert self.field.broken_laws() == []
        return not reply.HasField("refusal")

    def submit(self, *documents: Document) -> None:
        self.ask(service.SubmitDocumentsRequest(documents=documents))

    def parcel(self) -> Parcel:
        """A filing that may agree with earlier ones of its number, or not."""
        chance = self.chance
        number = chance.randrange(ORDERS)
        agent = chance.choice(self.agents)
        # Mostly what the number stands for, now and then something else.
        settled = random.Random(f"{self.run}{number}")
        words = settled if chance.random() < 0.7 else chance
        lines = tuple(
            Line(
                f"{self.run}{words.choice('0123')}-{at}",
                cents=words.randint(1, 20_000),
                currency=words.choice((USD, USD, CNY)),
            )
            for at in range(words.randint(1, 2))
        )
        owner = words.choice([*self.merchants, None, None, None])
        return Parcel(
            f"{self.run}-{number}",
            agent.code,
            agent.code,
            platform=NAMELESS if number == 0 else "1105910159",
            platform_name=words.choice(["Harbor", "Bazaar"]) if number == 0 else "Canton Mall",
            owner=owner.code if owner else "NO",
            waybill_no=f"{self.run}-{number}{chance.choice('11112')}{agent.code[-1]}",
            lines=lines,
        )

    def file(self) -> None:
        parcel = self.parcel()
        totals: dict[str, int] = defaultdict(int)
        for line in parcel.lines:
            totals["CNY" if line.currency == CNY else "USD"] += line.cents * line.qty
        for currency, total in totals.items():
            key = (parcel.order_no, parcel.platform_name, currency)
            self.declared[key] = max(self.declared[key], total)
        documents = [
            self.field.order_of(parcel),
            self.field.waybill_of(parcel),
            self.field.list_of(parcel),
        ]
        self.chance.shuffle(documents)
        self.submit(*documents[: self.chance.choice((1, 3, 3, 3))])

    def answer(self) -> None:
        parcel, status = self.parcel(), self.chance.choice(STATUSES)
        taken = self.chance.choice((120, 120, 120, 100))
        self.submit(
            self.field.order_reply(parcel, taken),
            self.field.waybill_reply(parcel, taken),
            self.field.list_reply(parcel, status),
        )

    def release(self) -> None:
        parcel = self.parcel()
        self.submit(
            self.field.order_reply(parcel, 120),
            self.field.waybill_reply(parcel, 120),
            self.field.list_reply(parcel, 800),
        )

    def withdraw(self) -> None:
        parcel = self.parcel()
        self.submit(self.field.withdrawal(parcel), self.field.withdrawal_reply(parcel, 399))

    def settle(self) -> None:
        if trades := self.field.trades():
            disputed = [trade for trade in trades if trade.state == "disputed"] or trades
            self.ask(
                self.field.settling(
                    self.chance.choice(disputed), self.chance.choice(self.merchants)
                )
            )

    def take_back(self) -> None:
        if trades := self.field.trades():
            trade = self.chance.choice(trades)
            amount = self.chance.randint(1, max(1, trade.verified_minor))
            self.ask(
                service.ReportReturnRequest(
                    trade_id=trade.trade_id, amount_minor=amount, reference="R"
                )
            )

    def close(self) -> None:
        if trades := self.field.trades():
            trade_id = self.chance.choice(trades).trade_id
            if self.ask(service.CloseTradeRequest(trade_id=trade_id, reason=3)):  # type: ignore[arg-type]
                self.closed.add(trade_id)

    def receive(self) -> None:
        self.ask(self.field.remittance(self.enterprise, self.chance.randint(1, 40_000)))

    def share(self) -> None:
        if moneys := self.field.rows("remittances"):
            mode = self.chance.choice((BY_VOLUME, BY_VOLUME, BY_ORDERS, BY_MERCHANTS))
            advice = {}
            if mode == BY_ORDERS:
                advice = {trade.trade_id: 5_000 for trade in self.field.trades()}
            if mode == BY_MERCHANTS:
                advice = {merchant.party_id: 7_000 for merchant in self.merchants}
            self.ask(self.field.allocation(self.chance.choice(moneys), mode, advice))

    def convert(self) -> None:
        moneys = self.field.rows("remittances")
        request = self.field.conversion(self.chance.choice(moneys)) if moneys else None
        if request and self.ask(request):
            amount = self.chance.randint(1, 500_000)
            confirm = forex.ConfirmConversionRequest(
                conversion_id=request.conversion_id, cny_minor=amount, bank_reference="S"
            )
            confirm.rate.base, confirm.rate.quote, confirm.rate.rate_e8 = "USD", "CNY", USD_CNY
            assert self.ask(confirm)

    def recall(self) -> None:
        if moneys := self.field.rows("remittances"):
            money = self.chance.choice(moneys)
            self.ask(
                forex.RecallRemittanceRequest(
                    remittance_id=money.remittance_id,
                    amount_minor=self.chance.randint(1, money.credited_minor),
                    bank_reference="R",
                )
            )

    def end_clawback(self) -> None:
        claimed = [trade for trade in self.field.trades() if trade.clawback_minor]
        if claimed:
            how = self.chance.choice((REALLOCATED, REPAID))
            self.ask(self.field.clawback(self.chance.choice(claimed), how))

    def pay(self) -> None:
        self.ask(self.field.payout_request(self.enterprise))

    def check(self) -> None:
        """Goods are counted once, whoever declares them and however often."""
        verified: dict[tuple[str, str], int] = defaultdict(int)
        for trade in self.field.trades():
            verified[trade.order_no, trade.currency] += trade.verified_minor
            if trade.state in {"declared", "matched", "disputed"}:
                assert trade.verified_minor == 0, trade
            if trade.clawback_minor:
                continue
            if trade.state == "released":
                assert trade.used_minor < trade.verified_minor or not trade.verified_minor, trade
            if trade.state == "closed" and trade.trade_id not in self.closed:
                assert trade.used_minor == trade.verified_minor, trade
        for (order_no, currency), value in verified.items():
            most = sum(
                total
                for (number, _, unit), total in self.declared.items()
                if (number, unit) == (order_no, currency)
            )
            assert value <= most, (order_no, currency)


STORY = (
    ["file"] * 6
    + ["release"] * 6
    + ["answer"] * 2
    + ["receive", "share", "share", "convert", "recall", "pay"]
    + ["withdraw", "settle", "settle", "take_back", "end_clawback", "close"]
)


@pytest.mark.parametrize("number", range(8))
def test_laws_hold_after_every_step(field: Scenario, chance: random.Random, number: int) -> None:
    corridor = Corridor(field, chance)
    for _ in range(STEPS):
        getattr(corridor, chance.choice(STORY))()
        corridor.check()
