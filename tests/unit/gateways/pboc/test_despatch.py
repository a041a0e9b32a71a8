"""From feed entries to messages: the limit, the batches, the same bytes again."""

import logging

import pytest

from gateways.pboc.batch import Batch
from gateways.pboc.despatch import Despatch
from gateways.pboc.transfer import Transfer
from whampoa.feed.v1 import feed_service_pb2 as feed

NOW_MS = 1_795_500_000_123
BANKS = ("10300000000002", "10200000000003")


def item(number: int, minor: int, payer: int = 1, bank: str = BANKS[0]) -> feed.FeedRow:
    payout = feed.PayoutItem(
        payout_id=number.to_bytes(16),
        service_enterprise_party_id=payer.to_bytes(16),
        service_enterprise_name="服务" * 40,
        cny_minor=minor,
    )
    payout.payee.account_no = f"6222{number:08d}"
    payout.payee.account_name = f"商户{number}"
    payout.payee.bank_code = bank
    return feed.FeedRow(row=number, payout_debited=payout)


def entry(rows: list[feed.FeedRow]) -> feed.FeedEntry:
    return feed.FeedEntry(time_ms=NOW_MS, kind=feed.FEED_KIND_PAYOUT_DEBITED, rows=rows)


def test_the_limit_itself_is_small() -> None:
    sent = list(Despatch().messages(entry([item(1, 100_000_000), item(2, 100_000_001)])))
    assert [kind for kind, _ in sent] == ["hvps.111.001.01", "beps.382.001.01"]
    large, small = Transfer.parse(sent[0][1]), Batch.parse(sent[1][1])
    assert large.payment.amount_minor == 100_000_001
    assert [payment.amount_minor for payment in small.payments] == [100_000_000]
    assert large.payment.payer.name == "服务" * 30


def test_batches_have_one_payer_one_bank_and_at_most_500_rows() -> None:
    rows = [item(n, n, payer=1 + n % 2, bank=BANKS[n % 3 == 0]) for n in range(1, 2401)]
    sent = list(Despatch().messages(entry(rows)))
    batches = [Batch.parse(message) for _, message in sent]
    # 800 rows a payer go to the first bank, 400 a payer to the second.
    assert sorted(len(batch.payments) for batch in batches) == [300, 300, 400, 400, 500, 500]
    assert len({batch.message_id for batch in batches}) == 6
    assert sum(batch.total_minor for batch in batches) == 2400 * 2401 // 2
    assert list(Despatch().messages(entry(rows))) == sent


def test_what_no_message_can_carry_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    erased = item(1, 5)
    erased.payout_debited.ClearField("payee")
    with caplog.at_level(logging.ERROR):
        sent = list(Despatch().messages(entry([erased, item(2, 5)])))
    assert len(sent) == 1
    assert "payee.name: 0 characters" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bank_code", 1),
        ("bank_code", "104"),
        ("small_value_max_minor", "5"),
        ("small_value_max_minor", -1),
        ("small_value_max_minor", True),
    ],
)
def test_bad_settings_are_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^gateway\.pboc\.{name}: "):
        Despatch.read({name: value})


def test_settings_are_used() -> None:
    despatch = Despatch.read({"bank_code": BANKS[1], "small_value_max_minor": 4})
    ((kind, message),) = despatch.messages(entry([item(1, 5)]))
    assert kind == "hvps.111.001.01"
    assert Transfer.parse(message).payment.payer.bank_code == BANKS[1]
