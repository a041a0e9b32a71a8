"""Backup and restore as an operator uses them: under load, killed, damaged, gone on with."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from engine import bridge
from tests.integration.conftest import NewEngine
from tests.integration.corridor import Corridor
from tests.integration.engine_process import EngineProcess
from tests.integration.load import Load
from tests.integration.segments import flip
from tests.integration.test_durability import check_kept, loaded
from tests.integration.verb import done, told
from whampoa.feed.v1 import feed_service_pb2 as feed

SECONDS = 60


def begun(data_dir: Path, target: Path) -> subprocess.Popen[str]:
    """A backup as a process of its own: it makes itself nice for good."""
    command = [
        sys.executable,
        "-m",
        "whampoa.cli.main",
        "backup",
        str(target),
        "--json",
        "--cpu",
        "100",
    ]
    return subprocess.Popen(
        [*command, "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def backed_up(data_dir: Path, target: Path) -> dict[str, Any]:
    process = begun(data_dir, target)
    out, err = process.communicate(timeout=SECONDS)
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert found["ok"] is (process.returncode == 0), (out, err)
    assert "Traceback" not in err
    return found


def sizes(target: Path) -> dict[str, int]:
    return {
        str(file.relative_to(target)): file.stat().st_size
        for file in target.rglob("*")
        if file.is_file() and file.name != "manifest.json"
    }


def end_of_operation(target: Path, scratch: Path, until: int) -> bool:
    """Restores to a position; false when it lies inside an operation, which is told."""
    where = scratch / f"until-{until}"
    ran = told("restore", target, "--data-dir", where, "--until", until)
    if ran.code:
        assert "are one operation, which is never cut; possible are " in ran.error
        assert not where.exists()
        return False
    report = bridge.verify(where)
    assert (report["ok"], report["entries"]) == (True, until + 1)
    return True


def gone_on(
    engine: EngineProcess, target: Path, load: Load, first: dict[str, Any]
) -> dict[str, Any]:
    """A second backup copies what is new, and says how much that was."""
    before = sizes(target)
    load.wait_for(len(load.answered) + 40)
    second = backed_up(engine.data_dir, target)
    after = sizes(target)
    grown = {name: size - before.get(name, 0) for name, size in after.items()}
    assert all(more >= 0 for more in grown.values())
    assert second["entries_copied"] == second["entries"] - first["entries"] > 0
    copied = second["journal_bytes_copied"] + second["private_bytes_copied"]
    assert sum(grown.values()) == copied < sum(after.values())
    return second


def serves_on(data_dir: Path, load: Load) -> None:
    """Nothing that was answered is missing: the same requests get the same bytes."""
    done("init", data_dir)
    again = EngineProcess(data_dir).start()
    try:
        # The state hash is that of the follower, which has to see the whole log first.
        deadline = time.monotonic() + SECONDS
        while (status := again.status()).projected_index < status.durable_index:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        load.engine, load.answered = again, load.answered[-200:]
        load.failed.clear()
        check_kept(load)
        assert all(law.holds for law in again.status().laws)
        corridor = Corridor(again, first=700)
        corridor.submit(corridor.declared(1))
    finally:
        again.close()


@pytest.mark.slow
def test_backup_under_load_goes_on_where_it_ended(
    new_engine: NewEngine, tmp_path: Path, chance: random.Random
) -> None:
    engine, target = new_engine().start(), tmp_path / "backup"
    load = loaded(engine, chance).start()
    load.wait_for(60)
    first = backed_up(engine.data_dir, target)
    assert first["ok"]
    assert first["index"] > 0
    assert first["private"]["missing"] == 0
    second = gone_on(engine, target, load, first)
    # Killed at any moment, the backup before it stays, and the next one goes on.
    for _ in range(3):
        process = begun(engine.data_dir, target)
        time.sleep(chance.uniform(0.2, 1.0))
        process.kill()
        process.communicate()
        assert bridge.verify(target)["entries"] >= second["entries"]
    engine.kill()
    load.join()
    third = backed_up(engine.data_dir, target)
    newest = bridge.verify(engine.data_dir)
    assert (third["entries"], third["root"], third["state_hash"]) == (
        newest["entries"],
        newest["root"],
        newest["state_hash"],
    )
    restored = done("restore", target, "--data-dir", tmp_path / "restored")
    assert (restored["index"], restored["lost"], restored["damage"]) == (third["index"], None, [])
    assert (restored["root"], restored["state_hash"]) == (third["root"], third["state_hash"])
    whole = [end_of_operation(target, tmp_path, chance.randrange(third["index"])) for _ in range(2)]
    assert any(whole)
    serves_on(tmp_path / "restored", load)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give the directory of an engine that stopped, and its backup."""
    scratch = tmp_path_factory.mktemp("kept")
    engine = EngineProcess(scratch / "data").start()
    corridor = Corridor(engine)
    for number in range(12):
        corridor.release([number])
    assert engine.stop() == 0
    assert backed_up(engine.data_dir, scratch / "backup")["ok"]
    return engine.data_dir, scratch / "backup"


