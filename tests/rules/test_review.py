"""Review: every rule with its outcome and reason, what waits, and what two officers make of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.customs import CNY, Line, Parcel
from tests.rules.parties import Party
from tests.rules.scenario import CNY_USD, Scenario, outcome, reasons
from whampoa.risk.v1 import risk_service_pb2 as risk

OPEN = 10_000
BANK = "spiffe://whampoa/gateway/bank"
OLGA, OTTO = "spiffe://whampoa/officer/olga", "spiffe://whampoa/officer/otto"


def with_open_value(field: Scenario, **facts: Any) -> tuple[Party, Party]:
    """A service enterprise and its one merchant, who has USD 100 open."""
    enterprise = field.enterprise("E", **facts)
    merchant = field.client("M", enterprise)
    field.export(Parcel("1", merchant.code, merchant.code))
    return enterprise, merchant


def judged(field: Scenario, enterprise: Party, amount: int = OPEN, **facts: Any) -> Any:
    """Outcome and reasons of a remittance that comes."""
    reply = field.tell(field.remittance(enterprise, amount, **facts), BANK)
    return outcome(reply), reasons(reply)


def test_money_within_the_open_value_passes(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    assert judged(field, enterprise) == ("PASS", set())
    (money,) = field.rows("remittances")
    assert (money.review_outcome, money.review_state) == ("pass", "passed")
    assert field.allocate(money).allocated_minor == OPEN


def test_one_bank_reference_twice_is_duplicate_use(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    assert judged(field, enterprise, 5_000, reference="R1") == ("PASS", set())
    assert judged(field, enterprise, 5_000, reference="R1") == ("STOP", {"DUPLICATE_USE"})
    assert judged(field, enterprise, 5_000, reference="R2") == ("PASS", set())


def test_value_used_before_is_not_open_again(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    field.allocate(field.receive(enterprise, OPEN))
    assert judged(field, enterprise, 1) == ("SAMPLE", {"VALUE_CAP"})


def test_more_than_the_open_value_is_told_and_stays_in_suspense(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    assert judged(field, enterprise, OPEN + 1) == ("SAMPLE", {"VALUE_CAP"})
    (money,) = field.rows("remittances")
    assert field.allocate(money).suspense_minor == 1


def test_open_value_in_another_currency_counts_at_the_published_rate(field: Scenario) -> None:
    enterprise = field.enterprise("E")
    merchant = field.client("M", enterprise)
    field.export(Parcel("1", merchant.code, merchant.code, lines=(Line(currency=CNY),)))
    assert judged(field, enterprise, 1_404) == ("SAMPLE", {"VALUE_CAP"})
    field.publish("CNY", "USD", CNY_USD)
    assert judged(field, enterprise, 1_404) == ("PASS", set())
    assert judged(field, enterprise, 1_405) == ("SAMPLE", {"VALUE_CAP"})


def test_a_suspected_merchant_with_open_value_stops_the_money(field: Scenario) -> None:
    enterprise, merchant = with_open_value(field)
    idle = field.client("Idle", enterprise)
    field.rules(suspected_party_ids=[idle.party_id])
    assert judged(field, enterprise, 1_000) == ("PASS", set())
    field.rules(suspected_party_ids=[merchant.party_id])
    assert judged(field, enterprise, 1_000) == ("STOP", {"ENTITY_MISMATCH"})
    field.rules()
    assert judged(field, enterprise, 1_000) == ("PASS", set())


def test_one_bank_reference_for_two_enterprises_is_duplicate_use(field: Scenario) -> None:
    first, _ = with_open_value(field)
    second = field.enterprise("Other")
    other = field.client("N", second)
    field.export(Parcel("2", other.code, other.code))
    assert judged(field, first, 1, reference="R1") == ("PASS", set())
    assert judged(field, second, 1, reference="R1") == ("STOP", {"DUPLICATE_USE"})
    assert judged(field, second, 1, reference="R2") == ("PASS", set())


def disputed(field: Scenario, merchant: Party, cents: int) -> Parcel:
    """A parcel of a merchant whom another merchant's list claims to own."""
    other = field.merchant("Claimant")
    field.own_items(merchant, "D-1")
    goods = (Line(item_no="D-1", cents=cents),)
    parcel = Parcel("D", merchant.code, merchant.code, owner=other.code, lines=goods)
    field.export(parcel)
    assert field.trade(parcel).state == "disputed"
    return parcel


