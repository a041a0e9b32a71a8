"""Judges a run while it runs: replies are for ever, names and letters have one meaning."""

from __future__ import annotations

import hashlib
import importlib
import re
from functools import cache
from typing import Any

from engine import _core
from engine.identity import Identity
from engine.methods import METHODS
from tests.simulation.corridor import Corridor
from tests.simulation.network import Call
from tests.simulation.server import Server
from whampoa.evidence.v1.evidence_service_pb2 import GetOutcomeResponse
from whampoa.institution.v1 import institution_service_pb2 as institution
from whampoa.money.v1 import rejection_pb2 as rejection

_PATHS = {it.name: it for it in METHODS.values() if it.number is not None}
# A request begins with its id: field 1, 16 bytes.
_ID_TAG = b"\x0a\x10"
# The name of a message in each institution's format.
_NAMES = (
    re.compile(rb"<MsgId>([^<]+)</MsgId>"),
    re.compile(rb"<BATCHREF>([^<]+)</BATCHREF>"),
    re.compile(rb"<CopMsgId>([^<]+)</CopMsgId>"),
)


class Broken(AssertionError):
    """A promise of the corridor was not kept."""


class Acknowledged:
    """A write that the engine took: who asked what, and what it was told."""

    def __init__(self, call: Call, reply: bytes) -> None:
        self.method = call.method
        self.uri = call.uri
        self.request = call.request
        self.reply = reply


class Judge:
    """Sees every reply as it leaves its server."""

    def __init__(self, corridor: Corridor) -> None:
        self._corridor = corridor
        self.acknowledged: dict[bytes, Acknowledged] = {}
        self._meanings: dict[tuple[str, str, bytes], bytes] = {}
        # Complaints of gateways that the faults of the plan explain.
        self.expected: list[re.Pattern[str]] = []
        self.replies = 0
        self.repeated = 0
        corridor.network.watches.append(self._see)
        corridor.nodes["engine"].on_start.append(self._reopened)

    def _see(self, call: Call, server: Server, reply: bytes) -> None:
        if call.method in _PATHS and server.life.node.name == "engine":
            self._write(call, reply)
        elif call.method == "Deliver":
            request = institution.DeliverRequest.FromString(call.request)
            for pattern in _NAMES:
                if found := pattern.search(request.message):
                    self._mean(call.target, request.format, found[1], request.message)
                    break
        elif call.method == "Collect":
            for letter in institution.CollectResponse.FromString(reply).letters:
                name = str(letter.sequence).encode()
                self._mean(call.target, "letter", name, letter.message)

    def _mean(self, where: str, kind: str, name: bytes, message: bytes) -> None:
        digest = hashlib.sha256(message).digest()
        if self._meanings.setdefault((where, kind, name), digest) != digest:
            self._complain(f"{kind} {name.decode()} at {where} has two meanings")

    def _write(self, call: Call, reply: bytes) -> None:
        self.replies += 1
        if call.request[:2] != _ID_TAG:
            self._complain(f"{call.method} of {call.source} begins without an id")
            return
        identifier = call.request[2:18]
        known = self.acknowledged.get(identifier)
        refusal = _response(call.method).FromString(reply).refusal.code
        if known is None:
            if refusal == rejection.REJECTION_UNSPECIFIED:
                self.acknowledged[identifier] = Acknowledged(call, reply)
        elif known.request == call.request:
            self.repeated += 1
            if reply != known.reply:
                self._complain(f"{call.method} {identifier.hex()} got another reply")
        elif refusal != rejection.REJECTION_REQUEST_ID_REUSED:
            self._complain(f"{call.method} {identifier.hex()} was taken twice with other content")

    def _reopened(self) -> None:
        """The engine began a new life: whatever it acknowledged before is there."""
        core = self._corridor.engine.core
        if core is not None:
            self.keeps(core)

    def keeps(self, core: _core.Core) -> None:
        """Every acknowledged request is in the journal with its reply."""
        for identifier, known in self.acknowledged.items():
            outcome = GetOutcomeResponse.FromString(core.outcome(identifier))
            if not outcome.known:
                self._complain(f"{known.method} {identifier.hex()} was acknowledged and is gone")
            elif outcome.reply != known.reply:
                self._complain(f"{known.method} {identifier.hex()} has another outcome now")

    def asked_again(self, core: _core.Core, now_ms: int) -> None:
        """Every acknowledged request is sent once more and gets the same bytes."""
        for token, (identifier, known) in enumerate(self.acknowledged.items(), 1 << 32):
            caller = Identity.parse(known.uri)
            number = _PATHS[known.method].number
            assert number is not None
            core.submit(token, number, known.request, caller.uri, caller.rights, now_ms, bytes(32))
            while core.step():
                pass
            replies = dict(core.take_replies())
            if replies != {token: known.reply}:
                self._complain(f"{known.method} {identifier.hex()} got another reply when re-sent")

    def _complain(self, what: str) -> None:
        self._corridor.problems.append(what)

    def check(self) -> None:
        """Raises what was seen so far."""
        corridor = self._corridor
        problems = [
            it
            for it in (*corridor.problems, *corridor.network.problems)
            if not any(pattern.search(it) for pattern in self.expected)
        ]
        if problems:
            raise Broken("; ".join(problems[:5]))


@cache
def _response(method: str) -> Any:
    package = _PATHS[method].service.rpartition(".")[0]
    module = importlib.import_module(f"{package}.{package.split('.')[1]}_service_pb2")
    return getattr(module, f"{method}Response")
