"""The durable cursor of a gateway: up to which entry and row of the feed its work is done."""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

# The cursor may lag behind the work: what it repeats after a crash is harmless.
SAVE_INTERVAL_SECONDS = 0.25


@dataclass(frozen=True, order=True)
class Place:
    """The next entry wanted, and how many of its rows are done."""

    index: int = 0
    row: int = 0


class Cursor:
    """A place kept in one file, replaced as a whole and synced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.place = self._read()
        self._saved = self.place
        self._saved_at = 0.0

    def _read(self) -> Place:
        if not self._path.exists():
            return Place()
        content = json.loads(self._path.read_text("ascii"))
        return Place(int(content["index"]), int(content["row"]))

    def advance(self, index: int, row: int = 0) -> None:
        """Moves on; writes the file when the last write is long enough ago."""
        self.place = max(self.place, Place(index, row))
        if time.monotonic() - self._saved_at >= SAVE_INTERVAL_SECONDS:
            self.save()

    def save(self) -> None:
        """Writes the place to the disk, if it changed; one that takes nothing is tried again."""
        if self.place == self._saved:
            return
        try:
            self._write()
            self._saved = self.place
        except OSError as failure:
            log.warning("%s stays at entry %d: %s", self._path.name, self._saved.index, failure)
        self._saved_at = time.monotonic()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        with beside.open("w", encoding="ascii") as file:
            json.dump({"index": self.place.index, "row": self.place.row}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
