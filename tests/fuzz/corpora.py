"""Where each decoder begins: the golden messages, what this project writes, and the kept inputs."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from engine import formats
from gateways.pboc import acknowledgement
from gateways.pboc.header import Header
from gateways.singlewindow import dxp
from tests.fuzz.decoders import NOW_MS
from tests.unit.cli.test_party_file import TOML
from tests.unit.whampoa.test_proof import made

FOLDER = Path(__file__).parent / "corpus"
GOLDEN = Path(__file__).parent.parent / "golden"
CEB = Path(__file__).parents[2] / "engine_core" / "fuzz" / "corpus" / "ceb"
_GOLDEN = {
    "bank_notification": ("bank/*.camt.054.xml",),
    "bank_statement": ("bank/*.camt.053.xml",),
    "bank_status": ("bank/*.pain.002.xml",),
    "bank_order": ("bank/*.pain.001.xml",),
    "bank_board": ("bank/board.xml",),
    "bank_counter": ("bank/*.pain.001.xml",),
    "bank_comeback": ("pboc/clearing.return.xml",),
    "safe_batch": ("safe/bop.batch.*",),
    "safe_feedback": ("safe/bop.feedback*",),
    "safe_office": ("safe/bop.batch.*",),
    "pboc_header": ("pboc/*.txt",),
    "pboc_transfer": ("pboc/hvps.111*",),
    "pboc_batch": ("pboc/beps.382*",),
    "pboc_outcome": ("pboc/beps.383*", "pboc/ccms.*"),
    "pboc_centre": ("pboc/hvps.111*", "pboc/beps.382*"),
}


def corpus(name: str) -> list[bytes]:
    """The seeds of a decoder and its kept inputs."""
    golden = [path for pattern in _GOLDEN.get(name, ()) for path in sorted(GOLDEN.glob(pattern))]
    kept = sorted((FOLDER / name).glob("*"))
    return _made(name) + [path.read_bytes() for path in (*golden, *kept)]


def _made(name: str) -> list[bytes]:
    make = _MADE.get(name)
    return make() if make is not None else []


def _acknowledgements() -> list[bytes]:
    opening = Header.parse(next(GOLDEN.glob("pboc/hvps.111*")).read_bytes())
    return [
        acknowledgement.write(opening, "20261124ABC", NOW_MS, ""),
        acknowledgement.write(None, "20261124ABC", NOW_MS, "FF01: header: cut"),
    ]


def _customs() -> list[bytes]:
    bare = [path.read_bytes() for path in sorted(CEB.glob("*"))]
    envelope = formats.Envelope("1", "DXPENT1", ("DXPEDCCEB0000003",), "2026-01-05T10:15:00", "x")
    return [*bare, formats.wrap(bare[0], envelope)]


def _responses() -> list[bytes]:
    return [dxp.response(formats.read(b"<a/>"), dxp.BAD_FORMAT, "<&>", NOW_MS)]


def _proofs() -> list[bytes]:
    return [json.dumps(made(random.Random(at))).encode() for at in range(3)]


def _party_files() -> list[bytes]:
    return [TOML.encode(), b'{"party":[{"name":"a","roles":["merchant"],"payee":{}}]}']


def _identities() -> list[bytes]:
    return [b"spiffe://whampoa/operator/operator", b"spiffe://whampoa/service-enterprise/a-1"]


_MADE: dict[str, Callable[[], list[bytes]]] = {
    "pboc_acknowledgement": _acknowledgements,
    "dxp": _customs,
    "filed": _customs,
    "dxp_response": _responses,
    "proof": _proofs,
    "party_file": _party_files,
    "identity": _identities,
}
