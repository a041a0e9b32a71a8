"""The gateway's memory: first arrivals stay, codes have one owner, replies wait in order."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateways.singlewindow import archive as module
from gateways.singlewindow.archive import KEEP_MS, Archive
from gateways.singlewindow.gateway import owners


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    it = Archive(tmp_path / "archive.sqlite", {})
    yield it
    it.close()


def digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


async def test_an_arrival_keeps_its_time(archive: Archive, tmp_path: Path) -> None:
    numbers = [*range(50), *range(50)]
    times = await asyncio.gather(*(archive.arrival(digest(number)) for number in numbers))
    assert times[:50] == times[50:]
    await asyncio.sleep(0.01)
    other = Archive(tmp_path / "archive.sqlite", {})
    assert await other.arrival(digest(7)) == times[7]
    assert await other.arrival(digest(99)) > times[7]
    assert await other.renew(digest(7)) > times[7]
    other.close()


async def test_old_arrivals_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "archive.sqlite"
    one = Archive(path, {})
    first = await one.arrival(digest(1))
    await one.keep([(1, "A", b"old")])
    one.close()
    monkeypatch.setattr(module, "_now_ms", lambda: first + KEEP_MS + 1_000)
    two = Archive(path, {})
    assert await two.replies(None, 0, 10) == []
    assert await two.arrival(digest(1)) == first + KEEP_MS + 1_000
    two.close()


async def test_a_code_belongs_to_who_sent_under_it_first(tmp_path: Path) -> None:
    path = tmp_path / "archive.sqlite"
    one = Archive(path, {})
    assert await one.owner("4401", "declarant/a") == "declarant/a"
    assert await one.owner("4401", "declarant/b") == "declarant/a"
    assert await one.owner("4402", "declarant/a") == "declarant/a"
    assert sorted(one.receivers_of("declarant/a")) == ["4401", "4402"]
    one.close()
    two = Archive(path, {"4401": "merchant/m"})
    assert await two.owner("4401", "declarant/a") == "merchant/m"
    assert (two.receivers_of("declarant/a"), two.receivers_of("merchant/m")) == (["4402"], ["4401"])
    two.close()


async def test_replies_by_receiver_in_order(archive: Archive) -> None:
    letters = [(number, "AB"[number % 2], b"%d" % number) for number in range(1, 9)]
    await archive.keep(letters)
    await archive.keep([(3, "A", b"another")])
    assert await archive.replies(None, 0, 3) == [(1, b"1"), (2, b"2"), (3, b"3")]
    assert await archive.replies(["B"], 3, 10) == [(5, b"5"), (7, b"7")]
    assert await archive.replies(["B", "A"], 6, 1) == [(7, b"7")]
    assert await archive.replies([], 0, 10) == []


def test_the_configuration_names_owners() -> None:
    assert owners({}) == {}
    given = {"4401960101": "declarant/agent-7"}
    assert owners({"transmitters": given}) == {"DXPENT4401960101": "declarant/agent-7"}
    for wrong in ("agent-7", 5, "a/b/c"):
        with pytest.raises(ValueError, match="is no role/name"):
            owners({"transmitters": {"4401960101": wrong}})
