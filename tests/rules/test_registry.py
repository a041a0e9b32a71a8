"""The register: which parties and relations are taken, and that a code names one party only."""

from __future__ import annotations

from typing import Any

import pytest

from bench.documents import codes
from tests.rules.customs import Parcel
from tests.rules.parties import Party
from tests.rules.scenario import Scenario
from whampoa.registry.v1 import registry_service_pb2 as registry


def party_of(field: Scenario, **words: Any) -> registry.Party:
    """A merchant to be registered, with some words changed."""
    party = registry.Party(
        party_id=field.new_id(),
        uscc=codes.uscc(777),
        customs_codes=[codes.customs_code(777)],
        roles=[registry.ROLE_MERCHANT],
        name="M",
    )
    for name, value in words.items():
        if name in {"roles", "customs_codes"}:
            del getattr(party, name)[:]
            getattr(party, name).extend(value)
        else:
            setattr(party, name, value)
    return party


BAD_PARTIES: list[tuple[dict[str, Any], str]] = [
    ({"party_id": b"x"}, "FIELD_INVALID"),
    ({"party_id": b""}, "FIELD_MISSING"),
    ({"uscc": ""}, "FIELD_MISSING"),
    ({"uscc": codes.uscc(777)[:-1] + "I"}, "INVALID_USCC"),
    ({"uscc": codes.uscc(777)[:-2] + "00"}, "INVALID_USCC"),
    ({"uscc": codes.uscc(777).lower()}, "INVALID_USCC"),
    ({"roles": []}, "FIELD_MISSING"),
    ({"roles": [0]}, "FIELD_INVALID"),
    ({"roles": [99]}, "FIELD_INVALID"),
    ({"name": "  "}, "FIELD_MISSING"),
    ({"name": "M" * 201}, "FIELD_INVALID"),
    ({"refund_filing_date": 20260230}, "FIELD_INVALID"),
    ({"vat_class": 9}, "FIELD_INVALID"),
    # Neither the empty code of a document nor "NO" of an unregistered producer may name a party.
    ({"customs_codes": [""]}, "FIELD_INVALID"),
    ({"customs_codes": ["NO"]}, "FIELD_INVALID"),
    ({"customs_codes": ["44019607771"]}, "FIELD_INVALID"),
    ({"customs_codes": ["无无无无"]}, "FIELD_INVALID"),
    ({"customs_codes": [f"44019{number:05d}" for number in range(65)]}, "BATCH_TOO_LARGE"),
]


@pytest.mark.parametrize(("words", "reason"), BAD_PARTIES)
def test_bad_parties_are_refused(field: Scenario, words: dict[str, Any], reason: str) -> None:
    request = registry.RegisterPartiesRequest(parties=[party_of(field, **words)])
    assert field.refused(request) == reason
    assert field.rows("parties") == []


def test_a_party_without_a_credit_code_has_no_more_codes_than_others(field: Scenario) -> None:
    many = [f"44019{number:05d}" for number in range(65)]
    platform = party_of(field, uscc="", roles=[registry.ROLE_PLATFORM], customs_codes=many)
    request = registry.RegisterPartiesRequest(parties=[platform])
    assert field.refused(request) == "BATCH_TOO_LARGE"


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("kind", ["uscc", "customs_codes"])
def test_a_code_belongs_to_one_party(field: Scenario, kind: str, together: bool) -> None:
    one = party_of(field)
    other = party_of(field, uscc=codes.uscc(778), customs_codes=[codes.customs_code(778)])
    if kind == "uscc":
        other.uscc = one.uscc
    else:
        other.customs_codes[:] = one.customs_codes
    if together:
        request = registry.RegisterPartiesRequest(parties=[one, other])
    else:
        field.tell(registry.RegisterPartiesRequest(parties=[one]))
        request = registry.RegisterPartiesRequest(parties=[other])
    assert field.refused(request) == "PARTY_CODE_TAKEN"
    assert len(field.rows("parties")) == (0 if together else 1)


def test_a_party_is_registered_once(field: Scenario) -> None:
    party = party_of(field)
    for _ in range(2):
        field.tell(registry.RegisterPartiesRequest(parties=[party, party]))
    assert len(field.rows("parties")) == 1
    party.name = "Other"
    request = registry.RegisterPartiesRequest(parties=[party])
    assert field.refused(request) == "PARTY_EXISTS_DIFFERENT"


def test_every_code_of_a_party_finds_it(field: Scenario) -> None:
    second = codes.customs_code(778)
    party = party_of(field, customs_codes=[codes.customs_code(777), second])
    field.tell(registry.RegisterPartiesRequest(parties=[party]))
    for number, code in enumerate((party.uscc, *party.customs_codes)):
        trade = field.export(Parcel(f"{number}", code, code))
        assert trade.merchant_party_id == party.party_id, code


def relation_of(field: Scenario, **words: Any) -> registry.RegisterRelationsRequest:
    """A request for one relation between freshly registered parties."""
    names: dict[str, Party] = {
        "merchant": field.merchant("M"),
        "agent": field.agent("A"),
        "enterprise": field.enterprise("E"),
        "platform": field.platform("P"),
    }
    relation = registry.Relation(
        relation_id=field.new_id(),
        kind=words.get("kind", registry.RELATION_KIND_ENTRUSTS),
        from_party_id=names[words.get("of", "merchant")].party_id,
        prefix=words.get("prefix", ""),
        valid_from_ms=words.get("valid_from_ms", 0),
        valid_until_ms=words.get("valid_until_ms", 0),
    )
    if to := words.get("to", "agent"):
        relation.to_party_id = names[to].party_id
    return registry.RegisterRelationsRequest(relations=[relation])


SHOP, ITEM = registry.RELATION_KIND_SHOP, registry.RELATION_KIND_ITEM
SERVED_BY = registry.RELATION_KIND_SERVED_BY


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"kind": 0}, "FIELD_INVALID"),
        ({"of": "agent"}, "WRONG_ROLE"),
        ({"to": "platform"}, "WRONG_ROLE"),
        ({"to": ""}, "FIELD_MISSING"),
        ({"prefix": "S1"}, "FIELD_INVALID"),
        ({"kind": SHOP, "to": "agent", "prefix": "S1"}, "WRONG_ROLE"),
        ({"kind": SHOP, "to": "platform", "prefix": "S" * 99}, "FIELD_INVALID"),
        ({"kind": ITEM, "to": "platform"}, "FIELD_MISSING"),
        ({"kind": SERVED_BY, "to": "agent"}, "WRONG_ROLE"),
        ({"valid_from_ms": 2, "valid_until_ms": 2}, "FIELD_INVALID"),
    ],
)
def test_bad_relations_are_refused(field: Scenario, words: dict[str, Any], reason: str) -> None:
    assert field.refused(relation_of(field, **words)) == reason


def test_a_relation_is_registered_once_and_ended_once(field: Scenario) -> None:
    request = relation_of(field)
    field.tell(request)
    request.request_id = b""
    field.tell(request)
    request.request_id = b""
    request.relations[0].valid_until_ms = 9
    assert field.refused(request) == "FIELD_INVALID"
    relation_id = request.relations[0].relation_id
    field.end_relation(relation_id)
    again = registry.EndRelationRequest(relation_id=relation_id)
    assert field.refused(again) == "UNKNOWN_RELATION"
