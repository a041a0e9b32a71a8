"""Traffic of every kind through one engine, with what its books must say when all is answered."""

from __future__ import annotations

import random
import threading
from collections import Counter

import numpy as np

from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess, accepted
from tests.integration.load import DOCUMENTS, REGISTER, Call
from whampoa.columns import SUBMIT_TRANSFERS, Transfers, new_ids
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import uuid7
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.query.v1 import query_service_pb2 as query
from whampoa.registry.v1 import registry_service_pb2 as registry

REMIT = "/whampoa.forex.v1.ForexService/RecordRemittance"
KINDS = ("party", "party", "documents", "transfers", "transfers", "remittance")
ROWS_MAX = 400
SECONDS = 60


class Traffic:
    """Makes requests and counts them: each takes effect once, however often it is sent."""

    def __init__(self, engine: EngineProcess, chance: random.Random) -> None:
        self._chance = chance
        self._lock = threading.Lock()
        self._corridor = Corridor(engine)
        accounts = [
            ledger.Account(
                account_id=uuid7(), party_id=self._corridor.enterprise, currency="USD", code=1
            )
            for _ in range(2)
        ]
        opening = ledger.OpenAccountsRequest(request_id=uuid7(), accounts=accounts)
        opened = accepted(engine.client().ledger.OpenAccounts(opening))
        self._accounts = tuple(opened.account_indexes)
        self.expected: Counter[str] = Counter(parties=self._parties(engine))

    @staticmethod
    def _parties(engine: EngineProcess) -> int:
        return booked(engine)["parties"]

    def make(self, number: int) -> Call:
        """The next request, on behalf of a client."""
        with self._lock:
            kind = self._chance.choice(KINDS)
            rows, minor = self._chance.randint(1, ROWS_MAX), self._chance.randint(1, 10**6)
            if kind == "party":
                self.expected["parties"] += 1
            elif kind == "documents":
                self.expected["documents"] += 3
            elif kind == "transfers":
                self.expected["moved"] += rows * minor
            else:
                self.expected["remittances"] += 1
                self.expected["credited"] += minor
        if kind == "party":
            return self._party(number)
        if kind == "documents":
            filed = list(self._corridor.declared(number))
            sent = customs.SubmitDocumentsRequest(request_id=uuid7(), documents=filed)
            return Call("singlewindow", DOCUMENTS, sent.SerializeToString())
        if kind == "transfers":
            return self._transfers(rows, minor)
        return self._remittance(minor)

    def _party(self, number: int) -> Call:
        party = registry.Party(
            party_id=uuid7(), roles=[registry.ROLE_PLATFORM], name=f"platform {number}"
        )
        asked = registry.RegisterPartiesRequest(request_id=uuid7(), parties=[party])
        return Call("operator", REGISTER, asked.SerializeToString())

    def _transfers(self, rows: int, minor: int) -> Call:
        ones = np.full(rows, 1, np.uint32)
        moved = Transfers(
            ids=new_ids(rows),
            debit_account=ones * self._accounts[0],
            credit_account=ones * self._accounts[1],
            amount_minor=np.full(rows, minor, np.uint64),
            code_flags=ones,
        )
        return Call("operator", SUBMIT_TRANSFERS, moved.encode(uuid7()))

    def _remittance(self, minor: int) -> Call:
        remittance_id = uuid7()
        told = forex.Remittance(
            remittance_id=remittance_id,
            service_enterprise_party_id=self._corridor.enterprise,
            currency="USD",
            instructed_minor=minor,
            credited_minor=minor,
            bank_reference=remittance_id.hex(),
            value_date=20_261_125,
            payer_name="Bargain Harbor Inc.",
            payer_country="USA",
        )
        asked = forex.RecordRemittanceRequest(request_id=uuid7(), remittance=told)
        return Call("bank", REMIT, asked.SerializeToString())

    def booked(self, engine: EngineProcess) -> Counter[str]:
        """The same figures as the engine has them, from its ledger and its projections."""
        found = booked(engine)
        request = query.ListAccountsRequest(party_id=self._corridor.enterprise)
        for account in engine.client().query.ListAccounts(request, timeout=SECONDS).accounts:
            if account.account_index == self._accounts[0]:
                found["moved"] = account.debits_posted_minor
        return found


def booked(engine: EngineProcess) -> Counter[str]:
    """Counts and sums of the projections, as new as the journal."""
    request = query.GetSummaryRequest()
    request.at_least.index = engine.status().durable_index
    told = engine.client().query.GetSummary(request, timeout=SECONDS)
    documents = sum(n for name, n in told.counts.items() if name.startswith("documents:"))
    return Counter(
        parties=told.counts["parties"],
        documents=documents,
        remittances=told.counts["remittances"],
        credited=told.sums_minor["credited:USD"],
    )
