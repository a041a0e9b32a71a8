"""Bad bytes: sizes, unknown and mistyped fields, columns that do not fit."""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import Message

from tests.integration.scene import (
    ALLOCATE,
    DOCUMENTS,
    PARTIES,
    REMITTANCE,
    TRANSFERS,
    Bad,
    Scene,
)
from whampoa.customs.v1 import customs_service_pb2 as customs
from whampoa.customs.v1 import document_pb2 as document
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import uuid7
from whampoa.ledger.v1 import ledger_service_pb2 as ledger
from whampoa.registry.v1 import registry_service_pb2 as registry


def length_delimited(number: int, value: bytes) -> bytes:
    """A field of bytes of fewer than 128."""
    return bytes([number << 3 | 2, len(value)]) + value


def many_documents(scene: Scene) -> Message:
    request = customs.SubmitDocumentsRequest(request_id=uuid7())
    request.documents.extend(document.Document(document_id=uuid7()) for _ in range(1_001))
    return request


def many_parties(scene: Scene) -> Message:
    request = registry.RegisterPartiesRequest(request_id=uuid7())
    request.parties.extend(registry.Party(party_id=uuid7()) for _ in range(4_097))
    return request


def halved(name: str) -> Callable[[Scene], Message]:
    """Four transfers of which one column has three values."""
    return lambda scene: scene.transfers(4, columns={name: [1, 2, 3]})


def unpacked(scene: Scene) -> bytes:
    """A column value under its own tag: legal protobuf, but no column."""
    request = scene.transfers()
    request.ClearField("id_high")
    return request.SerializeToString() + b"\x19" + (1).to_bytes(8, "little")


def in_pieces(scene: Scene) -> bytes:
    """A column sent twice: protobuf would append the second to the first."""
    raw = scene.transfers(2).SerializeToString()
    return raw + ledger.SubmitTransfersRequest(id_high=[1, 2]).SerializeToString()


def not_text(scene: Scene) -> bytes:
    raw = registry.RegisterPartiesRequest(request_id=uuid7()).SerializeToString()
    return raw + length_delimited(2, length_delimited(5, b"\xff\xfe"))


BYTES = [
    # Sizes.
    Bad(
        "8,193 transfers",
        "operator",
        TRANSFERS,
        lambda s: s.transfers(8_193),
        "BATCH_TOO_LARGE",
        "row_count",
    ),
    Bad(
        "1,001 documents", "singlewindow", DOCUMENTS, many_documents, "BATCH_TOO_LARGE", "documents"
    ),
    Bad("4,097 parties", "operator", PARTIES, many_parties, "BATCH_TOO_LARGE", "parties"),
    Bad(
        "advice of more than a million rows",
        "operator",
        ALLOCATE,
        lambda s: s.advice(1_000_001),
        "BATCH_TOO_LARGE",
        "row_count",
    ),
    # Bytes.
    Bad("empty request", "operator", TRANSFERS, lambda s: b"", "REQUEST_ID_MISSING", "request_id"),
    Bad(
        "nothing but an id",
        "operator",
        PARTIES,
        lambda s: registry.RegisterPartiesRequest(request_id=uuid7()),
        "FIELD_MISSING",
        "parties",
    ),
    Bad(
        "no transfers",
        "operator",
        TRANSFERS,
        lambda s: s.transfers(0),
        "FIELD_MISSING",
        "row_count",
    ),
    Bad(
        "no documents",
        "singlewindow",
        DOCUMENTS,
        lambda s: customs.SubmitDocumentsRequest(request_id=uuid7()),
        "FIELD_MISSING",
        "documents",
    ),
    Bad(
        "no remittance",
        "bank",
        REMITTANCE,
        lambda s: forex.RecordRemittanceRequest(request_id=uuid7()),
        "FIELD_MISSING",
        "remittance",
    ),
    Bad(
        "unknown field",
        "operator",
        PARTIES,
        lambda s: s.party().SerializeToString() + b"\xf8\x06\x01",
        "UNKNOWN_FIELD",
        "#111",
    ),
    Bad(
        "unknown field deep inside",
        "operator",
        PARTIES,
        lambda s: (
            length_delimited(1, uuid7())
            + length_delimited(2, b"")
            + length_delimited(2, length_delimited(9, b"\x20\x01"))
        ),
        "UNKNOWN_FIELD",
        "parties[1].payee.#4",
    ),
    Bad(
        "unknown field in columns",
        "operator",
        TRANSFERS,
        lambda s: s.transfers().SerializeToString() + b"\xf8\x06\x01",
        "UNKNOWN_FIELD",
        "#111",
    ),
    Bad(
        "number in place of bytes",
        "operator",
        PARTIES,
        lambda s: b"\x08\x01",
        "MALFORMED_REQUEST",
        "request_id",
    ),
    Bad(
        "bytes in place of a number",
        "operator",
        TRANSFERS,
        lambda s: length_delimited(1, uuid7()) + length_delimited(2, b"1"),
        "MALFORMED_REQUEST",
        "row_count",
    ),
    Bad("a group", "operator", PARTIES, lambda s: b"\x0b\x0c", "MALFORMED_REQUEST", "request"),
    Bad("text that is no UTF-8", "operator", PARTIES, not_text, "MALFORMED_REQUEST", "request"),
    Bad(
        "bytes of chance",
        "operator",
        PARTIES,
        lambda s: b"\xff" * 64,
        "MALFORMED_REQUEST",
        "request",
    ),
    # Columns.
    *(
        Bad(f"{name} is short", "operator", TRANSFERS, halved(name), "COLUMN_LENGTH_MISMATCH", name)
        for name in (
            "id_high",
            "id_low",
            "debit_account",
            "credit_account",
            "amount_minor",
            "code_flags",
            "expires_at_ms",
        )
    ),
    Bad(
        "half of the hold ids",
        "operator",
        TRANSFERS,
        lambda s: s.transfers(2, columns={"hold_id_high": [1, 2]}),
        "COLUMN_LENGTH_MISMATCH",
        "hold_id_low",
    ),
    Bad(
        "a column in two pieces",
        "operator",
        TRANSFERS,
        in_pieces,
        "COLUMN_LENGTH_MISMATCH",
        "id_high",
    ),
    Bad(
        "a column that is not packed",
        "operator",
        TRANSFERS,
        unpacked,
        "COLUMN_LENGTH_MISMATCH",
        "id_high",
    ),
    Bad(
        "advice without its columns",
        "operator",
        ALLOCATE,
        lambda s: s.advice(3),
        "COLUMN_LENGTH_MISMATCH",
        "id_high",
    ),
]
