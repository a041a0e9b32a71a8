"""One decoder under atheris, guided by coverage.

    python -m tests.fuzz.long_run DECODER [libFuzzer options] CORPUS

atheris is no dependency of the project: `tests.fuzz.soak` brings it.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateways", "whampoa", "engine", "tomllib", "json"]):
    from tests.fuzz.corpora import corpus
    from tests.fuzz.decoders import DECODERS

SEEDS = "WHAMPOA_FUZZ_SEEDS"


def main() -> None:
    names = {decoder.name: decoder for decoder in DECODERS}
    decoder = names.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if decoder is None:
        sys.exit(f"DECODER: one of {', '.join(names)} is wanted")
    logging.disable(logging.CRITICAL)
    folder = os.environ.get(SEEDS)
    for at, data in enumerate(corpus(decoder.name) if folder else ()):
        (Path(folder or "") / f"seed-{at}").write_bytes(data)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], decoder.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
