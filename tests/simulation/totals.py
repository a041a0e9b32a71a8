"""What a run comes to, under names that another run of the same workload has too."""

from __future__ import annotations

from collections import defaultdict

from tests.simulation.workload import Workload

Totals = dict[str, int]


async def totals(acting: Workload) -> Totals:
    """Money by merchant and by remittance."""
    tables = await acting.people.tables()
    merchants = {acting.ids.company(it): it.number for it in acting.world.merchants}
    found: dict[str, int] = defaultdict(int)
    for trade in tables.get("trades", {}).values():
        merchant = merchants.get(trade["merchant_party_id"], 0)
        for word in ("declared_minor", "verified_minor", "used_minor", "clawback_minor"):
            found[f"merchant {merchant} {word}"] += trade[word] or 0
    for payout in tables.get("payouts", {}).values():
        if payout["state"] == "settled":
            merchant = merchants[payout["merchant_party_id"]]
            found[f"merchant {merchant} paid"] += payout["cny_minor"]
    for remittance in tables.get("remittances", {}).values():
        name = acting.paying.names.get(remittance["remittance_id"], "unnamed")
        for word, value in remittance.items():
            if word.endswith("_minor"):
                found[f"remittance {name} {word}"] += value
    return dict(sorted(found.items()))
