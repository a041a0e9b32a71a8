"""The whole corridor as nine real processes that are killed, frozen and started one by one."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from bench.corridor import carrier, declarant
from bench.demo.processes import EMULATORS, GATEWAYS, INSTITUTIONS, Addresses
from bench.demo.setting import prepare
from bench.documents.world import CARRIERS, DECLARANTS

READY_SECONDS = 60
STOP_SECONDS = 30
ENGINE = "engine"
EMULATED = tuple(f"{name}-institution" for name in INSTITUTIONS)
# What each process is started with, in an order in which all of them find what they need.
WORDS: dict[str, tuple[str, ...]] = {
    ENGINE: ("serve",),
    **{f"{name}-institution": ("emulator", EMULATORS[name]) for name in INSTITUTIONS},
    **{name: ("gateway", name) for name in GATEWAYS},
}
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def _ports(count: int) -> Iterator[int]:
    """Free ports that no outgoing connection takes while their server is down."""
    lowest = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else 32_768
    found = 0
    while found < count:
        port = random.SystemRandom().randrange(10_240, lowest)
        with closing(socket.socket()) as one:
            if one.connect_ex(("127.0.0.1", port)) != 0:
                found += 1
                yield port


def _addresses() -> Addresses:
    names = ("engine", "metrics", "singlewindow", *INSTITUTIONS)
    at = {name: f"127.0.0.1:{port}" for name, port in zip(names, _ports(len(names)), strict=True)}
    return Addresses(
        at["engine"], at["metrics"], at["singlewindow"], {name: at[name] for name in INSTITUTIONS}
    )


class City:
    """The processes of one data directory; each may see a disk of its own."""

    def __init__(self, data_dir: Path, environments: Mapping[str, Mapping[str, str]]) -> None:
        self.data_dir = data_dir
        self.addresses = _addresses()
        self._environments = environments
        self._running: dict[str, asyncio.subprocess.Process] = {}

    @classmethod
    async def found(
        cls,
        data_dir: Path,
        keys: Path | None = None,
        environments: Mapping[str, Mapping[str, str]] | None = None,
    ) -> City:
        """Make a data directory; with the keys of another one, the same ids come out of both."""
        await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
        if keys is None:
            names = [declarant(number) for number in range(DECLARANTS)]
            names += [carrier(number) for number in range(CARRIERS)]
            await prepare(data_dir, names)
            (data_dir / "keys" / "log.key").write_bytes(secrets.token_bytes(32))
        else:
            shutil.copytree(keys, data_dir / "keys")
        city = cls(data_dir, environments or {})
        city._configure()
        return city

    def _configure(self) -> None:
        at = self.addresses
        sections = [
            f'[engine]\nlisten = "{at.engine}"\nmetrics = "{at.metrics}"\nsegment_mib = 4',
            f'[gateway.singlewindow]\nlisten = "{at.singlewindow}"',
        ]
        sections += [
            f'[institution.{name}]\nlisten = "{address}"'
            for name, address in at.institutions.items()
        ]
        (self.data_dir / "config.toml").write_text("\n\n".join(sections), "ascii")

    async def spawn(self, name: str) -> asyncio.subprocess.Process:
        """Start a process, and do not wait until it is ready."""
        command = [sys.executable, "-m", "whampoa.cli.main", *WORDS[name]]
        with (self.data_dir / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                "--data-dir",
                str(self.data_dir),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environments.get(name, {})},
            )
        self._running[name] = process
        return process

    async def start(self, name: str) -> None:
        """Start a process and wait until it is ready."""
        process = await self.spawn(name)
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
        assert line.startswith(b"ready "), f"{name} did not start: {self.last_words(name)}"

    async def start_all(self) -> None:
        names = list(WORDS)
        await asyncio.gather(*(self.start(name) for name in names if name not in GATEWAYS))
        await asyncio.gather(*(self.start(name) for name in GATEWAYS))

    async def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        await self._end(name, signal.SIGKILL)

    async def stop(self, name: str) -> int:
        """Ask a process to stop; its exit code."""
        return await self._end(name, signal.SIGTERM)

    async def _end(self, name: str, number: signal.Signals) -> int:
        process = self._running.pop(name)
        if process.returncode is None:
            process.send_signal(number)
        return await asyncio.wait_for(process.wait(), STOP_SECONDS)

    def signal(self, name: str, number: signal.Signals) -> None:
        self._running[name].send_signal(number)

    async def stop_all(self) -> dict[str, int]:
        """Gateways first, the engine last; the exit code of each."""
        names = [*GATEWAYS, *EMULATED, ENGINE]
        return {name: await self.stop(name) for name in names if name in self._running}

    async def kill_all(self) -> None:
        for name in list(self._running):
            await self.kill(name)

    def check_alive(self) -> None:
        """No process ended that nobody ended."""
        for name, process in self._running.items():
            assert process.returncode is None, (
                f"{name} ended with {process.returncode}: {self.last_words(name)}"
            )

    def last_words(self, name: str) -> str:
        return (self.data_dir / f"{name}.log").read_text(errors="replace").strip()[-800:]
