"""Chance of a run: one stream of numbers for each name, so that leaving one out moves no other."""

from __future__ import annotations

import random


def stream(seed: int, *names: object) -> random.Random:
    """The stream of a name; a seed always gives the same."""
    return random.Random(":".join(str(it) for it in (seed, *names)))
