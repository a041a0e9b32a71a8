"""Turns the records of a declaration into batches: the actual one first, then the restored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateways.safe import markup, profile
from gateways.safe.batch import Batch, Head
from gateways.safe.feedback import Fault, Refused
from gateways.safe.record import Action, Kind, Record, write_rate
from whampoa.feed.v1 import feed_service_pb2 as feed
from whampoa.money.v1 import money_pb2 as money

_KINDS = {
    feed.BOP_RECORD_KIND_ACTUAL: Kind.ACTUAL,
    feed.BOP_RECORD_KIND_RESTORED: Kind.RESTORED,
    feed.BOP_RECORD_KIND_UNATTRIBUTED: Kind.UNATTRIBUTED,
}
_ACTIONS = {
    feed.BOP_ACTION_NEW: Action.NEW,
    feed.BOP_ACTION_CHANGE: Action.CHANGE,
    feed.BOP_ACTION_DELETE: Action.DELETE,
}
_HOME = "CHN"
_LOG_DIGITS = 6


@dataclass(frozen=True)
class Despatch:
    """The batches of one declaration in order, and the records that no batch can carry."""

    batches: tuple[Batch, ...]
    unsendable: tuple[Refused, ...]


@dataclass
class _Sorted:
    actual: list[dict[str, str]] = field(default_factory=list)
    parts: list[dict[str, str]] = field(default_factory=list)
    unsendable: list[Refused] = field(default_factory=list)


def despatch(entry: feed.FeedEntry) -> Despatch:
    """A repeated entry gives the same batches: their references derive from its position."""
    items = [row.bop_record for row in entry.rows]
    found = _Sorted()
    for item in items:
        try:
            record = _record(item)
        except ValueError as failure:
            # One record that no file can carry stops no other.
            fault = Fault("REC", "记录", f"cannot be sent: {failure}")
            found.unsendable.append(Refused(item.rptno, (fault,)))
            continue
        target = found.actual if record.kind is Kind.ACTUAL else found.parts
        target.append(record.fields())
    batches: list[Batch] = []
    for records in (found.actual, found.parts):
        # Numbers go on from set to set, so that no two batches share a reference.
        batches += _batches(records, items[0], entry.position, len(batches))
    return Despatch(tuple(batches), tuple(found.unsendable))


def _batches(
    records: Sequence[dict[str, str]],
    item: feed.BopRecordItem,
    position: money.Position,
    before: int,
) -> Iterator[Batch]:
    most = profile.BATCH_RECORDS_MAX
    starts = range(0, len(records), most)
    for number, start in enumerate(starts, 1):
        head = Head(
            reference=_reference(position, before + number),
            first_reference=_reference(position, before + 1),
            number=number,
            batches=len(starts),
            currency=item.currency,
            institution_code=item.institution_code,
            actual_rptno=item.actual_rptno,
        )
        yield Batch(head, tuple(records[start : start + most]))


def _reference(position: money.Position, number: int) -> str:
    # Two logs may have entries of the same index.
    log = hashlib.sha256(position.log.encode()).hexdigest()[:_LOG_DIGITS]
    return f"{log}-{position.index}-{number}"


def _record(item: feed.BopRecordItem) -> Record:
    kind, action = _KINDS.get(item.kind), _ACTIONS.get(item.action)
    if kind is None or action is None:
        raise ValueError(f"kind {item.kind} with action {item.action} is no record")
    for name in ("party_name", "payer_name", "bank_reference"):
        markup.check(getattr(item, name), name)
    if item.settled_amount > 0:
        write_rate(item.rate_e8)
    if not 0 <= item.settled_amount <= item.amount:
        raise ValueError(f"settled_amount {item.settled_amount} of {item.amount}")
    prefix = profile.DOMESTIC if item.payer_country == _HOME else profile.OVERSEAS
    return Record(
        rptno=item.rptno,
        kind=kind,
        action=action,
        uscc=item.uscc,
        name=item.party_name[: profile.NAME_CHARACTERS_MAX],
        payer=(prefix + item.payer_name)[: profile.NAME_CHARACTERS_MAX],
        country=item.payer_country,
        currency=item.currency,
        amount=item.amount,
        settled=item.settled_amount,
        rate_e8=item.rate_e8,
        # The bank keeps the accounts of a party under its id.
        account=item.party_id.hex(),
        reference=item.bank_reference[: profile.REFERENCE_CHARACTERS_MAX],
        transaction_code=item.transaction_code,
        report_date=str(item.report_date),
    )
