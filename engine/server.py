"""The engine as a process: core, projections, services; drained when asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry, start_http_server

from engine import lock
from engine.access import Access
from engine.bridge import Bridge
from engine.config import EngineConfig
from engine.logs import logger
from engine.methods import METHODS
from engine.metrics import CallMetrics, CoreMetrics
from engine.projections.follower import Lagging, ProjectionFollower
from engine.projections.queries import Queries
from engine.projections.store import Store
from engine.services import write
from engine.services.evidence import EvidenceService
from engine.services.feed import FeedService
from engine.services.query import QueryService
from whampoa.client import Credentials
from whampoa.evidence.v1.evidence_service_pb2 import GetStatusResponse
from whampoa.evidence.v1.evidence_service_pb2_grpc import add_EvidenceServiceServicer_to_server
from whampoa.feed.v1.feed_service_pb2_grpc import add_FeedServiceServicer_to_server
from whampoa.query.v1.query_service_pb2_grpc import add_QueryServiceServicer_to_server

log = logger(__name__)

# A million advised rows in columns are 24 MB; the core refuses larger batches by rows.
REQUEST_BYTES_MAX = 32 << 20
PENDING_MAX = 32_768
# Calls under way when a stop is asked for may take this long.
DRAIN_SECONDS = 10.0
# Callers that go on asking are told for so long that they are refused, before connections close.
FAREWELL_SECONDS = 0.1
# Queries that saw everything spare the next start to replay for them.
CATCH_UP_SECONDS = 2.0
STATUS_INTERVAL_SECONDS = 5.0
# Laws are checked over the whole state: of a large one less often, a twentieth of a core at most.
STATUS_PAUSE_PER_SECOND = 19.0
PROJECTIONS_NAME = "projections.sqlite"

_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_send_message_length", REQUEST_BYTES_MAX),
    ("grpc.so_reuseport", 0),
    # Calls that nobody took up yet: beyond these gRPC breaks calls off without a word. What waits
    # longer is refused by the core, with a code and a time to come again.
    ("grpc.server.max_pending_requests", PENDING_MAX),
    ("grpc.server.max_pending_requests_hard_limit", PENDING_MAX),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
]


class Server:
    """One running engine."""

    def __init__(self, data_dir: Path, config: EngineConfig, *, accept_loss: bool = False) -> None:
        self._data_dir = data_dir
        self._config = config
        self._lock = lock.hold(data_dir)
        self._bridge = Bridge(data_dir, config, accept_loss=accept_loss)
        url = config.projections or f"sqlite:///{data_dir / PROJECTIONS_NAME}"
        self._store = Store(url, config.log)
        self._follower = ProjectionFollower(self._bridge, self._store)
        self._status = GetStatusResponse(accepting_writes=True)
        self._health = health.aio.HealthServicer()
        self._registry = CollectorRegistry()
        self._access = Access(CallMetrics(self._registry))
        self._grpc = grpc.aio.server(interceptors=[self._access], options=_OPTIONS)

    async def run(self, ready: Callable[[str], None], stop: asyncio.Event) -> None:
        """Serves until `stop` is set, then drains. Raises what broke one of its tasks."""
        recovery = self._bridge.recovery
        for passed_over in recovery["snapshots_passed_over"]:
            log.warning("snapshot passed over", **passed_over)
        log.info("journal replayed", **recovery)
        stopping = asyncio.create_task(stop.wait())
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._follower.open()
            self._add_services()
            address, metrics = self._listen(), self._serve_metrics()
            await self._grpc.start()
            tasks.append(asyncio.create_task(self._follower.run()))
            tasks.append(asyncio.create_task(self._watch_status()))
            await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
            log.info("serving", address=address, metrics=metrics, log=self._config.log)
            ready(address)
            await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._drain()
            stopping.cancel()
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._store.close()
            self._lock.close()
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _add_services(self) -> None:
        started_at_ms = time.time_ns() // 1_000_000
        log_name = self._config.log
        evidence = EvidenceService(self._bridge, self._follower, log_name, started_at_ms)
        query = QueryService(self._bridge, Queries(self._store), self._follower, log_name)
        self._grpc.add_generic_rpc_handlers(tuple(write.handlers(self._bridge)))
        add_FeedServiceServicer_to_server(FeedService(self._bridge), self._grpc)
        add_EvidenceServiceServicer_to_server(evidence, self._grpc)
        add_QueryServiceServicer_to_server(query, self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        services = sorted({method.service for method in METHODS.values()})
        reflection.enable_server_reflection(services, self._grpc)

    def _listen(self) -> str:
        """Binds the address of the configuration; port 0 takes a free one."""
        own = Credentials.read(self._data_dir / "keys", "engine")
        credentials = grpc.ssl_server_credentials(
            [(own.key, own.certificate)],
            root_certificates=own.authority,
            require_client_auth=True,
        )
        port = self._grpc.add_secure_port(self._config.listen, credentials)
        return f"{self._config.listen.rpartition(':')[0]}:{port}"

    def _serve_metrics(self) -> str:
        """Where Prometheus reads; empty when nothing is served."""
        if not self._config.metrics:
            return ""
        core = CoreMetrics(self._bridge, lambda: self._follower.next_index, lambda: self._status)
        self._registry.register(core)
        host, _, port = self._config.metrics.rpartition(":")
        served, _ = start_http_server(int(port), addr=host, registry=self._registry)
        return f"{host}:{served.server_port}"

    async def _watch_status(self) -> None:
        """Keeps the figures that are too dear to compute at every scrape."""
        while True:
            start = time.monotonic()
            raw = await self._bridge.status(with_hash=False)
            seconds = time.monotonic() - start
            self._status = GetStatusResponse.FromString(raw)
            broken = [law.number for law in self._status.laws if not law.holds]
            if broken:
                log.error("laws are broken", laws=broken)
            if damage := self._bridge.damage:
                log.error("journal is damaged", what=damage)
            await asyncio.sleep(max(STATUS_INTERVAL_SECONDS, seconds * STATUS_PAUSE_PER_SECOND))

    async def _drain(self) -> None:
        """Takes no new calls, lets those under way end, makes everything durable."""
        log.info("draining", writes=self._bridge.waiting)
        await self._health.enter_graceful_shutdown()
        self._access.close()
        await asyncio.sleep(FAREWELL_SECONDS)
        await self._grpc.stop(DRAIN_SECONDS)
        with contextlib.suppress(Lagging):
            await self._follower.reach(self._bridge.durable_index, CATCH_UP_SECONDS)
        await self._bridge.close()
        log.info("stopped", durable_index=self._bridge.durable_index)


async def serve(
    data_dir: Path, config: EngineConfig, ready: Callable[[str], None], *, accept_loss: bool
) -> None:
    """Runs an engine until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(data_dir, config, accept_loss=accept_loss)
    await server.run(ready, stop)
