"""Checks a proof offline: SHA-256 alone, as docs/formats.md says in section "Proof".

    proof = check(Path("proof.json").read_bytes())
    assert proof.tree_root == the_root_i_trust

A proof shows that a row stands in the log that has this tree root. Whose root it is, is for the
caller to know: from a signed checkpoint, from `whampoa verify`, from another party's proof.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

FORMAT = "whampoa proof v1"
HEADER_BYTES = 118
HASH_BYTES = 32
_INDEX = slice(8, 16)
_TIME_MS = slice(16, 24)
_PAYLOAD_ROOT = slice(78, 110)
# Controls, marks of direction, halves of characters.
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})


class BadProof(ValueError):
    """The proof does not hold; the text says where it breaks."""


@dataclass(frozen=True)
class Proof:
    """What a checked proof shows. `log`, `row`, `kind` and `text` are told, not proven."""

    log: str
    index: int
    row: int
    kind: str
    text: str
    time_ms: int
    record: bytes
    tree_size: int
    tree_root: bytes


def check(raw: bytes | str) -> Proof:
    """The proof, when every hash fits. Raises `BadProof`."""
    fields = _Fields(raw)
    if fields.text("format") != FORMAT:
        raise BadProof(f"format: {FORMAT!r} is wanted")
    header = fields.octets("header", HEADER_BYTES)
    record = fields.octets("record")
    index = fields.number("index")
    if int.from_bytes(header[_INDEX], "big") != index:
        raise BadProof(f"index: the header says {int.from_bytes(header[_INDEX], 'big')}")
    payload_root = root_of_path(
        leaf_hash(record),
        fields.number("leaf"),
        fields.number("leaves"),
        fields.hashes("payload_path"),
        "payload_path",
    )
    if payload_root != header[_PAYLOAD_ROOT]:
        raise BadProof("record: it does not lead to the payload root of the header")
    tree_size, tree_root = fields.number("tree_size"), fields.octets("tree_root", HASH_BYTES)
    root = root_of_path(
        leaf_hash(header), index, tree_size, fields.hashes("tree_path"), "tree_path"
    )
    if root != tree_root:
        raise BadProof("header: it does not lead to the tree root")
    return Proof(
        log=fields.text("log"),
        index=index,
        row=fields.number("row"),
        kind=fields.text("kind"),
        text=fields.text("text"),
        time_ms=int.from_bytes(header[_TIME_MS], "big"),
        record=record,
        tree_size=tree_size,
        tree_root=tree_root,
    )


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf (RFC 9162, section 2.1.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes], field: str) -> bytes:
    """The root that a leaf and its inclusion path lead to (RFC 9162, section 2.1.3.2)."""
    if index >= size:
        raise BadProof(f"{field}: leaf {index} is not among {size}")
    at, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise BadProof(f"{field}: {len(path)} hashes are too many")
        if at & 1 or at == last:
            root = node_hash(sibling, root)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise BadProof(f"{field}: {len(path)} hashes are too few")
    return root


class _Fields:
    """The fields of a proof file, strictly: each of its type, none twice."""

    def __init__(self, raw: bytes | str) -> None:
        try:
            fields = json.loads(raw, object_pairs_hook=_no_field_twice)
        except (ValueError, RecursionError) as wrong:
            raise BadProof(f"not a proof file: {wrong}") from wrong
        if not isinstance(fields, dict):
            raise BadProof("not a proof file: one JSON object is wanted")
        self._fields = fields

    def text(self, name: str) -> str:
        value = self._fields.get(name)
        if not isinstance(value, str):
            raise BadProof(f"{name}: text is wanted")
        if any(unicodedata.category(letter) in _UNSEEN for letter in value):
            # Nobody proves these texts: what they show on a terminal must be what they are.
            raise BadProof(f"{name}: holds characters that are not seen")
        return value

    def number(self, name: str) -> int:
        value = self._fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64:
            raise BadProof(f"{name}: a number from 0 to 2^64 - 1 is wanted")
        return value

    def octets(self, name: str, length: int | None = None) -> bytes:
        return _hex(self.text(name), name, length)

    def hashes(self, name: str) -> list[bytes]:
        value = self._fields.get(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BadProof(f"{name}: a list of hashes is wanted")
        return [_hex(one, name, HASH_BYTES) for one in value]


def _hex(text: str, name: str, length: int | None) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise BadProof(f"{name}: hex digits are wanted") from None
    if length is not None and len(value) != length:
        raise BadProof(f"{name}: {length} bytes are wanted, there are {len(value)}")
    return value


def _no_field_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands twice")
    return fields
