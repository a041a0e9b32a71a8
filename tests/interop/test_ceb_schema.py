"""The codec against the official schema: what it writes is valid, what it takes is the same."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import pytest

from bench.documents import messages, world
from engine import formats
from tests.interop import mutation, official
from whampoa.customs.v1 import finding_pb2

pytestmark = pytest.mark.skipif(not official.CEB.is_dir(), reason=official.ABSENT)

GUID = "0F8E2A6C-7D31-4B59-9C1E-5A7B3D9F1E24"
TRANSFER = {"copCode": "4401960101", "copName": "穗报关", "dxpMode": "DXP", "dxpId": "DXPENT01"}
NUMBERS: tuple[int, ...] = (213, 214, 215, 216, 303, 304, 403, 404, 505, 506, 507, 508, 509, 510)
NUMBERS += (603, 604, 605, 606, 607, 608, 701, 702, 792)
MUTATIONS = 4_000


@dataclass(frozen=True)
class Stricter:
    """A rule by which the codec refuses what the schema's judge takes, with the reason."""

    rule: str
    # The finding's field starts so.
    field: str
    reason: str
    # Bytes of a valid CEB505 to replace, and by what, to see the difference.
    old: bytes
    new: bytes
    # The finding says so, where the rule alone would excuse too much.
    says: str = ""

    def explains(self, finding: finding_pb2.Finding) -> bool:
        """Whether a finding is this rule at work."""
        told = finding.rule == self.rule and self.says in finding.message
        return told and finding.field.startswith(self.field)


_ALGORITHM = b'"urn:x"'
_TAIL = b"</BaseTransfer>"
_EXTENSION = b"</ds:Signature><ExtendMessage><name>x</name><version>1</version>"
_XSI = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
STRICTER = (
    Stricter(
        "DTD_FORBIDDEN", "", "a document type can name files and multiply text",
        b"<CEB505Message ", b"<!DOCTYPE CEB505Message><CEB505Message ",
    ),
    Stricter(
        "ENCODING_INVALID", "", "the stored bytes must read the same for ever: UTF-8 alone",
        b'encoding="UTF-8"', b'encoding="ISO-8859-1"',
    ),
    Stricter(
        "NOT_WELL_FORMED", "", "XML wants a digit after the point of its version",
        b'<?xml version="1.0"', b'<?xml version="1."', "XML declaration is broken",
    ),
    Stricter(
        "TOO_DEEP", "", "nesting is bounded; no message needs 32 levels",
        b"</ds:Signature>",
        _EXTENSION + b"<Message>" + b"<x>" * 70 + b"</x>" * 70 + b"</Message></ExtendMessage>",
    ),
    Stricter(
        "TOO_MANY_ATTRIBUTES", "", "work is bounded; no element takes 16 with its declarations",
        b"<CEB505Message ",
        b"<CEB505Message " + b" ".join(b'xmlns:a%d="urn:x"' % at for at in range(20)) + b" ",
    ),
    Stricter(
        "TOO_LARGE", "", "memory is bounded; 100 documents of 100 lines fit in 8 MiB",
        b"</ds:Signature>", b"</ds:Signature>" + b" " * (8 << 20),
    ),
    Stricter(
        "ATTRIBUTE_UNEXPECTED", "ExtendMessage/Message/@", "types are the table's, not a sender's",
        b"</ds:Signature>",
        _EXTENSION + b"<Message " + _XSI + b' xsi:type="XMLElement"/></ExtendMessage>',
    ),
    Stricter(
        "DATA_INVALID", "Signature/", "Base64 has 64 letters; the judge skips others silently",
        b"<ds:DigestValue>", b"<ds:DigestValue>!",
    ),
    Stricter(
        "ATTRIBUTE_INVALID", "Signature/", "algorithms are addresses as RFC 3986 writes them",
        _ALGORITHM, b'"urn:x|y"',
    ),
    Stricter(
        "ELEMENT_UNEXPECTED", "Signature/", "customs takes X.509 keys, enveloped signatures alone",
        b"<ds:KeyName>x</ds:KeyName>", b"<ds:MgmtData>x</ds:MgmtData>",
    ),
    Stricter(
        "ROOT_UNKNOWN", "", "every part of a message is a root to the schema, but no message",
        b"", b"",
    ),
)  # fmt: skip
_SIGNATURE = (
    b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>'
    b'<ds:CanonicalizationMethod Algorithm="urn:c"/><ds:SignatureMethod Algorithm="urn:x"/>'
    b'<ds:Reference URI=""><ds:DigestMethod Algorithm="urn:d"/>'
    b"<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    b"<ds:SignatureValue>AAAA</ds:SignatureValue>"
    b"<ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo></ds:Signature>"
)
_PART = (
    b'<BaseTransfer xmlns="http://www.chinaport.gov.cn/ceb"><copCode/><copName/>'
    b"<dxpMode>DXP</dxpMode><dxpId/></BaseTransfer>"
)
_WAYBILL = {
    "guid": GUID,
    "appType": "1",
    "appTime": "20260105101500",
    "appStatus": "2",
    "logisticsCode": "4401980001",
    "logisticsName": "Southern Parcels",
    "logisticsNo": "GZ0000000001CN",
    "freight": "0",
    "insuredFee": "0",
    "currency": "502",
    "grossWeight": "0.3",
    "packNo": "1",
    "goodsInfo": "shirts",
}


