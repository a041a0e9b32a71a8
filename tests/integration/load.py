"""Clients that write as fast as they are answered, and remember what was acknowledged."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np

from tests.integration.corridor import Corridor
from tests.integration.engine_process import CALL_SECONDS, EngineProcess
from whampoa.client import CHANNEL_OPTIONS, Credentials
from whampoa.columns import ROWS_MAX, SUBMIT_TRANSFERS, Transfers, new_ids
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.ids import uuid7
from whampoa.registry.v1 import registry_service_pb2 as registry

REGISTER = "/whampoa.registry.v1.RegistryService/RegisterParties"
DOCUMENTS = "/whampoa.customs.v1.CustomsService/SubmitDocuments"


@dataclass(frozen=True)
class Call:
    """One request as it was sent."""

    caller: str
    path: str
    request: bytes


@dataclass
class Load:
    """Several clients at once, each with a connection of its own."""

    engine: EngineProcess
    make: Callable[[int], Call]
    clients: int = 6
    # What was answered, with the answer; what was sent and never answered, with the status.
    answered: list[tuple[Call, bytes]] = field(default_factory=list)
    failed: list[tuple[Call, grpc.StatusCode]] = field(default_factory=list)
    # Told of every answer by the client that got it, at once.
    on_answer: Callable[[bytes], None] = lambda _reply: None

    def __post_init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()

    def start(self) -> Load:
        self._threads = [
            threading.Thread(target=self._client, args=(at,)) for at in range(self.clients)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def wait_for(self, count: int) -> None:
        """Return once so many requests were answered."""
        deadline = time.monotonic() + CALL_SECONDS
        while len(self.answered) < count:
            assert time.monotonic() < deadline, f"{len(self.answered)} answers"
            assert not self.failed, self.failed
            time.sleep(0.005)

    def join(self) -> None:
        """Wait until every client had its first failure."""
        for thread in self._threads:
            thread.join(CALL_SECONDS)
        assert not any(thread.is_alive() for thread in self._threads)

    def _client(self, at: int) -> None:
        channels: dict[str, grpc.Channel] = {}
        number = at
        try:
            while True:
                call = self.make(number)
                number += self.clients
                if call.caller not in channels:
                    keys = Credentials.read(self.engine.keys, call.caller)
                    # Subchannels are shared by equal options; every client wants its own.
                    options = [*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
                    channels[call.caller] = grpc.secure_channel(
                        self.engine.address, keys.channel_credentials(), options=options
                    )
                method: Any = channels[call.caller].unary_unary(call.path)
                try:
                    reply = method(call.request, timeout=CALL_SECONDS)
                except grpc.RpcError as error:
                    self.failed.append((call, error.code()))
                    return
                self.on_answer(reply)
                self.answered.append((call, reply))
        finally:
            for channel in channels.values():
                channel.close()


def mixed(corridor: Corridor, accounts: tuple[int, int], chance: random.Random) -> Load:
    """Parties, documents and full transfer messages in turn."""
    rows = np.full(ROWS_MAX, 1, np.uint32)
    lock = threading.Lock()

    def make(number: int) -> Call:
        with lock:
            kind = chance.choice(("party", "party", "documents", "transfers"))
        if kind == "party":
            party = registry.Party(
                party_id=uuid7(), roles=[registry.ROLE_PLATFORM], name=f"platform {number}"
            )
            asked = registry.RegisterPartiesRequest(request_id=uuid7(), parties=[party])
            return Call("operator", REGISTER, asked.SerializeToString())
        if kind == "documents":
            filed = list(corridor.declared(number))
            sent = customs.SubmitDocumentsRequest(request_id=uuid7(), documents=filed)
            return Call("singlewindow", DOCUMENTS, sent.SerializeToString())
        moved = Transfers(
            ids=new_ids(ROWS_MAX),
            debit_account=rows * accounts[0],
            credit_account=rows * accounts[1],
            amount_minor=rows,
            code_flags=rows,
        )
        return Call("operator", SUBMIT_TRANSFERS, moved.encode(uuid7()))

    return Load(corridor.engine, make)
