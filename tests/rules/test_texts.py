"""Texts that stand in entries: no zero in them, and none too long for its entry to be read."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message

from tests.rules.scenario import Scenario
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.money.v1.money_pb2 import Rate


def rate_of(source: str) -> forex.PublishRateRequest:
    rate = Rate(base="USD", quote="CNY", rate_e8=712_345_678)
    return forex.PublishRateRequest(rate=rate, source=source)


@pytest.mark.parametrize("source", ["\0", "a\0b", "\0" * 2_000])
def test_a_zero_in_a_text_is_refused(field: Scenario, source: str) -> None:
    """A unit of zeros in a frame would pass for one that was never written."""
    reply = field.ask(rate_of(source))
    assert reply.refusal.field == "source"
    assert "FIELD_INVALID" in reply.refusal.message


def test_a_source_is_as_short_as_a_reference(field: Scenario) -> None:
    assert field.refused(rate_of("x" * 65)) == "FIELD_INVALID"
    assert field.refused(rate_of("x" * (17 << 20))) == "FIELD_INVALID"
    field.tell(rate_of("x" * 64))


def test_references_of_banks_are_short(field: Scenario) -> None:
    enterprise = field.enterprise("E")
    merchant = field.client("M", enterprise)
    money = field.receive(enterprise, 10_000)
    long = "B" * 65
    requests: list[Message] = [
        field.remittance(enterprise, 1, reference=long),
        forex.RecordChargeRequest(
            remittance_id=money.remittance_id, amount_minor=1, bank_reference=long
        ),
        forex.RecallRemittanceRequest(
            remittance_id=money.remittance_id, amount_minor=1, bank_reference=long
        ),
        clearing.ConfirmDebitRequest(payout_ids=[merchant.party_id], bank_reference=long),
    ]
    assert [field.refused(request) for request in requests] == ["FIELD_INVALID"] * 4
