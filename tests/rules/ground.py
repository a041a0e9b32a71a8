"""The core alone, without servers: requests at a time of one's own, tables folded, laws watched."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import select
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from google.protobuf.message import Message

from bench.documents.codes import CHINA
from engine import _core
from engine.identity import Identity
from engine.methods import METHODS
from whampoa.evidence.v1.evidence_service_pb2 import GetStatusResponse, TraceResponse
from whampoa.ids import derive
from whampoa.money.v1 import rejection_pb2 as rejection

LOG = "rules-1"
SEGMENT_BYTES = 4 << 20
STEP_MS = 1_000
REPLY_SECONDS = 10
OPERATOR = "spiffe://whampoa/operator/anna"
_NUMBERS = {method.name: method.number for method in METHODS.values() if method.number}
# Tables whose rows have two keys.
_KEYS = {"trade_documents": 2}


def milliseconds(day: int, hour: int = 10) -> int:
    """An hour of a day (YYYYMMDD) in China as Unix milliseconds."""
    moment = dt.datetime.strptime(f"{day}{hour:02d}", "%Y%m%d%H").replace(tzinfo=CHINA)
    return int(moment.timestamp()) * 1_000


class Ground:
    """One engine and its clock. Every accepted request moves the clock and has the laws checked."""

    segment_bytes = SEGMENT_BYTES

    def __init__(self, folder: Path, chance: random.Random, day: int = 20261124) -> None:
        self.folder = folder
        self.now_ms = milliseconds(day)
        self._core = _core.Core.open(folder, LOG, {"segment_bytes": self.segment_bytes})
        self._chance = chance
        self._ids = 0
        self._next = 0
        self._tables: dict[str, dict[tuple[object, ...], SimpleNamespace]] = {}

    def on(self, day: int, hour: int = 10) -> None:
        """Goes on at an hour of a later day."""
        moment = milliseconds(day, hour)
        assert moment >= self.now_ms, f"{day} is over"
        self.now_ms = moment

    def later(self, *, days: int = 0, hours: int = 0) -> None:
        """Lets time pass."""
        self.now_ms += (days * 24 + hours) * 3_600_000

    def stamp(self, milliseconds: bool = False) -> str:
        """Now in China, as documents write it."""
        moment = dt.datetime.fromtimestamp(self.now_ms / 1_000, CHINA)
        digits = moment.strftime("%Y%m%d%H%M%S")
        return f"{digits}{self.now_ms % 1_000:03d}" if milliseconds else digits

    def today(self) -> int:
        return int(self.stamp()[:8])

    def new_id(self, time_ms: int | None = None) -> bytes:
        """An id no one has, the same in a repeated run."""
        self._ids += 1
        return derive(self.now_ms if time_ms is None else time_ms, "rules", str(self._ids))

    def chance(self) -> random.Random:
        return self._chance

    def ask(self, request: Message, by: str = OPERATOR) -> Any:
        """The reply to a request of any write method; it may be a refusal."""
        name = type(request).__name__.removesuffix("Request")
        self.now_ms += STEP_MS
        asked: Any = request
        asked.request_id = asked.request_id or self.new_id()
        number, rights = _NUMBERS[name], Identity.parse(by).rights
        assert number is not None
        seed = self._chance.randbytes(32)
        self._core.submit(1, number, request.SerializeToString(), by, rights, self.now_ms, seed)
        reply = getattr(sys.modules[type(request).__module__], f"{name}Response")
        return reply.FromString(self._wait())

    def _wait(self) -> bytes:
        while not (replies := self._core.take_replies()):
            ready, _, _ = select.select([self._core.event_fd()], [], [], REPLY_SECONDS)
            assert ready, "the core gives no reply"
            os.read(self._core.event_fd(), 8)
        return replies[0][1]

    def tell(self, request: Message, by: str = OPERATOR) -> Any:
        """The reply to a request that has to be accepted; the laws hold after it."""
        reply = self.ask(request, by)
        assert not reply.HasField("refusal"), reply.refusal
        assert self.broken_laws() == []
        return reply

    def refused(self, request: Message, by: str = OPERATOR) -> str:
        """Why a request is refused, for example "GRANT_REVOKED"."""
        reply = self.ask(request, by)
        assert reply.HasField("refusal"), "it was accepted"
        return code(reply.refusal.code)

    def status(self) -> GetStatusResponse:
        self._fold()
        return GetStatusResponse.FromString(self._core.status())

    def broken_laws(self) -> list[str]:
        laws = self.status().laws
        assert [law.number for law in laws] == [1, 2, 3, 4, 5, 6, 7]
        return [f"law {law.number}: {law.text}" for law in laws if not law.holds]

    def rows(self, table: str) -> list[SimpleNamespace]:
        """Rows of a projection as they stand now, in order of their first appearance."""
        self._fold()
        return list(self._tables.get(table, {}).values())

    def trace(self, subject_id: bytes) -> TraceResponse:
        """The steps of a trade, remittance, conversion or payout."""
        self._fold()
        return TraceResponse.FromString(self._core.trace(subject_id))

    def accounts(self) -> Any:
        """All accounts of the ledger."""
        from whampoa.query.v1.query_service_pb2 import ListAccountsResponse

        self._fold()
        return ListAccountsResponse.FromString(self._core.accounts(b"", 0, 10_000)).accounts

    def feed(self, from_index: int = 0) -> Any:
        """What gateways would be given, private parts open."""
        from whampoa.feed.v1.feed_service_pb2 import FeedKind, FollowResponse

        kinds: list[int] = [number for number in FeedKind.values() if number]
        return FollowResponse.FromString(self._core.read_feed(from_index, kinds, 1_000, True))

    def _fold(self) -> None:
        while self._next <= self._core.durable_index():
            self._next, batches = self._core.project(self._next)
            for table, columns, values in batches:
                known = self._tables.setdefault(table, {})
                keys = _KEYS.get(table, 1)
                for row in zip(*values, strict=True):
                    named = dict(zip(columns, row, strict=True))
                    vars(known.setdefault(row[:keys], SimpleNamespace())).update(named)

    def close(self) -> dict[str, Any]:
        """Stops the engine; what `verify` finds in its files."""
        self._core.close()
        report: dict[str, Any] = json.loads(_core.verify(self.folder, ""))
        return report


def code(number: int) -> str:
    """Name of a rejection without its prefix."""
    return rejection.Rejection.Name(number).removeprefix("REJECTION_")  # type: ignore[arg-type]
