"""One engine as a process on free ports: started, asked, stopped, killed, started again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import Message

from engine.authority import STANDARD, Authority
from engine.identity import Identity, Role
from whampoa.client import SyncClient
from whampoa.evidence.v1.evidence_service_pb2 import GetStatusRequest, GetStatusResponse

READY_SECONDS = 60
STOP_SECONDS = 30
CALL_SECONDS = 60
# Beside the standard ones: roles that partners have.
MORE_IDENTITIES = (
    Identity(Role.SERVICE_ENTERPRISE, "enterprise"),
    Identity(Role.MERCHANT, "merchant"),
)

Reply = TypeVar("Reply", bound=Message)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


class EngineProcess:
    """`whampoa serve` of one data directory; clients by the name of their certificate."""

    def __init__(
        self,
        data_dir: Path,
        *,
        segment_mib: int = 4,
        projections: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.environment = dict(environment or {})
        self.metrics_port = free_port()
        self.address = ""
        self.returncode: int | None = None
        self._process: subprocess.Popen[str] | None = None
        self._clients: dict[str, SyncClient] = {}
        self._said: list[str] = []
        authority = Authority(self.keys)
        authority.establish()
        for identity in (*STANDARD, *MORE_IDENTITIES):
            authority.issue(identity)
        (data_dir / "config.toml").write_text(
            "[engine]\n"
            'listen = "127.0.0.1:0"\n'
            f'metrics = "127.0.0.1:{self.metrics_port}"\n'
            f'projections = "{projections}"\n'
            f"segment_mib = {segment_mib}\n",
            encoding="utf-8",
        )

    @property
    def keys(self) -> Path:
        return self.data_dir / "keys"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *words: str) -> EngineProcess:
        """Start and wait for the ready line."""
        assert self._process is None
        command = [sys.executable, "-m", "whampoa.cli.main", "serve", *words]
        self._process = process = subprocess.Popen(
            [*command, "--data-dir", str(self.data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.environment},
        )
        self.returncode = None
        self._listener = threading.Thread(target=self._listen, args=(process,), daemon=True)
        self._listener.start()
        watchdog = threading.Timer(READY_SECONDS, process.kill)
        watchdog.start()
        assert process.stdout is not None
        line = process.stdout.readline()
        watchdog.cancel()
        found = re.fullmatch(r"ready (127\.0\.0\.1:\d+)\n", line)
        if found is None:
            self._ended()
            raise AssertionError(f"the engine did not start: {line!r} {self.said[-3:]}")
        self.address = found[1]
        return self

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self._said.extend(line.rstrip("\n") for line in process.stderr)

    @property
    def said(self) -> list[str]:
        """Lines on stderr of every run so far."""
        return list(self._said)

    def events(self) -> list[dict[str, Any]]:
        """The log as objects."""
        return [json.loads(line) for line in self.said]

    def stop(self) -> int:
        """Ask for a graceful stop and wait for it."""
        self.signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        self._ended()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        return self._ended()

    def _ended(self) -> int:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = None
        for client in self._clients.values():
            client.channel.close()
        self._clients.clear()
        code = process.wait(STOP_SECONDS)
        self._listener.join(STOP_SECONDS)
        process.stdout.close()
        process.stderr.close()
        self.returncode = code
        return code

    def close(self) -> None:
        """End it if it runs."""
        if self._process is not None:
            self.kill()

    def client(self, name: str = "operator") -> SyncClient:
        if name not in self._clients:
            self._clients[name] = SyncClient(self.address, self.keys, name)
        return self._clients[name]

    def raw(self, name: str, path: str, request: bytes) -> bytes:
        """Send bytes as they are to a method, `/package.Service/Method`."""
        call: Any = self.client(name).channel.unary_unary(path)
        reply: bytes = call(request, timeout=CALL_SECONDS)
        return reply

    def status(self) -> GetStatusResponse:
        return self.client().evidence.GetStatus(GetStatusRequest(), timeout=CALL_SECONDS)


def accepted(reply: Reply) -> Reply:
    """The reply, which is no refusal."""
    assert not reply.HasField("refusal"), reply
    return reply
