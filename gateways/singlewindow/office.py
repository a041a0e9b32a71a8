"""The customs office: takes documents in, matches them, releases lists, and writes its letters."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gateways.singlewindow import aggregation, entry, matching, status
from gateways.singlewindow.answer import Answers, Clock
from gateways.singlewindow.books import CustomsBooks
from gateways.singlewindow.entry import Row
from gateways.singlewindow.kind import Kind
from gateways.singlewindow.rule import HOLD, REJECT, Rule, Rules
from whampoa.customs.v1 import document_pb2 as documents

_DIGEST_BYTES = 16
_KINDS = frozenset(int(kind) for kind in Kind)
DELETE = 3
SAVE = 1


@dataclass(frozen=True)
class Practice:
    """How this office works: `[institution.customs]`."""

    # "all": every status is told; "final": only the last one of each piece of work.
    statuses: str = "all"
    # "release": lists close when they are released; "departure": when their parcels have left.
    closing: str = "release"
    # "review": documents that differ are looked at (300); "reject": they are sent back (100).
    mismatch: str = "review"
    # How long a list waits for its order and waybill before it is sent back.
    wait_seconds: int = 86_400

    @classmethod
    def read(cls, section: dict[str, Any]) -> Practice:
        """Reads the section; raises `ValueError` naming field and value."""
        allowed = {
            "statuses": ("all", "final"),
            "closing": ("release", "departure"),
            "mismatch": ("review", "reject"),
        }
        for name, words in allowed.items():
            if section.get(name, words[0]) not in words:
                text = f"{section[name]!r} is none of {', '.join(words)}"
                raise ValueError(f"institution.customs.{name}: {text}")
        wait = section.get("wait_seconds", cls.wait_seconds)
        if type(wait) is not int or wait < 1:
            raise ValueError(f"institution.customs.wait_seconds: {wait!r} is no positive integer")
        chosen = {name: section[name] for name in allowed if name in section}
        return cls(**chosen, wait_seconds=wait)


class Office:
    """Works on one set of books; the caller tells the time and calls one at a time."""

    def __init__(self, books: CustomsBooks, practice: Practice) -> None:
        self.books = books
        self.practice = practice
        self.rules = Rules(books.connection)
        self._clock = Clock()

    def work(self, now_ms: int, do: Callable[[Work], None]) -> None:
        """One piece of work in one transaction, with the letters that answer it."""
        with self.books.transaction() as connection:
            work = Work(self, connection, now_ms)
            do(work)
            work.match()
            only_last = self.practice.statuses == "final"
            work.answers.write(connection, self._clock, now_ms, only_last=only_last)

    def add_rules(self, rules: Iterable[Rule]) -> None:
        """Rules of the configuration; those of an earlier start stay as they are."""
        with self.books.transaction() as connection:
            for rule in rules:
                self.rules.add_once(connection, rule)

    def expire(self, now_ms: int) -> bool:
        """Sends back the lists that waited too long; true when there were some."""
        oldest = now_ms - self.practice.wait_seconds * 1000
        due = self.books.connection.execute(
            "SELECT * FROM lists WHERE status = 120 AND held = 0 AND withdrawn = 0"
            " AND since_ms < ? LIMIT 1000",
            (oldest,),
        ).fetchall()
        if due:
            self.work(now_ms, lambda work: work.send_all_back([dict(row) for row in due]))
        return bool(due)


def _refuses_resend(kind: Kind, before: Row) -> bool:
    if kind is Kind.LIST and before["withdrawn"]:
        return False
    return before["status"] in status.REFUSES_RESEND[kind]


class Work:
    """Documents of one message, or what an instruction does: all of it or nothing."""

    def __init__(self, office: Office, connection: sqlite3.Connection, now_ms: int) -> None:
        self.connection = connection
        self.answers = Answers()
        self.now_ms = now_ms
        self._rules = office.rules
        self._practice = office.practice
        self._to_match: dict[int, None] = {}

    def take(self, raw: bytes) -> None:
        """Takes in one document; one taken before is passed over."""
        digest = hashlib.sha256(raw).digest()[:_DIGEST_BYTES]
        known = self.connection.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,))
        if known.rowcount == 0:
            return
        document = documents.Document.FromString(raw)
        if document.type not in _KINDS:
            # Arrivals, master waybills, returns and tally sheets: taken, not answered.
            return
        kind = Kind(document.type)
        filed = entry.read(kind, document)
        before = filed.find(self.connection)
        if before is not None and _refuses_resend(kind, before):
            info = f"{filed.words} is there already, at {before['status']}"
            self._answer(kind, before, (status.EXISTS[kind],), info)
            return
        try:
            values = filed.values(self.now_ms)
        except ValueError as failure:
            row = before or filed.unfiled(self.now_ms)
            self._answer(kind, row, (status.BUSINESS_ERROR[kind],), str(failure))
            return
        self._file(document, filed, values, before)

    def _answer(self, kind: Kind, row: Row, codes: tuple[int, ...], info: str = "") -> None:
        self.answers.add(kind, row, entry.reply(kind, row), codes, info)

    def _file(
        self, document: documents.Document, filed: entry.Filed, values: Row, before: Row | None
    ) -> None:
        kind = filed.kind
        statuses = status.ON_ARRIVAL[kind]
        is_held = False
        if document.app_status == SAVE:
            statuses = (status.SAVED,)
        elif document.app_type != DELETE:
            statuses, is_held = self._by_rules(filed, statuses)
        kept = 0 if document.app_type == DELETE else statuses[-1]
        row = filed.store(self.connection, {**values, "status": kept, "held": is_held}, before)
        self._answer(kind, row, statuses)
        if kept == status.STORED and not is_held:
            self._touch(kind, row)
        elif kept == status.APPROVED:
            self._follow_up(kind, document, row)

    def _by_rules(
        self, filed: entry.Filed, statuses: tuple[int, ...]
    ) -> tuple[tuple[int, ...], bool]:
        """Statuses on arrival as the scenario has them, and whether the document is held."""
        rejected = self._rules.meet(self.connection, REJECT, filed.book, filed.names)
        if rejected is not None:
            return (statuses[0], rejected), False
        held_at = None
        if filed.book != "lists":
            held_at = self._rules.meet(self.connection, HOLD, filed.book, filed.names)
        if held_at is not None:
            return statuses[:1], True
        return statuses, False

    def _touch(self, kind: Kind, row: Row) -> None:
        """Notes the lists that a stored document may complete."""
        if kind is Kind.LIST:
            self._to_match[row["number"]] = None
        elif kind in {Kind.ORDER, Kind.WAYBILL}:
            book = "orders" if kind is Kind.ORDER else "waybills"
            waiting = matching.waiting_lists(self.connection, book, row)
            self._to_match |= dict.fromkeys(waiting)

    def _follow_up(self, kind: Kind, document: documents.Document, row: Row) -> None:
        if kind is Kind.DEPARTURE:
            self._close(document.departure)
        elif kind is Kind.WITHDRAWAL:
            listed = entry.find_list(self.connection, document.withdrawal)
            if listed is not None:
                self._mark_withdrawn(listed)
        elif kind is Kind.AGGREGATION:
            for result in aggregation.results(self.connection, document.aggregation, row):
                self.answers.add_result(row["transmitter"], result)

    def match(self) -> None:
        """Judges the lists that this work touched; what agrees goes on to its end."""
        for number in self._to_match:
            listed = self._list(number)
            if listed["status"] != status.STORED or listed["held"]:
                continue
            verdict = matching.judge(self.connection, listed)
            if not verdict.is_complete:
                continue
            if not verdict.difference:
                self._approve(listed)
            elif self._practice.mismatch == "review":
                self._reach(listed, (status.REVIEW,), verdict.difference)
            else:
                self.send_back(listed, verdict.difference)

    def _approve(self, listed: Row) -> None:
        names = (listed["order_no"], listed["cop_no"])
        held_at = self._rules.meet(self.connection, HOLD, "lists", names)
        if held_at is not None:
            self._hold(listed, held_at)
        else:
            self._reach(listed, self._to_end())

    def _to_end(self) -> tuple[int, ...]:
        if self._practice.closing == "departure":
            return status.ON_MATCH[:-1]
        return status.ON_MATCH

    def _hold(self, listed: Row, at: int) -> None:
        self.connection.execute("UPDATE lists SET held = 1 WHERE number = ?", (listed["number"],))
        if at != listed["status"]:
            self._reach(listed, (at,))

    def release(self, listed: Row) -> None:
        """Lets a list go on that was held or under review."""
        self.connection.execute("UPDATE lists SET held = 0 WHERE number = ?", (listed["number"],))
        path = self._to_end()
        if listed["status"] == status.APPROVED:
            path = path[1:]
        self._reach(listed, path)

    def store(self, kind: Kind, row: Row) -> None:
        """Stores an order or a waybill that was held."""
        book = "orders" if kind is Kind.ORDER else "waybills"
        self.connection.execute(
            f"UPDATE {book} SET held = 0, status = ? WHERE number = ?",  # noqa: S608
            (status.STORED, row["number"]),
        )
        self._answer(kind, row, (status.STORED,))
        self._touch(kind, row)

    def send_all_back(self, lists: Iterable[Row]) -> None:
        """Rejects lists that waited too long."""
        for listed in lists:
            self.send_back(listed, "order or waybill did not come in time")

    def send_back(self, listed: Row, info: str) -> None:
        """Rejects a list; it may be sent again."""
        self._reach(listed, (status.REJECTED,), info)

    def withdraw(self, listed: Row) -> None:
        """Takes a list back and tells so as an approved withdrawal (606)."""
        self._answer(Kind.WITHDRAWAL, listed, (status.APPROVED,), "withdrawn by customs")
        self._mark_withdrawn(listed)

    def _mark_withdrawn(self, listed: Row) -> None:
        self.connection.execute(
            "UPDATE lists SET withdrawn = 1 WHERE number = ?", (listed["number"],)
        )

    def _close(self, departure: documents.Departure) -> None:
        """Closes the released lists of parcels that have left."""
        for waybill_no in departure.logistics_nos:
            rows = self.connection.execute(
                "SELECT * FROM lists WHERE logistics_code = ? AND logistics_no = ?"
                " AND status = ? AND withdrawn = 0",
                (departure.logistics_code, waybill_no, status.RELEASED),
            ).fetchall()
            for listed in rows:
                self._reach(dict(listed), (status.CLOSED,))

    def _reach(self, listed: Row, statuses: tuple[int, ...], info: str = "") -> None:
        """Moves a list on; it gets its number from customs when it is approved."""
        invt_no = listed["invt_no"]
        if status.APPROVED in statuses and not invt_no:
            invt_no = entry.invt_no(listed, self.now_ms)
        self.connection.execute(
            "UPDATE lists SET status = ?, invt_no = ? WHERE number = ?",
            (statuses[-1], invt_no, listed["number"]),
        )
        self._answer(Kind.LIST, {**listed, "invt_no": invt_no}, statuses, info)

    def _list(self, number: int) -> Row:
        statement = "SELECT * FROM lists WHERE number = ?"
        return dict(self.connection.execute(statement, (number,)).fetchone())
