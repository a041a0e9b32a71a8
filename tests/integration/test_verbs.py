"""The operator's verbs against a real engine: one small corridor, every verb, the refusals."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess, accepted
from tests.integration.verb import done, told
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import uuid7
from whampoa.money.v1.money_pb2 import Rate
from whampoa.proof import check
from whampoa.registry.v1 import registry_service_pb2 as registry
from whampoa.risk.v1 import risk_service_pb2 as risk

ORDERS, PRICE_MINOR = 6, 1_000
CREDITED_MINOR = 10_000
OFFICERS = """
[[party]]
name = "officer-1"
roles = ["officer"]

[[party]]
name = "officer-2"
roles = ["officer"]
"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """Give an engine whose configuration says where it listens."""
    it = EngineProcess(tmp_path_factory.mktemp("verbs") / "data").start()
    config = it.data_dir / "config.toml"
    config.write_text(config.read_text("utf-8").replace("127.0.0.1:0", it.address), "utf-8")
    yield it
    if it.returncode is None:
        assert it.stop() == 0, it.said[-5:]


@pytest.fixture(scope="module")
def story(engine: EngineProcess) -> SimpleNamespace:
    """Give released trades, a remittance of more than they are worth, and two officers."""
    corridor = Corridor(engine, merchants=2, first=1)
    corridor.release(range(ORDERS), PRICE_MINOR)
    examined = risk.SetReviewRulesRequest(request_id=uuid7(), examined_countries=["USA"])
    accepted(engine.client().risk.SetReviewRules(examined))
    officers = engine.data_dir / "officers.toml"
    officers.write_text(OFFICERS, "utf-8")
    added = done("party", "add", officers, "--data-dir", engine.data_dir)
    assert len(added["party_ids"]) == 2
    return SimpleNamespace(
        corridor=corridor,
        dir=engine.data_dir,
        engine=engine,
        officers=added["party_ids"],
        remittance=corridor.remit(CREDITED_MINOR).hex(),
    )


def asked(story: SimpleNamespace, *words: object) -> dict[str, Any]:
    return done(*words, "--data-dir", story.dir)


def refused(story: SimpleNamespace, *words: object) -> str:
    ran = told(*words, "--data-dir", story.dir)
    assert ran.code in (1, 2)
    return ran.error


def test_parties_are_listed_and_found_by_code_id_and_beginning(story: SimpleNamespace) -> None:
    corridor: Corridor = story.corridor
    listed = asked(story, "party", "list")["parties"]
    assert {one["party_id"] for one in listed} >= {corridor.enterprise.hex(), *story.officers}
    merchants = asked(story, "party", "list", "--role", "merchant")["parties"]
    assert {one["party_id"] for one in merchants} == {one.hex() for one in corridor.merchants}
    wanted = corridor.merchants[0].hex()
    for name in (corridor.code_of(0), wanted, wanted[:28]):
        shown = asked(story, "party", "show", name)
        assert shown["party"]["party_id"] == wanted
        assert shown["party"]["name"] == "商户0"


def test_a_party_file_is_taken_whole_or_not_at_all(story: SimpleNamespace, tmp_path: Path) -> None:
    file = tmp_path / "parties.json"
    good = {"name": "甲", "roles": ["authority"]}
    for bad, told_line in [
        ({"name": "乙", "roles": ["king"]}, "party[1]"),
        ({"name": "乙", "crown": 1}, "crown"),
        ({"party_id": "00", "name": "乙", "roles": ["carrier"]}, "parties[1].party_id"),
        ({"name": "乙", "roles": ["merchant"], "uscc": "91440101MA59EXAMP0"}, "INVALID_USCC"),
    ]:
        file.write_text(json.dumps({"party": [good, bad]}), "utf-8")
        assert told_line in refused(story, "party", "add", file)
    names = {one["name"] for one in asked(story, "party", "list")["parties"]}
    assert "甲" not in names


def test_relations_and_grants_name_parties_by_code(story: SimpleNamespace, tmp_path: Path) -> None:
    corridor: Corridor = story.corridor
    file = tmp_path / "grants.toml"
    merchant, enterprise = corridor.code_of(1), corridor.enterprise.hex()
    file.write_text(
        "[[relation]]\n"
        f'kind = "shop"\nfrom_party_id = "{merchant}"\nto_party_id = "{enterprise}"\n'
        'prefix = "S-"\n[[grant]]\n'
        f'grantor_party_id = "{merchant}"\ngrantee_party_id = "{enterprise}"\n'
        f'purpose = "tax"\npolicy_sha256 = "{"ab" * 32}"\n',
        "utf-8",
    )
    assert "WRONG_ROLE" in refused(story, "party", "add", file)
    file.write_text(file.read_text("utf-8").replace('"shop"', '"served-by"'), "utf-8")
    file.write_text(file.read_text("utf-8").replace('prefix = "S-"\n', ""), "utf-8")
    (grant,) = asked(story, "party", "add", file)["grant_ids"]
    revoke = ("party", "revoke", grant, "--reason", "withdrawn")
    assert asked(story, *revoke)["grant_id"] == grant
    assert "GRANT_REVOKED" in refused(story, *revoke)
    missing = file.read_text("utf-8").replace(merchant, "91350100M000100Y43")
    file.write_text(missing, "utf-8")
    assert "91350100M000100Y43" in refused(story, "party", "add", file)


def test_a_payee_is_set_and_a_bad_one_is_refused(story: SimpleNamespace) -> None:
    code = story.corridor.code_of(1)
    account = ("--account-no", "6222000000000001", "--account-name", "商户1")
    reply = asked(story, "party", "payee", code, *account, "--bank-code", "10300000000002")
    assert reply["position"]["log"] == "whampoa-1"
    line = refused(story, "party", "payee", code, *account, "--bank-code", "103")
    assert line == 'refused: payee.bank_code: field invalid (FIELD_INVALID, got "103")'
    assert "1 begin" not in refused(story, "party", "show", "abcdef0123")


def test_two_officers_clear_what_was_stopped(story: SimpleNamespace) -> None:
    (review,) = asked(story, "queue", "list")["reviews"]
    assert (review["remittance_id"], review["review_state"]) == (story.remittance, "waiting")
    assert "payer_country" in review["review_reasons"]
    clear = ("queue", "clear", story.remittance[:20], "--reason", "contract seen")
    assert refused(story, "suspense", "assign", story.remittance).startswith("refused: remittance")
    assert "no right" in refused(story, *clear, "--as", "operator", "--officer", story.officers[0])
    assert asked(story, *clear, "--as", "officer-1")["state"] == "proposed"
    assert "SAME_OFFICER" in refused(story, *clear, "--as", "officer-1")
    assert asked(story, *clear, "--as", "officer-2")["state"] == "cleared"
    assert asked(story, "queue", "list")["reviews"] == []


def test_suspense_is_assigned_by_advice_and_volume_and_returned(
    story: SimpleNamespace, tmp_path: Path
) -> None:
    (found,) = asked(story, "suspense", "list")["remittances"]
    assert (found["remittance_id"], found["suspense_minor"]) == (story.remittance, CREDITED_MINOR)
    merchant = story.corridor.merchants[0].hex()
    advice = tmp_path / "advice.csv"
    advice.write_text(f"{merchant},700\n{uuid7().hex()},5\n", "utf-8")
    by_advice = asked(story, "suspense", "assign", story.remittance, "--merchants", advice)
    assert by_advice["allocated_minor"] == 700
    assert [one["line"] for one in by_advice["refused"]] == [2]
    by_volume = asked(story, "suspense", "assign", story.remittance)
    assert by_volume["allocated_minor"] == ORDERS * PRICE_MINOR - 700
    left = CREDITED_MINOR - ORDERS * PRICE_MINOR
    assert by_volume["suspense_minor"] == left
    back = ("suspense", "return", story.remittance, "--reason", "nothing was sold")
    assert asked(story, *back, "--amount-minor", 1_500)["returned_minor"] == 1_500
    assert "EXCEEDS_SUSPENSE" in refused(story, *back, "--amount-minor", left)
    assert asked(story, *back)["returned_minor"] == left - 1_500
    assert asked(story, "suspense", "list")["remittances"] == []


def test_payouts_are_exported_and_traced(story: SimpleNamespace, tmp_path: Path) -> None:
    conversion = uuid7()
    request = forex.RequestConversionRequest(
        request_id=uuid7(),
        conversion_id=conversion,
        remittance_id=bytes.fromhex(story.remittance),
    )
    asked_minor = accepted(story.engine.client().forex.RequestConversion(request)).amount_minor
    assert asked_minor == ORDERS * PRICE_MINOR
    confirm = forex.ConfirmConversionRequest(
        request_id=uuid7(),
        conversion_id=conversion,
        rate=Rate(base="USD", quote="CNY", rate_e8=712_340_000),
        cny_minor=asked_minor * 71_234 // 10_000,
        bank_reference="S1",
    )
    accepted(story.engine.client("bank").forex.ConfirmConversion(confirm))
    file = tmp_path / "payouts.csv"
    assert asked(story, "export", "payouts", "--output", file)["rows"] == 2
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert sum(int(row["cny_minor"]) for row in rows) == confirm.cny_minor
    for row in rows:
        found = asked(story, "trace", row["payout_id"])
        assert (found["subject_kind"], found["complete"]) == ("payout", True)
    assert asked(story, "trace", conversion.hex())["subject_kind"] == "conversion"
    assert asked(story, "proof", rows[0]["payout_id"])["tree_size"] > 0


@pytest.mark.parametrize(
    ("line", "said"),
    [("zz,5", "id"), ("00,5", "id"), ("only", "row 1"), (f"{'0' * 32},1.5", "amount_minor")],
)
def test_bad_advice_names_the_row(
    story: SimpleNamespace, tmp_path: Path, line: str, said: str
) -> None:
    advice = tmp_path / "advice.csv"
    advice.write_text(line, "utf-8")
    text = refused(story, "suspense", "assign", story.remittance, "--orders", advice)
    assert said in text
    assert "row 1" in text


def test_a_trade_is_traced_by_its_order_number(story: SimpleNamespace) -> None:
    found = asked(story, "trace", story.corridor.order_no(0))
    assert found["subject_kind"] == "trade"
    assert found["complete"] is True
    positions = [(one["position"]["index"], one["position"]["row"]) for one in found["steps"]]
    assert positions == sorted(positions)
    assert found["steps"][0]["previous"] is None
    assert any(one["grant_position"] for one in found["steps"])
    assert asked(story, "trace", story.remittance)["subject_kind"] == "remittance"
    assert "knows no trade" in refused(story, "trace", uuid7().hex())
    assert "order number" in refused(story, "trace", "no such order")


def test_a_proof_is_checked_offline_without_engine_and_grpc(
    story: SimpleNamespace, tmp_path: Path
) -> None:
    file = tmp_path / "proof.json"
    got = asked(story, "proof", story.corridor.order_no(1), "--output", file)
    shown = check(file.read_bytes())
    assert (shown.index, shown.row) == (got["index"], got["row"])
    assert asked(story, "proof", f"{shown.index}:{shown.row}")["proof"]["record"]
    code = (
        "import sys; from whampoa.cli.main import run, GROUP;"
        "from importlib.metadata import entry_points;"
        "code = run(sys.argv[1:], list(entry_points(group=GROUP)));"
        "assert not {'grpc', 'engine', 'gateways'} & set(sys.modules), 'heavy';"
        "sys.exit(code)"
    )
    words = [sys.executable, "-c", code, "proof", "check", str(file), "--json"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["tree_root"] == got["tree_root"]
    assert done("proof", "check", file, "--root", got["tree_root"])["ok"]
    assert "is trusted" in told("proof", "check", file, "--root", "00" * 32).error
    file.write_text(file.read_text("utf-8").replace('"record":"0', '"record":"1', 1), "utf-8")
    assert "payload root" in told("proof", "check", file).error
    assert "nothing to prove" in refused(story, "proof", "99999:0")
    assert "--data-dir" in told("proof", story.remittance).error


def test_status_says_health_lag_laws_and_queues(story: SimpleNamespace) -> None:
    asked(story, "party", "list")  # waits until queries see everything
    found = asked(story, "status")
    assert found["laws_ok"] is True
    assert found["lag_entries"] == 0
    assert [law["number"] for law in found["laws"]] == [1, 2, 3, 4, 5, 6, 7]
    assert found["counts"]["trades"] >= ORDERS
    assert found["sums_minor"]["credited:USD"] >= CREDITED_MINOR


def test_an_outcome_is_the_reply_there_was(story: SimpleNamespace) -> None:
    account = ("--account-no", "6222000000000009", "--account-name", "商户0")
    code = story.corridor.code_of(0)
    first = asked(story, "party", "payee", code, *account, "--bank-code", "10300000000002")
    found = asked(story, "outcome", first["request_id"])
    assert (found["known"], found["position"]) == (True, first["position"])
    assert found["method"] == "whampoa.registry.v1.RegistryService/SetPayee"
    assert found["reply"] == {"position": first["position"], "refusal": None}
    assert asked(story, "outcome", uuid7().hex())["known"] is False
    assert "32 hex digits" in refused(story, "outcome", "12")


def test_a_return_after_allocation_is_settled(story: SimpleNamespace) -> None:
    corridor: Corridor = story.corridor
    trade = asked(story, "trace", corridor.order_no(2))["subject_id"]
    request = customs.ReportReturnRequest(
        request_id=uuid7(), trade_id=bytes.fromhex(trade), amount_minor=400, reference="R213"
    )
    accepted(story.engine.client().customs.ReportReturn(request))
    (waiting,) = asked(story, "queue", "list")["clawbacks"]
    assert (waiting["trade_id"], waiting["clawback_minor"]) == (trade, 400)
    settle = ("queue", "settle-clawback", trade, "--reason", "agreed", "--how")
    refused(story, *settle, "repaid")
    corridor.release([100], PRICE_MINOR)
    reply = asked(story, *settle, "reallocated")
    assert (reply["settled_minor"], reply["remaining_minor"]) == (400, 0)
    assert asked(story, "queue", "list")["clawbacks"] == []


def test_a_disputed_trade_is_settled_by_an_officer(story: SimpleNamespace) -> None:
    corridor: Corridor = story.corridor
    claims = [
        registry.Relation(
            relation_id=uuid7(),
            kind=registry.RELATION_KIND_ITEM,
            from_party_id=merchant,
            prefix="BOTH-",
        )
        for merchant in corridor.merchants
    ]
    request = registry.RegisterRelationsRequest(request_id=uuid7(), relations=claims)
    accepted(story.engine.client().registry.RegisterRelations(request))
    documents = list(corridor.declared(200))
    documents[0].order.lines[0].item_no = documents[2].list.lines[0].item_no = "BOTH-1"
    corridor.submit(documents)
    corridor.submit(corridor.answered(200))
    (waiting,) = asked(story, "queue", "list")["disputes"]
    settle = ("queue", "settle-dispute", waiting["trade_id"], "--reason", "invoice seen")
    words = (*settle, "--merchant", corridor.code_of(0), "--as")
    assert "no right" in refused(story, *words, "operator")
    asked(story, *words, "officer-1")
    assert asked(story, "queue", "list")["disputes"] == []


def test_rejected_money_can_only_go_back(story: SimpleNamespace) -> None:
    rejected = story.corridor.remit(777).hex()
    reject = ("queue", "reject", rejected, "--reason", "payer unknown", "--as")
    assert asked(story, *reject, "officer-2")["state"] == "proposed"
    assert asked(story, *reject, "officer-1")["state"] == "rejected"
    assert "NOT_UNDER_REVIEW" in refused(story, *reject, "officer-1")
    assert "REVIEW_REJECTED" in refused(story, "suspense", "assign", rejected)
    back = asked(story, "suspense", "return", rejected, "--reason", "rejected")
    assert back["returned_minor"] == 777


@pytest.mark.parametrize("name", ["trades", "documents", "remittances", "parties", "accounts"])
def test_csv_and_parquet_hold_the_same_rows(
    story: SimpleNamespace, tmp_path: Path, name: str
) -> None:
    files = tmp_path / f"{name}.csv", tmp_path / f"{name}.parquet"
    for file in files:
        found = asked(story, "export", name, "--output", file, "--as", "authority")
        assert found["file"] == str(file)
        assert found["rows"] > 0
    with files[0].open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    table = pq.read_table(files[1]).to_pylist()
    assert len(rows) == found["rows"]
    assert [{key: _text(value) for key, value in row.items()} for row in table] == rows
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(one.name for one in files)


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def test_exports_are_exact_and_name_the_parties_by_code(
    story: SimpleNamespace, tmp_path: Path
) -> None:
    file = tmp_path / "refund.csv"
    asked(story, "export", "remittances", "--output", file)
    with file.open(newline="", encoding="utf-8") as opened:
        row = next(csv.DictReader(opened))
    assert (row["credited_minor"], row["credited"]) == (str(CREDITED_MINOR), "100.00")
    assert row["remittance_id"] == story.remittance
    assert len(row["service_enterprise_party_uscc"]) == 18
    assert "is none of" in refused(story, "export", "secrets")
    assert "neither" in refused(story, "export", "trades", "--output", tmp_path / "a.xlsx")
    for name in ("refund-database", "exemption-database", "bop-records", "payouts", "tax-items"):
        assert "rows" in asked(story, "export", name, "--output", tmp_path / f"{name}.csv")


def test_a_missing_identity_or_engine_is_one_line(story: SimpleNamespace, tmp_path: Path) -> None:
    assert "nobody.pem is missing" in refused(story, "party", "list", "--as", "nobody")
    assert "whampoa init" in told("status", "--data-dir", tmp_path).error


def test_verify_passes_without_the_private_part_and_finds_one_flipped_byte(
    story: SimpleNamespace, tmp_path: Path
) -> None:
    """Last: the engine is stopped."""
    root = asked(story, "status")["tree_root"]
    assert story.engine.stop() == 0
    assert "does not answer" in refused(story, "status")
    copy = tmp_path / "copy"
    shutil.copytree(story.dir, copy)
    shutil.rmtree(copy / "private")
    found = done("verify", copy)
    assert (found["first_bad"], found["root"]) == (None, root)
    assert found["policy"] == "self-consistent only"
    assert found["entries"] > 10
    policy = tmp_path / "policy"
    policy.write_text("witness", "utf-8")
    assert "policies" in told("verify", copy, "--policy", policy).error
    assert "holds no journal" in told("verify", tmp_path).error
    segment = next((copy / "journal").glob("*.wj"))
    data = bytearray(segment.read_bytes())
    data[3_000] ^= 1
    segment.write_bytes(data)
    ran = told("verify", copy)
    assert ran.code == 1
    assert ran.object["first_bad"]["file"] == segment.name
