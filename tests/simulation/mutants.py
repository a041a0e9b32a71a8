"""Plants known bugs in the core and has the simulation find each of them."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
TABLE = HERE / "mutants.toml"
SOURCES = Path("engine_core/core/src")
# What a build of the core needs.
PARTS = ("Cargo.toml", "Cargo.lock", "clippy.toml", "rustfmt.toml", "engine_core", "proto")
# A fast build counts for as much as fast code.
PROFILE = {
    "CARGO_PROFILE_RELEASE_LTO": "false",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_DEBUG": "none",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "2",
    "CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS": "true",
}
SWITCH = """
/// True while the bug of this number is on.
pub fn planted(number: u32) -> bool {
    static ON: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let read = || std::env::var("WHAMPOA_PLANTED").ok()?.parse().ok();
    *ON.get_or_init(|| read().unwrap_or(0)) == number
}
"""
BINARY = re.compile(r"Executable .*\((.+)\)")
SEED = re.compile(r"^seed (\d+) failed: (.*?)(?:; looking for fewer steps)?$", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """A bug: which text of the core is replaced by what, and the law it breaks."""

    law: int
    name: str
    what: str
    file: str
    source: str
    planted: str

    def occurrences(self, project: Path) -> int:
        return (project / SOURCES / self.file).read_text().count(self.source)


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: the first seed that caught it and what was said, or none."""

    law: int
    name: str
    what: str
    caught: bool
    seed: int | None
    sentence: str
    seconds: float


def table() -> list[Mutant]:
    """All mutants, in the order of the laws."""
    return [Mutant(**row) for row in tomllib.loads(TABLE.read_text())["mutants"]]


class Workshop:
    """A copy of the workspace in which every bug stands behind a switch, built once."""

    def __init__(self, place: Path, mutants: list[Mutant]) -> None:
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            source, copy = PROJECT / part, place / part
            if source.is_dir():
                shutil.copytree(source, copy, dirs_exist_ok=True)
            else:
                shutil.copy2(source, copy)
        with (place / SOURCES / "lib.rs").open("a") as root:
            root.write(SWITCH)
        for number, mutant in enumerate(mutants, 1):
            self._plant(number, mutant)
        self.binary = self._build()

    def _plant(self, number: int, mutant: Mutant) -> None:
        path = self.place / SOURCES / mutant.file
        sound = path.read_text()
        if sound.count(mutant.source) != 1:
            raise SystemExit(f"{mutant.name}: its source text is not once in {mutant.file}")
        planted = mutant.planted.replace("PLANTED", f"crate::planted({number})")
        path.write_text(sound.replace(mutant.source, planted))

    def _build(self) -> str:
        command = ["cargo", "test", "--locked", "--release", "-p", "whampoa-core"]
        command += ["--test", "simulation", "--no-run"]
        target = str(self.place / "target")
        environment = {**os.environ, **PROFILE, "CARGO_TARGET_DIR": target}
        done = subprocess.run(
            command, cwd=self.place, env=environment, capture_output=True, text=True, check=False
        )
        built = BINARY.search(done.stderr)
        if done.returncode != 0 or built is None:
            raise SystemExit(f"the planted core cannot be built\n{done.stderr[-3000:]}")
        return str(self.place / built[1])

    def play(self, number: int, seeds: int) -> tuple[int, str]:
        """Plays seeds with one bug on, 0 for none; exit status and all that was said."""
        environment = {
            **os.environ,
            "WHAMPOA_PLANTED": str(number),
            "WHAMPOA_SEED": "1",
            "WHAMPOA_SEEDS": str(seeds),
            "RUST_BACKTRACE": "0",
        }
        command = [self.binary, "nothing_acknowledged", "--nocapture"]
        said = []
        with subprocess.Popen(
            command,
            cwd=self.place,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as run:
            for line in run.stdout or ():
                said.append(line)
                if SEED.match(line):
                    # Fewer steps that show it need not be looked for.
                    run.kill()
        return run.returncode, "".join(said)

    def judge(self, number: int, mutant: Mutant, seeds: int) -> Verdict:
        """Switches one bug on and has the simulation look for it."""
        start = time.monotonic()
        status, said = self.play(number, seeds)
        seconds = round(time.monotonic() - start, 1)
        found = SEED.search(said)
        seed = int(found[1]) if found else None
        sentence = found[2] if found else said.strip()[-200:]
        law, name, what = mutant.law, mutant.name, mutant.what
        return Verdict(law, name, what, status != 0, seed, sentence, seconds)


def markdown(verdicts: list[Verdict]) -> str:
    """The verdicts as a table for people."""
    lines = ["| law | planted bug | caught by seed | the simulation says |", "|---|---|---|---|"]
    for it in verdicts:
        seed = it.seed if it.caught else "**never**"
        sentence = it.sentence[:160].replace("|", "\\|")
        lines.append(f"| {it.law} | {it.what} | {seed} | {sentence} |")
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="seeds played for each bug")
    parser.add_argument("--law", type=int, help="only the bugs of one law")
    parser.add_argument("--name", help="only the bugs whose name has this text")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--workshop", type=Path, help="an empty folder for the copy, which stays")
    return parser.parse_args()


def main() -> int:
    """Judges the chosen mutants; fails when one survives."""
    arguments = parse()
    mutants = table()
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        workshop = Workshop(arguments.workshop or Path(temporary), mutants)
        status, said = workshop.play(0, 5)
        if status != 0:
            raise SystemExit(f"the sound core fails its own simulation\n{said[-3000:]}")
        verdicts = []
        for number, mutant in enumerate(mutants, 1):
            if arguments.law not in (None, mutant.law) or (arguments.name or "") not in mutant.name:
                continue
            verdict = workshop.judge(number, mutant, arguments.seeds)
            verdicts.append(verdict)
            state = f"seed {verdict.seed}" if verdict.caught else "SURVIVED"
            print(  # noqa: T201
                f"law {verdict.law}: {verdict.name}: {state}, {verdict.seconds} s: "
                f"{verdict.sentence[:200]}",
                file=sys.stderr,
                flush=True,
            )
    survivors = [it.name for it in verdicts if not it.caught]
    print(markdown(verdicts))  # noqa: T201
    if arguments.json:
        report = {"ok": not survivors, "mutants": [asdict(it) for it in verdicts]}
        print(json.dumps(report, ensure_ascii=False))  # noqa: T201
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
