"""Keeps a data directory to one engine: two would write over each other's journal."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import BinaryIO

LOCK_NAME = "engine.lock"


class Occupied(RuntimeError):
    """Another engine serves the directory."""


def hold(data_dir: Path) -> BinaryIO:
    """Takes the directory until the file is closed or the process ends. Raises `Occupied`."""
    file = (data_dir / LOCK_NAME).open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Occupied(f"{data_dir} is served by another engine") from None
    return file
