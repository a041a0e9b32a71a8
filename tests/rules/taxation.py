"""What the tax tests export: one kind of goods on one day, and how a label is read."""

from __future__ import annotations

from types import SimpleNamespace

from tests.rules.customs import Parcel
from tests.rules.parties import Party
from tests.rules.scenario import Scenario

TSHIRT = "6109100010"
E = 20260801
LIBRARY = (TSHIRT, 1300, 0, 20200101, 0)
AMOUNT = 500_000


def parcel_of(merchant: Party, order_no: str = "1", **words: object) -> Parcel:
    """What a merchant exports on day E for itself."""
    return Parcel(order_no, merchant.code, merchant.code, export_date=E).but(**words)


def labelled(
    field: Scenario,
    parcel: Parcel,
    *,
    departs: bool = True,
) -> SimpleNamespace:
    """The item of a parcel that was exported."""
    field.export(parcel)
    if departs:
        field.depart(parcel)
    return field.item(parcel)


def of(item: SimpleNamespace) -> tuple[str, str]:
    return item.regime, item.database


def missing(item: SimpleNamespace) -> set[str]:
    return set(filter(None, item.missing_conditions.split(",")))
