"""The drop folder: files renamed into inbox/ are taken like calls, replies appear in outbox/."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from pathlib import Path

from google.protobuf.json_format import MessageToJson

from gateways.cursor import Cursor
from gateways.singlewindow.archive import Archive
from gateways.singlewindow.intake import Busy, Intake
from whampoa.customs.v1 import single_window_service_pb2 as window

log = logging.getLogger(__name__)

# The client that files of the folder belong to.
CLIENT = "folder/inbox"
_LOOK_SECONDS = 0.25
# How long to wait before a full disk is tried again.
_WAIT_SECONDS = 1.0
_REPLIES_AT_ONCE = 100


class Folder:
    """Whoever may rename files into inbox/ may declare; a file is complete when it is there."""

    def __init__(self, path: Path, intake: Intake, archive: Archive) -> None:
        self._inbox = path / "inbox"
        self._done = path / "done"
        self._refused = path / "refused"
        self._outbox = path / "outbox"
        for folder in (self._inbox, self._done, self._refused, self._outbox):
            folder.mkdir(parents=True, exist_ok=True)
        self._intake = intake
        self._archive = archive
        self._given = Cursor(path / "outbox.json")

    async def watch(self) -> None:
        """Takes files by name and writes replies, for ever."""
        while True:
            names: list[str] = []
            try:
                names = await asyncio.to_thread(self._waiting)
                for name in names:
                    await self._take(name)
                await self._give()
            except OSError as failure:
                # A file that was not put away comes again, a reply that was not written too.
                log.warning("the drop folder waits: %s", failure)
                await asyncio.sleep(_WAIT_SECONDS)
            if not names:
                await asyncio.sleep(_LOOK_SECONDS)

    def save(self) -> None:
        """Keeps up to where replies were written."""
        self._given.save()

    def _waiting(self) -> list[str]:
        found = (path for path in self._inbox.iterdir() if path.suffix == ".xml" and path.is_file())
        return sorted(path.name for path in found)

    async def _take(self, name: str) -> None:
        message = await asyncio.to_thread((self._inbox / name).read_bytes)
        try:
            response = await self._intake.take(message, CLIENT)
        except Busy:
            await asyncio.sleep(_LOOK_SECONDS)
            return
        await asyncio.to_thread(self._put_away, name, message, response)

    def _put_away(self, name: str, message: bytes, response: window.SubmitMessageResponse) -> None:
        """Findings first, the file last: one that is still in inbox/ after a crash comes again."""
        folder = self._done if response.accepted else self._refused
        target = folder / name
        if target.exists():
            mark = hashlib.sha256(message).hexdigest()[:8]
            target = target.with_name(f"{target.stem}.{mark}.xml")
        told = MessageToJson(
            window.SubmitMessageResponse(
                message_type=response.message_type,
                documents=response.documents,
                accepted=response.accepted,
                findings=response.findings,
                position=response.position if response.HasField("position") else None,
            ),
            preserving_proto_field_name=True,
            ensure_ascii=False,
        )
        _write(target.with_suffix(".findings.json"), told.encode())
        _write(self._outbox / f"{target.stem}.response.xml", response.reply)
        (self._inbox / name).replace(target)

    async def _give(self) -> None:
        """Writes customs' replies to messages of this folder, each under its number."""
        receivers = self._archive.receivers_of(CLIENT)
        if not receivers:
            return
        after = self._given.place.index
        for sequence, message in await self._archive.replies(receivers, after, _REPLIES_AT_ONCE):
            path = self._outbox / f"{sequence:012d}.xml"
            await asyncio.to_thread(_write, path, message)
            self._given.advance(sequence)


def _write(path: Path, content: bytes) -> None:
    """Writes a file that is whole when it has its name."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
