"""The command's frame: finding verbs, missing extras, wrong usage, faults."""

import json
from collections.abc import Sequence
from importlib.metadata import EntryPoint

import pytest
import typer

from whampoa.cli.main import GROUP, run
from whampoa.cli.output import JsonOption, Output


def greet(application: typer.Typer) -> None:
    @application.command("greet")
    def greet(name: str, json: JsonOption = False) -> None:
        with Output(json) as out:
            out.answer(f"good day {name}")
            out.result(name=name)


def crash(application: typer.Typer) -> None:
    @application.command("crash")
    def crash(json: JsonOption = False) -> None:
        raise ZeroDivisionError(f"json={json}")


def verb(name: str, target: str) -> EntryPoint:
    return EntryPoint(name, target, GROUP)


VERBS = [
    verb("greet", f"{__name__}:greet"),
    verb("crash", f"{__name__}:crash"),
    verb("serve", "no_such_module.serve:register [server]"),
    verb("lost", "no_such_module.lost:register"),
]


class Told:
    """What one run said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.lines = out.splitlines()
        self.err = err

    @property
    def object(self) -> dict[str, object]:
        found = json.loads(self.lines[-1])
        assert isinstance(found, dict)
        return found


def told(
    words: Sequence[str], capsys: pytest.CaptureFixture[str], verbs: Sequence[EntryPoint] = VERBS
) -> Told:
    code = run(list(words), verbs)
    captured = capsys.readouterr()
    return Told(code, captured.out, captured.err)


def test_a_verb_runs(capsys: pytest.CaptureFixture[str]) -> None:
    ran = told(["greet", "Lin"], capsys)
    assert (ran.code, ran.lines) == (0, ["good day Lin"])


def test_a_single_verb_keeps_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(["greet", "Lin"], capsys, VERBS[:1]).code == 0


def test_without_words_every_verb_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    ran = told([], capsys)
    assert ran.code == 0
    listed = "\n".join(ran.lines)
    assert all(name in listed for name in ("greet", "crash", "serve"))


@pytest.mark.parametrize(
    ("name", "advice"),
    [("serve", "pip install 'whampoa[server]'"), ("lost", "reinstall whampoa")],
)
def test_a_verb_without_its_extra_says_what_to_install(
    name: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = told([name, "--port", "7", "--json"], capsys)
    assert ran.code != 0
    assert ran.err == (f"whampoa: {name} cannot start, no_such_module is missing: {advice}\n")
    assert ran.object["ok"] is False
    assert advice in str(ran.object["error"])


@pytest.mark.parametrize("words", [["greet"], ["greet", "Lin", "--bad"], ["sing"]])
def test_wrong_usage_is_one_line_and_one_object(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ran = told([*words, "--json"], capsys)
    assert ran.code == 2
    assert ran.err.startswith("whampoa: ")
    assert ran.err.count("\n") == 1
    assert ran.object["ok"] is False


def test_a_fault_outside_the_output_is_still_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    ran = told(["crash", "--json"], capsys)
    assert ran.code == 1
    assert ran.object == {"ok": False, "error": "ZeroDivisionError: json=True"}
    assert "Traceback" in ran.err


def test_without_json_a_failure_leaves_stdout_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(["greet"], capsys).lines == []