def malformed(message: bytes) -> list[finding_pb2.Finding]:
    """What the codec holds against the structure of a message."""
    found = map(finding_pb2.Finding.FromString, formats.read(message).findings)
    return [finding for finding in found if finding.severity == finding_pb2.SEVERITY_MALFORMED]


def written(number: int, chance: random.Random, *, whole: bool) -> bytes:
    """Write a message of a number with contents that the schema itself describes."""
    message = next(known for known in official.messages() if known.number == number)
    documents = [message.document(chance, whole=whole) for _ in range(chance.randint(1, 3))]
    return formats.write(number, documents, GUID, TRANSFER if message.enveloped else None)


@cache
def generated() -> tuple[bytes, ...]:
    """Every kind of message that the generator writes."""
    made = world.build(seed=7, trades=420)
    writer = messages.Writer(7, 1_767_000_000_000)
    parcels = made.parcels
    numbers = [parcel.waybill_no for parcel in parcels[:20]]
    return (
        *writer.orders(parcels),
        *writer.waybills(parcels),
        *writer.lists(parcels),
        writer.departure(made.carriers[0], "D1", numbers),
        writer.aggregation(made.declarants[0], "A1", numbers),
    )


def samples() -> list[bytes]:
    """The official samples, read in place."""
    return [path.read_bytes() for path in sorted(official.SAMPLES.glob("*.xml"))]


def test_the_schema_knows_the_same_messages() -> None:
    assert sorted(message.number for message in official.messages()) == list(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_written_is_valid_and_read_back(number: int, chance: random.Random) -> None:
    for whole in (True, False) * 10:
        message = written(number, chance, whole=whole)
        assert official.verdict(message), official.schema().error_log
        assert not malformed(message)
        assert formats.read(message).number == number


def test_what_the_generator_writes_is_valid() -> None:
    assert len(generated()) > 20
    for message in generated():
        assert official.verdict(message), official.schema().error_log
        assert not malformed(message)


def test_the_samples_are_taken_by_both() -> None:
    assert len(samples()) == 5
    for message in samples():
        assert official.verdict(message)
        assert not malformed(message)


def test_the_verdict_is_the_same_on_damaged_messages(chance: random.Random) -> None:
    sources = [written(number, chance, whole=bool(at)) for number in NUMBERS for at in (0, 1)]
    small = [message for message in generated() if len(message) < 40_000]
    sources += small + samples() * 3
    taken = refused = 0
    for at in range(MUTATIONS):
        name, message = mutation.mutate(chance.choice(sources), chance)
        wrong = malformed(message)
        if official.verdict(message):
            taken += 1
            if wrong:
                known = any(row.explains(wrong[0]) for row in STRICTER)
                assert known, f"mutation {at} {name}: only the codec refuses: {wrong[0]}"
        else:
            refused += 1
            assert wrong, f"mutation {at} {name}: only the schema refuses: {message!r:.500}"
    assert min(taken, refused) > MUTATIONS // 10, (taken, refused)


@pytest.mark.parametrize("row", STRICTER, ids=lambda row: row.rule)
def test_every_stricter_rule_is_one(row: Stricter) -> None:
    transfer = TRANSFER | {"copName": "Declarant"}
    valid = formats.write(505, [_WAYBILL], GUID, transfer).replace(_TAIL, _TAIL + _SIGNATURE)
    assert official.verdict(valid), official.schema().error_log
    assert not malformed(valid)
    message = valid.replace(row.old, row.new, 1) if row.old else _PART
    assert message != valid
    assert official.verdict(message), official.schema().error_log
    [finding] = malformed(message)
    assert row.explains(finding), finding
