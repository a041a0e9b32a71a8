"""What happens in a run: acts drawn from the seed, each from its own stream, in rounds."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tests.simulation.chance import stream

DECLARE, HOLD, REJECT, WITHDRAW, DEPART = "declare", "hold", "reject", "withdraw", "depart"
# What may befall the lists of a round; each befalls every third round.
_MISHAPS = (HOLD, REJECT, WITHDRAW)
# Every round of an enterprise is one of these stories.
MONEY = (
    "by_volume",
    "by_merchants",
    "by_orders",
    "short",
    "charged",
    "surplus_kept",
    "surplus_given_back",
    "recalled_before",
    "recalled_after",
    "account_closed",
    "goods_returned",
)
ENTERPRISES = 3


@dataclass(frozen=True)
class Act:
    """One thing that somebody does; what it draws comes from its own stream."""

    number: int
    round: int
    kind: str
    # Which enterprise, where there is one.
    enterprise: int = 0

    def __str__(self) -> str:
        return f"act {self.number}: {self.kind} (enterprise {self.enterprise}), round {self.round}"


def plan(seed: int, rounds: int) -> list[Act]:
    """The acts of a seed; leaving one out changes no other."""
    acts: list[Act] = []
    for at in range(rounds):
        chance = stream(seed, "plan", at)
        mishaps = [it for it in _MISHAPS if chance.random() < 1 / 3]
        # Customs is told of holds and rejections before the lists come.
        kinds = [it for it in mishaps if it != WITHDRAW]
        kinds += [DECLARE, *(it for it in mishaps if it == WITHDRAW), DEPART]
        for kind in kinds:
            acts.append(Act(len(acts), at, kind))
        for enterprise in range(ENTERPRISES):
            acts.append(Act(len(acts), at, chance.choice(MONEY), enterprise))
    return acts


def expected(acts: Iterable[Act]) -> list[re.Pattern[str]]:
    """Complaints of gateways that a plan explains."""
    # The bank knows of a recall first: what it is asked to sell meanwhile may be gone.
    recalled = re.compile(r"^bank-gateway: bank refused sale \w+: AM04")
    return [recalled for act in acts if act.kind.startswith("recalled")]


def without(acts: Sequence[Act], dropped: Collection[int]) -> list[Act]:
    """The acts that are left."""
    return [act for act in acts if act.number not in dropped]
