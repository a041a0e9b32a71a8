"""Batches at full size: through the wire, proven by row, traced across, replayed from files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from engine import bridge
from tests.integration.corridor import Corridor
from tests.integration.engine_process import CALL_SECONDS, EngineProcess, accepted
from tests.integration.inclusion import checked, link_of, previous_link
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.columns import ALLOCATE, ROWS_MAX, SUBMIT_TRANSFERS, Advice, Transfers, ids_of, new_ids
from whampoa.customs.v1 import document_pb2 as document
from whampoa.evidence.v1 import evidence_service_pb2 as evidence
from whampoa.ids import uuid7
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.money.v1.money_pb2 import Position
from whampoa.paging.v1.paging_pb2 import PageRequest
from whampoa.query.v1 import query_service_pb2 as query

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TRADES = 20_000
MINOR = 1_000
# A trade in the middle of the batch.
ONE = TRADES // 2 + 7
# Order, list and three replies came in one request, so the trade changed once.
KINDS = ["documents recorded"] * 6 + ["allocated"]


@dataclass
class Full:
    """An engine that took one transfer message and one allocation as large as they come."""

    engine: EngineProcess
    corridor: Corridor
    transfers: Transfers
    transferred: ledger.SubmitTransfersResponse
    trades: dict[str, bytes]
    remittance_id: bytes
    allocated: clearing.AllocateResponse
    # Documents of the trade ONE as they were sent.
    sent: list[document.Document] = field(default_factory=list)

    def proof(self, index: int, row: int) -> dict[str, Any]:
        position = Position(log="whampoa-1", index=index, row=row)
        return self._proof(evidence.GetProofRequest(position=position))

    def proof_of(self, subject_id: bytes) -> dict[str, Any]:
        return self._proof(evidence.GetProofRequest(subject_id=subject_id))

    def _proof(self, request: evidence.GetProofRequest) -> dict[str, Any]:
        client = self.engine.client().evidence
        found: dict[str, Any] = json.loads(client.GetProof(request, timeout=CALL_SECONDS).proof)
        return found

    def trace(self, subject_id: bytes) -> evidence.TraceResponse:
        request = evidence.TraceRequest(subject_id=subject_id)
        return self.engine.client().evidence.Trace(request, timeout=CALL_SECONDS)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    engine = EngineProcess(tmp_path_factory.mktemp("full") / "data", segment_mib=16).start()
    corridor = Corridor(engine, merchants=20)
    transfers, transferred = transfer(engine, corridor)
    sent = [*corridor.declared(ONE, MINOR), *corridor.answered(ONE)]
    others = [number for number in range(TRADES) if number != ONE]
    corridor.release(others[: TRADES // 2], MINOR)
    corridor.submit(sent)
    last = corridor.release(others[TRADES // 2 :], MINOR)
    trades = trades_at(engine, last)
    remittance_id = corridor.remit(TRADES * MINOR)
    ids = ids_of(list(trades.values()))
    advice = Advice(ids, np.full(len(ids), MINOR, np.uint64))
    raw = advice.encode(uuid7(), remittance_id, clearing.ALLOCATION_MODE_BY_ORDERS)
    answer = engine.raw("operator", ALLOCATE, raw)
    allocated = clearing.AllocateResponse.FromString(answer)
    assert allocated.SerializeToString(deterministic=True) == answer
    yield Full(engine, corridor, transfers, transferred, trades, remittance_id, allocated, sent)
    engine.close()


def transfer(
    engine: EngineProcess, corridor: Corridor
) -> tuple[Transfers, ledger.SubmitTransfersResponse]:
    accounts = [
        ledger.Account(account_id=uuid7(), party_id=corridor.enterprise, currency="USD", code=1)
        for _ in range(2)
    ]
    opened = ledger.OpenAccountsRequest(request_id=uuid7(), accounts=accounts)
    debit, credit = accepted(engine.client().ledger.OpenAccounts(opened)).account_indexes
    transfers = Transfers(
        ids=new_ids(ROWS_MAX),
        debit_account=np.full(ROWS_MAX, debit, np.uint32),
        credit_account=np.full(ROWS_MAX, credit, np.uint32),
        amount_minor=np.arange(1, ROWS_MAX + 1, dtype=np.uint64),
        code_flags=np.full(ROWS_MAX, 77, np.uint32),
    )
    raw = engine.raw("operator", SUBMIT_TRANSFERS, transfers.encode(uuid7()))
    return transfers, ledger.SubmitTransfersResponse.FromString(raw)


def trades_at(engine: EngineProcess, index: int) -> dict[str, bytes]:
    """Order numbers and ids of all trades, page after page."""
    found: dict[str, bytes] = {}
    page = PageRequest(page_size=1_000, at_least=Position(log="whampoa-1", index=index))
    while True:
        request = query.ListTradesRequest(page=page, state="released")
        reply = engine.client().query.ListTrades(request, timeout=CALL_SECONDS)
        found.update((trade.order_no, trade.trade_id) for trade in reply.trades)
        if not reply.page.next_page_token:
            return found
        page.page_token = reply.page.next_page_token


def test_a_full_transfer_message_goes_through(full: Full) -> None:
    reply = accepted(full.transferred)
    assert reply.accepted == ROWS_MAX
    assert not reply.refused_rows
    assert not reply.repeated_rows
    accounts = full.engine.client().query.ListAccounts(
        query.ListAccountsRequest(party_id=full.corridor.enterprise)
    )
    partner = [account for account in accounts.accounts if account.kind == "partner"]
    total = ROWS_MAX * (ROWS_MAX + 1) // 2
    assert [account.debits_posted_minor for account in partner] == [total, 0]
    assert [account.credits_posted_minor for account in partner] == [0, total]


@pytest.mark.parametrize("row", [0, 4_242, ROWS_MAX - 1])
def test_a_row_of_the_transfers_is_proven(full: Full, row: int) -> None:
    record = checked(full.proof(full.transferred.position.index, row))
    transfers = full.transfers
    assert record[:16] == transfers.ids[row].tobytes()
    amount = (row + 1).to_bytes(8, "big")
    accounts = b"".join(
        int(column[row]).to_bytes(4, "big")
        for column in (transfers.debit_account, transfers.credit_account)
    )
    assert record[16:36] == accounts + amount + (77).to_bytes(2, "big") + bytes(2)
    # The rest is its salt.
    assert len(record) == 36 + 16


def test_a_full_allocation_goes_through(full: Full) -> None:
    reply = accepted(full.allocated)
    assert len(full.trades) == TRADES
    assert (reply.rows, reply.merchants) == (TRADES, 20)
    assert (reply.allocated_minor, reply.suspense_minor) == (TRADES * MINOR, 0)
    # No entry has more rows than an entry may have, so it takes several.
    assert reply.last.index - reply.position.index + 1 == -(-TRADES // 2_500)
    summary = full.engine.client().query.GetSummary(
        query.GetSummaryRequest(at_least=reply.last), timeout=CALL_SECONDS
    )
    assert summary.sums_minor["used:USD"] == TRADES * MINOR
    assert summary.sums_minor["suspense:USD"] == 0


def test_rows_of_the_allocation_are_proven(full: Full) -> None:
    """One row of each entry of the group; every entry carries the link of the one before."""
    known = set(full.trades.values())
    proofs = []
    for index in range(full.allocated.position.index, full.allocated.last.index + 1):
        # Row 0 of the last entry is the remittance with its totals.
        row = 1_000
        proofs.append(full.proof(index, row))
        record = checked(proofs[-1])
        assert proofs[-1]["kind"] == "AllocationRow"
        assert record[:16] in known
        assert record[20:36] == MINOR.to_bytes(8, "big") * 2
    for one, other in pairwise(proofs):
        assert previous_link(other) == link_of(one)
    assert {proof["tree_root"] for proof in proofs} == {full.engine.status().tree_root}


def test_a_proof_that_was_touched_fails(full: Full) -> None:
    proof = full.proof_of(full.trades[full.corridor.order_no(ONE)])
    checked(proof)
    for name in ("header", "record", "tree_root"):
        raw = bytearray.fromhex(proof[name])
        raw[len(raw) // 2] ^= 1
        with pytest.raises(ValueError, match="not in"):
            checked({**proof, name: raw.hex()})
    for name in ("payload_path", "tree_path"):
        with pytest.raises(ValueError, match=r"path|not in"):
            checked({**proof, name: proof[name][:-1]})
    with pytest.raises(ValueError, match=r"another index|not in|path"):
        checked({**proof, "index": proof["index"] - 1})


def test_one_trade_is_walked_back_to_its_order_and_grants(full: Full) -> None:
    """From the allocation row in the middle of the batch to the very bytes that were deposited."""
    trade_id = full.trades[full.corridor.order_no(ONE)]
    case = full.trace(trade_id)
    assert (case.complete, list(case.missing), case.subject_kind) == (True, [], "trade")
    assert [step.kind for step in case.steps] == KINDS
    group = range(full.allocated.position.index, full.allocated.last.index + 1)
    assert case.steps[-1].position.index in group
    for before, step in pairwise(case.steps):
        assert step.previous == before.position
    assert not case.steps[0].HasField("previous")
    order, _, listed, *replies = full.sent
    # Every step is proven; documents are those that were sent, in the order they came.
    documents = []
    granted = set()
    for step in case.steps:
        proof = full.proof(step.position.index, step.position.row)
        record = checked(proof)
        assert link_of(proof).hex() == step.link
        if proof["kind"] == "DocumentRow":
            documents.append(record[:16])
        else:
            assert record[:16] == trade_id
            assert step.HasField("grant_position")
            at = step.grant_position
            granted.add(checked(full.proof(at.index, at.row))[:16])
    assert documents == [it.document_id for it in (order, listed, *replies)]
    merchant = ONE % len(full.corridor.merchants)
    assert full.corridor.grants[merchant] in granted
    assert len(granted) == 2


def test_the_files_alone_give_the_same_state(full: Full) -> None:
    """Everything private is deleted: verify, replay, proofs and the case stay as they were."""
    trade_id = full.trades[full.corridor.order_no(ONE)]
    before, case, proof = full.engine.status(), full.trace(trade_id), full.proof_of(trade_id)
    assert all(law.holds for law in before.laws)
    assert full.engine.stop() == 0
    shutil.rmtree(full.engine.data_dir / "private")
    report = bridge.verify(full.engine.data_dir)
    assert (report["ok"], report["first_bad"], report["torn"]) == (True, None, None)
    assert (report["entries"], report["rows"]) == (before.entries, before.rows)
    assert report["root"] == before.tree_root
    assert report["state_hash"] == before.state_hash
    assert {law["number"] for law in report["laws"] if law["holds"]} >= {1, 2, 3, 4, 5, 6, 7}
    (full.engine.data_dir / "projections.sqlite").unlink()
    full.engine.start()
    after = full.engine.status()
    assert (after.state_hash, after.tree_root) == (before.state_hash, before.tree_root)
    assert full.trace(trade_id) == case
    assert full.proof_of(trade_id) == proof
    client = full.engine.client().query
    request = query.GetSummaryRequest(at_least=full.allocated.last)
    summary = client.GetSummary(request, timeout=CALL_SECONDS)
    assert summary.counts["trades"] == TRADES
    assert summary.sums_minor["used:USD"] == TRADES * MINOR
    # Private columns are gone from the projection made anew.
    (trade, *_) = client.ListTrades(query.ListTradesRequest()).trades
    assert (trade.order_no, trade.declared_minor) == ("", MINOR)
