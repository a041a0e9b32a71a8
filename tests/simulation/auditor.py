"""Holds all books against each other once a run is quiet: engine, bank, clearing, SAFE, customs."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import Any

from tests.simulation.corridor import Corridor
from tests.simulation.engine import Engine, Tables
from tests.simulation.judge import Broken, Judge
from tests.simulation.workload import Workload
from whampoa.evidence.v1.evidence_service_pb2 import GetStatusResponse
from whampoa.query.v1.query_service_pb2 import ListAccountsResponse

# Where a payout stands: at the engine, at the bank, at the clearing system (nowhere is empty).
_PAYOUTS = {
    ("settled", "debited", "settled"),
    ("returned", "returned", "returned"),
    ("rejected", "returned", "rejected"),
    ("rejected", "refused", ""),
}
_RELEASED = frozenset({"800", "899"})
_ACCOUNTS_MAX = 1_000


async def audit(corridor: Corridor, acting: Workload, judge: Judge) -> None:
    """Raises `Broken` with what does not agree."""
    tables = await acting.people.tables()
    people = acting.people
    core = corridor.engine.core
    assert core is not None
    status = GetStatusResponse.FromString(core.status(True))
    found = [f"law {it.number} is broken: {it.text}" for it in status.laws if not it.holds]
    accounts = ListAccountsResponse.FromString(core.accounts(b"", 0, _ACCOUNTS_MAX)).accounts
    found += _remittances(tables)
    found += _trades(tables)
    found += _bank_money(tables, accounts, await people.bank.totals("accounts"))
    found += _conversions(tables, await people.bank.rows("conversions"))
    bank, clearing = await people.bank.rows("payouts"), await people.pboc.rows("payments")
    found += _payouts(tables, bank, clearing)
    found += _merchants(acting, tables, accounts, await people.bank.rows("conversions"))
    found += _safe(tables, await people.safe.rows("records"))
    unbalanced = (await people.safe.totals("records"))["unbalanced"]
    found += [f"{unbalanced} actual records are not balanced at SAFE"] * bool(unbalanced)
    found += _customs(tables, await people.customs.rows("lists"))
    found += _tax(tables)
    judge.keeps(core)
    judge.check()
    if found:
        raise Broken("; ".join(found[:8]))


def _remittances(tables: Tables) -> list[str]:
    """Law 3, of every remittance as its view shows it."""
    found = []
    for it in tables.get("remittances", {}).values():
        parts = ("allocated_minor", "suspense_minor", "returned_minor", "charges_after_minor")
        if it["credited_minor"] != sum(it[part] for part in parts):
            found.append(f"remittance {it['remittance_id'].hex()}: {it} does not add up")
        if not 0 <= it["converted_minor"] <= it["credited_minor"]:
            found.append(f"remittance {it['remittance_id'].hex()}: {it} converted too much")
    return found


def _trades(tables: Tables) -> list[str]:
    """Law 2, of every trade."""
    return [
        f"trade {it['order_no']}: {it} breaks law 2"
        for it in tables.get("trades", {}).values()
        if not 0 <= it["used_minor"] <= it["verified_minor"] + it["clawback_minor"]
        or it["verified_minor"] > it["declared_minor"]
    ]


def _bank_money(tables: Tables, accounts: Any, totals: dict[str, int]) -> list[str]:
    """What the bank booked, and what the engine knows of it."""
    remittances = tables.get("remittances", {}).values()
    balances: Counter[str] = Counter()
    for it in accounts:
        balances[it.kind] += it.debits_posted_minor - it.credits_posted_minor
    pairs = (
        ("USD credited", "credited:USD", sum(it["credited_minor"] for it in remittances)),
        ("USD sold", "sold:USD", sum(it["converted_minor"] for it in remittances)),
        ("USD balance", "balance:USD", balances["service_bank_foreign"]),
        ("CNY balance", "balance:CNY", balances["service_bank_cny"]),
        ("CNY that payouts wait for", "waiting:CNY", 0),
    )
    return [
        f"{what}: {totals.get(word, 0)} at the bank, {ours} in the engine"
        for what, word, ours in pairs
        if totals.get(word, 0) != ours
    ]


def _conversions(tables: Tables, rows: list[dict[str, str]]) -> list[str]:
    """Each remittance's sold money."""
    sold: Counter[str] = Counter()
    for row in rows:
        if row["state"] == "booked":
            sold[row["remittance_id"]] += int(row["amount_minor"])
    return [
        f"remittance {key.hex()}: {sold[key.hex()]} sold, {it['converted_minor']} converted"
        for key, it in tables.get("remittances", {}).items()
        if sold[key.hex()] != it["converted_minor"]
    ]


