"""The same calls as an independent witness saw them: strace, attached to a running process."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.disk import Call

# As disk.c names them.
_NAMES = {
    "pwrite64": "write",
    "write": "write",
    "fdatasync": "sync",
    "fsync": "sync",
    "sendmsg": "send",
    "recvmsg": "receive",
}
_BEGUN = re.compile(r"(\d+) +([\d.]+) (\w+)\((\d+)<([^>]*)>(.*)")
_RESUMED = re.compile(r"(\d+) +([\d.]+) <\.\.\. (\w+) resumed>(.*)")
_RESULT = re.compile(r"= (-?\d+)[^=]*$")
_NUMBERS = re.compile(r", (\d+), (\d+)\)? *(?:=|<unfinished)")
ATTACH_SECONDS = 10


class NoWitness(RuntimeError):
    """strace is missing, or may not look; the text says which."""


class Witness:
    """strace over all threads of a process, until it is dismissed."""

    def __init__(self, pid: int, folder: Path, log: Path) -> None:
        program = shutil.which("strace")
        if program is None:
            raise NoWitness("strace is not installed")
        self._folder, self._log = folder, log
        command = [program, "-f", "-ttt", "-y", "-s", "0", "-o", str(log), "-p", str(pid)]
        self._process = subprocess.Popen(
            [*command, "-e", f"trace={','.join(_NAMES)}"],
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        if "attached" not in said:
            self.dismiss()
            raise NoWitness(f"strace may not look: {said.strip()}")
        # It says so of every thread; the threads that are there now are attached within moments.
        time.sleep(0.3)

    def dismiss(self) -> None:
        """Let the process go on alone."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=ATTACH_SECONDS)

    def calls(self) -> list[Call]:
        """All calls that it saw; the numbers of its lines are their order."""
        lines = self._log.read_text("utf-8", "replace").splitlines()
        return sorted(self._calls(lines), key=lambda call: call.begun)

    def _calls(self, lines: list[str]) -> Iterator[Call]:
        under_way: dict[int, tuple[int, re.Match[str]]] = {}
        for number, line in enumerate(lines):
            begun, resumed = _BEGUN.match(line), _RESUMED.match(line)
            if begun is not None and "<unfinished" in line:
                under_way[int(begun[1])] = (number, begun)
            elif begun is not None:
                yield from self._call(number, number, begun, line)
            elif resumed is not None and int(resumed[1]) in under_way:
                first, begun = under_way.pop(int(resumed[1]))
                yield from self._call(first, number, begun, line)

    def _call(self, first: int, last: int, begun: re.Match[str], line: str) -> Iterator[Call]:
        result = _RESULT.search(line)
        if result is None or int(result[1]) < 0:
            return
        name, path = _NAMES[begun[3]], begun[5]
        prefix = f"{self._folder}/"
        if name in {"write", "sync"} and not path.startswith(prefix):
            return
        numbers = _NUMBERS.search(begun[6])
        at_ns = int(float(begun[2]) * 1e6) * 1_000
        yield Call(
            begun=first,
            ended=last,
            begun_ns=at_ns,
            ended_ns=at_ns,
            thread=int(begun[1]),
            name=name,
            fd=int(begun[4]),
            offset=int(numbers[2]) if numbers and begun[3] == "pwrite64" else 0,
            length=int(result[1]),
            result=int(result[1]),
            path=path.removeprefix(prefix) if path.startswith(prefix) else "-",
        )
