"""Prometheus metrics: calls, rows by outcome, fsync, queues, projection lag, the laws as gauges."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from engine.bridge import Bridge
from whampoa.evidence.v1.evidence_service_pb2 import GetStatusResponse

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_NANOSECONDS = 1e9

# Name in the recovery report, name and help of the metric.
_RECOVERY = (
    ("seconds", "whampoa_recovery_seconds", "Time from opening the journal to the whole state."),
    ("entries", "whampoa_recovery_entries", "Entries of the journal when the engine started."),
    ("rows", "whampoa_recovery_rows", "Rows of the journal when the engine started."),
)

# Name in the core, name and help of the metric.
_COUNTERS = (
    ("requests_accepted", "whampoa_requests_accepted", "Writes that became entries."),
    ("requests_refused", "whampoa_requests_refused", "Writes that a rule refused."),
    ("journal_syncs", "whampoa_journal_syncs", "fdatasync calls of the journal."),
    ("journal_bytes", "whampoa_journal_bytes", "Bytes written to the journal."),
    ("journal_frames", "whampoa_journal_frames", "Frames written to the journal."),
    ("snapshots_failed", "whampoa_snapshots_failed", "Snapshots that could not be made."),
)


class CallMetrics:
    """Calls by method and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "code")
        self._calls = Counter(
            "whampoa_rpc", "Calls by method and status code.", labels, registry=registry
        )
        self._seconds = Histogram(
            "whampoa_rpc_seconds",
            "Time from the first byte of a request to its reply.",
            ("method",),
            buckets=_SECONDS,
            registry=registry,
        )

    def finished(self, path: str, code: str, seconds: float) -> None:
        """One call ended."""
        self._calls.labels(path, code).inc()
        self._seconds.labels(path).observe(seconds)


class CoreMetrics(Collector):
    """What the core counts, read when it is asked for."""

    def __init__(
        self,
        bridge: Bridge,
        projected_index: Callable[[], int],
        status: Callable[[], GetStatusResponse],
    ) -> None:
        self._bridge = bridge
        self._projected_index = projected_index
        self._status = status

    def collect(self) -> Iterator[Metric]:
        found = self._bridge.metrics()
        for key, name, text in _COUNTERS:
            yield CounterMetricFamily(name, text, value=_number(found[key]))
        rows = CounterMetricFamily(
            "whampoa_rows_decided", "Rows of accepted writes by outcome.", labels=["outcome"]
        )
        for outcome in ("accepted", "refused", "repeated"):
            rows.add_metric([outcome], _number(found[f"rows_{outcome}"]))
        yield rows
        yield GaugeMetricFamily(
            "whampoa_requests_queued",
            "Writes that wait for the deciding thread.",
            value=_number(found["requests_queued"]),
        )
        yield GaugeMetricFamily(
            "whampoa_replies_waiting",
            "Writes whose reply is still to come: in the queue, decided, or on their way to disk.",
            value=self._bridge.waiting,
        )
        yield _histogram(found["journal_sync"], _number(found["journal_sync_ns"]))
        durable = self._bridge.durable_index
        yield GaugeMetricFamily(
            "whampoa_durable_index", "Index of the newest durable entry.", value=durable
        )
        yield GaugeMetricFamily(
            "whampoa_projection_lag_entries",
            "Durable entries that queries do not see yet.",
            value=max(0, durable + 1 - self._projected_index()),
        )
        yield GaugeMetricFamily(
            "whampoa_journal_damaged",
            "1 when a frame rotted that the start with a snapshot did not read.",
            value=_number(found["journal_damaged"]),
        )
        yield from self._of_starts(_number(found["snapshot_entries"]))
        yield from self._of_status()

    def _of_starts(self, snapshot_entries: int) -> Iterator[Metric]:
        recovery = self._bridge.recovery
        for key, name, text in _RECOVERY:
            yield GaugeMetricFamily(name, text, value=recovery[key])
        yield GaugeMetricFamily(
            "whampoa_snapshot_index",
            "Index of the newest entry in a snapshot, -1 while there is none.",
            value=snapshot_entries - 1,
        )

    def _of_status(self) -> Iterator[Metric]:
        status = self._status()
        laws = GaugeMetricFamily(
            "whampoa_law_holds", "1 while the law holds, by number.", labels=["law"]
        )
        for law in status.laws:
            laws.add_metric([str(law.number)], int(law.holds))
        yield laws
        waiting = GaugeMetricFamily(
            "whampoa_waiting", "Subjects that wait for a person.", labels=["queue"]
        )
        waiting.add_metric(["reviews"], status.reviews_waiting)
        waiting.add_metric(["disputes"], status.trades_disputed)
        waiting.add_metric(["clawbacks"], status.clawbacks_open)
        yield waiting
        yield GaugeMetricFamily(
            "whampoa_accepting_writes",
            "0 when the disk has no spare segment.",
            value=int(status.accepting_writes),
        )
        yield GaugeMetricFamily("whampoa_rows", "Rows of the journal.", value=status.rows)


def _number(value: int | list[tuple[int, int]]) -> int:
    if isinstance(value, list):
        raise TypeError("a histogram stands where a counter is expected")
    return value


def _histogram(value: int | list[tuple[int, int]], sum_ns: int) -> Metric:
    if isinstance(value, int):
        raise TypeError("a counter stands where a histogram is expected")
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound_ns, count in value:
        total += count
        bound = str(bound_ns / _NANOSECONDS) if bound_ns else "+Inf"
        buckets.append((bound, float(total)))
    family = HistogramMetricFamily("whampoa_journal_sync_seconds", "Time of one fdatasync.")
    family.add_metric([], buckets=buckets, sum_value=sum_ns / _NANOSECONDS)
    return family
