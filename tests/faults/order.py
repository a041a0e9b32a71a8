"""Judges law 9 by what a process called: nothing leaves before what it depends on is durable."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.faults.disk import Call
from tests.integration.segments import Frame

# Frames of HTTP/2 that control the connection, in one or two TLS records, are not longer: settings,
# pings, windows. A reply is: its headers, the name of the log and the trailers stand in it.
CONTROL_BYTES_MAX = 80
PRIVATE = ("private/keys.wk", "private/values.wp")


@dataclass(frozen=True)
class Written:
    """A frame, the call that wrote it, and the first sync that began when it was written."""

    frame: Frame
    write: Call | None
    sync: Call | None

    def fault(self) -> str:
        """What is wrong with it whatever was sent; empty when nothing is."""
        where = f"frame of entry {self.frame.first_index}"
        if self.write is None:
            return f"{where}: no call wrote it"
        return f"{where}: no sync followed it" if self.sync is None else ""


def written(calls: Sequence[Call], frames: Iterable[Frame]) -> list[Written]:
    """How each frame came to the disk."""
    by_place = {(it.path, it.offset): it for it in calls if it.name == "write"}
    syncs = _syncs(calls)
    found = []
    for frame in frames:
        write = by_place.get((f"journal/{frame.file.name}", frame.offset))
        sync = None if write is None else _after(syncs[write.path], write.ended)
        found.append(Written(frame, write, sync))
    return found


def _syncs(calls: Iterable[Call]) -> dict[str, list[Call]]:
    """Syncs of each file that succeeded, in order."""
    found: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.name == "sync" and call.result == 0:
            found[call.path].append(call)
    return found


def _after(calls: Sequence[Call], begun: int) -> Call | None:
    at = bisect_right(calls, begun, key=lambda call: call.begun)
    return calls[at] if at < len(calls) else None


def judge_one_by_one(calls: Sequence[Call], frames: Iterable[Frame]) -> Iterator[str]:
    """Complaints about a run in which a single client sent one request after the other."""
    spoken = [call for call in calls if call.length > CONTROL_BYTES_MAX]
    requests = [call for call in spoken if call.name == "receive"]
    replies = [call for call in spoken if call.name == "send"]
    for it in written(calls, frames):
        if it.write is None or it.sync is None:
            yield it.fault()
            continue
        at = bisect_right(requests, it.write.begun, key=lambda call: call.ended)
        if at == 0:
            yield f"{it.frame.first_index}: no request came before its frame"
            continue
        request = requests[at - 1]
        of_socket = [call for call in replies if call.fd == request.fd]
        reply = _after(of_socket, request.ended)
        if reply is None:
            yield f"entry {it.frame.first_index}: no reply followed"
        elif reply.begun < it.sync.ended:
            yield (
                f"entry {it.frame.first_index}: {reply.length} bytes were sent at {reply.begun},"
                f" its sync ended at {it.sync.ended}"
            )


def judge_answers(
    calls: Sequence[Call], frames: Iterable[Frame], answers: Iterable[tuple[int, int]]
) -> Iterator[str]:
    """Complaints about answers: the index that each depends on, and when (ns) its client had it."""
    frames_written = written(calls, frames)
    starts = [it.frame.first_index for it in frames_written]
    for index, received_ns in answers:
        at = bisect_right(starts, index) - 1
        it = frames_written[at] if at >= 0 else None
        if it is None or index >= it.frame.first_index + it.frame.entries:
            yield f"entry {index} was answered and stands in no frame"
        elif it.sync is None:
            yield it.fault()
        elif it.sync.ended_ns >= received_ns:
            late_us = (it.sync.ended_ns - received_ns) // 1000
            yield f"entry {index} was answered {late_us} us before its sync ended"


def judge_private(calls: Sequence[Call], frames: Iterable[Frame]) -> Iterator[str]:
    """Complaints about frames that were written before the private parts they need were synced."""
    syncs = _syncs(calls)
    parts = [call for call in calls if call.name == "write" and call.path in PRIVATE]
    durable = [(part, _after(syncs[part.path], part.ended)) for part in parts]
    for it in written(calls, frames):
        if it.write is None:
            yield it.fault()
            continue
        for part, sync in durable:
            if part.begun > it.write.begun:
                break
            if sync is None or sync.ended > it.write.begun:
                yield (
                    f"entry {it.frame.first_index}: its frame was written before"
                    f" {part.path} at {part.offset} was synced"
                )
