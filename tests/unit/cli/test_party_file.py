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
"""


def test_toml_and_json_are_read(tmp_path: Path) -> None:
    file = tmp_path / "parties.toml"
    file.write_text(TOML, "utf-8")
    first, second = read(file)
    assert first.party_id.hex() == "01a2124041d373dea1b1ce91a201dbe9"
    assert list(first.roles) == [registry.ROLE_MERCHANT, registry.ROLE_SERVICE_ENTERPRISE]
    assert first.vat_class == registry.VAT_CLASS_GENERAL
    assert (first.payee.bank_code, first.refund_filing_date) == ("10300000000002", 20200101)
    assert len(second.party_id) == 16
    listed = tmp_path / "parties.json"
    listed.write_text('[{"name": "officer-1", "roles": ["officer"]}]', "utf-8")
    (one,) = read(listed)
    assert (one.name, list(one.roles)) == ("officer-1", [registry.ROLE_OFFICER])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a list of parties is wanted"),
        ("[[", "parties.toml: "),
        ("party = 1", "a list of parties is wanted"),
        ("party = [1]", r"party\[0\]: a table of fields is wanted"),
        ("relation = 1", "relation: only `party` may stand here"),
        ("[[party]]\ncrown = 1", r"party\[0\].*crown"),
        ("[[party]]\nroles = ['king']", r"party\[0\].*roles"),
        ("[[party]]\nname = 7", r"party\[0\].*name"),
        ("[[party]]\nparty_id = 'ab'", r"party\[0\].party_id: 32 hex digits"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "parties.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(Failure, match=said):
        read(file)


def test_a_missing_file_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="No such file"):
        read(tmp_path / "parties.toml")
