"""The bank's board of rates, and every rate between two currencies that follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from gateways import markup, moment
from gateways.bank import profile, rate
from gateways.bank.amount import CNY
from gateways.bank.rate import RATE_E8_MAX, Rate

_ROOT = "RateBoard"


@dataclass(frozen=True)
class Board:
    """All quotes of the bank at a time, those of `changed` being new."""

    time_ms: int
    quotes: tuple[Rate, ...]
    changed: frozenset[tuple[str, str]]

    def write(self) -> bytes:
        """The message."""
        body = markup.Body(profile.BOARD_NAMESPACE, _ROOT)
        markup.add(body.root, "CreDtTm", moment.write(self.time_ms))
        for quote in self.quotes:
            node = markup.add(body.root, "Quote")
            markup.add(node, "UnitCcy", quote.base)
            markup.add(node, "QtdCcy", quote.quote)
            markup.add(node, "XchgRate", rate.write(quote.rate_e8))
            is_new = (quote.base, quote.quote) in self.changed
            markup.add(node, "New", "true" if is_new else "false")
        return body.bytes()

    @classmethod
    def parse(cls, message: bytes) -> Board:
        """Reads a message."""
        root = markup.parse(message, profile.BOARD_NAMESPACE, _ROOT)
        quotes, changed = [], set()
        for node in root.children("Quote"):
            rate_e8 = rate.parse(node.text("XchgRate"), "XchgRate")
            quote = Rate(node.text("UnitCcy"), node.text("QtdCcy"), rate_e8)
            quote.check()
            quotes.append(quote)
            if node.text("New") == "true":
                changed.add((quote.base, quote.quote))
        time_ms = moment.parse(root.text("CreDtTm"), "CreDtTm")
        return cls(time_ms, tuple(quotes), frozenset(changed))

    def news(self) -> Iterator[Rate]:
        """Rates that follow from a new quote, in a fixed order.

        Money is allocated at the rate from a trade's currency to the remittance's, so each pair
        is told both ways: a quote stands as it is, the rest goes through CNY.
        """
        stated = {(it.base, it.quote): it for it in self.quotes}
        currencies = sorted({CNY, *(code for pair in stated for code in pair)})
        for base, quote in permutations(currencies, 2):
            found = stated.get((base, quote))
            if found is not None:
                if (base, quote) in self.changed:
                    yield found
                continue
            derived = self._derived(stated, base, quote)
            if derived is not None and 0 < derived.rate_e8 <= RATE_E8_MAX:
                yield derived

    def _derived(self, stated: dict[tuple[str, str], Rate], base: str, quote: str) -> Rate | None:
        used = [(code, CNY) for code in (base, quote) if code != CNY]
        if not self.changed.intersection(used) or any(pair not in stated for pair in used):
            return None
        if base == CNY:
            return Rate(base, quote, stated[quote, CNY].inverse())
        return Rate(base, quote, stated[base, CNY].through(stated[quote, CNY]))
