"""Traces, proofs and outcomes: of every kind of subject, and of what does not exist."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import grpc
import pytest

from tests.integration.corridor import Corridor
from tests.integration.engine_process import CALL_SECONDS, EngineProcess, accepted
from tests.integration.inclusion import checked
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.evidence.v1 import evidence_service_pb2 as evidence
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import uuid7
from whampoa.money.v1 import money_pb2 as money
from whampoa.paging.v1.paging_pb2 import PageRequest
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.registry.v1 import registry_service_pb2 as registry

REGISTER = "/whampoa.registry.v1.RegistryService/RegisterParties"


@dataclass(frozen=True)
class Paid:
    """One trade whose money went all the way to its merchant."""

    engine: EngineProcess
    trade: bytes
    remittance: bytes
    conversion: bytes
    payout: bytes


@pytest.fixture(scope="module")
def paid(engine: EngineProcess) -> Paid:
    corridor = Corridor(engine, merchants=1, first=400)
    index = corridor.release([1], 10_000)
    page = PageRequest(at_least=money.Position(index=index))
    listed = query.ListTradesRequest(page=page, order_no=corridor.order_no(1))
    (trade,) = engine.client().query.ListTrades(listed, timeout=CALL_SECONDS).trades
    remittance_id = corridor.remit(10_000)
    corridor.allocate_by_volume(remittance_id)
    conversion_id = uuid7()
    asked = forex.RequestConversionRequest(
        request_id=uuid7(), conversion_id=conversion_id, remittance_id=remittance_id
    )
    accepted(engine.client().forex.RequestConversion(asked))
    sold = forex.ConfirmConversionRequest(
        request_id=uuid7(),
        conversion_id=conversion_id,
        rate=money.Rate(base="USD", quote="CNY", rate_e8=710_000_000),
        cny_minor=71_000,
        bank_reference="FX-1",
    )
    reply = accepted(engine.client("bank").forex.ConfirmConversion(sold))
    assert (reply.merchants, reply.payouts, reply.withheld) == (1, 1, 0)
    wanted = feed.FollowRequest(
        from_index=reply.position.index, kinds=[feed.FEED_KIND_PAYOUT_INSTRUCTED], until_head=True
    )
    followed = list(engine.client("bank").feed.Follow(wanted, timeout=CALL_SECONDS))
    (item,) = [
        row.payout_instructed for it in followed for entry in it.entries for row in entry.rows
    ]
    assert (item.cny_minor, item.payee.account_name) == (71_000, "商户0")
    debit = clearing.ConfirmDebitRequest(request_id=uuid7(), payout_ids=[item.payout_id])
    accepted(engine.client("bank").clearing.ConfirmDebit(debit))
    result = clearing.PayoutResult(
        payout_id=item.payout_id,
        outcome=clearing.PAYOUT_OUTCOME_SETTLED,
        clearing_reference="M-1",
    )
    settled = clearing.RecordSettlementRequest(request_id=uuid7(), results=[result])
    accepted(engine.client("pboc").clearing.RecordSettlement(settled))
    return Paid(engine, trade.trade_id, remittance_id, conversion_id, item.payout_id)


@pytest.mark.parametrize("kind", ["trade", "remittance", "conversion", "payout"])
def test_every_kind_of_subject_is_walked_and_proven(paid: Paid, kind: str) -> None:
    client = paid.engine.client().evidence
    subject_id: bytes = getattr(paid, kind)
    case = client.Trace(evidence.TraceRequest(subject_id=subject_id))
    assert (case.subject_kind, case.complete, list(case.missing)) == (kind, True, [])
    assert case.steps
    for before, step in pairwise(case.steps):
        assert step.previous == before.position
        assert step.time_ms >= before.time_ms
    proof = json.loads(client.GetProof(evidence.GetProofRequest(subject_id=subject_id)).proof)
    checked(proof)
    newest = case.steps[-1].position
    assert (proof["index"], proof["row"], proof["log"]) == (newest.index, newest.row, newest.log)


def test_a_payout_leads_back_to_its_remittance(paid: Paid) -> None:
    case = paid.engine.client().evidence.Trace(evidence.TraceRequest(subject_id=paid.payout))
    kinds = [step.kind for step in case.steps]
    assert kinds[0] == "remittance recorded"
    assert kinds[-3:] == ["conversion confirmed", "debit confirmed", "settlement recorded"]


def test_what_does_not_exist(engine: EngineProcess, corridor: Corridor) -> None:
    client = engine.client().evidence
    unknown = uuid7()
    case = client.Trace(evidence.TraceRequest(subject_id=unknown))
    assert (list(case.steps), case.complete) == ([], False)
    assert list(case.missing) == [f"no subject {unknown.hex()}"]
    assert not client.GetOutcome(evidence.GetOutcomeRequest(request_id=unknown)).known
    head = engine.status().entries
    wrong = [
        evidence.GetProofRequest(subject_id=unknown),
        evidence.GetProofRequest(position=money.Position(index=head)),
        evidence.GetProofRequest(position=money.Position(index=2**64 - 1)),
        evidence.GetProofRequest(position=money.Position(index=1, row=65_000)),
        evidence.GetProofRequest(position=money.Position(index=1, row=2**32 - 1)),
    ]
    for request in wrong:
        with pytest.raises(grpc.RpcError) as failure:
            client.GetProof(request)
        assert failure.value.code() is grpc.StatusCode.NOT_FOUND
        assert failure.value.details() == "nothing to prove: no such subject or position"


def test_ids_and_targets_are_checked(engine: EngineProcess) -> None:
    client = engine.client().evidence
    elsewhere = money.Position(log="another", index=0)
    calls: dict[str, Callable[[], object]] = {
        "subject_id: 16 bytes (got '73686f7274')": lambda: client.Trace(
            evidence.TraceRequest(subject_id=b"short")
        ),
        "request_id: 16 bytes (got '')": lambda: client.GetOutcome(evidence.GetOutcomeRequest()),
        "subject_id: 16 bytes (got '00')": lambda: client.GetProof(
            evidence.GetProofRequest(subject_id=b"\0")
        ),
        "target: a subject or a position (got None)": lambda: client.GetProof(
            evidence.GetProofRequest()
        ),
        "position.log: this is whampoa-1 (got 'another')": lambda: client.GetProof(
            evidence.GetProofRequest(position=elsewhere)
        ),
    }
    for said, call in calls.items():
        with pytest.raises(grpc.RpcError) as failure:
            call()
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert failure.value.details() == said


def test_one_request_sent_many_times_at_once(engine: EngineProcess) -> None:
    """Callers that lost patience send it again while it is under way: it happens once."""
    for _ in range(5):
        party = registry.Party(
            party_id=uuid7(), roles=[registry.ROLE_PLATFORM], name="Bargain Harbor"
        )
        request = registry.RegisterPartiesRequest(request_id=uuid7(), parties=[party])
        raw = request.SerializeToString()
        before = engine.status().entries
        with ThreadPoolExecutor(16) as pool:
            sent = [pool.submit(engine.raw, "operator", REGISTER, raw) for _ in range(16)]
        replies = [one.result() for one in sent]
        assert len(set(replies)) == 1
        accepted(registry.RegisterPartiesResponse.FromString(replies[0]))
        assert engine.status().entries == before + 1


def test_the_outcome_has_the_reply_again(engine: EngineProcess) -> None:
    party = registry.Party(party_id=uuid7(), roles=[registry.ROLE_PLATFORM], name="Harbor")
    request = registry.RegisterPartiesRequest(request_id=uuid7(), parties=[party])
    reply = engine.raw("operator", REGISTER, request.SerializeToString())
    asked = evidence.GetOutcomeRequest(request_id=request.request_id)
    for caller in ("operator", "merchant", "declarant", "bank"):
        outcome = engine.client(caller).evidence.GetOutcome(asked)
        assert (outcome.known, outcome.reply) == (True, reply)
        assert outcome.method == REGISTER[1:]
