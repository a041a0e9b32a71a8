"""Envelopes and answers: ids that fit, forwarded messages that are read again, official shape."""

from __future__ import annotations

import random

import pytest
from lxml import etree

from bench.documents.messages import Writer
from bench.documents.world import Parcel
from engine import formats
from gateways.singlewindow import dxp
from tests.interop.official import ABSENT, CEB
from whampoa.customs.v1 import document_pb2 as document

NOW_MS = 1_795_500_000_123


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("4401960101", "DXPENT4401960101"),
        ("91440101MA59EXAMP0", "440101MA59EXAMP0"),
        ("", "DXPENT"),
    ],
)
def test_ids_of_users_have_at_most_16_characters(code: str, wanted: str) -> None:
    assert dxp.user_id(code) == wanted


def test_times_of_customs() -> None:
    assert dxp.china_stamp(0) == "19700101080000000"
    assert dxp.china_stamp(1_795_500_000_007)[-3:] == "007"
    assert dxp.china_time(0) == "1970-01-01T08:00:00"


def test_a_forwarded_message_says_what_was_received(parcels: list[Parcel]) -> None:
    (message,) = Writer(1, NOW_MS).lists(parcels[:1])
    one = formats.read(message)
    elements = [document.Document.FromString(raw).received for raw in one.accepted]
    forwarded = dxp.forwarded(603, elements, one.transmitter_code, NOW_MS)
    two = formats.read(forwarded)
    assert two.accepted == one.accepted
    assert two.envelope is not None
    assert two.envelope.msg_type == "CEB603Message"
    inside = dxp.content(forwarded)
    assert formats.read(inside).accepted == one.accepted
    assert dxp.content(inside) == inside
    assert forwarded == dxp.forwarded(603, elements, one.transmitter_code, NOW_MS)


@pytest.mark.parametrize("is_wrapped", [True, False])
def test_answers_have_the_official_shape(parcels: list[Parcel], is_wrapped: bool) -> None:
    schema = CEB / "xsd-202205" / "terminal.xsd"
    if not schema.exists():
        pytest.skip(ABSENT)
    judge = etree.XMLSchema(etree.parse(schema))
    (message,) = Writer(1, NOW_MS).orders(parcels[:1])
    if is_wrapped:
        envelope = formats.Envelope("M<1>", "DXPENT1", ("A", "B"), dxp.china_time(0), "CEB303")
        message = formats.wrap(message, envelope)
    for content in (message, b"<a/>", b""):
        reading = formats.read(content)
        reply = dxp.response(reading, dxp.TAKEN, "1 < 2 & " + "x" * 400, NOW_MS)
        judge.assertValid(etree.fromstring(reply))
        code, info = dxp.parse_response(reply)
        assert (code, info[:8], len(info)) == (dxp.TAKEN, "1 < 2 & ", 300)


def test_an_answer_without_a_code_is_none() -> None:
    with pytest.raises(ValueError, match="no ResponseCode"):
        dxp.parse_response(b"<DxpRep/>")


def test_guids_are_drawn_from_their_parts(chance: random.Random) -> None:
    parts = [chance.randbytes(8) for _ in range(3)]
    assert dxp.guid(*parts) == dxp.guid(*parts)
    assert len({dxp.guid(*parts), dxp.guid(*parts[:2]), dxp.guid()}) == 3
    assert len(dxp.guid()) == 36
