"""One decoder under atheris, guided by coverage.

    python -m tests.fuzz.long_run DECODER [libFuzzer options] CORPUS

atheris is no dependency of the project: `tests.fuzz.soak` brings it.
"""

from __future__ import annotations

import logging
import os
import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateways", "whampoa", "engine", "tomllib", "json"]):
    from tests.fuzz.corpora import corpus
    from tests.fuzz.decoders import DECODERS
    from tests.fuzz.mutation import mutated

SEEDS = "WHAMPOA_FUZZ_SEEDS"
# Of how many inputs libFuzzer changes bytes as it likes.
_WILD = 0.25


def main() -> None:
    names = {decoder.name: decoder for decoder in DECODERS}
    decoder = names.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if decoder is None:
        sys.exit(f"DECODER: one of {', '.join(names)} is wanted")
    logging.disable(logging.CRITICAL)
    kept = corpus(decoder.name)

    def mutate(data: bytes, size_max: int, seed: int) -> bytes:
        """Most often a change that leaves the markup whole: else hardly an input is looked into."""
        chance = random.Random(seed)
        if chance.random() < _WILD:
            wild: bytes = atheris.Mutate(data, size_max)
            return wild
        return mutated(chance, data, kept)[:size_max]

    folder = os.environ.get(SEEDS)
    if folder:
        for at, data in enumerate(kept):
            (Path(folder) / f"seed-{at}").write_bytes(data)
    words = [sys.argv[0], *sys.argv[2:]]
    atheris.Setup(words, decoder.check, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
