"""The compiled core behind the face of an engine process, without a server around it."""

from __future__ import annotations

import importlib
import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import _core
from engine.methods import METHODS

ANSWER_SECONDS = 30.0
SEGMENT_BYTES = 8 << 20


class InProcess:
    """One core; areas and methods are reached by name, as on a client."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        options = {"segment_bytes": SEGMENT_BYTES, "accept_loss": 0}
        self._core = _core.Core.open(folder, "whampoa-1", options)
        self._tokens = 0

    def client(self, name: str = "operator") -> Area:
        return Area(self, name, "")

    def call(self, name: str, path: str, number: int, request: Any) -> Any:
        """Decide one request of the named identity."""
        self._tokens += 1
        self._core.submit(
            self._tokens,
            number,
            request.SerializeToString(),
            f"spiffe://whampoa/{name}",
            0,
            time.time_ns() // 1_000_000,
            os.urandom(32),
        )
        replies: list[tuple[int, bytes]] = []
        while not replies:
            ready = select.select([self._core.event_fd()], [], [], ANSWER_SECONDS)[0]
            assert ready, f"{path} is not answered"
            os.read(self._core.event_fd(), 8)
            replies = self._core.take_replies()
        package, _, method = path[1:].rpartition("/")
        package = package.rpartition(".")[0]
        module = importlib.import_module(f"{package}.{package.split('.')[1]}_service_pb2")
        return getattr(module, f"{method}Response").FromString(replies[0][1])

    def close(self) -> None:
        self._core.close()


class Area:
    """Methods of one area for one identity."""

    def __init__(self, engine: InProcess, name: str, area: str) -> None:
        self._engine, self._name, self._area = engine, name, area

    def __getattr__(self, word: str) -> Any:
        if not self._area:
            return Area(self._engine, self._name, word)
        return self._method(word)

    def _method(self, word: str) -> Callable[..., Any]:
        start = f"/whampoa.{self._area}.v1."
        found = next(
            one for one in METHODS.values() if one.path.startswith(start) and one.name == word
        )
        assert found.number is not None, f"{word} is no write"
        number = found.number

        def call(request: Any, timeout: float = ANSWER_SECONDS) -> Any:
            del timeout
            return self._engine.call(self._name, found.path, number, request)

        return call