@pytest.fixture
def damaged(kept: tuple[Path, Path], tmp_path: Path) -> Path:
    """Give a copy of the backup to damage."""
    return Path(shutil.copytree(kept[1], tmp_path / "damaged"))


def test_a_backup_is_checked_like_a_data_directory(kept: tuple[Path, Path]) -> None:
    data, target = bridge.verify(kept[0]), bridge.verify(kept[1])
    assert target["ok"]
    for figure in ("entries", "rows", "root", "state_hash"):
        assert target[figure] == data[figure]
    assert target["private"] == data["private"]
    modes = {oct(path.stat().st_mode & 0o777) for path in (kept[1], kept[1] / "private")}
    assert modes == {"0o700"}
    assert not list(kept[1].rglob("*.pem"))


def test_a_missing_segment_is_told(damaged: Path, tmp_path: Path) -> None:
    (segment,) = (damaged / "journal").glob("*.wj")
    segment.unlink()
    ran = told("restore", damaged, "--data-dir", tmp_path / "new")
    assert ran.error.startswith(f"the backup is incomplete: journal/{segment.name} is missing (")
    (one,) = ran.object["damage"]
    assert (one["what"], one["first_index"]) == ("missing", 0)
    assert one["last_index"] == ran.object["backup_index"]
    assert not (tmp_path / "new").exists()


def test_a_flipped_byte_is_told_and_the_rest_can_be_had(damaged: Path, tmp_path: Path) -> None:
    (segment,) = (damaged / "journal").glob("*.wj")
    place = segment.stat().st_size * 2 // 3
    flip(segment, place, 0x20)
    ran = told("restore", damaged, "--data-dir", tmp_path / "new")
    (one,) = ran.object["damage"]
    assert one["file"] == f"journal/{segment.name}"
    assert one["from_byte"] <= place < one["until_byte"]
    assert ran.object["lost"] == [ran.object["index"] + 1, ran.object["backup_index"]]
    assert not (tmp_path / "new").exists()
    found = done("restore", damaged, "--data-dir", tmp_path / "new", "--accept-loss")
    assert found["index"] == ran.object["index"] < found["backup_index"]
    assert bridge.verify(tmp_path / "new")["entries"] == found["index"] + 1


def test_missing_private_parts_are_counted(damaged: Path, tmp_path: Path) -> None:
    (damaged / "private" / "values.wp").unlink()
    ran = told("restore", damaged, "--data-dir", tmp_path / "new")
    private = ran.object["private"]
    assert private["missing"] == private["total"] > 0
    assert f"{private['missing']} private parts of entries " in ran.error
    assert "all entries are whole" in ran.error
    found = done("restore", damaged, "--data-dir", tmp_path / "new", "--accept-loss")
    assert (found["lost"], found["private"]["missing"]) == (None, private["total"])


def test_what_is_there_is_never_written_over(kept: tuple[Path, Path], tmp_path: Path) -> None:
    data, target = kept
    error = told("restore", target, "--data-dir", data).error
    assert error == f"{data} already holds a journal; restore into another directory"
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a").touch()
    error = told("restore", target, "--data-dir", tmp_path / "notes").error
    assert error == f"{tmp_path / 'notes'} is not empty"
    found = backed_up(data, tmp_path / "notes")
    assert found["error"] == f"{tmp_path / 'notes'}: the target is not empty and holds no backup"
    other = EngineProcess(tmp_path / "other").start()
    Corridor(other)
    assert other.stop() == 0
    assert "does not continue the backup" in backed_up(other.data_dir, target)["error"]
    assert backed_up(data, target)["journal_bytes_copied"] == 0


def test_a_killed_restore_leaves_no_data_directory(
    kept: tuple[Path, Path], tmp_path: Path, chance: random.Random
) -> None:
    where = tmp_path / "new"
    command = [sys.executable, "-m", "whampoa.cli.main", "restore", str(kept[1])]
    for _ in range(3):
        process = subprocess.Popen(
            [*command, "--data-dir", str(where)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.1, 0.9))
        process.kill()
        process.wait()
        if where.exists():
            assert bridge.verify(where)["ok"]
            shutil.rmtree(where)
    assert done("restore", kept[1], "--data-dir", where)["ok"]
    assert not (tmp_path / "new.restoring").exists()


def test_a_cursor_of_the_future_is_told_after_a_restore(
    kept: tuple[Path, Path], tmp_path: Path
) -> None:
    index = next(until for until in range(20, 0, -1) if end_of_operation(kept[1], tmp_path, until))
    engine = EngineProcess(tmp_path / f"until-{index}").start()
    try:
        request = feed.FollowRequest(from_index=index + 9, kinds=[feed.FEED_KIND_DOCUMENTS])
        with pytest.raises(grpc.RpcError) as failure:
            list(engine.client("singlewindow").feed.Follow(request, timeout=SECONDS))
        assert failure.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert f"{index + 9} lies ahead of the head of the log, which is {index + 1}" in str(
            failure.value.details()
        )
    finally:
        engine.close()
