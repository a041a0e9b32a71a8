"""Every method of the engine: its number in the core, who may call it; others are closed."""

from __future__ import annotations

from dataclasses import dataclass

from engine.identity import Identity


@dataclass(frozen=True)
class Method:
    """One method."""

    # "/whampoa.<area>.v1.<Service>/<Method>".
    path: str
    # Number in the core (`decide::Method`); None for reads.
    number: int | None
    # Roles, or "role/name" where one identity alone may.
    callers: frozenset[str]

    @property
    def service(self) -> str:
        return self.path[1:].partition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def may(self, identity: Identity) -> bool:
        """Whether an identity has the right."""
        role = identity.role.word
        return role in self.callers or f"{role}/{identity.name}" in self.callers


def _write(area: str, service: str, *methods: tuple[int, str, str]) -> list[Method]:
    path = f"/whampoa.{area}.v1.{service}/"
    return [
        Method(path + name, number, frozenset(callers.split())) for number, name, callers in methods
    ]


def _read(area: str, service: str, callers: str, *names: str) -> list[Method]:
    path = f"/whampoa.{area}.v1.{service}/"
    return [Method(path + name, None, frozenset(callers.split())) for name in names]


_STAFF = "operator officer authority"
_EVERYBODY = "operator officer authority gateway service-enterprise merchant declarant"

_METHODS = [
    *_write(
        "registry",
        "RegistryService",
        (1, "RegisterParties", "operator"),
        (2, "RegisterRelations", "operator"),
        (3, "EndRelation", "operator"),
        (4, "RegisterGrants", "operator"),
        (5, "RevokeGrant", "operator"),
        (6, "SetPayee", "operator"),
    ),
    *_write(
        "customs",
        "CustomsService",
        (10, "SubmitDocuments", "gateway/singlewindow"),
        (11, "SettleDispute", "officer"),
        (12, "ReportReturn", "gateway/singlewindow operator"),
        (13, "CloseTrade", "operator officer"),
    ),
    *_write(
        "ledger",
        "LedgerService",
        (20, "OpenAccounts", "operator"),
        (21, "SubmitTransfers", "operator service-enterprise"),
        (22, "CloseAccount", "operator"),
    ),
    *_write(
        "forex",
        "ForexService",
        (30, "RecordRemittance", "gateway/bank"),
        (31, "RecordCharge", "gateway/bank"),
        (32, "RecallRemittance", "gateway/bank"),
        (33, "ReturnSuspense", "operator"),
        (34, "PublishRate", "gateway/bank operator"),
        (35, "RequestConversion", "operator service-enterprise"),
        (36, "ConfirmConversion", "gateway/bank"),
        (37, "FailConversion", "gateway/bank"),
        (38, "DeclareRemittance", "gateway/safe operator"),
        (39, "RecordBopFeedback", "gateway/safe"),
    ),
    *_write(
        "clearing",
        "ClearingService",
        (50, "Allocate", "operator service-enterprise"),
        (51, "ConfirmDebit", "gateway/bank"),
        # The bank tells of payouts that it refused before it debited them.
        (52, "RecordSettlement", "gateway/pboc gateway/bank"),
        (53, "InstructPayouts", "operator service-enterprise"),
        (54, "SettleClawback", "officer operator"),
    ),
    *_write(
        "tax",
        "TaxService",
        (60, "LoadRefundRates", "operator authority"),
        (61, "SubmitInvoices", "operator service-enterprise"),
        (62, "RegisterZoneGoods", "operator service-enterprise"),
        (63, "LabelItems", "operator"),
    ),
    *_write(
        "risk",
        "RiskService",
        (70, "ClearReview", "officer"),
        (71, "RejectReview", "officer"),
        (72, "SetReviewRules", "officer operator"),
    ),
    *_read("feed", "FeedService", "gateway", "Follow"),
    *_read(
        "query",
        "QueryService",
        _STAFF,
        "ListParties",
        "ListTrades",
        "ListDocuments",
        "ListRemittances",
        "ListPayouts",
        "ListTaxItems",
        "ListBopRecords",
        "ListAccounts",
        "GetSummary",
    ),
    *_read("evidence", "EvidenceService", _STAFF, "Trace", "GetProof"),
    *_read("evidence", "EvidenceService", _EVERYBODY, "GetOutcome", "GetStatus"),
    *(
        Method(path, None, frozenset(_EVERYBODY.split()))
        for path in (
            "/grpc.health.v1.Health/Check",
            "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        )
    ),
]

METHODS = {method.path: method for method in _METHODS}

# Which feed kinds a gateway receives, by name of the gateway, and whether private parts are open.
FEED_KINDS: dict[str, frozenset[str]] = {
    "singlewindow": frozenset({"FEED_KIND_DOCUMENTS"}),
    "bank": frozenset(
        {
            "FEED_KIND_CONVERSION_REQUESTED",
            "FEED_KIND_MONEY_RETURNED",
            "FEED_KIND_PAYOUT_INSTRUCTED",
        }
    ),
    "pboc": frozenset({"FEED_KIND_PAYOUT_DEBITED"}),
    "safe": frozenset({"FEED_KIND_ALLOCATED", "FEED_KIND_BOP_RECORDS"}),
}