@pytest.mark.parametrize(
    ("cents", "limit_bp", "expected"),
    [
        (1_111, 0, ("PASS", set())),  # 9.999 % of all that is declared
        (1_112, 0, ("EXAMINE", {"ENTITY_MISMATCH"})),
        (1_112, 1_001, ("PASS", set())),
        (1_112, 1_000, ("EXAMINE", {"ENTITY_MISMATCH"})),
        (10_000, 5_000, ("PASS", set())),
        (10_000, 4_999, ("EXAMINE", {"ENTITY_MISMATCH"})),
        (90_000, 10_000, ("PASS", set())),
    ],
)
def test_too_much_declared_value_in_dispute_is_examined(
    field: Scenario, cents: int, limit_bp: int, expected: tuple[str, set[str]]
) -> None:
    enterprise, merchant = with_open_value(field)
    disputed(field, merchant, cents)
    field.rules(disputed_share_max_bp=limit_bp)
    field.rules()  # zero leaves the share as it is
    assert judged(field, enterprise, 1_000) == expected


def test_a_settled_dispute_counts_no_more_and_others_never_did(field: Scenario) -> None:
    enterprise, merchant = with_open_value(field)
    other = field.enterprise("Other")
    theirs = field.client("N", other)
    field.export(Parcel("2", theirs.code, theirs.code))
    parcel = disputed(field, merchant, 5_000)
    assert judged(field, other, 1_000) == ("PASS", set())
    assert judged(field, enterprise, 1_000) == ("EXAMINE", {"ENTITY_MISMATCH"})
    field.settle(field.trade(parcel), merchant)
    assert judged(field, enterprise, 1_000) == ("PASS", set())


def test_disputes_in_another_currency_weigh_by_the_published_rate(field: Scenario) -> None:
    enterprise, merchant = with_open_value(field)
    field.own_items(merchant, "D-1")
    goods = (Line(item_no="D-1", cents=20_000, currency=CNY),)
    claimant = field.merchant("Claimant")
    field.export(Parcel("D", merchant.code, merchant.code, owner=claimant.code, lines=goods))
    assert judged(field, enterprise, 1_000) == ("PASS", set())
    field.publish("CNY", "USD", CNY_USD)
    assert judged(field, enterprise, 1_000) == ("EXAMINE", {"ENTITY_MISMATCH"})


def test_a_sanctioned_enterprise_stops_the_money(field: Scenario) -> None:
    enterprise, _ = with_open_value(field, sanctioned=True)
    assert judged(field, enterprise) == ("STOP", {"SANCTIONED_PARTY"})


