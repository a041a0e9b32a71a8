"""Files of exports: CSV needs no extra, Parquet says which, and a file is whole or not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from whampoa.cli.dataset import DATA_SETS
from whampoa.cli.export import file_of
from whampoa.cli.output import Failure

COLUMNS = DATA_SETS["parties"].columns()
ROW = ["00ff", 3, "91350100M000100Y43", "merchant", '穗灯, "甲"\n', True]


def test_csv_needs_no_extra_and_keeps_every_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    file = tmp_path / "parties.csv"
    with file_of(file, COLUMNS) as sink:
        sink.write([ROW])
    head, row = file.read_bytes().decode("utf-8").split("\r\n", 1)
    assert head == "party_id,party_index,uscc,roles,name,sanctioned"
    assert row == '00ff,3,91350100M000100Y43,merchant,"穗灯, ""甲""\n",1\r\n'
    with pytest.raises(Failure, match=r"pip install 'whampoa\[exports\]'"):
        file_of(tmp_path / "parties.parquet", COLUMNS).__enter__()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_failure_leaves_the_file_of_before(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"parties{suffix}"
    file.write_text("before", "utf-8")
    with pytest.raises(ZeroDivisionError), file_of(file, COLUMNS) as sink:
        sink.write([ROW])
        raise ZeroDivisionError
    assert file.read_text("utf-8") == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    with (
        pytest.raises(Failure, match="No such file"),
        file_of(tmp_path / "none" / "parties.csv", COLUMNS),
    ):
        pass
