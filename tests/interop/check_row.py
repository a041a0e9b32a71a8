"""check_row.py DIR INDEX ROW: proves a row from the journal files, by docs/formats.md alone."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

UNIT = 512
POLYNOMIAL = 0x82F63B78  # CRC32C, reversed
TABLE: list[int] = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ POLYNOMIAL * (byte & 1)  # noqa: PLW2901
    TABLE.append(byte)


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for octet in data:
        crc = crc >> 8 ^ TABLE[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF


def number(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(leaves[:split]) + root(leaves[split:])).digest()


def entries(folder: Path) -> Iterator[bytes]:
    """Every entry of the segments in order; sums of heads and frames are checked."""
    index, link = 0, bytes(32)
    for path in sorted(folder.glob("*.wj")):
        data = path.read_bytes()
        head, at = data[:UNIT], UNIT
        assert head[:4] + head[16:48] == b"WSG1" + link, f"{path.name}: bad head"
        assert number(head, 4, 4) == crc32c(head[:4] + bytes(4) + head[8:]), f"{path.name}: CRC"
        assert number(head, 8, 8) == int(path.stem) == index, f"{path.name}: bad first index"
        while any(data[at : at + UNIT]):
            length = number(data, at + 4, 4)
            frame = data[at : at + -(-length // UNIT) * UNIT]
            where = f"{path.name}: frame at {at}"
            assert frame[:4] in (b"WFR1", b"WFT1"), f"{where}: bad magic"
            assert number(frame, 28, 4) == crc32c(frame[:28]), f"{where}: CRC of the head"
            whole = crc32c(frame[:36] + bytes(4) + frame[40:])
            assert number(frame, 36, 4) == whole, f"{where}: CRC"
            assert number(frame, 8, 8) == index, f"{where}: bad first index"
            here = 40
            for _ in range(number(frame, 24, 4)):
                here += 4 + (size := number(frame, here, 4))
                yield frame[here - size : here]
                index, link = index + 1, leaf(frame[here - size : here - size + 118])
            assert here == length, f"{where}: bad length"
            at += len(frame)
        assert not any(data[at:]), f"{path.name}: bytes behind the end at {at}"


def records(entry: bytes) -> tuple[list[bytes], list[bytes]]:
    """Fields and rows of an entry, as stored."""
    at, fields, rows = 120, [], []
    for _ in range(number(entry, 118, 2)):
        is_private = entry[at + 2] & 0x80
        end = at + 7 + (32 if is_private else number(entry, at + 3, 4) + 16)
        fields.append(entry[at:end])
        at = end
    directory = fields[0][9:-16]  # behind id, kind, length and the list's width
    for place in range(0, len(directory), 8):
        width, count = number(directory, place + 2, 2), number(directory, place + 4, 4)
        rows += [entry[at + one * width : at + one * width + width] for one in range(count)]
        at += width * count
    assert at == len(entry), "bytes behind the rows"
    return fields, rows


def main(folder: str, index: int, row: int) -> None:
    link, found = bytes(32), b""
    for at, entry in enumerate(entries(Path(folder, "journal"))):
        fields, rows = records(entry)
        assert number(entry, 8, 8) == at, f"entry {at}: bad index"
        assert entry[24:56] == link, f"entry {at}: the chain is broken"
        assert entry[78:110] == root([leaf(one) for one in fields + rows]), f"entry {at}: root"
        link = leaf(entry[:118])
        if at == index:
            found = rows[row]
    assert found, f"no entry {index}"
    sys.stdout.write(f"ok {found.hex()}\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    except (AssertionError, IndexError) as bad:
        sys.exit(f"bad: {bad}")