def _payouts(
    tables: Tables, bank: list[dict[str, str]], clearing: list[dict[str, str]]
) -> list[str]:
    """Law 5: each payout stands in three books, with one amount and one end."""
    at_bank = {row["payment_id"]: row for row in bank}
    at_clearing = {row["payout_id"]: row for row in clearing}
    ours = {key.hex(): it for key, it in tables.get("payouts", {}).items()}
    strangers = (at_bank.keys() | at_clearing.keys()) - ours.keys()
    found = [f"payout {it} is unknown to the engine" for it in sorted(strangers)]
    for key, it in ours.items():
        theirs, cleared = at_bank.get(key, {}), at_clearing.get(key, {})
        place = (it["state"], theirs.get("state", ""), cleared.get("state", ""))
        if place not in _PAYOUTS:
            found.append(f"payout {key} is {place}")
        amounts = {str(it["cny_minor"]), *(row["amount_minor"] for row in (theirs, cleared) if row)}
        if len(amounts) != 1:
            found.append(f"payout {key} has amounts {sorted(amounts)}")
    return found


def _merchants(
    acting: Workload, tables: Tables, accounts: Any, conversions: list[dict[str, str]]
) -> list[str]:
    """What was bought is with the merchants or waits for them, to the fen."""
    bought = sum(int(it["cny_minor"]) for it in conversions if it["state"] == "booked")
    paid = sum(
        it["cny_minor"] for it in tables.get("payouts", {}).values() if it["state"] == "settled"
    )
    held = sum(
        it.credits_posted_minor - it.debits_posted_minor
        for it in accounts
        if it.kind == "service_bank_cny"
    )
    if bought != paid - held:
        return [f"CNY bought {bought}, paid {paid}, held {-held}"]
    return []


def _safe(tables: Tables, rows: list[dict[str, str]]) -> list[str]:
    """Each record: the same kind, amount and state on both sides."""
    theirs = {row["rptno"]: row for row in rows}
    found = []
    ours = tables.get("bop_records", {})
    found += [f"record {it} is unknown to the engine" for it in sorted(theirs.keys() - ours.keys())]
    parts: dict[bytes, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for rptno, it in ours.items():
        row = theirs.get(rptno)
        if it["state"] not in {"accepted", "deleted"}:
            found.append(f"record {rptno} is {it['state']}")
        if it["state"] == "deleted":
            if row is not None and row["state"] == "live":
                found.append(f"record {rptno} is deleted and lives at SAFE")
            continue
        wanted = (it["kind"], it["currency"], str(it["amount"]), "live")
        if row is None or (row["kind"], row["currency"], row["amount"], row["state"]) != wanted:
            found.append(f"record {rptno}: {wanted} in the engine, {row} at SAFE")
        side = "actual" if it["kind"] == "actual" else "restored"
        parts[it["remittance_id"]][side] += it["amount"]
        if it["amount"] < 1:
            found.append(f"record {rptno} has amount {it['amount']}")
    found += [
        f"remittance {key.hex()}: records {dict(it)} do not balance"
        for key, it in parts.items()
        if it["actual"] != it["restored"]
    ]
    return found


def _customs(tables: Tables, rows: list[dict[str, str]]) -> list[str]:
    """Each order that customs released is a released trade, and the other way round."""
    theirs = {
        row["order_no"] for row in rows if row["status"] in _RELEASED and row["withdrawn"] == "0"
    }
    ours = {
        it["order_no"]
        for it in tables.get("trades", {}).values()
        # What a withdrawn list proved of a merchant leaves a trade without value.
        if it["state"] in {"released", "closed"} and it["declared_minor"]
    }
    return [f"order {it} is released on one side only" for it in sorted(theirs ^ ours)]


def _tax(tables: Tables) -> list[str]:
    """Law 7: an item stands in one database."""
    seen = Counter(
        (it["trade_id"], it["item_id"])
        for it in tables.get("tax_items", {}).values()
        if it["database"] not in {"", "none"}
    )
    return [
        f"item {key[1].hex()} stands in {count} databases"
        for key, count in seen.items()
        if count > 1
    ]


def replayed(engine: Engine, judge: Judge) -> tuple[str, int]:
    """Opens the closed journal again: the same state, the same replies."""
    before = engine.final_hash
    core = engine.open()
    status = GetStatusResponse.FromString(core.status(True))
    if status.state_hash != before:
        raise Broken(f"state hash {before} is {status.state_hash} after a replay")
    judge.keeps(core)
    judge.asked_again(core, time.time_ns() // 1_000_000)
    judge.check()
    again = GetStatusResponse.FromString(core.status(True))
    if again.state_hash != before:
        raise Broken("requests that were sent again changed the state")
    core.close()
    return before, status.entries
