"""Who calls in a run: operator, officers, declarants, and the world around the institutions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import grpc

from bench.demo.partners import InstitutionClient
from gateways.addresses import ENGINE, INSTITUTIONS, SINGLEWINDOW
from tests.simulation.channel import Channel
from tests.simulation.corridor import Corridor, uri
from tests.simulation.engine import Tables
from whampoa.clearing.v1 import clearing_service_pb2_grpc as clearing_grpc
from whampoa.customs.v1 import customs_service_pb2_grpc as customs_grpc
from whampoa.customs.v1 import single_window_service_pb2_grpc as window_grpc
from whampoa.forex.v1 import forex_service_pb2_grpc as forex_grpc
from whampoa.institution.v1 import institution_service_pb2_grpc as institution_grpc
from whampoa.registry.v1 import registry_service_pb2_grpc as registry_grpc
from whampoa.risk.v1 import risk_service_pb2_grpc as risk_grpc
from whampoa.tax.v1 import tax_service_pb2_grpc as tax_grpc

CALL_SECONDS = 20.0
PATIENCE_SECONDS = 3_600.0
_PAUSE_SECONDS = 0.5
AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
}


class Persistent(Channel):
    """A partner's line: what is not answered is sent again, the same bytes under the same id."""

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        **_: object,
    ) -> Callable[..., Any]:
        once = super().unary_unary(method, request_serializer, response_deserializer)

        async def call(request: Any, **_: object) -> Any:
            deadline = self.now() + PATIENCE_SECONDS
            while True:
                try:
                    return await once(request, timeout=CALL_SECONDS)
                except grpc.aio.AioRpcError as failure:
                    if failure.code() not in AGAIN or self.now() > deadline:
                        raise
                await asyncio.sleep(_PAUSE_SECONDS)

        return call


class Caller:
    """The engine under one certificate."""

    def __init__(self, corridor: Corridor, name: str) -> None:
        channel: Any = Persistent(corridor.network, ENGINE, uri(name))
        self.registry = registry_grpc.RegistryServiceStub(channel)
        self.customs = customs_grpc.CustomsServiceStub(channel)
        self.tax = tax_grpc.TaxServiceStub(channel)
        self.forex = forex_grpc.ForexServiceStub(channel)
        self.clearing = clearing_grpc.ClearingServiceStub(channel)
        self.risk = risk_grpc.RiskServiceStub(channel)


class NeverHappened(RuntimeError):
    """Something that has to come did not come in time."""


class People:
    """Everybody outside of engine and gateways."""

    def __init__(self, corridor: Corridor) -> None:
        self._corridor = corridor
        self.operator: Any = Caller(corridor, "operator")
        self.officers: list[Any] = [Caller(corridor, f"officer-{at}") for at in (1, 2)]
        self.bank = self._institution("bank")
        self.pboc = self._institution("pboc")
        self.safe = self._institution("safe")
        self.customs = self._institution("customs")

    def _institution(self, name: str) -> InstitutionClient:
        channel: Any = Persistent(self._corridor.network, INSTITUTIONS[name], uri("operator"))
        return InstitutionClient(institution_grpc.InstitutionServiceStub(channel))

    def once(self, name: str) -> InstitutionClient:
        """An institution that is told a thing once: who tells it looks whether it heard."""
        channel: Any = Channel(self._corridor.network, INSTITUTIONS[name], uri("operator"))
        return InstitutionClient(institution_grpc.InstitutionServiceStub(channel))

    def window(self, name: str) -> Any:
        """The Single Window gateway under a declarant's certificate."""
        channel: Any = Persistent(self._corridor.network, SINGLEWINDOW, uri(name))
        return window_grpc.SingleWindowServiceStub(channel)

    @property
    def registrars(self) -> Any:
        """What the registration of a world needs."""
        return SimpleNamespace(operator=self.operator, bank=self.bank, pboc=self.pboc)

    async def tables(self) -> Tables:
        """What queries show, once the engine is up."""
        while self._corridor.engine.core is None or not self._corridor.nodes["engine"].is_up:
            self._corridor.check()
            await asyncio.sleep(_PAUSE_SECONDS)
        return self._corridor.engine.tables()

    async def until(
        self, look: Callable[[Tables], bool], what: str, seconds: float = PATIENCE_SECONDS
    ) -> Tables:
        """Waits until the tables show something. Raises `NeverHappened`."""
        loop = self._corridor.loop
        deadline = loop.now + seconds
        pause = _PAUSE_SECONDS
        while not look(tables := await self.tables()):
            self._corridor.check()
            if loop.now > deadline:
                raise NeverHappened(f"waited {seconds:.0f} s in vain: {what}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 10.0)
        return tables
