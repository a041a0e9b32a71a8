"""Every decoder over its kept inputs and, for some seconds, over those of a seeded mutator.

WHAMPOA_FUZZ_SECONDS is how long all decoders are mutated together. A failing input is told with its
seed; as a file in corpus/NAME/ it is run for ever after.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.fuzz.corpora import FOLDER, corpus
from tests.fuzz.decoders import DECODERS, Decoder
from tests.fuzz.mutation import BYTES_MAX, mutated

SECONDS = float(os.environ.get("WHAMPOA_FUZZ_SECONDS", "12"))
# Longest time for one input: beyond it, it is a hang.
INPUT_SECONDS = 10


def check(decoder: Decoder, data: bytes, origin: str) -> None:
    """Run one input, and name it when a promise is broken."""
    start = time.monotonic()
    try:
        decoder.check(data)
    except Exception as failure:
        failure.add_note(f"{decoder.name}, {origin}: {len(data)} bytes {data[:2_000]!r}")
        raise
    assert time.monotonic() - start < INPUT_SECONDS, f"{decoder.name}, {origin} hangs: {data!r}"


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: decoder.name)
def test_decoders_give_a_value_or_their_own_error(decoder: Decoder, seed: int) -> None:
    inputs = corpus(decoder.name)
    assert inputs, f"{decoder.name} has no corpus"
    for at, data in enumerate(inputs):
        check(decoder, data, f"kept input {at}")
    start, runs = time.monotonic(), 0
    while time.monotonic() - start < SECONDS / len(DECODERS):
        chance = random.Random(f"{seed}:{decoder.name}:{runs}")
        data = mutated(chance, chance.choice(inputs), inputs)
        check(decoder, data, f"SEED={seed}, input {runs}")
        runs += 1


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: decoder.name)
def test_corpora_begin_with_what_is_taken(decoder: Decoder) -> None:
    if decoder.name == "bank_comeback":
        pytest.skip("the bank knows no payout that could come back")
    decoder.run(corpus(decoder.name)[0])


def test_kept_inputs_belong_to_a_decoder_and_are_small() -> None:
    names = {decoder.name for decoder in DECODERS}
    for path in FOLDER.glob("*/*"):
        assert path.parent.name in names, path
        assert path.stat().st_size <= BYTES_MAX, path
