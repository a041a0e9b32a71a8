"""Cursor, books and archive on a disk without room: nothing ends, nothing is half done."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from gateways.books import Books, is_full, write_letter
from gateways.client import persist
from gateways.cursor import Cursor, Place
from gateways.singlewindow.archive import Archive

MESSAGE = bytes(50_000)


def test_a_cursor_without_room_stays_and_catches_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = Cursor(tmp_path / "cursor.json")
    cursor.advance(3)
    cursor.save()
    # Its new file cannot be made: a folder stands in its way.
    obstacle = tmp_path / "cursor.new"
    obstacle.mkdir()
    cursor.advance(9)
    cursor.save()
    assert cursor.place == Place(9)
    assert Cursor(tmp_path / "cursor.json").place == Place(3)
    obstacle.rmdir()
    cursor.save()
    assert Cursor(tmp_path / "cursor.json").place == Place(9)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Give books of very few pages."""
    it = Books(tmp_path / "books.sqlite", "")
    yield it
    it.close()


def limit(connection: sqlite3.Connection, more: int) -> None:
    """Let a database grow by so many pages and no more."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + more}")


def test_books_without_room_undo_the_whole_and_go_on(books: Books) -> None:
    with books.transaction() as connection:
        write_letter(connection, "first", b"kept")
    limit(books.connection, 4)
    for _ in range(2):
        with (
            pytest.raises(sqlite3.OperationalError, match="full") as failure,
            books.transaction() as connection,
        ):
            write_letter(connection, "small", b"goes with the rest")
            write_letter(connection, "large", MESSAGE)
        assert is_full(failure.value)
        assert [it[1] for it in books.letters(0, 10)] == ["first"]
    limit(books.connection, 100)
    with books.transaction() as connection:
        write_letter(connection, "large", MESSAGE)
    assert [it[1] for it in books.letters(0, 10)] == ["first", "large"]


async def test_an_archive_without_room_waits(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive.sqlite", {})
    try:
        limit(archive._connection, 2)
        keeping = asyncio.create_task(archive.keep([(1, "receiver", MESSAGE)]))
        await asyncio.sleep(0.3)
        assert not keeping.done()
        assert await archive.replies(None, 0, 10) == []
        await asyncio.to_thread(limit, archive._connection, 100)
        await asyncio.wait_for(keeping, 10)
        assert await archive.replies(None, 0, 10) == [(1, MESSAGE)]
    finally:
        archive.close()


async def test_a_busy_server_is_asked_again_after_growing_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("gateways.client.asyncio.sleep", sleep)
    calls = 0

    async def call() -> str:
        nonlocal calls
        calls += 1
        if calls < 8:
            metadata = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.RESOURCE_EXHAUSTED, metadata, metadata, details="busy"
            )
        return "answer"

    assert await persist(call, "a call") == "answer"
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
