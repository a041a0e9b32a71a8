"""Finds frames in journal files and damages them, by docs/formats.md alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UNIT = 512
FRAME, FOOTER = b"WFR1", b"WFT1"


@dataclass(frozen=True)
class Frame:
    """One frame: where it stands, how long it is with its padding, what it holds."""

    file: Path
    offset: int
    length: int
    first_index: int
    entries: int
    is_footer: bool


def frames(data_dir: Path) -> list[Frame]:
    """Every frame of the journal, oldest first."""
    files = sorted((data_dir / "journal").glob("*.wj"))
    return [frame for file in files for frame in _of_file(file)]


def _of_file(file: Path) -> Iterator[Frame]:
    raw = file.read_bytes()
    offset = UNIT
    while raw[offset : offset + 4] in (FRAME, FOOTER):
        length = int.from_bytes(raw[offset + 4 : offset + 8], "big")
        padded = -(-length // UNIT) * UNIT
        yield Frame(
            file=file,
            offset=offset,
            length=padded,
            first_index=int.from_bytes(raw[offset + 8 : offset + 16], "big"),
            entries=int.from_bytes(raw[offset + 24 : offset + 28], "big"),
            is_footer=raw[offset : offset + 4] == FOOTER,
        )
        offset += padded


def flip(file: Path, offset: int, mask: int = 1) -> None:
    """Change bits of one byte, as rot does."""
    with file.open("r+b") as opened:
        opened.seek(offset)
        (byte,) = opened.read(1)
        opened.seek(offset)
        opened.write(bytes([byte ^ mask]))


def unwrite(frame: Frame, from_unit: int = 0) -> None:
    """Give the frame's units from `from_unit` on the zeros they had before they were written."""
    with frame.file.open("r+b") as opened:
        opened.seek(frame.offset + from_unit * UNIT)
        opened.write(bytes(frame.length - from_unit * UNIT))
