"""The independent script: it proves rows of a real journal and finds flipped bytes."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess
from whampoa.evidence.v1.evidence_service_pb2 import GetProofRequest
from whampoa.proof import check

SCRIPT = Path(__file__).with_name("check_row.py")
UNIT = 512
# Enough for a second segment.
ORDERS = 4_000
FLIPS = 8

pytestmark = pytest.mark.timeout(300)


def checked(folder: Path, index: int, row: int) -> subprocess.CompletedProcess[str]:
    """Run the script without the project on its path."""
    words = [sys.executable, "-I", str(SCRIPT), str(folder), str(index), str(row)]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Give a stopped engine's data directory over several segments, and the proof of a row."""
    engine = EngineProcess(tmp_path_factory.mktemp("rows") / "data").start()
    corridor = Corridor(engine, merchants=3, first=1)
    corridor.release(range(ORDERS))
    remittance = corridor.remit(500_000)
    corridor.allocate_by_volume(remittance)
    request = GetProofRequest(subject_id=remittance)
    proof = engine.client().evidence.GetProof(request).proof
    assert engine.stop() == 0
    return engine.data_dir, proof


def test_rows_are_proven_from_the_files_alone(journal: tuple[Path, bytes]) -> None:
    folder, raw = journal
    assert len(list((folder / "journal").glob("*.wj"))) > 1
    shown = check(raw)
    ran = checked(folder, shown.index, shown.row)
    assert (ran.returncode, ran.stdout) == (0, f"ok {shown.record.hex()}\n"), ran.stderr
    assert json.loads(raw)["record"] == shown.record.hex()
    for index, row in [(shown.index, 9_000), (shown.index + 1_000, 0)]:
        assert checked(folder, index, row).returncode == 1


def test_a_flipped_byte_is_found_wherever_it_is(
    journal: tuple[Path, bytes], tmp_path: Path, chance: random.Random
) -> None:
    folder, raw = journal
    shown = check(raw)
    for at in range(FLIPS):
        copy = tmp_path / str(at)
        shutil.copytree(folder / "journal", copy / "journal")
        path = chance.choice(sorted((copy / "journal").glob("*.wj")))
        data = bytearray(path.read_bytes())
        written = len(data.rstrip(b"\0"))
        place = chance.randrange(written)
        data[place] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        ran = checked(copy, shown.index, shown.row)
        assert ran.returncode == 1, f"byte {place} of {path.name} is not missed"
        assert ran.stderr.startswith("bad: "), ran.stderr
