"""The verb `version`, run as people and programs run it."""

import json
import subprocess
import sys


def whampoa(*words: str) -> subprocess.CompletedProcess[str]:
    code = "from whampoa.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )


def test_version_answers_people_on_stdout() -> None:
    done = whampoa("version")
    assert done.returncode == 0
    assert done.stdout.startswith("whampoa 0.")
    assert "grpcio" in done.stderr


def test_version_answers_programs_with_one_object() -> None:
    done = whampoa("version", "--json")
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert found["ok"] is True
    assert {"whampoa", "core", "python", "grpcio", "protobuf"} <= found.keys()
