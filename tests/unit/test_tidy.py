"""What no linter knows: openings, sizes, names and traces of machines, over all files of git."""

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LINES_MAX = {".py": 450, ".rs": 600}
# Files that may be longer, each with its reason.
LONGER: dict[str, str] = {}

BAD_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "managers"}

# Written apart, so that this file does not hold what it looks for.
REGISTRY_HOSTS = [
    "py" + "pi.org",
    "pythonhosted" + ".org",
    "index." + "crates.io",
    "static." + "crates.io",
    "registry." + "npmjs",
    "proxy." + "golang.org",
    "maven" + ".org",
]
MACHINE_PATH = re.compile(r"(?<![\w.$}/\-])/(?:root|home|Users|work)/[\w.]")

CORE_IMPORTERS = ("engine/bridge.py", "engine/formats.py", "engine/formats/")


@cache
def files() -> tuple[str, ...]:
    """Give what git tracks, or would track after `git add`; outside a checkout there is no list."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    words = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = sorted(set(listed.split("\0")))
    return tuple(name for name in names if name and (ROOT / name).is_file())


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def ending(suffix: str) -> list[str]:
    return [name for name in files() if name.endswith(suffix)]


def say(complaints: Iterable[str]) -> str:
    return "\n".join(complaints)


def test_every_python_module_opens_with_a_docstring() -> None:
    bare = [
        name
        for name in ending(".py")
        if len(read(name).splitlines()) > 10 and not ast.get_docstring(ast.parse(read(name)))
    ]
    assert not bare, say(bare)


def test_every_rust_file_opens_with_a_doc_comment() -> None:
    bare = [name for name in ending(".rs") if not read(name).startswith("//!")]
    assert not bare, say(bare)


@pytest.mark.parametrize("suffix", LINES_MAX)
def test_no_file_is_too_long(suffix: str) -> None:
    lengths = {name: len(read(name).splitlines()) for name in ending(suffix)}
    limit = LINES_MAX[suffix]
    long = [
        f"{name}: {length} lines, {limit} allowed"
        for name, length in lengths.items()
        if length > limit and name not in LONGER
    ]
    assert not long, say(long)


def test_the_list_of_longer_files_names_only_longer_files() -> None:
    done = [
        name
        for name in LONGER
        if not (ROOT / name).is_file()
        or len(read(name).splitlines()) <= LINES_MAX[Path(name).suffix]
    ]
    assert not done, say(done)


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [
        name
        for suffix in (".py", ".rs", ".proto")
        for name in ending(suffix)
        if BAD_NAMES & {part.removesuffix(suffix) for part in Path(name).parts}
    ]
    assert not vague, say(vague)


def test_no_file_names_a_machine_or_a_registry() -> None:
    traces = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name in files()
        if not (ROOT / name).is_symlink() and b"\0" not in (ROOT / name).read_bytes()[:1024]
        for number, line in enumerate(
            (ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if MACHINE_PATH.search(line) or any(host in line for host in REGISTRY_HOSTS)
    ]
    assert not traces, say(traces)


def test_generated_code_is_not_tracked() -> None:
    tracked = [name for name in files() if "_pb2" in Path(name).name]
    areas = {path.parent.parent.name for path in (ROOT / "proto/whampoa").glob("*/v1/*.proto")}
    ignored = read(".gitignore").splitlines()
    tracked += [
        f".gitignore lacks /whampoa/{area}/"
        for area in sorted(areas)
        if f"/whampoa/{area}/" not in ignored
    ]
    assert not tracked, say(tracked)


def test_only_the_bridge_and_the_formats_import_the_core() -> None:
    others = [
        f"{name}:{node.lineno}"
        for name in ending(".py")
        if not name.startswith((*CORE_IMPORTERS, "tests/"))
        for node in ast.walk(ast.parse(read(name)))
        if isinstance(node, ast.Import | ast.ImportFrom) and imports_core(node)
    ]
    assert not others, say(others)


def imports_core(node: ast.Import | ast.ImportFrom) -> bool:
    base = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    return any(f"{base}{alias.name}.".startswith("engine._core.") for alias in node.names)


def test_build_requirements_are_the_locked_ones() -> None:
    wanted = tomllib.loads(read("pyproject.toml"))["build-system"]["requires"]
    locked = {line.split()[0] for line in read("requirements.lock").splitlines() if "==" in line}
    assert set(wanted) <= locked


def test_versions_agree() -> None:
    python = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    rust = tomllib.loads(read("Cargo.toml"))["workspace"]["package"]["version"]
    assert python == rust
    assert f"## {python}" in read("CHANGELOG.md")
