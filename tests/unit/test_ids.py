"""Ids: their layout, and that derived ones never change."""

import pytest

from whampoa import ids

NOW_MS = 1_795_500_000_123


def test_derived_ids_are_uuid_version_7_and_stay() -> None:
    first = ids.derive(NOW_MS, "beps.383.001.01/1")
    assert first == ids.derive(NOW_MS, "beps.383.001.01/1")
    assert first != ids.derive(NOW_MS, "beps.383.001.01/2")
    assert first != ids.derive(NOW_MS, "beps.383.001.01", "/1")
    assert ids.time_ms_of(first) == NOW_MS
    assert (first[6] >> 4, first[8] >> 6, len(first)) == (7, 0b10, 16)


def test_ids_of_one_process_ascend_by_millisecond() -> None:
    made = [ids.time_ms_of(ids.uuid7()) for _ in range(1000)]
    assert made == sorted(made)


@pytest.mark.parametrize("text", ["", "00", "zz" * 16, "00" * 17])
def test_other_texts_are_no_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"hex|an id has"):
        ids.parse(text)
