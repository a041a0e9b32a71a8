"""The package as partners get it: what is in the wheel and the sdist, and that it imports alone."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTOS = sorted(path.relative_to(ROOT / "proto") for path in ROOT.glob("proto/**/*.proto"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
import engine._core
from whampoa.customs.v1 import document_pb2, customs_service_pb2_grpc
for module in (engine._core, document_pb2, customs_service_pb2_grpc):
    assert module.__file__.startswith(sys.argv[1]), module.__file__
assert document_pb2.DocumentType.Name(303) == "DOCUMENT_TYPE_ORDER"
"""


def run(*words: str, cwd: Path = ROOT) -> None:
    # The build tools stand beside this interpreter, whether or not its environment is active.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        words,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"


def generated() -> set[str]:
    return {
        f"{path.with_suffix('')}{ending}".replace("\\", "/")
        for path in PROTOS
        for ending in ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    run(sys.executable, *build, str(ROOT))
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_the_generated_code_and_nothing_of_the_workshop(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert generated() <= names
    assert {"whampoa/py.typed", "engine/_core.abi3.so", "whampoa/cli/main.py"} <= names
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"whampoa", "engine", "gateways", "bench"}
    assert "-cp311-abi3-" in wheel.name


def test_the_wheel_imports_without_the_source_tree(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = ["-m", "pip", "install", "--no-deps", "--no-index", "--target", str(site)]
    run(sys.executable, *install, str(wheel))
    run(sys.executable, "-c", PROBE, str(site), cwd=tmp_path)


def test_the_sdist_holds_all_that_a_build_needs(tmp_path: Path) -> None:
    maturin = Path(sys.executable).parent / "maturin"
    run(str(maturin), "sdist", "--out", str(tmp_path))
    (made,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(made) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"proto/{path.as_posix()}" for path in PROTOS} <= names
    assert {"Cargo.lock", "Cargo.toml", "build_support/build_backend.py"} <= names
    # The fuzz targets are a member of the workspace that no build needs.
    crates = ("core", "formats", "bindings")
    sources = (path for crate in crates for path in ROOT.glob(f"engine_core/{crate}/src/**/*.rs"))
    assert {path.relative_to(ROOT).as_posix() for path in sources} <= names
