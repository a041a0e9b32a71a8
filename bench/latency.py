"""Latencies of a run: percentiles over every call, no sampling."""

from __future__ import annotations

from dataclasses import dataclass, field

PERCENTILES = {"p50": 50, "p99": 99, "p999": 99.9}


@dataclass
class Latencies:
    """Durations in nanoseconds, one per call."""

    durations_ns: list[int] = field(default_factory=list)

    def add(self, start_ns: int, end_ns: int) -> None:
        self.durations_ns.append(end_ns - start_ns)

    def milliseconds(self) -> dict[str, float]:
        """p50, p99, p999 and max; zeros when nothing was measured."""
        ordered = sorted(self.durations_ns)
        if not ordered:
            return {**dict.fromkeys(PERCENTILES, 0.0), "max": 0.0}
        last = len(ordered) - 1
        figures = {
            name: ordered[min(last, int(last * percent / 100 + 0.5))] / 1e6
            for name, percent in PERCENTILES.items()
        }
        return {
            name: round(value, 3) for name, value in {**figures, "max": ordered[-1] / 1e6}.items()
        }
