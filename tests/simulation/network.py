"""The network of a run: calls as bytes, late, lost, doubled and cut off as the seed says."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc

from tests.simulation.chance import stream
from tests.simulation.clock import Loop
from tests.simulation.life import LIFE, Crash, Life
from tests.simulation.server import Context, Server, answer

_UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
# How long a call without a deadline of its own may take.
_FOREVER = 3_600.0
# When a channel notices by itself that nobody is at the other end (its keepalive).
_NOTICED_SECONDS = 80.0


# A reply to a gateway that collects letters has but a number when there are none.
_NO_LETTERS_BYTES = 16


@dataclass(frozen=True)
class Fate:
    """What becomes of one call on its way."""

    there_seconds: float
    back_seconds: float
    # Seconds after which the request arrives a second time.
    again_seconds: float | None = None
    request_lost: bool = False
    reply_lost: bool = False
    # Whether the caller hears that the line broke, or waits until its deadline.
    is_told: bool = True


class Weather(Protocol):
    """Faults of the line between two processes, for as long as they last."""

    def change(self, source: str, target: str, method: str, fate: Fate) -> Fate: ...

    def is_cut(self, source: str, target: str) -> bool: ...


@dataclass(eq=False)
class Call:
    """One call under way."""

    number: int
    source: str
    target: str
    uri: str
    method: str
    request: bytes
    done: asyncio.Future[bytes]
    fate: Fate
    life: Life | None
    # Where a stream's responses go.
    responses: asyncio.Queue[bytes | Exception] | None = None
    arrives_at: float = 0.0
    serving: list[asyncio.Task[None]] = field(default_factory=list)
    # Nothing of the call is in the air: a handler waits for something to tell.
    is_waiting: bool = False


Watch = Callable[[Call, Server, bytes], None]


class Network:
    """Every address, and every call between them."""

    def __init__(self, loop: Loop, seed: int) -> None:
        self._loop = loop
        self._seed = seed
        self._servers: dict[str, Server] = {}
        self._names: dict[str, str] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._numbers = 0
        self.weather: list[Weather] = []
        self.calls: dict[Call, None] = {}
        self.messages = 0
        self.moved_at = 0.0
        self.log = hashlib.sha256()
        # Told of every reply of a unary call as it leaves its server.
        self.watches: list[Watch] = []
        self.problems: list[str] = []

    def server(self, interceptors: list[Any]) -> Server:
        """A server of the process that asks for it."""
        return Server(interceptors, self._listen, self._close)

    def now(self) -> float:
        """Seconds on the clock of the run."""
        return self._loop.now

    def _listen(self, address: str, server: Server) -> None:
        self._servers[address] = server
        self._names[address] = server.life.node.name

    def _close(self, server: Server) -> None:
        for call in list(self.calls):
            if self._servers.get(call.target) is server:
                self._break(call, "the server went away")
        for address, known in list(self._servers.items()):
            if known is server:
                del self._servers[address]

    def ended(self, life: Life) -> None:
        """A process is no more: what it served and what it had asked breaks off."""
        for server in list(self._servers.values()):
            if server.life is life:
                server.is_serving = False
                self._close(server)
        for call in list(self.calls):
            if call.life is life:
                self._forget(call)

    def note(self, *words: object) -> None:
        """Writes down what happened, for the comparison of two runs."""
        self.log.update(f"{self._loop.now:.6f} {' '.join(map(str, words))}\n".encode())

    async def unary(
        self, address: str, uri: str, method: str, request: bytes, seconds: float | None
    ) -> bytes:
        """One call of the process that asks; raises `AioRpcError`."""
        call = self._begin(address, uri, method, request, seconds)
        try:
            return await call.done
        finally:
            self._forget(call)

    async def streamed(
        self, address: str, uri: str, method: str, request: bytes
    ) -> AsyncIterator[bytes]:
        """The responses of a stream; raises `AioRpcError` when the line breaks."""
        call = self._begin(address, uri, method, request, None, is_stream=True)
        assert call.responses is not None
        try:
            while True:
                response = await call.responses.get()
                if isinstance(response, Exception):
                    raise response
                yield response
        finally:
            self._forget(call)

    def _begin(
        self,
        address: str,
        uri: str,
        method: str,
        request: bytes,
        seconds: float | None,
        *,
        is_stream: bool = False,
    ) -> Call:
        life = LIFE.get()
        if life is not None:
            life.check()
        source = life.node.name if life is not None else "world"
        self._numbers += 1
        call = Call(
            number=self._numbers,
            source=source,
            target=address,
            uri=uri,
            method=method.rpartition("/")[2],
            request=request,
            done=self._loop.create_future(),
            fate=self._fate(source, self._names.get(address, address), method),
            life=life,
            responses=asyncio.Queue() if is_stream else None,
        )
        self.calls[call] = None
        # Maps in an instruction have no order of their own.
        named = len(request) if call.method == "Instruct" else _digest(request)
        self._count(call, "call", source, method, named)
        fate = call.fate
        path = (method, address)
        if fate.request_lost:
            self._lose(call, fate.there_seconds, "connection reset")
        else:
            self._later(fate.there_seconds, lambda: self._arrive(call, *path))
        if not is_stream:
            self._later(seconds or _FOREVER, lambda: self._expire(call))
            if fate.again_seconds is not None:
                self._later(fate.again_seconds, lambda: self._arrive(call, *path))
        return call

    def _lose(self, call: Call, seconds: float, why: str) -> None:
        """The line broke: the caller hears of it, or notices it late."""
        if call.fate.is_told:
            self._later(seconds, lambda: self._break(call, why))
        elif call.responses is not None:
            self._later(_NOTICED_SECONDS, lambda: self._break(call, why))

    def _fate(self, source: str, target: str, method: str) -> Fate:
        count = self._counts[source, target] = self._counts.get((source, target), 0) + 1
        chance = stream(self._seed, "line", source, target, count)
        fate = Fate(chance.uniform(0.001, 0.02), chance.uniform(0.001, 0.02))
        for weather in self.weather:
            fate = weather.change(source, target, method, fate)
        return fate

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        # What is in the air belongs to no process.
        context = contextvars.copy_context()
        context.run(LIFE.set, None)
        self._loop.call_later(seconds, do, context=context)

    def _is_cut(self, call: Call) -> bool:
        target = self._names.get(call.target, call.target)
        return any(it.is_cut(call.source, target) for it in self.weather)

    def _arrive(self, call: Call, method: str, address: str) -> None:
        server = self._servers.get(address)
        if server is None or not server.is_serving:
            self._break(call, f"nothing listens at {address}")
            return
        if self._is_cut(call):
            self._lose(call, 0.0, "no route to host")
            return
        # A request that comes a second time, or too late, is served all the same.
        context = contextvars.copy_context()
        context.run(LIFE.set, server.life)
        task = self._loop.create_task(self._serve(call, server, method), context=context)
        call.serving.append(task)
        self._count(call, "arrive")

    async def _serve(self, call: Call, server: Server, method: str) -> None:
        context = Context(call.uri, lambda response: self._respond(call, response))
        call.is_waiting = method.endswith(("/Follow", "/Collect"))
        try:
            reply = await answer(server, method, call.request, context)
        except grpc.aio.AbortError:
            code = context.code() or grpc.StatusCode.UNKNOWN
            if code in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}:
                self.problems.append(f"{method} answered {code.name}: {context.details}")
            self._reply(call, server, _failure(code, context.details))
        except Crash:
            raise
        except Exception as error:
            self.problems.append(f"{method} raised {error!r}")
            self._reply(call, server, _failure(grpc.StatusCode.UNKNOWN, repr(error)))
        else:
            self._reply(call, server, reply)
        finally:
            call.is_waiting = False

    def _reply(self, call: Call, server: Server, reply: bytes | Exception) -> None:
        if not server.life.is_alive:
            return
        if isinstance(reply, bytes):
            if len(reply) > _NO_LETTERS_BYTES:
                self.moved_at = self._loop.now
            for watch in self.watches:
                watch(call, server, reply)
        self._count(call, "reply")
        if call.responses is not None:
            self._push(call, reply if isinstance(reply, Exception) else _failure(_UNAVAILABLE, ""))
        elif call.fate.reply_lost or self._is_cut(call):
            self._lose(call, call.fate.back_seconds, "connection reset")
        else:
            self._later(call.fate.back_seconds, lambda: self._settle(call, reply))

    async def _respond(self, call: Call, response: bytes) -> None:
        """One response of a stream: they come in order or the stream breaks."""
        self._count(call, "response", _digest(response))
        if call.fate.reply_lost or self._is_cut(call):
            self._break(call, "the stream broke")
            return
        self._push(call, response)

    def _push(self, call: Call, response: bytes | Exception) -> None:
        call.arrives_at = max(call.arrives_at, self._loop.now + call.fate.back_seconds)
        queue = call.responses
        assert queue is not None
        self._later(call.arrives_at - self._loop.now, lambda: queue.put_nowait(response))

    def _settle(self, call: Call, reply: bytes | Exception) -> None:
        self._count(call, "settle")
        if call.done.done():
            return
        if isinstance(reply, Exception):
            call.done.set_exception(reply)
        else:
            call.done.set_result(reply)

    def _break(self, call: Call, why: str) -> None:
        failure = _failure(_UNAVAILABLE, why)
        if call.responses is not None:
            call.responses.put_nowait(failure)
            self._cancel(call)
        elif not call.done.done():
            self._count(call, "break")
            call.done.set_exception(failure)

    def _expire(self, call: Call) -> None:
        if call in self.calls and not call.done.done():
            self._count(call, "expire")
            call.done.set_exception(_failure(grpc.StatusCode.DEADLINE_EXCEEDED, "in time"))

    def _forget(self, call: Call) -> None:
        """The caller has what it asked for, or is no more: its handler is told so."""
        self.calls.pop(call, None)
        if not call.done.done():
            call.done.cancel()
        elif not call.done.cancelled():
            call.done.exception()
        self._later(call.fate.back_seconds, lambda: self._cancel(call))

    def _cancel(self, call: Call) -> None:
        for task in call.serving:
            task.cancel()

    def break_streams(self, is_cut: Callable[[str, str], bool]) -> None:
        """Breaks the streams between two processes that lost each other."""
        for call in list(self.calls):
            if call.responses is not None and is_cut(
                call.source, self._names.get(call.target, call.target)
            ):
                self._break(call, "the stream broke")

    def _count(self, call: Call, word: str, *more: object) -> None:
        self.messages += 1
        self.note(word, call.number, *more)
        # Gateways ask for letters all the time: that something came is what moves.
        if call.method != "Collect":
            self.moved_at = self._loop.now


def _digest(message: bytes) -> str:
    return hashlib.sha256(message).hexdigest()[:8]


def _failure(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, details)
