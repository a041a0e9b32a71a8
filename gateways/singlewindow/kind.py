"""The kinds of documents that customs answers, by the number of their message."""

from __future__ import annotations

from enum import IntEnum


class Kind(IntEnum):
    """Number of the message that carries the document."""

    ORDER = 303
    NOTE = 403
    WAYBILL = 505
    DEPARTURE = 509
    LIST = 603
    WITHDRAWAL = 605
    AGGREGATION = 701

    @property
    def reply(self) -> int:
        """Number of the message that answers it."""
        return int(self) + 1
