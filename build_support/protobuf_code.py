"""Generates the Python messages, service stubs and their types from proto/ into the source tree.

Folder = package = import path: `proto/whampoa/money/v1/money.proto` becomes
`whampoa/money/v1/money_pb2.py`. The output is ignored by git. A file whose content stays the same
is not written again, and what no `.proto` file stands behind any more is removed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

MARK = '"""Generated from proto/'
PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")


def generate(root: Path) -> None:
    """Bring the generated code under `root` in line with its proto folder."""
    protos = root / "proto"
    sources = sorted(path.relative_to(protos) for path in protos.rglob("*.proto"))
    if not sources:
        sys.exit(f"no .proto files in {protos}")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        _run_protoc(protos, sources, output)
        _add_packages(sources, output)
        fresh = {path.relative_to(output) for path in output.rglob("*.py*")}
        for path in sorted(fresh):
            _update(output / path, root / path)
    for package in sorted({Path(path.parts[0]) for path in sources}):
        _remove_stale(root, package, fresh)


def _run_protoc(protos: Path, sources: list[Path], output: Path) -> None:
    import grpc_tools
    from grpc_tools import protoc

    well_known = Path(grpc_tools.__file__).parent / "_proto"
    arguments = [
        "protoc",
        f"--proto_path={protos}",
        f"--proto_path={well_known}",
        *(f"--plugin={name}={_find(name)}" for name in PLUGINS),
        f"--python_out={output}",
        f"--grpc_python_out={output}",
        f"--mypy_out=quiet:{output}",
        f"--mypy_grpc_out=quiet:{output}",
        *(path.as_posix() for path in sources),
    ]
    if protoc.main(arguments) != 0:
        sys.exit("protoc refused the files of proto/ (see above)")


def _find(plugin: str) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    found = shutil.which(plugin, path=path)
    if found is None:
        sys.exit(f"{plugin} is missing: install mypy-protobuf")
    return found


def _add_packages(sources: list[Path], output: Path) -> None:
    """Give every folder below the top package an `__init__.py`; the top one is hand-written."""
    for folder in {path.parent for path in sources}:
        for package in (folder, *folder.parents):
            if len(package.parts) > 1:
                text = f'{MARK}{package.as_posix()}."""\n'
                (output / package / "__init__.py").write_text(text)


def _update(made: Path, kept: Path) -> None:
    content = made.read_bytes()
    if kept.is_file() and kept.read_bytes() == content:
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(content)


def _remove_stale(root: Path, package: Path, fresh: set[Path]) -> None:
    for path in sorted((root / package).rglob("*.py*")):
        made_here = "_pb2" in path.name or (
            path.name == "__init__.py" and path.read_text().startswith(MARK)
        )
        if path.suffix in {".py", ".pyi"} and made_here and path.relative_to(root) not in fresh:
            path.unlink()


if __name__ == "__main__":
    generate(Path(__file__).resolve().parent.parent)
