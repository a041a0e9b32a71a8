"""Messages to customs: of one type and one transmitter, in order, not too long or too large."""

from __future__ import annotations

from gateways.singlewindow.forward import bundles
from whampoa.customs.v1 import document_pb2 as document
from whampoa.feed.v1 import feed_service_pb2 as feed

ORDER, WAYBILL = document.DOCUMENT_TYPE_ORDER, document.DOCUMENT_TYPE_WAYBILL
Filed = tuple[document.DocumentType.ValueType, str, bytes]


def entry(time_ms: int, *filed: Filed) -> feed.FeedEntry:
    rows = [
        feed.FeedRow(
            document=feed.DocumentItem(
                type=kind, transmitter_code=code, received=received, key=received[:8]
            )
        )
        for kind, code, received in filed
    ]
    return feed.FeedEntry(time_ms=time_ms, rows=rows)


def test_types_and_transmitters_stay_apart() -> None:
    entries = [
        entry(1, (ORDER, "a", b"1"), (WAYBILL, "a", b"2"), (ORDER, "b", b"3")),
        entry(2, (ORDER, "a", b"4"), (ORDER, "a", b"")),
    ]
    found = [
        (it.number, it.transmitter, it.time_ms, it.elements)
        for lane in bundles(entries)
        for it in lane
    ]
    assert found == [
        (303, "a", 1, (b"1", b"4")),
        (505, "a", 1, (b"2",)),
        (303, "b", 1, (b"3",)),
    ]


def test_a_hundred_documents_a_message() -> None:
    filed: list[Filed] = [(ORDER, "a", b"%d" % number) for number in range(250)]
    (lane,) = bundles([entry(5, *filed)])
    assert [len(it.elements) for it in lane] == [100, 100, 50]
    assert [it for bundle in lane for it in bundle.elements] == [it[2] for it in filed]


def test_large_documents_make_more_messages() -> None:
    (lane,) = bundles([entry(5, *[(ORDER, "a", b"%d" % at + b"x" * (4 << 20)) for at in range(3)])])
    assert [len(it.elements) for it in lane] == [1, 1, 1]


def test_erased_documents_are_not_sent() -> None:
    assert bundles([entry(5, (ORDER, "a", b""))]) == []


def test_two_versions_of_a_document_do_not_share_a_message() -> None:
    filed: list[Filed] = [
        (ORDER, "a", it) for it in (b"order--1 v1", b"order--2 v1", b"order--1 v2")
    ]
    (lane,) = bundles([entry(5, *filed)])
    assert [it.elements for it in lane] == [
        (b"order--1 v1", b"order--2 v1"),
        (b"order--1 v2",),
    ]
