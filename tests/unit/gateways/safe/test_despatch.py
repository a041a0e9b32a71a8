"""Records of a declaration become batches that name their place in a set."""

from collections.abc import Callable

from gateways.safe import batch
from gateways.safe.despatch import despatch
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.money.v1 import money_pb2 as money

Item = Callable[..., feed.BopRecordItem]


def entry(items: list[feed.BopRecordItem], index: int = 7) -> feed.FeedEntry:
    rows = [feed.FeedRow(row=row, bop_record=it) for row, it in enumerate(items)]
    return feed.FeedEntry(position=money.Position(log="whampoa-1", index=index), rows=rows)


def merchants(item: Item, count: int) -> list[feed.BopRecordItem]:
    return [
        item(rptno=f"440100000101261124P{at:03d}", kind=feed.BOP_RECORD_KIND_RESTORED, amount=at)
        for at in range(1, count + 1)
    ]


def test_at_most_a_hundred_records_a_batch(item: Item) -> None:
    sent = despatch(entry([*merchants(item, 250), item()]))
    assert [len(it.records) for it in sent.batches] == [1, 100, 100, 50]
    heads = [it.head for it in sent.batches]
    assert [(it.number, it.batches) for it in heads] == [(1, 1), (1, 3), (2, 3), (3, 3)]
    assert {it.first_reference for it in heads[1:]} == {heads[1].reference}
    assert len({it.reference for it in heads}) == 4
    # What is written is read as it was.
    assert [batch.parse(it.write()) for it in sent.batches] == list(sent.batches)


def test_a_repeated_entry_gives_the_same_bytes_and_another_one_other_references(
    item: Item,
) -> None:
    first = [it.write() for it in despatch(entry([item()])).batches]
    assert [it.write() for it in despatch(entry([item()])).batches] == first
    other = despatch(entry([item()], index=8)).batches[0].head.reference
    assert batch.parse(first[0]).head.reference != other


def test_what_no_file_can_carry_is_told_and_stops_nothing(item: Item) -> None:
    wrong = [
        item(rptno="440100000101261124N002", kind=feed.BOP_RECORD_KIND_UNSPECIFIED),
        item(rptno="440100000101261124N003", action=feed.BOP_ACTION_UNSPECIFIED),
        item(rptno="440100000101261124N004", party_name="a\x00b"),
        item(rptno="440100000101261124N005", settled_amount=1),
        item(rptno="440100000101261124N006", settled_amount=50001, rate_e8=1),
    ]
    sent = despatch(entry([item(), *wrong]))
    assert [len(it.records) for it in sent.batches] == [1]
    assert [it.rptno for it in sent.unsendable] == [it.rptno for it in wrong]
    words = [it.description for it in sent.unsendable]
    assert words[0] == "REC: cannot be sent: kind 0 with action 1 is no record"
    assert "party_name" in words[2]
    assert "EXRATE" in words[3]
    assert "50001 of 50000" in words[4]


def test_names_and_references_are_cut_to_the_table(item: Item) -> None:
    long = item(party_name="名" * 200, payer_name="x" * 200, bank_reference="9" * 64)
    (fields,) = despatch(entry([long])).batches[0].records
    assert (len(fields["CUSTNM"]), len(fields["OPPUSER"]), len(fields["BUSCODE"])) == (128, 128, 22)
    home = despatch(entry([item(payer_country="CHN")])).batches[0].records[0]
    assert home["OPPUSER"] == "(JN)Pan & Sons Ltd"
