"""Partners who send again what was not answered, and never twice what was: writes have ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from bench.demo.partners import InstitutionClient, Partners
from bench.demo.processes import Addresses
from gateways.client import Backoff, persist
from whampoa.client import Client
from whampoa.money.v1 import rejection_pb2 as rejection

CALL_SECONDS = 20.0
_SERVICES = (
    "registry",
    "customs",
    "tax",
    "forex",
    "clearing",
    "ledger",
    "risk",
    "evidence",
    "query",
)


@dataclass(frozen=True)
class Answered:
    """A write that was acknowledged, to be sent again."""

    call: Callable[..., Awaitable[Message]]
    request: Message
    reply: Message

    async def again(self) -> Message:
        """The reply to the same request, sent once more."""
        return await persist(lambda: self.call(self.request, timeout=CALL_SECONDS), "once more")


class Patient:
    """A stub that repeats every call until it is answered."""

    def __init__(self, stub: Any, answered: list[Answered] | None = None) -> None:
        self._stub = stub
        self._answered = answered

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._stub, name)

        async def persistently(request: Message, **_options: object) -> Any:
            backoff = Backoff()
            while True:
                reply = await persist(lambda: call(request, timeout=CALL_SECONDS), name)
                is_write = "refusal" in reply.DESCRIPTOR.fields_by_name
                if not is_write or reply.refusal.code != rejection.REJECTION_NO_ROOM:
                    break
                await backoff.pause()
            if self._answered is not None and is_write and not reply.refusal.code:
                self._answered.append(Answered(call, request, reply))
            return reply

        return persistently


class PatientInstitution(InstitutionClient):
    """An institution that may be away when something is to happen there."""

    def __init__(self, stub: Any) -> None:
        super().__init__(Patient(stub))  # type: ignore[arg-type]
        self._impatient = InstitutionClient(stub)
        self._remittances = 0

    async def instruct(self, action: str, **arguments: object) -> str:
        """Everything may be told twice, but that money arrived: the books say whether it did."""
        if action != "remit":
            return await super().instruct(action, **arguments)
        self._remittances += 1
        reference = f"KILLS{self._remittances:06d}"
        while True:
            try:
                return await self._impatient.instruct(action, reference=reference, **arguments)
            except grpc.aio.AioRpcError as failure:
                if failure.code() is grpc.StatusCode.INVALID_ARGUMENT:
                    raise
            for row in await self.rows("remittances"):
                if row["reference"] == reference:
                    return f"remittance {row['remittance_id']} reference {reference}"


class PatientPartners(Partners):
    """All partners of a corridor; what the engine acknowledged is remembered."""

    def __init__(self, data_dir: Path, addresses: Addresses) -> None:
        super().__init__(data_dir, addresses)
        self.answered: list[Answered] = []

    async def window(self, name: str) -> Any:
        return Patient(await super().window(name))

    async def _client(self, name: str) -> Client:
        client = await super()._client(name)
        for service in _SERVICES:
            setattr(client, service, Patient(getattr(client, service), self.answered))
        return client

    async def _institution(self, name: str) -> InstitutionClient:
        return PatientInstitution((await super()._institution(name))._stub)
