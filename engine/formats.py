"""Codec of customs messages: bytes to documents and findings, fields to bytes, envelopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine import _core


@dataclass(frozen=True)
class Envelope:
    """Who sends a message to whom (the head of a DxpMsg)."""

    cop_msg_id: str
    sender_id: str
    receiver_ids: tuple[str, ...]
    # As XML Schema writes it, for example 2026-01-31T12:00:00.
    create_time: str
    msg_type: str


@dataclass(frozen=True)
class Reading:
    """One message as the codec read it."""

    # CEB message number, 603 for example; 0 when not recognised.
    number: int
    # "2018" or "202205" where the message shows by which schema it was written, else "".
    version: str
    # BaseTransfer.copCode, "" if absent.
    transmitter_code: str
    # The DxpMsg around it; None for a bare message, or when the envelope itself is broken.
    envelope: Envelope | None
    # Payload elements in the message.
    documents: int
    # Serialized whampoa.customs.v1.Document without document_id, in order, those not refused.
    accepted: list[bytes]
    # Ordinal in the message of each accepted document.
    ordinals: list[int]
    # Serialized whampoa.customs.v1.Finding.
    findings: list[bytes]


@dataclass(frozen=True)
class Rule:
    """One line of the closed table of rules; its sentence names {field}, {value} and {other}."""

    number: int
    code: str
    # A value of whampoa.customs.v1.Severity.
    severity: int
    sentence: str


def read(message: bytes) -> Reading:
    """Read a CEB message, bare or in a DxpMsg. Never raises on bad input: everything is a finding.

    Offsets of findings count in the CEB message; in the envelope when that is what is broken.
    """
    number, version, transmitter, parts, documents, accepted, ordinals, findings = (
        _core.formats_read(message)
    )
    envelope = None
    if parts is not None:
        cop_msg_id, sender_id, receiver_ids, create_time, msg_type = parts
        envelope = Envelope(cop_msg_id, sender_id, tuple(receiver_ids), create_time, msg_type)
    return Reading(number, version, transmitter, envelope, documents, accepted, ordinals, findings)


def write(
    number: int,
    documents: Sequence[Mapping[str, object]],
    guid: str,
    transfer: Mapping[str, str] | None = None,
) -> bytes:
    """Write a CEB message in the official format.

    A document is {field: text, ..., "rows": [{field: text}]} with the standard's field names;
    elements come out in schema order, optional ones that are absent or empty are left out.
    `transfer` (copCode, copName, dxpMode, dxpId) belongs to upstream messages; replies have none.
    Raises `ValueError` naming the field that is unknown, missing, or whose text breaks its kind.
    """
    return _core.formats_write(number, list(documents), guid, transfer)


def wrap(message: bytes, envelope: Envelope) -> bytes:
    """Put a DxpMsg around a CEB message. Raises `ValueError` naming the field that is wrong."""
    parts = (
        envelope.cop_msg_id,
        envelope.sender_id,
        list(envelope.receiver_ids),
        envelope.create_time,
        envelope.msg_type,
    )
    return _core.formats_wrap(message, parts)


def rules() -> list[Rule]:
    """List every rule that a finding can name, by number."""
    return [Rule(*entry) for entry in _core.formats_rules()]
