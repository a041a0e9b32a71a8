"""Bad input: each is refused by name, changes nothing, and the engine serves on."""

from __future__ import annotations

import random

import grpc
import pytest

from tests.integration import bad_bytes, bad_identity, bad_values
from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess, accepted
from tests.integration.scene import DOCUMENTS, PARTIES, TRANSFERS, Bad, Scene
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.ids import uuid7
from whampoa.money.v1 import rejection_pb2 as rejection
from whampoa.registry.v1 import registry_service_pb2 as registry

BAD = [*bad_values.VALUES, *bad_bytes.BYTES, *bad_identity.IDENTITY]
TRANSIENT = {"INSUFFICIENT_FUNDS", "REVIEW_PENDING", "NO_ROOM"}


@pytest.fixture(scope="module")
def scene(engine: EngineProcess) -> Scene:
    it = Scene(engine, Corridor(engine, merchants=2, first=100))
    # One account is as full as an account can be.
    full = it.transfers(amount=2**63 - 10)
    answer = engine.raw("operator", TRANSFERS, full.SerializeToString())
    accepted(registry.RegisterPartiesResponse.FromString(answer))
    return it


def refusal_of(engine: EngineProcess, caller: str, path: str, raw: bytes) -> rejection.Refusal:
    """Every response has its refusal in the same field, so one type reads them all."""
    answer = engine.raw(caller, path, raw)
    reply = registry.RegisterPartiesResponse.FromString(answer)
    assert reply.HasField("refusal"), reply
    # The engine writes what protobuf itself would write.
    assert reply.SerializeToString(deterministic=True) == answer
    assert not reply.HasField("position")
    return reply.refusal


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.what)
def test_it_is_refused_by_name_and_nothing_changes(scene: Scene, bad: Bad) -> None:
    engine = scene.engine
    raw = bad.raw(scene)
    before = engine.status()
    for _ in range(2):
        refusal = refusal_of(engine, bad.caller, bad.path, raw)
        name = rejection.Rejection.Name(refusal.code).removeprefix("REJECTION_")
        assert (name, refusal.field) == (bad.code, bad.field), refusal
        assert bad.field in refusal.message
        assert bad.code in refusal.message
        assert refusal.transient == (bad.code in TRANSIENT)
        assert len(refusal.value) <= 64
    after = engine.status()
    assert (after.entries, after.rows) == (before.entries, before.rows)
    assert (after.state_hash, after.tree_root) == (before.state_hash, before.tree_root)
    assert after.accepting_writes


def test_every_truncation_is_refused(scene: Scene) -> None:
    engine = scene.engine
    before = engine.status()
    for path, caller, raw in (
        (PARTIES, "operator", scene.party().SerializeToString()),
        (DOCUMENTS, "singlewindow", scene.order(9_001).SerializeToString()),
        (TRANSFERS, "operator", scene.transfers(3).SerializeToString()),
    ):
        codes = {refusal_of(engine, caller, path, raw[:at]).code for at in range(len(raw))}
        assert rejection.REJECTION_MALFORMED_REQUEST in codes
        assert rejection.REJECTION_REQUEST_ID_MISSING in codes
    assert engine.status().state_hash == before.state_hash


def test_bytes_that_rot_never_break_the_engine(scene: Scene, chance: random.Random) -> None:
    """One byte of a good request is changed: it is refused or taken, and the engine serves on."""
    engine = scene.engine
    for number in range(300):
        raw = bytearray(scene.order(9_100 + number).SerializeToString())
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        reply = customs.SubmitDocumentsResponse.FromString(
            engine.raw("singlewindow", DOCUMENTS, bytes(raw))
        )
        assert reply.HasField("refusal") != reply.HasField("position")
    status = engine.status()
    assert status.accepting_writes
    assert all(law.holds for law in status.laws)


def test_a_message_beyond_the_limit_is_not_read(scene: Scene) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        scene.engine.raw("operator", TRANSFERS, bytes((32 << 20) + 1))
    assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert scene.engine.status().accepting_writes


def test_refused_documents_leave_the_others(scene: Scene) -> None:
    """One bad document of three: two are deposited, the third is named."""
    good, bad = next(scene.corridor.declared(9_500)), next(scene.corridor.declared(9_501))
    bad.order.lines[0].currency = "999"
    other = next(scene.corridor.declared(9_502))
    request = customs.SubmitDocumentsRequest(request_id=uuid7(), documents=[good, bad, other])
    client = scene.engine.client("singlewindow").customs
    reply = accepted(client.SubmitDocuments(request))
    (exception,) = reply.exceptions
    assert (reply.accepted, exception.ordinal) == (2, 1)
    assert exception.refusal.code == rejection.REJECTION_UNKNOWN_CURRENCY
    assert exception.refusal.field == "documents[1].order.lines[0].currency"
    # The refused one left nothing: corrected, it goes in under the same id.
    bad.order.lines[0].currency = "502"
    again = customs.SubmitDocumentsRequest(request_id=uuid7(), documents=[good, bad])
    reply = accepted(client.SubmitDocuments(again))
    assert (reply.accepted, [it.repeated for it in reply.exceptions]) == (1, [True])


def test_a_wholly_refused_request_may_be_sent_again(scene: Scene) -> None:
    """Its id is not used up: nothing of it was kept (law 8)."""
    request = scene.party(uscc="91440101MA59EXAMP0")
    assert isinstance(request, registry.RegisterPartiesRequest)
    client = scene.engine.client().registry
    assert client.RegisterParties(request).refusal.code == rejection.REJECTION_INVALID_USCC
    request.parties[0].uscc = ""
    first = accepted(client.RegisterParties(request))
    assert client.RegisterParties(request) == first
