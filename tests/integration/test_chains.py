"""Linked transfers against a naive ledger: a chain stands whole or leaves nothing."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field

import numpy as np

from tests.integration.conftest import NewEngine
from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess, accepted
from whampoa.columns import (
    CAPTURE_HOLD,
    LINKED,
    PLACE_HOLD,
    SUBMIT_TRANSFERS,
    VOID_HOLD,
    Transfers,
    new_ids,
)
from whampoa.ids import uuid7
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.query.v1 import query_service_pb2 as query

ACCOUNTS, ROWS, REQUESTS = 6, 400, 6


@dataclass
class Row:
    """One transfer as asked for."""

    transfer_id: bytes
    debit: int
    credit: int
    amount: int
    flags: int
    hold_id: bytes = bytes(16)


@dataclass
class Books:
    """Balances by account: debits pending, debits, credits pending, credits."""

    balances: list[list[int]] = field(default_factory=lambda: [[0] * 4 for _ in range(ACCOUNTS)])
    holds: dict[bytes, tuple[int, int, int] | None] = field(default_factory=dict)

    def take(self, rows: list[Row]) -> list[bool]:
        """Whether each row was accepted; odd accounts may not go below zero."""
        done: list[bool] = []
        chain: list[Row] = []
        for number, row in enumerate(rows):
            chain.append(row)
            if row.flags & LINKED and number + 1 < len(rows):
                continue
            before = copy.deepcopy(self)
            taken = all(self._row(one) for one in chain)
            if not taken:
                self.balances, self.holds = before.balances, before.holds
            done += [taken] * len(chain)
            chain = []
        return done

    def _row(self, row: Row) -> bool:
        if row.flags & (CAPTURE_HOLD | VOID_HOLD):
            return self._finish(row)
        debits = self.balances[row.debit]
        is_short = row.debit % 2 and debits[3] - debits[1] - debits[0] < row.amount
        if row.debit == row.credit or is_short:
            return False
        place = 0 if row.flags & PLACE_HOLD else 1
        self.balances[row.debit][place] += row.amount
        self.balances[row.credit][2 + place] += row.amount
        if row.flags & PLACE_HOLD:
            self.holds[row.transfer_id] = (row.debit, row.credit, row.amount)
        return True

    def _finish(self, row: Row) -> bool:
        held = self.holds.get(row.hold_id)
        captured = 0 if row.flags & VOID_HOLD else row.amount
        if held is None or captured > held[2]:
            return False
        debit, credit, amount = held
        if row.flags & CAPTURE_HOLD and captured == 0:
            captured = amount
        self.balances[debit][0] -= amount
        self.balances[credit][2] -= amount
        self.balances[debit][1] += captured
        self.balances[credit][3] += captured
        self.holds[row.hold_id] = None
        return True


def made_up(chance: random.Random, placed: list[bytes]) -> list[Row]:
    rows = []
    for transfer_id in (one.tobytes() for one in new_ids(ROWS)):
        kind = chance.choice((0, 0, PLACE_HOLD, CAPTURE_HOLD, VOID_HOLD))
        linked = LINKED if chance.random() < 0.6 else 0
        row = Row(
            transfer_id,
            chance.randrange(ACCOUNTS),
            chance.randrange(ACCOUNTS),
            chance.randint(1, 50),
            kind | linked,
        )
        if kind == PLACE_HOLD:
            placed.append(transfer_id)
        elif kind and placed:
            row.hold_id = chance.choice(placed[-20:])
        rows.append(row)
    return rows


def submit(engine: EngineProcess, rows: list[Row], indexes: list[int]) -> list[bool]:
    def ids(values: list[bytes]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        return np.frombuffer(b"".join(values), np.uint8).reshape(-1, 16)

    transfers = Transfers(
        ids=ids([row.transfer_id for row in rows]),
        debit_account=np.array([indexes[row.debit] for row in rows], np.uint32),
        credit_account=np.array([indexes[row.credit] for row in rows], np.uint32),
        amount_minor=np.array([row.amount for row in rows], np.uint64),
        code_flags=np.array([row.flags << 16 | 1 for row in rows], np.uint32),
        hold_ids=ids([row.hold_id for row in rows]),
    )
    raw = engine.raw("operator", SUBMIT_TRANSFERS, transfers.encode(uuid7()))
    reply = accepted(ledger.SubmitTransfersResponse.FromString(raw))
    refused = set(reply.refused_rows)
    assert reply.accepted == len(rows) - len(refused)
    return [number not in refused for number in range(len(rows))]


def test_chains_stand_whole_or_leave_nothing(new_engine: NewEngine, chance: random.Random) -> None:
    engine = new_engine().start()
    corridor = Corridor(engine, merchants=1)
    accounts = [
        ledger.Account(
            account_id=uuid7(),
            party_id=corridor.enterprise,
            currency="USD",
            code=1,
            debits_must_not_exceed_credits=bool(number % 2),
        )
        for number in range(ACCOUNTS)
    ]
    opened = ledger.OpenAccountsRequest(request_id=uuid7(), accounts=accounts)
    indexes = list(accepted(engine.client().ledger.OpenAccounts(opened)).account_indexes)
    books, placed = Books(), list[bytes]()
    for _ in range(REQUESTS):
        rows = made_up(chance, placed)
        expected = books.take(rows)
        assert submit(engine, rows, indexes) == expected
        assert True in expected
        assert False in expected
    listed = engine.client().query.ListAccounts(
        query.ListAccountsRequest(party_id=corridor.enterprise)
    )
    balances = [
        [
            account.debits_pending_minor,
            account.debits_posted_minor,
            account.credits_pending_minor,
            account.credits_posted_minor,
        ]
        for account in listed.accounts
    ]
    assert balances == books.balances
    assert all(law.holds for law in engine.status().laws)
    state_hash = engine.status().state_hash
    assert engine.stop() == 0
    assert engine.start().status().state_hash == state_hash
