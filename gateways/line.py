"""The line to an institution, where its faults happen: slow, lose a reply, down, repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from gateways.books import Books
from gateways.fault import ACTION, DOWN, LOSE_REPLY, REPEAT, SLOW, Faults

T = TypeVar("T")


class Institution(Protocol):
    """What an institution does; a `ValueError` says what is wrong with a call."""

    @property
    def books(self) -> Books: ...

    @property
    def faults(self) -> Faults:
        """Its faults; only `refuse` is its own to have, the others happen on its line."""
        ...

    def deliver(self, message: bytes, message_format: str, now_ms: int) -> tuple[bytes, str]:
        """Takes in a message; the answer and its format, both empty when it says nothing."""
        ...

    def instruct(self, action: str, arguments: Mapping[str, str], now_ms: int) -> str:
        """Makes something happen and says what was done."""
        ...

    def rows(self, book: str, offset: int, limit: int) -> tuple[list[dict[str, str]], int]:
        """Rows of a book as texts, and how many it has."""
        ...

    def totals(self, book: str) -> dict[str, int]:
        """Sums over the whole of a book."""
        ...

    def tick(self, now_ms: int) -> bool:
        """Does what is due, asked regularly; true when it wrote letters."""
        ...


class Line:
    """An institution as it is reached, with the faults it was told to have."""

    def __init__(self, it: Institution) -> None:
        self._it = it

    def admit(self) -> int:
        """How many ms a delivery waits before it is taken in; `ConnectionError` when down."""
        if self._it.faults.happens(DOWN):
            raise ConnectionError("the institution is down")
        return self._it.faults.delay_ms if self._it.faults.happens(SLOW) else 0

    def deliver(self, message: bytes, message_format: str, now_ms: int) -> tuple[bytes, str]:
        """Hands an admitted message over; `ConnectionError` when its answer gets lost."""
        answer = self._repeating(lambda: self._it.deliver(message, message_format, now_ms))
        if self._it.faults.happens(LOSE_REPLY):
            raise ConnectionError("the institution's reply was lost")
        return answer

    def instruct(self, action: str, arguments: Mapping[str, str], now_ms: int) -> str:
        """Tells the institution what to do, or which fault to have."""
        if action == ACTION:
            return self._it.faults.tell(arguments)
        return self._repeating(lambda: self._it.instruct(action, arguments, now_ms))

    def tick(self, now_ms: int) -> bool:
        """Lets the institution do what is due."""
        return self._repeating(lambda: self._it.tick(now_ms))

    def follow_scenario(self, given: Iterable[Mapping[str, object]], section: str) -> None:
        """Tells the faults of `[[SECTION.faults]]`."""
        for at, fault in enumerate(given, start=1):
            try:
                self._it.faults.tell({name: str(value) for name, value in fault.items()})
            except ValueError as failure:
                raise ValueError(f"{section}.faults[{at}].{failure}") from None

    def _repeating(self, work: Callable[[], T]) -> T:
        """Work whose letters come a second time, behind all it wrote, as often as was told."""
        books = self._it.books
        first = books.next_sequence()
        done = work()
        again = self._it.faults.take(REPEAT, books.next_sequence() - first)
        if again:
            books.repeat(first, again)
        return done
