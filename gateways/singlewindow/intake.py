"""A declarant's message on its way in: read, checked, deposited, answered."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from engine import formats
from gateways.singlewindow import dxp, platform
from gateways.singlewindow.archive import Archive
from gateways.singlewindow.deposit import Deposited, Depository, identified
from whampoa.customs.v1 import document_pb2 as documents
from whampoa.customs.v1 import finding_pb2 as finding
from whampoa.customs.v1 import single_window_service_pb2 as window
from whampoa.money.v1 import rejection_pb2 as rejection

log = logging.getLogger(__name__)

# What declarants send; everything else comes from customs alone.
UPSTREAM = frozenset({213, 215, 303, 403, 505, 507, 509, 603, 605, 607, 701})
ORDERS = 303
OPERATOR = "operator"
# Messages in work at once, and those that wait, by number and size, before callers are sent away.
_AT_ONCE = 32
_WAITING_MAX = 256
_WAITING_BYTES_MAX = 256 << 20
# With no more messages than this in work nobody has to give way; nobody does for longer.
_QUIET_MAX = 2
_GIVE_WAY_SECONDS = 0.5
_VALUE_CHARACTERS_MAX = 64


class Busy(RuntimeError):
    """Too many messages wait; the sender tries again later."""


class Intake:
    """Takes messages; how many at once is bounded."""

    def __init__(self, archive: Archive, depository: Depository, codec: ThreadPoolExecutor) -> None:
        self._archive = archive
        self._depository = depository
        self._codec = codec
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._waiting_bytes = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def take(self, message: bytes, client: str) -> window.SubmitMessageResponse:
        """Answers one message; what the engine took is durable. Raises `Busy`."""
        size = len(message)
        if self._waiting >= _WAITING_MAX or self._waiting_bytes + size > _WAITING_BYTES_MAX:
            raise Busy(f"{self._waiting} messages of {self._waiting_bytes} bytes wait already")
        self._count(1, size)
        try:
            async with self._slots:
                return await self._take(message, client)
        finally:
            self._count(-1, -size)

    def _count(self, messages: int, size: int) -> None:
        self._waiting += messages
        self._waiting_bytes += size
        if self._waiting <= _QUIET_MAX:
            self._quiet.set()
        else:
            self._quiet.clear()

    async def give_way(self) -> None:
        """Lets declarants go first: what customs sends and gets can wait, though not for long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), _GIVE_WAY_SECONDS)

    async def _take(self, message: bytes, client: str) -> window.SubmitMessageResponse:
        loop = asyncio.get_running_loop()
        reading, digest = await loop.run_in_executor(self._codec, _read, message)
        findings = [finding.Finding.FromString(raw) for raw in reading.findings]
        refusal = await self._refusal(reading, client)
        if refusal is not None:
            findings.append(refusal)
        deposited = Deposited()
        if refusal is None and reading.accepted:
            orders = platform.orders(reading.accepted) if reading.number == ORDERS else []
            time_ms = await self._archive.arrival(digest, orders)
            deposited = await self._depository.deposit(
                [
                    identified(document, time_ms, digest, ordinal)
                    for document, ordinal in zip(reading.accepted, reading.ordinals, strict=True)
                ]
            )
            findings += _refused(reading, deposited.refusals)
        return _response(reading, findings, deposited)

    async def _refusal(self, reading: formats.Reading, client: str) -> finding.Finding | None:
        """Why nothing of a message that is well formed may be deposited by this client."""
        if not reading.accepted:
            return None
        if reading.number not in UPSTREAM:
            text = f"CEB{reading.number} comes from customs; a declarant does not send it."
            return _whole(reading, "", "NOT_UPSTREAM", str(reading.number), text)
        code = reading.transmitter_code
        if client.partition("/")[0] == OPERATOR:
            return None
        if not code:
            text = "The transmitting company is not named."
            return _whole(reading, "BaseTransfer/copCode", "TRANSMITTER_MISSING", "", text)
        # Replies go to the DXP id, so it is the id that has one owner, however its code is spelt.
        owner = await self._archive.owner(dxp.user_id(code), client)
        if owner != client:
            text = f"The code belongs to another client than {client}."
            return _whole(reading, "BaseTransfer/copCode", "TRANSMITTER_NOT_YOURS", code, text)
        return None


def _read(message: bytes) -> tuple[formats.Reading, bytes]:
    return formats.read(message), hashlib.sha256(message).digest()


def document_type(number: int) -> documents.DocumentType.ValueType:
    """The type of a message number, unspecified when the contract has none."""
    if number in documents.DocumentType.values():
        return documents.DocumentType.ValueType(number)
    return documents.DOCUMENT_TYPE_UNSPECIFIED


def _whole(
    reading: formats.Reading, field: str, rule: str, value: str, message: str
) -> finding.Finding:
    return finding.Finding(
        type=document_type(reading.number),
        field=field,
        rule=rule,
        severity=finding.SEVERITY_MALFORMED,
        value=value,
        message=message,
    )


def _refused(
    reading: formats.Reading, refusals: dict[int, rejection.Refusal]
) -> Iterable[finding.Finding]:
    """The engine's refusals as findings: the field without the place in the request."""
    for place, refusal in sorted(refusals.items()):
        _, _, field = refusal.field.partition("].")
        yield finding.Finding(
            type=document_type(reading.number),
            ordinal=reading.ordinals[place],
            field=field or refusal.field,
            rule=rejection.Rejection.Name(refusal.code).removeprefix("REJECTION_"),
            severity=finding.SEVERITY_REFUSED,
            value=refusal.value[:_VALUE_CHARACTERS_MAX],
            message=refusal.message,
        )


def _response(
    reading: formats.Reading, findings: list[finding.Finding], deposited: Deposited
) -> window.SubmitMessageResponse:
    taken = deposited.accepted + deposited.repeated
    is_malformed = any(one.severity == finding.SEVERITY_MALFORMED for one in findings)
    code = dxp.TAKEN
    if is_malformed:
        code = dxp.BAD_SCHEMA if reading.number else dxp.BAD_FORMAT
    info = f"{taken} of {reading.documents} documents taken"
    if findings:
        info += f"; {findings[0].field} {findings[0].rule}: {findings[0].message}"
    now_ms = time.time_ns() // 1_000_000
    return window.SubmitMessageResponse(
        message_type=reading.number,
        documents=reading.documents,
        accepted=taken,
        findings=findings,
        position=deposited.position,
        reply=dxp.response(reading, code, info, now_ms),
    )
