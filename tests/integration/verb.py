"""Runs verbs inside the test's process: exit code, answers, notes and the JSON object."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from whampoa.cli.main import GROUP, run


@dataclass(frozen=True)
class Told:
    """What one run said."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        found = json.loads(self.out.splitlines()[-1])
        assert isinstance(found, dict)
        assert found["ok"] is (self.code == 0)
        return found

    @property
    def error(self) -> str:
        """The one line of a failure."""
        assert self.code != 0, self.out
        assert "Traceback" not in self.err, self.err
        line: str = self.object["error"]
        assert "\n" not in line
        return line


def told(*words: object) -> Told:
    """Run one verb with --json."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([*map(str, words), "--json"], list(entry_points(group=GROUP)))
    return Told(code, out.getvalue(), err.getvalue())


def done(*words: object) -> dict[str, Any]:
    """The object of a verb that has to succeed."""
    ran = told(*words)
    assert ran.code == 0, (words, ran.err)
    return ran.object