def test_a_sanctioned_merchant_gets_nothing_of_it(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    named = field.merchant("Named", sanctioned=True)
    field.serve(named, enterprise)
    field.grant(named, enterprise)
    field.export(Parcel("2", named.code, named.code))
    reply = field.allocate(field.receive(enterprise, 2 * OPEN))
    assert (reply.allocated_minor, reply.merchants, reply.suspense_minor) == (OPEN, 1, OPEN)


@pytest.mark.parametrize("lacking", ["merchants", "payer"])
def test_a_missing_party_stops_the_money(field: Scenario, lacking: str) -> None:
    enterprise = field.enterprise("E") if lacking == "merchants" else with_open_value(field)[0]
    payer = " " if lacking == "payer" else "Payer"
    kind, why = judged(field, enterprise, payer=payer)
    assert kind == "STOP"
    assert "MISSING_PARTY" in why


def test_too_many_in_a_day_are_examined(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    other = field.enterprise("Other")
    field.client("N", other)
    field.rules(velocity_count_max=2)
    field.rules()  # zero leaves the count as it is
    results = [judged(field, enterprise, 1)[0] for _ in range(3)]
    assert results == ["PASS", "PASS", "EXAMINE"]
    assert "VELOCITY" not in judged(field, other, 1)[1]
    field.later(hours=24)
    assert judged(field, enterprise, 1) == ("PASS", set())


def test_payers_from_examined_countries(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    field.rules(examined_countries=["PRK", "IRN"])
    assert judged(field, enterprise, 1, country="IRN") == ("EXAMINE", {"PAYER_COUNTRY"})
    assert judged(field, enterprise, 1, country="DEU") == ("PASS", set())


def test_charges_on_the_way_above_two_percent_are_a_short_receipt(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    assert judged(field, enterprise, 9_800, charges=200) == ("PASS", set())
    assert judged(field, enterprise, 9_799, charges=201) == ("SAMPLE", {"SHORT_RECEIPT"})


def test_samples_are_drawn_by_the_id_alone(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    field.rules(sample_one_in=1)
    assert judged(field, enterprise, 1) == ("SAMPLE", set())
    field.rules(sample_one_in=2)
    for _ in range(8):
        request = field.remittance(enterprise, 1)
        is_even = request.remittance.remittance_id[-1] % 2 == 0
        assert outcome(field.tell(request, BANK)) == ("SAMPLE" if is_even else "PASS")


def test_the_gravest_outcome_stands_and_every_reason_is_told(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    field.rules(examined_countries=["IRN"])
    judged(field, enterprise, 1, reference="R1")
    facts = {"reference": "R1", "country": "IRN", "charges": 5_000}
    kind, why = judged(field, enterprise, 2 * OPEN, **facts)
    assert kind == "STOP"
    assert why == {"DUPLICATE_USE", "PAYER_COUNTRY", "VALUE_CAP", "SHORT_RECEIPT"}
    told = set(field.rows("remittances")[-1].review_reasons.split(","))
    assert told == {name.lower() for name in why}


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"examined_countries": ["ir"]}, "FIELD_INVALID"),
        ({"examined_countries": ["Irn"]}, "FIELD_INVALID"),
        ({"examined_countries": ["IRN"] * 1_001}, "BATCH_TOO_LARGE"),
        ({"suspected_party_ids": [b"12"]}, "FIELD_INVALID"),
        ({"disputed_share_max_bp": 10_001}, "FIELD_INVALID"),
    ],
)
def test_bad_parameters_are_refused(
    field: Scenario, parameters: dict[str, Any], reason: str
) -> None:
    assert field.refused(risk.SetReviewRulesRequest(**parameters)) == reason
    unknown = risk.SetReviewRulesRequest(suspected_party_ids=[field.new_id()])
    assert field.refused(unknown) == "UNKNOWN_PARTY"


def stopped(field: Scenario) -> Any:
    """A remittance that waits for officers."""
    enterprise, _ = with_open_value(field)
    field.rules(examined_countries=["IRN"])
    return field.receive(enterprise, OPEN, country="IRN")


def test_what_waits_is_neither_shared_nor_converted(field: Scenario) -> None:
    money = stopped(field)
    assert field.status().reviews_waiting == 1
    assert field.refused(field.allocation(money)) == "REVIEW_PENDING"
    assert field.refused(field.conversion(money)) == "EXCEEDS_ALLOCATED"
    assert field.refused(field.returning(money, OPEN)) == "REVIEW_PENDING"
    first = field.officer("Olga")
    field.tell(field.clearing_of(money, first), OLGA)
    assert field.money(money.remittance_id).review_state == "proposed"
    assert field.refused(field.allocation(money)) == "REVIEW_PENDING"
    assert field.refused(field.conversion(money)) == "EXCEEDS_ALLOCATED"
    assert field.refused(field.returning(money, OPEN)) == "REVIEW_PENDING"
    assert field.refused(field.returning(money, 0)) == "INVALID_AMOUNT"
    assert field.status().reviews_waiting == 1
    assert field.money(money.remittance_id).suspense_minor == OPEN


def test_two_officers_with_two_certificates_clear(field: Scenario) -> None:
    money = stopped(field)
    olga, otto = field.officer("Olga"), field.officer("Otto")
    field.tell(field.clearing_of(money, olga), OLGA)
    assert field.refused(field.clearing_of(money, olga), OLGA) == "SAME_OFFICER"
    assert field.refused(field.clearing_of(money, olga), OTTO) == "SAME_OFFICER"
    assert field.refused(field.clearing_of(money, otto), OLGA) == "SAME_OFFICER"
    field.tell(field.clearing_of(money, otto), OTTO)
    assert field.money(money.remittance_id).review_state == "cleared"
    assert field.status().reviews_waiting == 0
    field.return_suspense(money, 1_000)
    assert field.allocate(money).allocated_minor == OPEN - 1_000
    assert field.refused(field.clearing_of(money, otto), OTTO) == "NOT_UNDER_REVIEW"


def test_what_is_rejected_stays_in_suspense_to_be_returned(field: Scenario) -> None:
    money = stopped(field)
    olga, otto = field.officer("Olga"), field.officer("Otto")
    field.tell(field.rejection_of(money, olga), OLGA)
    field.tell(field.rejection_of(money, otto), OTTO)
    after = field.money(money.remittance_id)
    assert (after.review_state, after.suspense_minor) == ("rejected", OPEN)
    assert field.refused(field.allocation(money)) == "REVIEW_REJECTED"
    assert field.refused(field.clearing_of(money, otto), OTTO) == "NOT_UNDER_REVIEW"
    field.return_suspense(money, OPEN)
    after = field.money(money.remittance_id)
    assert (after.suspense_minor, after.returned_minor) == (0, OPEN)


def test_who_wants_the_contrary_proposes_that_instead(field: Scenario) -> None:
    money = stopped(field)
    olga, otto = field.officer("Olga"), field.officer("Otto")
    field.tell(field.clearing_of(money, olga), OLGA)
    field.tell(field.rejection_of(money, otto), OTTO)
    assert field.money(money.remittance_id).review_state == "proposed"
    assert field.refused(field.rejection_of(money, otto), OTTO) == "SAME_OFFICER"
    field.tell(field.rejection_of(money, olga), OLGA)
    assert field.money(money.remittance_id).review_state == "rejected"


def test_only_officers_decide_and_with_a_reason(field: Scenario) -> None:
    money = stopped(field)
    clerk, olga = field.agent("Clerk"), field.officer("Olga")
    assert field.refused(field.clearing_of(money, clerk), OLGA) == "WRONG_ROLE"
    wordless = field.clearing_of(money, olga)
    wordless.reason = ""
    assert field.refused(wordless, OLGA) == "FIELD_MISSING"
    unknown = field.clearing_of(money, olga)
    unknown.subject_id = field.new_id()
    assert field.refused(unknown, OLGA) == "UNKNOWN_REMITTANCE"
    assert field.money(money.remittance_id).review_state == "waiting"


def test_what_passed_is_not_decided_on(field: Scenario) -> None:
    enterprise, _ = with_open_value(field)
    money = field.receive(enterprise, OPEN)
    request = field.rejection_of(money, field.officer("Olga"))
    assert field.refused(request, OLGA) == "NOT_UNDER_REVIEW"
    field.return_suspense(money, 1_000)
    assert field.refused(field.returning(money, OPEN)) == "EXCEEDS_SUSPENSE"
