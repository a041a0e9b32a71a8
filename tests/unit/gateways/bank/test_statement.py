"""Statements: golden, adding up, numbered without holes, and all of a day's entries in them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateways.bank import closing, profile
from gateways.bank.entry import Account, Kind, Movement
from gateways.bank.statement import Series, Statement
from tests.unit.gateways.bank import judge
from tests.unit.gateways.bank.conftest import ENTERPRISE, NOW_MS, Branch, plain

Golden = Callable[[str], bytes]
FOREIGN = Account(ENTERPRISE, "USD", "FTN4401")


def statement(number: int = 3, opening: int = 6_000) -> Statement:
    recall = Movement(
        Kind.RECALL, FOREIGN, 10_005, "B202611240000000002", NOW_MS + 877, "2026-11-24"
    )
    return Statement(number, NOW_MS + 1_877, FOREIGN, opening, opening - 10_005, (recall,))


def told(branch: Branch) -> list[Statement]:
    """Give the statements that the bank sent."""
    found = [message for kind, message in branch.letters if kind == profile.STATEMENT]
    for message in found:
        judge.check(message, profile.STATEMENT)
    return [Statement.parse(message) for message in found]


def test_statement_is_golden(golden: Golden) -> None:
    written = statement().write()
    assert plain(written) == plain(golden("statement.camt.053.xml"))
    assert Statement.parse(golden("statement.camt.053.xml")) == statement()
    judge.check(written, profile.STATEMENT)


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        (">40.05<", ">40.06<", "entries lead to -4005"),
        ("OPBD", "PRCD", "OPBD and CLBD wanted"),
        ("<ElctrncSeqNb>3", "<ElctrncSeqNb>x", "ElctrncSeqNb"),
        ("<CdtDbtInd>CRDT</CdtDbtInd>", "<CdtDbtInd>BOTH</CdtDbtInd>", "CdtDbtInd"),
    ],
)
def test_a_broken_statement_is_refused(golden: Golden, before: str, after: str, field: str) -> None:
    message = golden("statement.camt.053.xml").decode()
    assert before in message
    with pytest.raises(ValueError, match=field):
        Statement.parse(message.replace(before, after, 1).encode())


def test_a_hole_in_the_series_is_found() -> None:
    series = Series()
    assert series.add(statement(3)) == ""
    assert series.add(statement(3)) == ""
    assert series.add(statement(4, opening=-4_005)) == ""
    assert "opens with 1, the one before closed with -14010" in series.add(statement(5, opening=1))
    assert "follows number 5: statements between are missing" in series.add(statement(7))
    assert series.add(statement(8, opening=-4_005)) == ""


def test_days_are_closed(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "ENTRIES_MAX", 2)
    one = branch.remit(10_000)
    branch.sell(1, one, 4_000)
    branch.instruct("charge", remittance=one, amount_minor="7")
    assert branch.instruct("close_day") == "statements 3"
    assert branch.instruct("close_day") == "statements 0"
    branch.remit(500)
    assert branch.instruct("close_day") == "statements 1"
    days = told(branch)
    assert [
        (it.account.currency, it.number, it.opening_minor, it.closing_minor) for it in days
    ] == [
        ("CNY", 1, 0, 28_494),
        ("USD", 1, 0, 6_000),
        ("USD", 2, 6_000, 5_993),
        ("USD", 3, 5_993, 6_493),
    ]
    series = Series()
    assert [series.add(it) for it in days] == [""] * 4
    rows, _ = branch.bank.rows("statement", 0, 0)
    assert {row["reference"] for row in rows} == {
        it.reference for day in days for it in day.movements
    }
