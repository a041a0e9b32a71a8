"""What every load run states: rows a second, latencies, durability, laws, cost, environment."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from bench.demo.processes import Corridor
from bench.environment import environment, resident_mb
from bench.latency import Latencies
from whampoa.client import Client
from whampoa.evidence.v1 import evidence_service_pb2 as evidence

STATUS_SECONDS_MAX = 120.0


@dataclass(frozen=True)
class Reading:
    """The engine's own counters at one moment."""

    rows: int
    durable_index: int
    syncs: int
    journal_bytes: int
    laws_hold: bool

    @classmethod
    async def take(cls, engine: Client, corridor: Corridor) -> Reading:
        """Asks the engine for its status, and its metrics for the journal's counters."""
        request = evidence.GetStatusRequest()
        status = await engine.evidence.GetStatus(request, timeout=STATUS_SECONDS_MAX)
        durable_index = status.durable_index
        # Laws are checked on what the followers have seen: all of the run has to be in it.
        while status.projected_index < durable_index:
            await asyncio.sleep(0.2)
            status = await engine.evidence.GetStatus(request, timeout=STATUS_SECONDS_MAX)
        metrics = await corridor.metrics()
        return cls(
            rows=status.rows,
            durable_index=status.durable_index,
            syncs=int(metrics["whampoa_journal_syncs_total"]),
            journal_bytes=int(metrics["whampoa_journal_bytes_total"]),
            laws_hold=bool(status.laws) and all(law.holds for law in status.laws),
        )


@dataclass(frozen=True)
class Run:
    """One measured run: how many rows in which time, and the newest position that was replied."""

    rows: int
    seconds: float
    latencies: Latencies
    acknowledged_index: int

    @property
    def rows_per_second(self) -> int:
        return math.floor(self.rows / self.seconds) if self.seconds else 0


def median(runs: list[Run]) -> Run:
    """The run in the middle by rows a second."""
    ordered = sorted(runs, key=lambda run: run.rows / run.seconds)
    return ordered[len(ordered) // 2]


def figures(
    runs: list[Run], before: Reading, after: Reading, corridor: Corridor
) -> dict[str, object]:
    """The JSON of a scenario: the median run, and how far the runs lie apart."""
    middle = median(runs)
    rows = max(1, after.rows - before.rows)
    return {
        "rows": middle.rows,
        "runs": len(runs),
        "rows_per_second": middle.rows_per_second,
        "rows_per_second_min": min(run.rows_per_second for run in runs),
        "rows_per_second_max": max(run.rows_per_second for run in runs),
        "seconds": round(middle.seconds, 3),
        "latency_ms": middle.latencies.milliseconds(),
        "durable": after.durable_index >= max(run.acknowledged_index for run in runs),
        "syncs": after.syncs - before.syncs,
        "laws_ok": after.laws_hold,
        "rss_mb": resident_mb(corridor.running["engine"].pid),
        "bytes_per_row": round((after.journal_bytes - before.journal_bytes) / rows, 1),
        "environment": environment(),
    }
