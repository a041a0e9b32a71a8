"""Every decoder under its coverage-guided fuzzer, two at a time, and a table of what was done.

    python -m tests.fuzz.soak SECONDS [DECODER ...]

Rust decoders run under libFuzzer, with AddressSanitizer where a nightly toolchain is installed;
Python decoders under atheris, which is put beside it. Inputs found on the way are kept in
target/fuzz/corpus, those that break a promise in target/fuzz/crashes: these belong into the kept
corpus of their decoder. SECONDS is CPU time for each decoder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.decoders import DECODERS

ROOT = Path(__file__).parents[2]
FUZZ = ROOT / "engine_core" / "fuzz"
FOUND = ROOT / "target" / "fuzz"
ATHERIS = "atheris==3.0.0"
AT_ONCE = 2
_COVERAGE = (
    "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
    " -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
    " -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
)
_NAME = re.compile(r'name: "([a-z]+)"')
_RUNS = re.compile(r"number_of_executed_units: ([0-9]+)")
# Longest time for one input, most memory, longest input.
_LIMITS = ("-timeout=20", "-rss_limit_mb=3000", "-max_len=16000", "-print_final_stats=1")


@dataclass(frozen=True)
class Job:
    """One decoder and how it is started."""

    name: str
    words: tuple[str, ...]
    environment: Mapping[str, str]
    kept: Path

    @property
    def found(self) -> Path:
        return FOUND / "corpus" / self.name


@dataclass
class Done:
    """What became of a job."""

    name: str
    cpu_seconds: float = 0.0
    runs: int = 0
    failed: bool = False


def rust(names: Iterable[str]) -> list[Job]:
    """Builds the targets of libFuzzer; the first compiler of C++ that is there builds it."""
    wanted = list(names)
    if not wanted:
        return []
    compiler = next((it for it in ("clang++", "g++", "c++") if shutil.which(it)), None)
    if compiler is None:
        sys.exit("fuzz: install a C++ compiler (g++ or clang): libFuzzer is built with it")
    nightly = subprocess.run(["rustc", "+nightly", "--version"], check=False, capture_output=True)
    has_nightly = nightly.returncode == 0
    if not has_nightly:
        _say("fuzz: no AddressSanitizer: rustup toolchain install nightly brings it")
    words = ["cargo", *(["+nightly"] if has_nightly else []), "build", "--release", "--locked"]
    host = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    triple = re.findall(r"host: (\S+)", host)[0]
    flags = _COVERAGE + (" -Zsanitizer=address" if has_nightly else "")
    target = FOUND / ("asan" if has_nightly else "stable")
    subprocess.run(
        [*words, "--target", triple],
        cwd=FUZZ / "libfuzzer",
        env=os.environ | {"RUSTFLAGS": flags, "CXX": compiler, "CARGO_TARGET_DIR": str(target)},
        check=True,
    )
    binary = str(target / triple / "release" / "fuzz")
    return [_rust(binary, name) for name in wanted]


def _rust(binary: str, name: str) -> Job:
    dictionary = FUZZ / "dictionary" / f"{name}.dict"
    words = (binary, *([f"-dict={dictionary}"] if dictionary.exists() else []))
    environment = {"WHAMPOA_FUZZ_TARGET": name}
    return Job(f"rust-{name}", words, environment, FUZZ / "corpus" / name)


def python(names: Iterable[str]) -> list[Job]:
    """Installs atheris beside the environment: it is no dependency of the project."""
    wanted = list(names)
    if not wanted:
        return []
    folder = FOUND / "atheris"
    if not (folder / "atheris").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        installed = subprocess.run([*pip, "--target", str(folder), ATHERIS], check=False)
        if installed.returncode != 0:
            sys.exit(f"fuzz: {ATHERIS} cannot be installed for this Python: use 3.11, 3.12 or 3.13")
    path = os.pathsep.join((str(ROOT), str(folder), sysconfig.get_path("purelib")))
    return [
        Job(
            f"python-{name}",
            (sys.executable, "-m", "tests.fuzz.long_run", name),
            {"PYTHONPATH": path},
            ROOT / "tests" / "fuzz" / "corpus" / name,
        )
        for name in wanted
    ]


def run(job: Job, seconds: float) -> Done:
    """Runs a job until it has had its CPU time, or fails."""
    done = Done(job.name)
    crashes = FOUND / "crashes"
    log = FOUND / f"{job.name}.log"
    for folder in (job.found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    kept = [str(job.kept)] if job.kept.exists() else []
    environment = os.environ | dict(job.environment) | {"WHAMPOA_FUZZ_SEEDS": str(job.found)}
    while done.cpu_seconds < seconds and not done.failed:
        # What is left, on one core of its own.
        limits = (*_LIMITS, f"-max_total_time={max(1, int(seconds - done.cpu_seconds))}")
        prefix = f"-artifact_prefix={crashes}/{job.name}-"
        with log.open("wb") as out:
            words = [*job.words, *limits, prefix, str(job.found), *kept]
            process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=out, stderr=out)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        done.cpu_seconds += usage.ru_utime + usage.ru_stime
        done.runs += sum(int(it) for it in _RUNS.findall(log.read_text("utf-8", "replace")))
        done.failed = process.returncode != 0
    _say(f"{time.strftime('%H:%M:%S')} {done.name}: {_words(done)}")
    return done


def _words(done: Done) -> str:
    end = f"FAILS, see target/fuzz/{done.name}.log" if done.failed else "holds"
    return f"{done.cpu_seconds:.0f} s CPU, {done.runs} inputs, {end}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    if not arguments or not arguments[0].isdecimal():
        sys.exit("usage: python -m tests.fuzz.soak SECONDS [DECODER ...]")
    rusts = _NAME.findall((FUZZ / "src" / "lib.rs").read_text("utf-8"))
    pythons = [decoder.name for decoder in DECODERS]
    known = [*(f"rust-{it}" for it in rusts), *(f"python-{it}" for it in pythons)]
    wanted = arguments[1:] or known
    for name in wanted:
        if name not in known:
            sys.exit(f"DECODER: {name} is none of {', '.join(known)}")
    jobs = rust(it for it in rusts if f"rust-{it}" in wanted)
    jobs += python(it for it in pythons if f"python-{it}" in wanted)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(lambda job: run(job, float(arguments[0])), jobs))
    _say("\n".join(f"{it.name:<28} {_words(it)}" for it in done))
    return int(any(it.failed for it in done))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
