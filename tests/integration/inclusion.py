"""Checks a proof with SHA-256 alone, written from docs/formats.md and from none of the code."""

from __future__ import annotations

import hashlib
from typing import Any


def leaf_hash(raw: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + raw).digest()


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.3.2: the root that a path leads to. Raises `ValueError`."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} of {size}")
    at, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise ValueError("the path is too long")
        if at & 1 or at == last:
            found = hashlib.sha256(b"\x01" + step + found).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + step).digest()
        at, last = at >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return found


def checked(proof: dict[str, Any]) -> bytes:
    """The record that a proof is about. Raises `ValueError` at the first thing that is wrong."""
    header, record = bytes.fromhex(proof["header"]), bytes.fromhex(proof["record"])
    if proof["format"] != "whampoa proof v1" or len(header) != 118:
        raise ValueError("not a proof of this format")
    payload = root_of(leaf_hash(record), proof["leaf"], proof["leaves"], _path(proof, "payload"))
    if payload != header[78:110]:
        raise ValueError("the record is not in the entry")
    tree = root_of(leaf_hash(header), proof["index"], proof["tree_size"], _path(proof, "tree"))
    if tree != bytes.fromhex(proof["tree_root"]):
        raise ValueError("the entry is not in the log")
    if int.from_bytes(header[8:16], "big") != proof["index"]:
        raise ValueError("the entry has another index")
    return record


def link_of(proof: dict[str, Any]) -> bytes:
    """What the next entry carries as the link to this one."""
    return leaf_hash(bytes.fromhex(proof["header"]))


def previous_link(proof: dict[str, Any]) -> bytes:
    return bytes.fromhex(proof["header"])[24:56]


def _path(proof: dict[str, Any], tree: str) -> list[bytes]:
    return [bytes.fromhex(step) for step in proof[f"{tree}_path"]]
