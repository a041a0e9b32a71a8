"""The verb `status`: health, lag, laws and what waits for a person."""

from __future__ import annotations

import time

import typer

from whampoa.cli.connection import OPERATOR, AsOption, Connection
from whampoa.cli.output import DataDirOption, JsonOption, Output
from whampoa.cli.plain import moment, plain
from whampoa.evidence.v1.evidence_service_pb2 import GetStatusRequest, GetStatusResponse
from whampoa.query.v1.query_service_pb2 import GetSummaryRequest, GetSummaryResponse

_SUSPENSE = "suspense:"


def register(application: typer.Typer) -> None:
    application.command("status")(status)


def status(data_dir: DataDirOption, as_: AsOption = OPERATOR, json: JsonOption = False) -> None:
    """Ask the engine how it is; fails when a law is broken or writes are refused."""
    with Output(json) as out, Connection(data_dir, as_) as connection:
        found = connection.read(connection.client.evidence.GetStatus, GetStatusRequest())
        summary = connection.read(connection.client.query.GetSummary, GetSummaryRequest())
        lag = max(0, found.entries - found.projected_index - 1)
        out.table("Engine", ["figure", "value"], _engine(connection.address, found, lag))
        out.table(
            "Laws",
            ["law", "holds", "what broke"],
            [[law.number, "yes" if law.holds else "NO", law.text] for law in found.laws],
        )
        out.table("Waiting for a person", ["queue", "waiting"], _queues(found, summary))
        out.table("Subjects", ["subject", "count"], sorted(summary.counts.items()))
        out.table("Sums, minor units", ["sum", "amount"], sorted(summary.sums_minor.items()))
        holds = all(law.holds for law in found.laws)
        ok = holds and found.accepting_writes
        out.answer("ok" if ok else f"NOT OK: {_trouble(found)}")
        out.result(
            address=connection.address,
            lag_entries=lag,
            laws_ok=holds,
            **plain(found),
            counts=dict(summary.counts),
            sums_minor=dict(summary.sums_minor),
            ok=ok,
        )


def _engine(address: str, found: GetStatusResponse, lag: int) -> list[list[str]]:
    up_seconds = max(0, time.time_ns() // 1_000_000 - found.started_at_ms) // 1000
    return [
        ["address", address],
        ["log", found.log],
        ["up since (UTC)", f"{moment(found.started_at_ms)} ({up_seconds} s)"],
        ["entries, rows", f"{found.entries}, {found.rows}"],
        ["newest durable entry", str(found.durable_index) if found.entries else "none"],
        ["queries are behind by", f"{lag} entries"],
        ["writes queued", str(found.queue_depth)],
        ["accepting writes", "yes" if found.accepting_writes else "NO"],
        ["tree root", found.tree_root],
        ["state hash", found.state_hash],
    ]


def _queues(found: GetStatusResponse, summary: GetSummaryResponse) -> list[list[object]]:
    queues: list[list[object]] = [
        ["reviews", found.reviews_waiting],
        ["disputed trades", found.trades_disputed],
        ["clawbacks", found.clawbacks_open],
    ]
    for name, amount in sorted(summary.sums_minor.items()):
        if name.startswith(_SUSPENSE) and amount:
            queues.append([f"suspense, minor units of {name.removeprefix(_SUSPENSE)}", amount])
    return queues


def _trouble(found: GetStatusResponse) -> str:
    broken = [f"law {law.number}" for law in found.laws if not law.holds]
    refusing = [] if found.accepting_writes else ["writes are refused, the disk has no room"]
    return ", ".join([*broken, *refusing])
