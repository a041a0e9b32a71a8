"""The verb `up`: everything starts, one that dies takes the rest along, a signal stops all."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine_process import free_port
from tests.integration.verb import done

SECTIONS = [
    "engine",
    "gateway.singlewindow",
    "institution.customs",
    "institution.bank",
    "institution.safe",
    "institution.pboc",
]
PROCESSES = 9
SECONDS_MAX = 90

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Give a folder that holds a configuration on free ports and nothing else."""
    folder = tmp_path / "data"
    folder.mkdir()
    lines = ["[engine]", f'metrics = "127.0.0.1:{free_port()}"', "segment_mib = 4"]
    for section in SECTIONS:
        lines += [f"[{section}]"] if section != "engine" else []
        lines.append(f'listen = "127.0.0.1:{free_port()}"')
    (folder / "config.toml").write_text("\n".join(lines), "utf-8")
    return folder


@pytest.fixture
def up(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a running `whampoa up` that said it is ready."""
    words = ["up", "--data-dir", str(data_dir)]
    with (data_dir / "up.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "whampoa.cli.main", *words],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.fullmatch(r"ready 127\.0\.0\.1:\d+\n", line), (data_dir / "up.log").read_text()
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def children(pid: int) -> list[int]:
    """Processes that `up` started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def running(data_dir: Path, name: str) -> int:
    """The pid of one process of a data directory."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(data_dir).encode() in words and name.encode() in words:
            return int(entry.name)
    raise AssertionError(f"{name} does not run")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_of_it_runs_and_a_signal_stops_it(
    up: subprocess.Popen[str], data_dir: Path, number: signal.Signals
) -> None:
    started = children(up.pid)
    assert len(started) == PROCESSES
    assert done("status", "--data-dir", data_dir)["laws_ok"]
    # A terminal's SIGINT reaches the whole group.
    if number is signal.SIGINT:
        os.killpg(up.pid, number)
    else:
        up.send_signal(number)
    assert up.wait(SECONDS_MAX) == 0, (data_dir / "up.log").read_text()
    assert not any(alive(one) for one in started)
    assert done("verify", data_dir)["first_bad"] is None


def test_one_that_dies_is_named_and_the_rest_stop(
    up: subprocess.Popen[str], data_dir: Path
) -> None:
    started = children(up.pid)
    os.kill(running(data_dir, "safe"), signal.SIGKILL)
    assert up.wait(SECONDS_MAX) == 1
    said = (data_dir / "up.log").read_text()
    assert re.search(r"whampoa: safe(-institution)? ended with -9", said), said
    time.sleep(0.1)
    assert not any(alive(one) for one in started)
    assert done("verify", data_dir)["first_bad"] is None
