"""Bad names: request ids, ids of subjects, keys of documents."""

from __future__ import annotations

from google.protobuf.message import Message

from tests.integration.bad_values import charge
from tests.integration.scene import (
    ACCOUNTS,
    CHARGE,
    DOCUMENTS,
    HOUR_MS,
    PARTIES,
    REMITTANCE,
    TRANSFERS,
    Bad,
    Scene,
    aged,
)
from whampoa.customs.v1 import document_pb2 as document
from whampoa.ids import halves, uuid7
from whampoa.ledger.v1 import ledger_service_pb2 as ledger


def with_id(request: Message, request_id: bytes) -> Message:
    request.request_id = request_id  # type: ignore[attr-defined]
    return request


def replay(scene: Scene) -> Message:
    changed = ledger.OpenAccountsRequest()
    changed.CopyFrom(scene.deposited)
    changed.accounts[0].code = 2
    return changed


IDENTITY = [
    # Ids.
    Bad(
        "the same id with other bytes",
        "operator",
        ACCOUNTS,
        replay,
        "REQUEST_ID_REUSED",
        "request_id",
    ),
    Bad(
        "the same id at another method",
        "operator",
        PARTIES,
        lambda s: with_id(s.party(), s.deposited.request_id),
        "REQUEST_ID_REUSED",
        "request_id",
    ),
    Bad(
        "an id of the day before",
        "operator",
        PARTIES,
        lambda s: with_id(s.party(), aged(-25 * HOUR_MS)),
        "ID_OUT_OF_WINDOW",
        "request_id",
    ),
    Bad(
        "an id of the future",
        "operator",
        PARTIES,
        lambda s: with_id(s.party(), aged(HOUR_MS // 10)),
        "ID_OUT_OF_WINDOW",
        "request_id",
    ),
    Bad(
        "an old document id",
        "singlewindow",
        DOCUMENTS,
        lambda s: s.order(document_id=aged(-25 * HOUR_MS)),
        "ID_OUT_OF_WINDOW",
        "documents[0].document_id",
    ),
    Bad(
        "an old remittance id",
        "bank",
        REMITTANCE,
        lambda s: s.remittance(remittance_id=aged(-25 * HOUR_MS)),
        "ID_OUT_OF_WINDOW",
        "remittance.remittance_id",
    ),
    Bad(
        "an old transfer id",
        "operator",
        TRANSFERS,
        lambda s: s.transfers(columns={"id_high": [halves(aged(-25 * HOUR_MS))[0]]}),
        "ID_OUT_OF_WINDOW",
        "rows[0]",
    ),
    Bad(
        "a short id",
        "operator",
        PARTIES,
        lambda s: with_id(s.party(), b"short"),
        "FIELD_INVALID",
        "request_id",
    ),
    Bad(
        "an id that is no UUIDv7",
        "operator",
        PARTIES,
        lambda s: with_id(s.party(), bytes(16)),
        "FIELD_INVALID",
        "request_id",
    ),
    Bad(
        "a short remittance id",
        "bank",
        CHARGE,
        lambda s: charge(s, 1, b"short"),
        "FIELD_INVALID",
        "remittance_id",
    ),
    Bad(
        "a remittance nobody knows",
        "bank",
        CHARGE,
        lambda s: charge(s, 1, uuid7()),
        "UNKNOWN_REMITTANCE",
        "remittance_id",
    ),
    # Documents.
    Bad(
        "an order without a number",
        "singlewindow",
        DOCUMENTS,
        lambda s: s.order(order__order_no=""),
        "FIELD_MISSING",
        "documents[0].order.order_no",
    ),
    Bad(
        "an order without a consignor",
        "singlewindow",
        DOCUMENTS,
        lambda s: s.order(order__ebc_code=""),
        "FIELD_MISSING",
        "documents[0].order.ebc_code",
    ),
    Bad(
        "an order sent as a waybill",
        "singlewindow",
        DOCUMENTS,
        lambda s: s.order(type=document.DOCUMENT_TYPE_WAYBILL),
        "FIELD_INVALID",
        "documents[0].body",
    ),
    Bad(
        "a document of no type",
        "singlewindow",
        DOCUMENTS,
        lambda s: s.order(type=0),
        "FIELD_INVALID",
        "documents[0].type",
    ),
    Bad(
        "a document that was answered before",
        "singlewindow",
        DOCUMENTS,
        lambda s: s.order(0),
        "STATUS_REFUSES_RESEND",
        "documents[0].order.order_no",
    ),
]
