"""Good bytes with bad values: parties, amounts, currencies."""

from __future__ import annotations

from google.protobuf.message import Message

from tests.integration.scene import (
    ACCOUNTS,
    ALLOCATE,
    CHARGE,
    DOCUMENTS,
    GRANTS,
    PARTIES,
    RATE,
    REMITTANCE,
    TRANSFERS,
    Bad,
    Scene,
)
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import uuid7
from whampoa.money.v1 import money_pb2 as money
from whampoa.registry.v1 import registry_service_pb2 as registry

INT64_MAX = 2**63 - 1


def sold(base: str, quote: str, rate_e8: int) -> Message:
    rate = money.Rate(base=base, quote=quote, rate_e8=rate_e8)
    return forex.PublishRateRequest(request_id=uuid7(), rate=rate, source="test")


def charge(scene: Scene, amount: int, remittance_id: bytes = b"") -> Message:
    return forex.RecordChargeRequest(
        request_id=uuid7(),
        remittance_id=remittance_id or scene.remittance_id,
        amount_minor=amount,
        bank_reference="c",
    )


def granted(scene: Scene, grantor: bytes) -> Message:
    grant = registry.Grant(
        grant_id=uuid7(),
        grantor_party_id=grantor,
        grantee_party_id=scene.corridor.enterprise,
        purpose=registry.PURPOSE_FOREX_SETTLEMENT,
        policy_sha256=bytes(32),
    )
    return registry.RegisterGrantsRequest(request_id=uuid7(), grants=[grant])


def beyond_money(scene: Scene) -> Message:
    """Two lines that customs could write down, and a sum that is no amount of money."""
    request = scene.order(price="99999999999999.99999")
    order = request.documents[0].order
    order.lines.append(order.lines[0])
    order.lines[1].gnum = 2
    return request


VALUES = [
    # Parties.
    Bad(
        "unknown party in a grant",
        "operator",
        GRANTS,
        lambda s: granted(s, uuid7()),
        "UNKNOWN_PARTY",
        "grants[0].grantor_party_id",
    ),
    Bad(
        "unknown owner of an account",
        "operator",
        ACCOUNTS,
        lambda s: s.accounts("USD", party=uuid7()),
        "UNKNOWN_PARTY",
        "accounts[0].party_id",
    ),
    Bad(
        "unknown service enterprise",
        "bank",
        REMITTANCE,
        lambda s: s.remittance(service_enterprise_party_id=uuid7()),
        "UNKNOWN_PARTY",
        "remittance.service_enterprise_party_id",
    ),
    Bad(
        "a merchant is no service enterprise",
        "bank",
        REMITTANCE,
        lambda s: s.remittance(service_enterprise_party_id=s.corridor.merchants[0]),
        "WRONG_ROLE",
        "remittance.service_enterprise_party_id",
    ),
    Bad(
        "wrong check character",
        "operator",
        PARTIES,
        lambda s: s.party(uscc="91440101MA59EXAMP0"),
        "INVALID_USCC",
        "parties[0].uscc",
    ),
    # Amounts.
    Bad(
        "a sum beyond the ledger",
        "operator",
        TRANSFERS,
        lambda s: s.transfers(amount=2**63 - 1),
        "AMOUNT_OVERFLOW",
        "rows[0]",
    ),
    Bad(
        "an amount beyond the ledger",
        "operator",
        TRANSFERS,
        lambda s: s.transfers(amount=2**64 - 1),
        "INVALID_AMOUNT",
        "rows[0]",
    ),
    Bad(
        "credited beyond bounds",
        "bank",
        REMITTANCE,
        lambda s: s.remittance(credited_minor=INT64_MAX, instructed_minor=INT64_MAX),
        "AMOUNT_OVERFLOW",
        "remittance.credited_minor",
    ),
    Bad(
        "a charge beyond bounds",
        "bank",
        CHARGE,
        lambda s: charge(s, INT64_MAX),
        "AMOUNT_OVERFLOW",
        "amount_minor",
    ),
    Bad(
        "an order beyond money",
        "singlewindow",
        DOCUMENTS,
        beyond_money,
        "AMOUNT_OVERFLOW",
        "documents[0].order.lines.total_price",
    ),
    Bad(
        "a rate beyond bounds",
        "bank",
        RATE,
        lambda s: sold("USD", "CNY", INT64_MAX),
        "AMOUNT_OVERFLOW",
        "rate.rate_e8",
    ),
    Bad(
        "negative credit",
        "bank",
        REMITTANCE,
        lambda s: s.remittance(credited_minor=-5),
        "INVALID_AMOUNT",
        "remittance.credited_minor",
    ),
    Bad(
        "negative charge on the way",
        "bank",
        REMITTANCE,
        lambda s: s.remittance(charges_before_minor=-1),
        "INVALID_AMOUNT",
        "remittance.charges_before_minor",
    ),
    Bad(
        "negative allocation",
        "operator",
        ALLOCATE,
        lambda s: s.advice(0, amount_minor=-1),
        "INVALID_AMOUNT",
        "amount_minor",
    ),
    Bad(
        "negative charge", "bank", CHARGE, lambda s: charge(s, -1), "INVALID_AMOUNT", "amount_minor"
    ),
    Bad(
        "negative price",
        "singlewindow",
        DOCUMENTS,
        lambda s: s.order(price="-1.00"),
        "INVALID_AMOUNT",
        "documents[0].order.lines[0].total_price",
    ),
    Bad(
        "more than is left",
        "operator",
        ALLOCATE,
        lambda s: s.advice(0, amount_minor=5_001),
        "EXCEEDS_SUSPENSE",
        "amount_minor",
    ),
    Bad(
        "amounts that do not add up",
        "bank",
        REMITTANCE,
        lambda s: s.remittance(charges_before_minor=1),
        "AMOUNTS_DO_NOT_ADD_UP",
        "remittance.credited_minor",
    ),
    # Currencies.
    Bad(
        "two currencies in one transfer",
        "operator",
        TRANSFERS,
        lambda s: s.transfers(columns={"credit_account": [s.yuan]}),
        "WRONG_CURRENCY",
        "rows[0]",
    ),
    Bad(
        "a currency that does not exist",
        "operator",
        ACCOUNTS,
        lambda s: s.accounts("XYZ"),
        "UNKNOWN_CURRENCY",
        "accounts[0].currency",
    ),
    Bad(
        "a remittance in no currency",
        "bank",
        REMITTANCE,
        lambda s: s.remittance(currency="usd"),
        "UNKNOWN_CURRENCY",
        "remittance.currency",
    ),
    Bad(
        "a rate of a currency to itself",
        "bank",
        RATE,
        lambda s: sold("USD", "USD", 1),
        "FIELD_INVALID",
        "rate.quote",
    ),
]
