"""The demo and the benches as a newcomer runs them: every figure is there and everything agrees."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.documents.messages import Writer
from bench.documents.world import Parcel, build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
NOW_MS = 1_795_500_000_123
TRADES = 1_200

FIGURES = {
    "documents",
    "documents_refused",
    "findings",
    "trades",
    "trades_matched",
    "trades_released",
    "merchants",
    "declarants",
    "remittances",
    "received_minor",
    "allocated_minor",
    "suspense_minor",
    "stopped_for_review",
    "payouts_settled",
    "payouts_returned",
    "bop_actual",
    "bop_restored",
    "tax_refund_items",
    "tax_exempt_items",
    "entries",
    "rows",
    "chain_ok",
    "laws_ok",
    "books_ok",
    "seconds",
}
MISHAPS = (
    "list names another parcel's waybill",
    "one order under two agents and two consignor codes",
    "declaration rejected, then sent again",
    "goods not released",
    "order with items of two merchants",
    "declared in CNY, paid in USD",
    "remittance larger than verified value",
    "short receipt",
    "recall before conversion",
    "recall after conversion",
    "goods returned after allocation",
    "payee account closed",
    "grant revoked",
    "suspicious merchant",
)


def whampoa(*words: str) -> tuple[dict[str, object], str]:
    """Run the command; give its JSON object and what it showed."""
    command = [sys.executable, "-m", "whampoa.cli.main", *words, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found, done.stderr


def test_the_whole_corridor(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    found, shown = whampoa("demo", "--trades", str(TRADES), "--data-dir", str(data_dir))
    assert found.keys() >= FIGURES
    assert (found["chain_ok"], found["laws_ok"], found["books_ok"]) == (True, True, True)
    # One order has items of two merchants; the same order under two agents is counted once.
    assert found["trades"] == TRADES + 1
    # A list with another parcel's waybill puts both in dispute; one parcel stays unreleased.
    assert found["trades_released"] == TRADES + 1 - 3
    assert (found["declarants"], found["documents_refused"]) == (8, 0)
    assert (found["remittances"], found["stopped_for_review"]) == (10, 1)
    assert found["payouts_returned"] == 1
    credited = found["received_minor"]
    # Two recalls of 100.00: one from allocations, one after conversion, which is a debt.
    assert credited == _number(found, "allocated_minor") + _number(found, "suspense_minor") + 10_000
    assert _number(found, "tax_refund_items") > TRADES // 4
    assert _number(found, "tax_exempt_items") > TRADES // 4
    assert [mishap for mishap in MISHAPS if mishap not in shown] == []
    assert "One trade from order to payout: complete" in shown
    verified, _ = whampoa("verify", str(data_dir))
    assert (verified["ok"], verified["rows"]) == (True, found["rows"])


def test_few_parcels_go_the_plain_way() -> None:
    found, _ = whampoa("demo", "--trades", "3")
    assert (found["trades_released"], found["payouts_settled"]) == (3, 3)
    assert found["received_minor"] == found["allocated_minor"]
    assert (found["laws_ok"], found["books_ok"], found["chain_ok"]) == (True, True, True)


def test_a_partners_files_take_the_place_of_generated_ones(tmp_path: Path) -> None:
    world = build(1, 6)
    writer = Writer(1, NOW_MS)
    # A message comes from one transmitter.
    own = [parcel for parcel in world.parcels if parcel.declarant == world.parcels[0].declarant]
    write(tmp_path / "1.xml", next(writer.orders(own)))
    broken = re.sub(rb"<unit>\d+", b"<unit>aaa", next(writer.lists(own)), count=1)
    write(tmp_path / "2.xml", broken)
    write(tmp_path / "3.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    found, shown = whampoa("demo", "--documents", str(tmp_path))
    refused = 1
    assert found["documents"] == 2 * len(own)
    assert (found["documents_refused"], found["trades"]) == (refused, len(own))
    assert (found["laws_ok"], found["books_ok"], found["chain_ok"]) == (True, True, True)
    assert "UNIT_UNKNOWN" in shown
    assert "malformed" in shown


def test_the_examples_show_findings_and_one_paid_merchant() -> None:
    found, shown = whampoa("demo", "--documents", str(ROOT / "examples" / "documents"))
    assert (found["documents"], found["documents_refused"], found["findings"]) == (9, 2, 3)
    assert (found["trades"], found["trades_released"], found["payouts_settled"]) == (3, 1, 1)
    assert (found["laws_ok"], found["books_ok"], found["chain_ok"]) == (True, True, True)
    assert "LINE_TOTAL_MISMATCH" in shown


def test_documents_are_wanted_where_a_folder_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "whampoa.cli.main", "demo", "--documents", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "holds no *.xml file" in done.stderr


def test_a_world_is_the_same_for_the_same_seed() -> None:
    def parcels(seed: int) -> list[Parcel]:
        return build(seed, 500).parcels

    assert parcels(3) == parcels(3)
    assert parcels(3) != parcels(4)


@pytest.mark.parametrize(
    "words",
    [
        ("documents", "--documents", "900", "--runs", "1"),
        ("allocate", "--trades", "600", "--merchants", "30", "--runs", "1"),
    ],
)
def test_benches_state_their_figures(words: tuple[str, ...]) -> None:
    found, _ = whampoa("bench", *words)
    assert found.keys() >= {
        "rows_per_second",
        "latency_ms",
        "durable",
        "syncs",
        "laws_ok",
        "rss_mb",
        "bytes_per_row",
        "environment",
    }
    assert (found["durable"], found["laws_ok"]) == (True, True)
    assert _number(found, "rows_per_second") > 0
    assert _number(found, "syncs") > 0


def test_a_bench_starts_a_killed_engine_without_a_snapshot_and_with_one() -> None:
    found, _ = whampoa("bench", "recover", "--transfers", "50000")
    assert (found["durable"], found["laws_ok"]) == (True, True)
    assert _number(found, "rows") > 50_000
    assert _number(found, "rows_per_second") > 0
    assert found.keys() >= {"rss_mb", "bytes_per_row", "environment"}
    for name in ("seconds_without_snapshot", "seconds_with_snapshot"):
        seconds = found[name]
        assert isinstance(seconds, float)
        assert seconds > 0


def write(path: Path, message: bytes) -> None:
    path.write_bytes(message)


def _number(found: dict[str, object], name: str) -> int:
    value = found[name]
    assert isinstance(value, int)
    return value
