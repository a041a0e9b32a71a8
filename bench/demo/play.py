"""The whole corridor once: declared parcels become money in merchants' accounts."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.corridor import Stage, corridor
from bench.demo.acts import Acts
from bench.demo.books import Comparison, bop_records, compare
from bench.demo.declaring import Declaring, Sent
from bench.demo.partners import CALL_SECONDS_MAX, until
from bench.demo.processes import ProcessFailed
from bench.demo.registration import Registration
from bench.demo.settling import Money, Settling
from bench.documents.messages import Writer
from bench.documents.world import Parcel, World, build
from bench.pages import pages
from whampoa.evidence.v1 import evidence_service_pb2 as evidence
from whampoa.query.v1 import query_service_pb2 as query

SEED = 9610
Advance = Callable[[int], None]
Loaded = Callable[[str, int], Advance]


@dataclass
class Story:
    """Everything the report shows."""

    # How many files took the place of generated messages.
    files: int = 0
    registered: dict[str, int] = field(default_factory=dict)
    sent: Sent = field(default_factory=Sent)
    money: Money = field(default_factory=Money)
    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)
    payouts: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    regimes: Counter[tuple[str, str]] = field(default_factory=Counter)
    mishaps: list[tuple[str, str]] = field(default_factory=list)
    books: list[Comparison] = field(default_factory=list)
    steps: list[evidence.Step] = field(default_factory=list)
    is_complete: bool = False
    merchants: int = 0
    declarants: int = 0
    verified: dict[str, object] = field(default_factory=dict)
    seconds: float = 0.0
    stages: list[tuple[str, float]] = field(default_factory=list)


class Play:
    """One run over one stage."""

    def __init__(self, stage: Stage, world: World, loaded: Loaded, story: Story) -> None:
        self._stage = stage
        self._world = world
        self._loaded = loaded
        self._story = story
        self._declaring = Declaring(stage.partners, world, Writer(SEED, stage.ids.started_ms))
        self._settling = Settling(stage.partners, world, stage.ids)
        story.sent = self._declaring.sent
        story.money = self._settling.money
        self._clock = time.monotonic()

    async def run(self) -> None:
        """All acts, generated parcels."""
        story, parcels = self._story, self._world.parcels
        story.registered = await Registration(
            self._stage.partners, self._world, self._stage.ids
        ).run()
        await self._declaring.open()
        self._mark("registered")
        await self._declare(parcels)
        self._mark("declared and released")
        await self._leave(parcels)
        self._mark("departed, taxed, aggregated")
        await Acts(self._settling).all()
        self._mark("received, allocated, converted, paid")
        await self._declared_to_safe()
        self._mark("declared to SAFE")
        await self.look_back()

    async def send_files(self, files: list[Path]) -> None:
        """Files in place of generated messages, sent by the operator."""
        self._story.registered = await Registration(
            self._stage.partners, self._world, self._stage.ids
        ).run()
        advance = self._loaded("files", len(files))
        await self._declaring.open()
        for file in files:
            await self._declaring.send(None, await asyncio.to_thread(file.read_bytes))
            advance(1)
        await self._quiet("customs answers")
        await Acts(self._settling).all()
        if self._settling.money.remittances:
            await self._declared_to_safe()
        await self.look_back()

    async def _declare(self, parcels: list[Parcel]) -> None:
        customs, declaring = self._stage.partners.customs, self._declaring
        for parcel in parcels:
            if parcel.mishap == "unreleased":
                await customs.instruct("hold", book="lists", pattern=parcel.order_no)
            elif parcel.mishap == "rejected":
                await customs.instruct("reject", book="lists", pattern=parcel.order_no)
        advance = self._loaded("orders, waybills and lists declared", 3 * len(parcels))
        await declaring.orders(parcels, advance)
        await declaring.waybills(parcels, advance)
        await declaring.lists(parcels, advance)
        expected = sum(not parcel.mishap for parcel in parcels)
        await self._released(expected)
        again = [parcel for parcel in parcels if parcel.mishap == "rejected"]
        twice = [self._by_another(parcel) for parcel in parcels if parcel.mishap == "two_agents"]
        await declaring.orders(twice, _nothing)
        await declaring.lists(again + twice, _nothing)
        await self._quiet("customs answers")

    def _by_another(self, parcel: Parcel) -> Parcel:
        """The same order, filed by another agent under a consignor code of its own."""
        agents = self._world.entrusted[parcel.merchant.number]
        agent = next(one for one in agents if one != parcel.declarant)
        code = (agent.customs_code, agent.name)
        cop_no = f"{agent.customs_code}{parcel.number:010d}"
        return replace(parcel, declarant=agent, consignor=code, cop_no=cop_no)

    async def _released(self, expected: int) -> None:
        advance = self._loaded("trades released by customs", expected)
        shown = 0

        async def enough() -> bool:
            nonlocal shown
            self._stage.corridor.check_alive()
            released = (await self._counts()).get("trades:released", 0)
            advance(min(released, expected) - shown)
            shown = min(released, expected)
            return released >= expected

        await until(enough, "customs releases the lists", 300.0)

    async def _leave(self, parcels: list[Parcel]) -> None:
        left = [parcel for parcel in parcels if parcel.mishap != "unreleased"]
        advance = self._loaded("waybills departed", len(left))
        await self._declaring.depart(left, advance)
        await self._declaring.aggregate()
        await self._quiet("departures and tax labels")

    async def _declared_to_safe(self) -> None:
        async def answered() -> bool:
            records = await bop_records(self._settling)
            self._story.records = Counter(one.kind for one in records if one.state != "deleted")
            return bool(records) and all(one.state != "sent" for one in records)

        await until(answered, "SAFE answers every record")
        await self._quiet("corrections of records")
        await until(answered, "SAFE answers every record")

    async def _quiet(self, what: str) -> None:
        """Waits until nothing that is counted moves any more."""
        before: dict[str, int] = {}
        same = 0
        loop = asyncio.get_running_loop()
        deadline = loop.time() + 120
        while same < 3:
            status = await self._stage.partners.operator.evidence.GetStatus(
                evidence.GetStatusRequest(), timeout=CALL_SECONDS_MAX
            )
            now = {"entries": status.entries, "lag": status.entries - status.projected_index}
            same = same + 1 if now == before and now["lag"] <= 1 else 0
            before = now
            if loop.time() > deadline:
                raise TimeoutError(f"waited in vain: {what}")
            await asyncio.sleep(0.25)

    async def _counts(self) -> dict[str, int]:
        request = query.GetSummaryRequest()
        answer = await self._stage.partners.operator.query.GetSummary(
            request, timeout=CALL_SECONDS_MAX
        )
        self._story.counts = dict(answer.counts)
        self._story.sums = dict(answer.sums_minor)
        return self._story.counts

    async def look_back(self) -> None:
        """Reads what the engine and the institutions have in the end."""
        story = self._story
        await self._counts()
        trades = await self._settling.trades()
        story.reasons = Counter(trade.merchant_reason for trade in trades)
        story.merchants = len(self._world.merchants)
        story.declarants = len({parcel.declarant.number for parcel in self._world.parcels})
        payouts = await self._settling.payouts()
        story.payouts = Counter(payout.state for payout in payouts)
        story.regimes = await self._regimes()
        by_order: dict[str, list[query.TradeView]] = {}
        for trade in trades:
            by_order.setdefault(trade.order_no, []).append(trade)
        for parcel in self._world.parcels:
            if parcel.mishap and parcel.mishap != "robbed":
                found = by_order.get(parcel.order_no, [])
                ends = ", ".join(f"{trade.state} ({trade.merchant_reason})" for trade in found)
                told = (parcel.mishap, f"{len(found)} trade(s): {ends}")
                if told not in story.mishaps:
                    story.mishaps.append(told)
        paid = next((one for one in payouts if one.state == "settled"), None)
        if paid is not None:
            await self._trace(paid, trades)
        story.books = await compare(self._settling)
        self._mark("compared with every institution's books")

    async def _trace(self, payout: query.PayoutView, trades: list[query.TradeView]) -> None:
        """A trade of a paid merchant, from its order to the payout."""
        owned = [
            one
            for one in trades
            if one.merchant_party_id == payout.merchant_party_id and one.used_minor
        ]
        engine = self._stage.partners.operator
        steps: dict[tuple[int, int], evidence.Step] = {}
        complete = True
        for subject in (owned[0].trade_id, payout.payout_id):
            request = evidence.TraceRequest(subject_id=subject)
            answer = await engine.evidence.Trace(request, timeout=CALL_SECONDS_MAX)
            complete = complete and answer.complete
            steps |= {(step.position.index, step.position.row): step for step in answer.steps}
        self._story.steps = [steps[place] for place in sorted(steps)]
        self._story.is_complete = complete

    async def _regimes(self) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        read = self._stage.partners.operator.query.ListTaxItems
        async for page in pages(read, query.ListTaxItemsRequest()):
            found.update((item.regime, item.database) for item in page.items)
        return found

    def _mark(self, stage: str) -> None:
        now = time.monotonic()
        self._story.stages.append((stage, now - self._clock))
        self._clock = now


def _nothing(_steps: int) -> None:
    """For what is too little to be shown."""


async def perform(
    data_dir: Path, trades: int, merchants: int, files: list[Path] | None, loaded: Loaded
) -> Story:
    """Runs the play in a data directory, then verifies its files with every process stopped."""
    start = time.monotonic()
    story = Story(files=len(files or ()))
    world = build(SEED, 0 if files else trades, merchants)
    async with corridor(data_dir) as stage:
        play = Play(stage, world, loaded, story)
        story.stages.append(("nine processes up", time.monotonic() - start))
        await (play.send_files(files) if files else play.run())
    began = time.monotonic()
    story.verified = await _verify(data_dir)
    story.stages.append(("stopped and verified from the files", time.monotonic() - began))
    story.seconds = time.monotonic() - start
    return story


async def _verify(data_dir: Path) -> dict[str, object]:
    """`whampoa verify` as anyone would run it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "whampoa.cli.main", "verify", str(data_dir), "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, failed = await process.communicate()
    lines = said.decode().strip().splitlines()
    if not lines:
        raise ProcessFailed(f"verify: {failed.decode(errors='replace').strip()[-400:]}")
    report: dict[str, object] = json.loads(lines[-1])
    return report
