"""The scene of bad requests: good ones with one thing made wrong, and where they are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.message import Message

from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess, accepted
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import halves, time_ms_of, uuid7
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.registry.v1 import registry_service_pb2 as registry

HOUR_MS = 3_600_000

TRANSFERS = "/whampoa.ledger.v1.LedgerService/SubmitTransfers"
ACCOUNTS = "/whampoa.ledger.v1.LedgerService/OpenAccounts"
PARTIES = "/whampoa.registry.v1.RegistryService/RegisterParties"
GRANTS = "/whampoa.registry.v1.RegistryService/RegisterGrants"
REMITTANCE = "/whampoa.forex.v1.ForexService/RecordRemittance"
CHARGE = "/whampoa.forex.v1.ForexService/RecordCharge"
RATE = "/whampoa.forex.v1.ForexService/PublishRate"
DOCUMENTS = "/whampoa.customs.v1.CustomsService/SubmitDocuments"
ALLOCATE = "/whampoa.clearing.v1.ClearingService/Allocate"


@dataclass
class Scene:
    """What the requests are about: a corridor, accounts of two currencies, a remittance."""

    engine: EngineProcess
    corridor: Corridor
    dollars: tuple[int, int] = (0, 0)
    yuan: int = 0
    remittance_id: bytes = b""
    # A request that was accepted, to be replayed.
    deposited: ledger.OpenAccountsRequest = field(default_factory=ledger.OpenAccountsRequest)

    def __post_init__(self) -> None:
        self.corridor.release(range(4))
        self.remittance_id = self.corridor.remit(5_000)
        self.deposited = self.accounts("USD", "USD", "CNY")
        reply = accepted(self.engine.client().ledger.OpenAccounts(self.deposited))
        first, second, self.yuan = reply.account_indexes
        self.dollars = (first, second)

    def accounts(self, *currencies: str, party: bytes = b"") -> ledger.OpenAccountsRequest:
        owner = party or self.corridor.enterprise
        accounts = [
            ledger.Account(account_id=uuid7(), party_id=owner, currency=currency, code=1)
            for currency in currencies
        ]
        return ledger.OpenAccountsRequest(request_id=uuid7(), accounts=accounts)

    def transfers(
        self, rows: int = 1, amount: int = 5, columns: Mapping[str, Sequence[int]] | None = None
    ) -> ledger.SubmitTransfersRequest:
        ids = [halves(uuid7()) for _ in range(rows)]
        request = ledger.SubmitTransfersRequest(
            request_id=uuid7(),
            row_count=rows,
            id_high=[high for high, _ in ids],
            id_low=[low for _, low in ids],
            debit_account=[self.dollars[0]] * rows,
            credit_account=[self.dollars[1]] * rows,
            amount_minor=[amount] * rows,
            code_flags=[1] * rows,
        )
        for name, values in (columns or {}).items():
            request.ClearField(name)  # type: ignore[arg-type]
            getattr(request, name).extend(values)
        return request

    def party(self, **fields: object) -> registry.RegisterPartiesRequest:
        party = registry.Party(
            party_id=uuid7(), roles=[registry.ROLE_PLATFORM], name="Bargain Harbor"
        )
        for name, value in fields.items():
            setattr(party, name, value)
        return registry.RegisterPartiesRequest(request_id=uuid7(), parties=[party])

    def remittance(self, **fields: object) -> Message:
        told = forex.Remittance(
            remittance_id=uuid7(),
            service_enterprise_party_id=self.corridor.enterprise,
            currency="USD",
            instructed_minor=100,
            credited_minor=100,
            bank_reference=uuid7().hex(),
            payer_name="Bargain Harbor",
            payer_country="USA",
        )
        for name, value in fields.items():
            setattr(told, name, value)
        return forex.RecordRemittanceRequest(request_id=uuid7(), remittance=told)

    def order(
        self, number: int = 9_000, *, price: str = "", **fields: object
    ) -> customs.SubmitDocumentsRequest:
        """One order; fields of the document, or of its body with `order__` before the name."""
        filed = next(self.corridor.declared(number))
        filed.order.lines[0].total_price = price or filed.order.lines[0].total_price
        for name, value in fields.items():
            owner = filed.order if name.startswith("order__") else filed
            setattr(owner, name.removeprefix("order__"), value)
        return customs.SubmitDocumentsRequest(request_id=uuid7(), documents=[filed])

    def advice(self, rows: int, **fields: object) -> Message:
        request = clearing.AllocateRequest(
            request_id=uuid7(),
            remittance_id=self.remittance_id,
            mode=clearing.ALLOCATION_MODE_BY_ORDERS,
            row_count=rows,
        )
        for name, value in fields.items():
            setattr(request, name, value)
        return request


@dataclass(frozen=True)
class Bad:
    """One request and what has to be said of it."""

    what: str
    caller: str
    path: str
    build: Callable[[Scene], Message | bytes]
    code: str
    field: str

    def raw(self, scene: Scene) -> bytes:
        made = self.build(scene)
        return made if isinstance(made, bytes) else made.SerializeToString()


def aged(offset_ms: int) -> bytes:
    """An id of another time."""
    return uuid7(time_ms_of(uuid7()) + offset_ms)
