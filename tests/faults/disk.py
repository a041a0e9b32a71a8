"""A disk that misbehaves as told: disk.c compiled, told and read; one for each process under it."""

from __future__ import annotations

import contextlib
import mmap
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path

SOURCE = Path(__file__).with_name("disk.c")
# As `struct control` of disk.c.
_FIELDS = (
    "room",
    "write_error",
    "sync_error",
    "sync_delay_ms",
    "short_writes",
    "late_sync_ms",
    "kill_kinds",
    "kill_in",
    "kill_moment",
)
_NUMBER = struct.Struct("=q")
_TARGET_BYTES = 128
_TARGET_AT = len(_FIELDS) * _NUMBER.size
_CALM = dict.fromkeys(_FIELDS, 0) | {"room": -1}


class NoCompiler(RuntimeError):
    """There is nothing to compile disk.c with; the text says what is missing."""


class Kind(IntFlag):
    """Calls at which a process may die."""

    WRITE = 1
    SYNC = 2
    RENAME = 4
    TRUNCATE = 8


class Moment(IntEnum):
    """When it dies: before the call, with half of a write done, after the call."""

    BEFORE = 0
    HALFWAY = 1
    AFTER = 2


@dataclass(frozen=True)
class Call:
    """One call as the process made it; `begun` and `ended` are one order over its threads."""

    begun: int
    ended: int
    begun_ns: int
    ended_ns: int
    thread: int
    name: str
    fd: int
    offset: int
    length: int
    result: int
    # Below the folder; "-" for sockets.
    path: str


def compiled(folder: Path) -> Path:
    """Compile disk.c into a folder. Raises `NoCompiler`."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompiler("faults of the disk need a C compiler: cc is missing")
    library = folder / "disk.so"
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    words = [*command, "-o", str(library), str(SOURCE), "-ldl", "-lpthread"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoCompiler(f"disk.c does not compile: {done.stderr.strip()[:400]}")
    return library


class Disk:
    """What processes under a folder see of the disk. Told at any time, also while they run."""

    def __init__(self, library: Path, folder: Path, at: Path, *, logged: bool = False) -> None:
        at.mkdir(parents=True, exist_ok=True)
        self._log = at / "calls.log"
        control = at / "control"
        control.write_bytes(bytes(_TARGET_AT + _TARGET_BYTES))
        with control.open("r+b") as file:
            self._control = mmap.mmap(file.fileno(), 0)
        self.environment = {
            "LD_PRELOAD": str(library),
            "WHAMPOA_DISK_FOLDER": str(folder),
            "WHAMPOA_DISK_CONTROL": str(control),
        }
        if logged:
            self.environment["WHAMPOA_DISK_LOG"] = str(self._log)
        self.calm()

    def calm(self) -> None:
        """Let everything go well again."""
        self.tell("", **_CALM)

    def tell(self, target: str | None = None, /, **fields: int) -> None:
        """Change what happens from now on; with a target, to files whose path holds it alone."""
        if target is not None:
            raw = target.encode().ljust(_TARGET_BYTES, b"\0")
            assert len(raw) == _TARGET_BYTES
            self._control[_TARGET_AT:] = raw
        for name, value in fields.items():
            _NUMBER.pack_into(self._control, _FIELDS.index(name) * _NUMBER.size, value)

    def fill(self, target: str = "", room: int = 0) -> None:
        """Leave so much room for files to grow."""
        self.tell(target, room=room)

    def kill_at(self, kind: Kind, count: int, moment: Moment, target: str = "") -> None:
        """Kill the process at the so manieth call of a kind from now on."""
        self.tell(target, kill_kinds=int(kind), kill_moment=int(moment))
        self.tell(kill_in=count)

    @property
    def kill_in(self) -> int:
        """How many calls are left before the kill; not above 0 when it happened."""
        at = _FIELDS.index("kill_in") * _NUMBER.size
        (left,) = _NUMBER.unpack_from(self._control, at)
        return int(left)

    @contextlib.contextmanager
    def full(self, target: str = "") -> Iterator[None]:
        """No file grows meanwhile."""
        self.fill(target)
        try:
            yield
        finally:
            self.calm()

    def calls(self) -> list[Call]:
        """All calls so far, in the order in which they began."""
        raw = self._log.read_text("utf-8") if self._log.exists() else ""
        return sorted((call_of(line) for line in raw.splitlines()), key=lambda call: call.begun)

    def forget(self) -> None:
        """Drop the log so far."""
        self._log.write_bytes(b"")

    def wait_for_kill(self, seconds: float) -> bool:
        """Wait until the process reached the call at which it dies; false when it never does."""
        deadline = time.monotonic() + seconds
        while self.kill_in > 0:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True


def call_of(line: str) -> Call:
    """One line of the log."""
    words = line.split(" ", 10)
    begun, ended, begun_ns, ended_ns, thread = map(int, words[:5])
    fd, offset, length, result = map(int, words[6:10])
    return Call(
        begun, ended, begun_ns, ended_ns, thread, words[5], fd, offset, length, result, words[10]
    )
