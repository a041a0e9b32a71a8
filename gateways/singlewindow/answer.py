"""Replies of one piece of work, on their way into letters: in steps, up to 100 a message."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine import formats
from gateways.books import write_letter
from gateways.singlewindow import dxp, status
from gateways.singlewindow.kind import Kind

REPLIES_PER_MESSAGE = 100
_INFO_CHARACTERS_MAX = 1000


@dataclass(frozen=True)
class Answer:
    """One document for one transmitter, without guid and time."""

    number: int
    transmitter: str
    step: int
    case: Hashable
    fields: Mapping[str, object]
    # Which field holds the time.
    time_field: str


class Clock:
    """Stamps in milliseconds that always rise, so that the newest answer is the last."""

    def __init__(self) -> None:
        self._next_ms = 0

    def take(self, now_ms: int, steps: int) -> int:
        """The first of `steps` stamps."""
        first = max(now_ms, self._next_ms)
        self._next_ms = first + steps
        return first


class Answers:
    """Collects replies; the steps of a case count on within the work."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []
        self._steps: dict[Hashable, int] = {}

    def add(
        self,
        kind: Kind,
        row: Mapping[str, object],
        key: Mapping[str, object],
        statuses: Sequence[int],
        info: str = "",
    ) -> None:
        """Answers a document with statuses; `info` says why the last one came."""
        case = (kind, row["number"])
        for at, code in enumerate(statuses, start=1):
            words = info if info and at == len(statuses) else status.text(code)
            fields = {
                **key,
                "returnStatus": str(code),
                "returnInfo": words[:_INFO_CHARACTERS_MAX],
            }
            self._put(kind.reply, str(row["transmitter"]), case, fields, "returnTime")

    def add_result(self, transmitter: str, fields: Mapping[str, object]) -> None:
        """One result of an aggregation (792)."""
        case = (792, fields["sumNo"], fields["declSeqNo"])
        self._put(792, transmitter, case, fields, "opDate")

    def _put(
        self,
        number: int,
        transmitter: str,
        case: Hashable,
        fields: Mapping[str, object],
        time_field: str,
    ) -> None:
        step = self._steps.get(case, 0)
        self._steps[case] = step + 1
        self._answers.append(Answer(number, transmitter, step, case, fields, time_field))

    def write(
        self, connection: sqlite3.Connection, clock: Clock, now_ms: int, *, only_last: bool
    ) -> None:
        """Writes the letters; `only_last` leaves out what a later step of the work replaced."""
        chosen = self._answers
        if only_last:
            chosen = [it for it in chosen if it.step + 1 == self._steps[it.case]]
        stamp_ms = clock.take(now_ms, max(self._steps.values(), default=0))
        for answers in _messages(chosen):
            write_letter(connection, dxp.MESSAGE_FORMAT, _message(answers, stamp_ms))


def _messages(answers: Sequence[Answer]) -> Iterator[list[Answer]]:
    """Answers of one number for one transmitter, earlier steps first."""
    lanes: dict[tuple[int, str], list[Answer]] = {}
    for answer in answers:
        lanes.setdefault((answer.number, answer.transmitter), []).append(answer)
    for lane in lanes.values():
        lane.sort(key=lambda answer: answer.step)
        for start in range(0, len(lane), REPLIES_PER_MESSAGE):
            yield lane[start : start + REPLIES_PER_MESSAGE]


def _message(answers: Sequence[Answer], stamp_ms: int) -> bytes:
    number, transmitter = answers[0].number, answers[0].transmitter
    documents = [
        {**it.fields, "guid": _guid(), it.time_field: dxp.china_stamp(stamp_ms + it.step)}
        for it in answers
    ]
    identifier = _guid()
    envelope = formats.Envelope(
        cop_msg_id=identifier,
        sender_id=dxp.CUSTOMS,
        receiver_ids=(dxp.user_id(transmitter),),
        create_time=dxp.china_time(stamp_ms),
        msg_type=dxp.message_type(number),
    )
    return formats.wrap(formats.write(number, documents, identifier), envelope)


def _guid() -> str:
    raw = os.urandom(16).hex().upper()
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
