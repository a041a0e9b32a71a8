"""Files of parties: TOML and JSON say the same; what is wrong is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from whampoa.cli.output import Failure
from whampoa.cli.party_file import read
from whampoa.registry.v1 import registry_service_pb2 as registry

TOML = """
[[party]]
party_id = "01a2124041d373dea1b1ce91a201dbe9"
name = "穗灯"
uscc = "91350100M000100Y43"
roles = ["merchant", "service-enterprise"]
vat_class = "general"
customs_codes = ["4401960001"]
refund_filing_date = 20200101

[party.payee]
account_no = "6222"
account_name = "穗灯"
bank_code = "10300000000002"

[[party]]
name = "officer-1"
roles = ["ROLE_OFFICER"]

[[relation]]
kind = "served-by"
from_party_id = "91350100M000100Y43"
to_party_id = "91440101MA59ABCD11"

[[grant]]
grantor_party_id = "91350100M000100Y43"
grantee_party_id = "02a2124041d373dea1b1ce91a201dbe9"
purpose = "forex-settlement"
policy_sha256 = "00ff"
"""
REGISTERED = bytes(range(16))


def find(uscc: str) -> bytes:
    """Give the one party that is registered already."""
    assert uscc == "91440101MA59ABCD11"
    return REGISTERED


def test_toml_and_json_are_read(tmp_path: Path) -> None:
    file = tmp_path / "parties.toml"
    file.write_text(TOML, "utf-8")
    told = read(file, find)
    first, second = told.parties
    assert first.party_id.hex() == "01a2124041d373dea1b1ce91a201dbe9"
    assert list(first.roles) == [registry.ROLE_MERCHANT, registry.ROLE_SERVICE_ENTERPRISE]
    assert first.vat_class == registry.VAT_CLASS_GENERAL
    assert (first.payee.bank_code, first.refund_filing_date) == ("10300000000002", 20200101)
    assert len(second.party_id) == 16
    (relation,) = told.relations
    assert relation.kind == registry.RELATION_KIND_SERVED_BY
    assert (relation.from_party_id, relation.to_party_id) == (first.party_id, REGISTERED)
    (grant,) = told.grants
    assert grant.purpose == registry.PURPOSE_FOREX_SETTLEMENT
    assert grant.grantee_party_id.hex() == "02a2124041d373dea1b1ce91a201dbe9"
    assert grant.policy_sha256 == b"\x00\xff"
    assert len({relation.relation_id, grant.grant_id, second.party_id}) == 3
    listed = tmp_path / "parties.json"
    listed.write_text('{"party": [{"name": "officer-1", "roles": ["officer"]}]}', "utf-8")
    (one,) = read(listed, find).parties
    assert (one.name, list(one.roles)) == ("officer-1", [registry.ROLE_OFFICER])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "tables of party, relation, grant are wanted"),
        ("[[", "parties.toml: "),
        ("party = 1", "party: a list is wanted"),
        ("party = [1]", r"party\[0\]: a table of fields is wanted"),
        ("shop = 1", "shop: is none of party, relation, grant"),
        ("[[party]]\ncrown = 1", r"party\[0\].*crown"),
        ("[[party]]\nroles = ['king']", r"party\[0\].*roles"),
        ("[[party]]\nname = 7", r"party\[0\].*name"),
        ("[[party]]\nparty_id = 'xy'", r"party\[0\].party_id: hex digits"),
        ("[[grant]]\npurpose = 'fun'", r"grant\[0\].*purpose"),
        ("[[relation]]\nfrom_party_id = 7.5", r"relation\[0\].from_party_id: hex digits"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "parties.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(Failure, match=said):
        read(file, find)


def test_the_example_of_the_documentation_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/operations.md").read_text("utf-8")
    file = tmp_path / "example.toml"
    file.write_text(text.partition("```toml\n")[2].partition("```")[0], "utf-8")
    told = read(file, find)
    assert (len(told.parties), len(told.relations), len(told.grants)) == (3, 1, 1)


def test_a_missing_file_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="No such file"):
        read(tmp_path / "parties.toml", find)
