"""The proof checker against trees built the plain way; every tampering is found."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import pytest

from whampoa.proof import BadProof, check, leaf_hash, node_hash, root_of_path

SIZES = 33


def root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 9162, section 2.1.1."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(root(leaves[:split]), root(leaves[split:]))


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """The definition of RFC 9162, section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path(index, leaves[:split]), root(leaves[split:])]
    return [*path(index - split, leaves[split:]), root(leaves[:split])]


def made(chance: random.Random, index: int = 4, tree_size: int = 11) -> dict[str, Any]:
    """A proof of a row in an entry of 7 leaves."""
    record = chance.randbytes(54)
    payload = [leaf_hash(chance.randbytes(40)) for _ in range(7)]
    payload[5] = leaf_hash(record)
    header = bytearray(chance.randbytes(118))
    header[8:16] = index.to_bytes(8, "big")
    header[78:110] = root(payload)
    links = [leaf_hash(chance.randbytes(118)) for _ in range(tree_size)]
    links[index] = leaf_hash(bytes(header))
    return {
        "format": "whampoa proof v1",
        "log": "whampoa-1",
        "index": index,
        "row": 3,
        "kind": "TradeRow",
        "text": "a trade",
        "header": bytes(header).hex(),
        "record": record.hex(),
        "leaf": 5,
        "leaves": 7,
        "payload_path": [one.hex() for one in path(5, payload)],
        "tree_size": tree_size,
        "tree_path": [one.hex() for one in path(index, links)],
        "tree_root": root(links).hex(),
    }


def test_hashes_are_those_of_the_published_tree() -> None:
    # RFC 6962 test vectors: a leaf of no bytes.
    assert leaf_hash(b"") == hashlib.sha256(b"\0").digest()
    assert leaf_hash(b"").hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )


def test_every_leaf_of_every_size_leads_to_the_root() -> None:
    leaves = [leaf_hash(bytes([at])) for at in range(SIZES)]
    for size in range(1, SIZES + 1):
        for at in range(size):
            way = path(at, leaves[:size])
            assert root_of_path(leaves[at], at, size, way, "path") == root(leaves[:size])
            with pytest.raises(BadProof, match="too many"):
                root_of_path(leaves[at], at, size, [*way, bytes(32)], "path")
            if way:
                with pytest.raises(BadProof, match="too few"):
                    root_of_path(leaves[at], at, size, way[:-1], "path")


def test_a_good_proof_shows_its_row(chance: random.Random) -> None:
    proof = made(chance)
    shown = check(json.dumps(proof))
    assert shown.record.hex() == proof["record"]
    assert (shown.index, shown.row, shown.tree_size) == (4, 3, 11)
    assert shown.tree_root.hex() == proof["tree_root"]


@pytest.mark.parametrize("field", ["header", "record", "tree_root", "payload_path", "tree_path"])
def test_one_flipped_bit_is_found(field: str, chance: random.Random) -> None:
    proof = made(chance)
    value = proof[field]
    text = value[1] if isinstance(value, list) else value
    raw = bytearray.fromhex(text)
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    proof[field] = [value[0], raw.hex(), *value[2:]] if isinstance(value, list) else raw.hex()
    with pytest.raises(BadProof):
        check(json.dumps(proof))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("format", "whampoa proof v2", "format"),
        ("index", 5, "the header says 4"),
        ("index", -1, "index: a number"),
        ("index", True, "index: a number"),
        ("index", 4.0, "index: a number"),
        ("leaf", 6, "payload"),
        ("leaf", 7, "leaf 7 is not among 7"),
        ("leaves", 0, "is not among 0"),
        ("tree_size", 2**64, "tree_size: a number"),
        ("header", "00", "118 bytes are wanted"),
        ("header", "zz", "hex digits"),
        ("record", None, "record: text"),
        ("tree_root", "00", "32 bytes are wanted"),
        ("tree_path", "00", "a list of hashes"),
        ("tree_path", [1], "a list of hashes"),
        ("tree_path", ["00"], "32 bytes are wanted"),
    ],
)
def test_what_is_wrong_is_named(
    field: str, value: object, said: str, chance: random.Random
) -> None:
    with pytest.raises(BadProof, match=said):
        check(json.dumps(made(chance) | {field: value}))


@pytest.mark.parametrize("raw", ["", "[]", "{", '{"a": 1, "a": 2}', b"\xff\xfe\xfd", "[" * 100_000])
def test_what_is_no_proof_is_refused(raw: str | bytes) -> None:
    with pytest.raises(BadProof):
        check(raw)
