"""Starts and stops the corridor's processes: the engine, four gateways, four institutions."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

INSTITUTIONS = ("customs", "bank", "safe", "pboc")
GATEWAYS = ("singlewindow", "bank", "safe", "pboc")
EMULATORS = {"customs": "singlewindow", "bank": "bank", "safe": "safe", "pboc": "pboc"}
READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 20.0


class ProcessFailed(RuntimeError):
    """A process of the corridor ended or never became ready; the text holds its last words."""


@dataclass
class Addresses:
    """Where each server listens: loopback, free ports."""

    engine: str
    metrics: str
    singlewindow: str
    institutions: dict[str, str]

    @classmethod
    def free(cls) -> Addresses:
        """Addresses on ports that are free now."""
        names = ["engine", "metrics", "singlewindow", *INSTITUTIONS]
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in names]
        try:
            taken = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
        finally:
            for one in sockets:
                one.close()
        by_name = dict(zip(names, taken, strict=True))
        return cls(
            engine=by_name["engine"],
            metrics=by_name["metrics"],
            singlewindow=by_name["singlewindow"],
            institutions={name: by_name[name] for name in INSTITUTIONS},
        )


@dataclass
class Corridor:
    """The running processes of one data directory."""

    data_dir: Path
    addresses: Addresses
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def start(self, name: str, *arguments: str) -> None:
        """Starts one process and waits until it says on stdout that it is ready."""
        log = (self.data_dir / f"{name}.log").open("ab")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "whampoa.cli.main",
            *arguments,
            "--data-dir",
            str(self.data_dir),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        log.close()
        self.running[name] = process
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS_MAX)
        except TimeoutError:
            line = b""
        if not line:
            raise ProcessFailed(f"{name} did not start: {self._last_words(name)}")

    async def start_all(self, only: Sequence[str] = ()) -> None:
        """Institutions and engine first, side by side; then the gateways, which need both.

        `only` names the processes wanted, for example "engine", "bank" or "bank-institution".
        """
        first = {"engine": ("serve",)} | {
            f"{name}-institution": ("emulator", EMULATORS[name]) for name in INSTITUTIONS
        }
        second = {name: ("gateway", name) for name in GATEWAYS}
        for group in (first, second):
            wanted = {name: words for name, words in group.items() if not only or name in only}
            await asyncio.gather(*(self.start(name, *words) for name, words in wanted.items()))

    async def stop_all(self) -> None:
        """Asks every process to drain, gateways first, the engine last."""
        order = [*GATEWAYS, *(f"{name}-institution" for name in INSTITUTIONS), "engine"]
        for group in (order[:-1], order[-1:]):
            await asyncio.gather(*(self._stop(name) for name in group if name in self.running))

    async def _stop(self, name: str) -> None:
        process = self.running.pop(name)
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS_MAX)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def metrics(self) -> dict[str, float]:
        """The engine's Prometheus metrics without labels, by name."""
        text = await asyncio.to_thread(_scrape, self.addresses.metrics)
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines if "{" not in name}

    def check_alive(self) -> None:
        """Raises `ProcessFailed` for the first process that ended by itself."""
        for name, process in self.running.items():
            if process.returncode is not None:
                raise ProcessFailed(
                    f"{name} ended with {process.returncode}: {self._last_words(name)}"
                )

    def _last_words(self, name: str) -> str:
        text = (self.data_dir / f"{name}.log").read_text(errors="replace").strip()
        return text[-600:] or "it said nothing"


def _scrape(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        text: str = answer.read().decode("utf-8")
        return text
