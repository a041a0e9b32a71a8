"""What verbs say: streams, the object, exit codes."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import typer

from whampoa.cli.output import Failure, Output

Capture = pytest.CaptureFixture[str]


def last_object(out: str) -> dict[str, object]:
    found = json.loads(out.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_stdout_is_for_the_object_and_stderr_for_people(capsys: Capture) -> None:
    with Output(json=True) as out:
        out.answer("an answer")
        out.note("a [note]")
        out.table("Title", ["name", "count"], [("a", 1), ("b [c]", 20)])
        with out.progress("working", total=2) as advance:
            advance(2)
        out.result(count=21)
    captured = capsys.readouterr()
    assert captured.out == '{"ok": true, "count": 21}\n'
    for text in ("an answer", "a [note]", "Title", "b [c]", "20", "working"):
        assert text in captured.err


def test_without_json_stdout_has_the_answers_alone(capsys: Capture) -> None:
    with Output() as out:
        out.answer("an answer")
        out.table("Title", ["name"], [])
        out.result(count=1)
    assert capsys.readouterr().out == "an answer\n"


def test_a_table_in_a_file_cuts_nothing_short(capsys: Capture) -> None:
    ids = [f"{at:032x}" for at in range(4)]
    with Output() as out:
        out.table("Ids", ["first", "second", "third", "fourth"], [ids])
    shown = capsys.readouterr().err
    assert all(one in shown for one in ids)
    assert "…" not in shown


def test_a_failure_keeps_the_results_so_far(capsys: Capture) -> None:
    with pytest.raises(typer.Exit) as left, Output(json=True) as out:
        out.result(entries=3)
        raise Failure("the journal ends early", exit_code=3, index=17)
    captured = capsys.readouterr()
    assert left.value.exit_code == 3
    assert captured.err == "whampoa: the journal ends early\n"
    assert last_object(captured.out) == {
        "ok": False,
        "entries": 3,
        "index": 17,
        "error": "the journal ends early",
    }


def test_a_fault_shows_its_traceback_and_ends_with_the_object(capsys: Capture) -> None:
    with pytest.raises(typer.Exit) as left, Output(json=True):
        raise KeyError("missing")
    captured = capsys.readouterr()
    assert left.value.exit_code == 1
    assert "Traceback" in captured.err
    assert last_object(captured.out)["error"] == "KeyError: 'missing'"


def test_a_verdict_of_not_ok_exits_with_one(capsys: Capture) -> None:
    with pytest.raises(typer.Exit) as left, Output(json=True) as out:
        out.result(ok=False, first_bad=5)
    assert left.value.exit_code == 1
    assert last_object(capsys.readouterr().out) == {"ok": False, "first_bad": 5}


def test_an_exit_with_a_code_is_not_ok(capsys: Capture) -> None:
    with pytest.raises(typer.Exit), Output(json=True):
        raise typer.Exit(4)
    assert last_object(capsys.readouterr().out) == {"ok": False}


def test_an_interruption_passes_through(capsys: Capture) -> None:
    with pytest.raises(KeyboardInterrupt), Output(json=True):
        raise KeyboardInterrupt
    assert capsys.readouterr().out == ""


def test_values_json_has_no_word_for(capsys: Capture) -> None:
    with Output(json=True) as out:
        out.result(
            file=Path("a/b"), root=b"\x01\xff", rate=Decimal("1.10"), count=np.int64(7), text="单"
        )
    assert last_object(capsys.readouterr().out) == {
        "ok": True,
        "file": "a/b",
        "root": "01ff",
        "rate": "1.10",
        "count": 7,
        "text": "单",
    }
