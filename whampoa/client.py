"""Clients of the engine: one attribute a service, mutual TLS, limits that fit large batches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc

from whampoa.clearing.v1 import clearing_service_pb2_grpc as clearing_grpc
from whampoa.customs.v1 import customs_service_pb2_grpc as customs_grpc
from whampoa.evidence.v1 import evidence_service_pb2_grpc as evidence_grpc
from whampoa.feed.v1 import feed_service_pb2_grpc as feed_grpc
from whampoa.forex.v1 import forex_service_pb2_grpc as forex_grpc
from whampoa.ledger.v1 import ledger_service_pb2_grpc as ledger_grpc
from whampoa.query.v1 import query_service_pb2_grpc as query_grpc
from whampoa.registry.v1 import registry_service_pb2_grpc as registry_grpc
from whampoa.risk.v1 import risk_service_pb2_grpc as risk_grpc
from whampoa.tax.v1 import tax_service_pb2_grpc as tax_grpc

if TYPE_CHECKING:
    from whampoa.clearing.v1.clearing_service_pb2_grpc import ClearingServiceAsyncStub
    from whampoa.customs.v1.customs_service_pb2_grpc import CustomsServiceAsyncStub
    from whampoa.evidence.v1.evidence_service_pb2_grpc import EvidenceServiceAsyncStub
    from whampoa.feed.v1.feed_service_pb2_grpc import FeedServiceAsyncStub
    from whampoa.forex.v1.forex_service_pb2_grpc import ForexServiceAsyncStub
    from whampoa.ledger.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub
    from whampoa.query.v1.query_service_pb2_grpc import QueryServiceAsyncStub
    from whampoa.registry.v1.registry_service_pb2_grpc import RegistryServiceAsyncStub
    from whampoa.risk.v1.risk_service_pb2_grpc import RiskServiceAsyncStub
    from whampoa.tax.v1.tax_service_pb2_grpc import TaxServiceAsyncStub

# The engine takes requests of 24 MiB: advice of a million rows in columns.
MESSAGE_BYTES_MAX = 32 << 20
# A request that the engine is too busy for is sent again by itself, when the engine says or after
# growing pauses; writes are idempotent by their request id. Others are the caller's to decide on.
_AGAIN_WHEN_BUSY = {
    "name": [{}],
    "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["RESOURCE_EXHAUSTED"],
    },
}
CHANNEL_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.service_config", json.dumps({"methodConfig": [_AGAIN_WHEN_BUSY]})),
    # A full batch of rows has to be kept until it is answered.
    ("grpc.per_rpc_retry_buffer_size", MESSAGE_BYTES_MAX),
]


@dataclass(frozen=True)
class Credentials:
    """The certificate and key of one identity, and the authority both ends trust (PEM)."""

    authority: bytes
    certificate: bytes
    key: bytes

    @classmethod
    def read(cls, keys: Path, name: str) -> Credentials:
        """Reads `ca.pem`, `NAME.pem` and `NAME.key` of a folder as `whampoa init` makes it."""
        return cls(
            authority=(keys / "ca.pem").read_bytes(),
            certificate=(keys / f"{name}.pem").read_bytes(),
            key=(keys / f"{name}.key").read_bytes(),
        )

    def channel_credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.authority, self.key, self.certificate)


class SyncClient:
    """Blocking stubs of every service of the engine over one channel."""

    def __init__(self, address: str, keys: Path, name: str) -> None:
        credentials = Credentials.read(keys, name).channel_credentials()
        self.channel = grpc.secure_channel(address, credentials, options=CHANNEL_OPTIONS)
        self.registry = registry_grpc.RegistryServiceStub(self.channel)
        self.customs = customs_grpc.CustomsServiceStub(self.channel)
        self.tax = tax_grpc.TaxServiceStub(self.channel)
        self.forex = forex_grpc.ForexServiceStub(self.channel)
        self.clearing = clearing_grpc.ClearingServiceStub(self.channel)
        self.ledger = ledger_grpc.LedgerServiceStub(self.channel)
        self.risk = risk_grpc.RiskServiceStub(self.channel)
        self.evidence = evidence_grpc.EvidenceServiceStub(self.channel)
        self.query = query_grpc.QueryServiceStub(self.channel)
        self.feed = feed_grpc.FeedServiceStub(self.channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.channel.close()


class Client:
    """The same stubs for asyncio."""

    registry: RegistryServiceAsyncStub
    customs: CustomsServiceAsyncStub
    tax: TaxServiceAsyncStub
    forex: ForexServiceAsyncStub
    clearing: ClearingServiceAsyncStub
    ledger: LedgerServiceAsyncStub
    risk: RiskServiceAsyncStub
    evidence: EvidenceServiceAsyncStub
    query: QueryServiceAsyncStub
    feed: FeedServiceAsyncStub

    def __init__(self, address: str, keys: Path, name: str) -> None:
        credentials = Credentials.read(keys, name).channel_credentials()
        self.channel = grpc.aio.secure_channel(address, credentials, options=CHANNEL_OPTIONS)
        self.registry = registry_grpc.RegistryServiceStub(self.channel)
        self.customs = customs_grpc.CustomsServiceStub(self.channel)
        self.tax = tax_grpc.TaxServiceStub(self.channel)
        self.forex = forex_grpc.ForexServiceStub(self.channel)
        self.clearing = clearing_grpc.ClearingServiceStub(self.channel)
        self.ledger = ledger_grpc.LedgerServiceStub(self.channel)
        self.risk = risk_grpc.RiskServiceStub(self.channel)
        self.evidence = evidence_grpc.EvidenceServiceStub(self.channel)
        self.query = query_grpc.QueryServiceStub(self.channel)
        self.feed = feed_grpc.FeedServiceStub(self.channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.channel.close()
