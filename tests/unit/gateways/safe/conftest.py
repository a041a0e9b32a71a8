"""Golden files, items of the feed, and an office with empty books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateways.safe.books import RecordBooks
from gateways.safe.office import Office
from whampoa.feed.v1 import feed_service_pb2 as feed

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "safe"


@pytest.fixture
def golden() -> Callable[[str], bytes]:
    return lambda name: (GOLDEN / name).read_bytes()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    books = RecordBooks(tmp_path / "books.sqlite")
    yield Office(books)
    books.close()


@pytest.fixture
def item() -> Callable[..., feed.BopRecordItem]:
    """Give records as the engine emits them, with single values replaced."""

    def make(**values: object) -> feed.BopRecordItem:
        record = feed.BopRecordItem(
            rptno="440100000101261124N001",
            kind=feed.BOP_RECORD_KIND_ACTUAL,
            action=feed.BOP_ACTION_NEW,
            remittance_id=b"r" * 16,
            actual_rptno="440100000101261124N001",
            party_id=bytes.fromhex("0190000000007000800000000000beef"),
            uscc="91350100M000100Y43",
            party_name="广州外贸综合服务有限公司",
            currency="USD",
            amount=50000,
            payer_country="USA",
            payer_name="Pan & Sons Ltd",
            bank_reference="FTR20261124000017",
            transaction_code="121010",
            report_date=20261124,
            institution_code="440100000101",
        )
        for name, value in values.items():
            setattr(record, name, value)
        return record

    return make
