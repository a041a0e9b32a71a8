"""Journals of every released format: what was written then is read, proven and answered now.

`python -m tests.fixtures.journals.make` keeps one of a new release.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.documents.codes import uscc
from engine import _core, bridge
from engine.identity import Identity
from engine.methods import METHODS
from tests.fixtures.journals.make import tables
from tests.integration.verb import told
from whampoa import proof
from whampoa.evidence.v1.evidence_service_pb2 import GetOutcomeResponse, GetStatusResponse
from whampoa.ids import derive
from whampoa.registry.v1 import registry_service_pb2 as registry

JOURNALS = Path(__file__).parents[1] / "fixtures" / "journals"
VERSIONS = sorted(path.parent.name for path in JOURNALS.glob("*/expected.json"))
REPLY_SECONDS = 10
NOW_MS = 2_000_000_000_000
_NUMBERS = {method.name: method.number for method in METHODS.values() if method.number}


@dataclass(frozen=True)
class Old:
    """The files of an old engine that was killed, and what is to be found in them."""

    data: Path
    expected: dict[str, Any]

    def open(self) -> _core.Core:
        options = {"segment_bytes": self.expected["segment_bytes"]}
        return _core.Core.open(self.data, self.expected["log"], options)

    def found(self, report: dict[str, Any]) -> None:
        """What `verify` says is what was written."""
        assert report["ok"], report
        assert (report["first_bad"], report["torn"], report["unfinished"]) == (None, None, None)
        for name in ("log", "entries", "rows", "root", "state_hash"):
            assert report[name] == self.expected[name], name


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    folder = JOURNALS / request.param
    with tarfile.open(folder / "data.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return Old(tmp_path, json.loads((folder / "expected.json").read_text(encoding="utf-8")))


def test_there_is_one() -> None:
    assert "0.1.0" in VERSIONS


def test_it_is_verified_with_its_private_parts_and_without(old: Old) -> None:
    report = bridge.verify(old.data)
    old.found(report)
    private = report["private"]
    assert private["whole"] == private["fields"] > 0
    assert (private["absent"], private["damaged"]) == (0, 0)
    shutil.rmtree(old.data / "private")
    report = bridge.verify(old.data)
    old.found(report)
    assert report["private"] is None


def test_it_is_replayed_to_the_same_state_and_tables(old: Old) -> None:
    core = old.open()
    assert tables(core) == old.expected["tables"]
    status = GetStatusResponse.FromString(core.status())
    assert (status.tree_root, status.state_hash) == (
        old.expected["root"],
        old.expected["state_hash"],
    )
    assert (status.entries, status.rows) == (old.expected["entries"], old.expected["rows"])
    core.close()
    old.found(bridge.verify(old.data))


def test_its_requests_get_the_same_replies(old: Old) -> None:
    core = old.open()
    tables(core)
    for number, asked in enumerate(old.expected["answered"]):
        known = GetOutcomeResponse.FromString(core.outcome(bytes.fromhex(asked["request_id"])))
        replies = [known.reply, _again(core, number, asked)]
        digests = {hashlib.sha256(reply).hexdigest() for reply in replies}
        assert digests == {asked["reply_sha256"]}, asked["method"]
    assert core.durable_index() + 1 == old.expected["entries"]
    core.close()


def _again(core: _core.Core, token: int, asked: dict[str, str]) -> bytes:
    """The reply to the very same request, years later."""
    number, rights = _NUMBERS[asked["method"]], Identity.parse(asked["by"]).rights
    assert number is not None
    request = bytes.fromhex(asked["request"])
    core.submit(token, number, request, asked["by"], rights, NOW_MS, bytes(32))
    ready, _, _ = select.select([core.event_fd()], [], [], REPLY_SECONDS)
    assert ready, "the core gives no reply"
    os.read(core.event_fd(), 8)
    ((answered, reply),) = core.take_replies()
    assert answered == token
    return reply


def test_its_proofs_hold_and_are_made_again(old: Old) -> None:
    core = old.open()
    tables(core)
    for kept in old.expected["proofs"]:
        checked = proof.check(json.dumps(kept))
        assert checked.tree_root.hex() == old.expected["root"]
        again = proof.check(core.proof(b"", kept["index"], kept["row"]))
        assert (again.record, again.tree_root) == (checked.record, checked.tree_root)
    core.close()


def test_it_goes_on(old: Old) -> None:
    """What was written then and what is written now are one log."""
    core = old.open()
    request = registry.RegisterPartiesRequest(request_id=derive(NOW_MS, "old", "1"))
    request.parties.add(
        party_id=derive(NOW_MS, "old", "2"),
        uscc=uscc(990),
        roles=[registry.ROLE_MERCHANT],
        name="N",
    )
    asked = {"by": "spiffe://whampoa/operator/anna", "method": "RegisterParties"}
    _again(core, 1, {**asked, "request": request.SerializeToString().hex()})
    core.close()
    report = bridge.verify(old.data)
    assert (report["ok"], report["entries"]) == (True, old.expected["entries"] + 1)


@pytest.mark.parametrize(("file", "byte"), [("values.wp", 5_000), ("keys.wk", 100)])
def test_a_flipped_byte_of_a_private_part_is_told_with_its_place(
    old: Old, file: str, byte: int
) -> None:
    path = old.data / "private" / file
    flipped = bytearray(path.read_bytes())
    flipped[byte] ^= 4
    path.write_bytes(flipped)
    ran = told("verify", old.data)
    assert ran.code == 1
    assert (ran.object["first_bad"], ran.object["ok"]) == (None, False)
    bad = ran.object["private"]["first_bad"]
    assert (bad["file"], ran.object["private"]["damaged"]) == (file, 1)
    assert bad["offset"] <= byte
    assert f"private/{file} at byte {bad['offset']}" in ran.err
