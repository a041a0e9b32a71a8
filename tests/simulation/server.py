"""A gRPC server of a run: the same services, handlers and interceptors, without a socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

import grpc

from tests.simulation.life import LIFE, Life

# A grpc.RpcMethodHandler, whose fields the type stubs do not know.
Handler = Any


class Details(NamedTuple):
    """Which method is called."""

    method: str
    invocation_metadata: tuple[()] = ()


class Context:
    """A call as its handler sees it."""

    def __init__(self, uri: str, send: Callable[[bytes], Awaitable[None]] | None = None) -> None:
        self._uri = uri
        self._send = send
        self._serialize: Callable[[Any], bytes] | None = None
        self._code: grpc.StatusCode | None = None
        self.details = ""

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_subject_alternative_name": [self._uri.encode()]}

    def code(self) -> grpc.StatusCode | None:
        return self._code

    async def abort(self, code: grpc.StatusCode, details: str = "") -> NoReturn:
        self._code, self.details = code, details
        raise grpc.aio.AbortError(details)

    def serialize_by(self, serialize: Callable[[Any], bytes] | None) -> None:
        self._serialize = serialize

    async def write(self, response: Any) -> None:
        """One response of a stream."""
        assert self._send is not None
        await self._send(self._serialize(response) if self._serialize else response)


class Server:
    """What a process serves under one address."""

    def __init__(
        self,
        interceptors: Sequence[Any],
        listen: Callable[[str, Server], None],
        close: Callable[[Server], None],
    ) -> None:
        life = LIFE.get()
        assert life is not None
        self.life: Life = life
        self._interceptors = interceptors
        self._listen = listen
        self._close = close
        self._generic: list[Any] = []
        self._address = ""
        self.is_serving = False

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        self._generic += handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """The generic handlers have them as well."""

    def add_secure_port(self, address: str, credentials: object) -> int:
        self._address = address
        return int(address.rpartition(":")[2])

    async def start(self) -> None:
        self.life.check()
        self.is_serving = True
        self._listen(self._address, self)

    async def stop(self, grace: float | None) -> None:
        """Takes no more calls; those under way break off."""
        self.is_serving = False
        self._close(self)

    async def handler(self, method: str) -> Handler:
        """The handler of a method behind the interceptors; `None` where there is none."""

        async def find(details: Any) -> Handler:
            for generic in self._generic:
                found = generic.service(details)
                if found is not None:
                    return found
            return None

        continuation = find
        for interceptor in reversed(self._interceptors):
            continuation = _through(interceptor, continuation)
        return await continuation(Details(method))


def _through(interceptor: Any, inner: Any) -> Any:
    async def intercepted(details: Any) -> Handler:
        return await interceptor.intercept_service(inner, details)

    return intercepted


async def answer(server: Server, method: str, request: bytes, context: Context) -> bytes:
    """Serves one call; a stream is written through the context and has no bytes at its end."""
    handler = await server.handler(method)
    if handler is None:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"no method {method}")
    read, write = handler.request_deserializer, handler.response_serializer
    message = read(request) if read else request
    if handler.response_streaming:
        context.serialize_by(write)
        responses = handler.unary_stream(message, context)
        if hasattr(responses, "__aiter__"):
            async for response in responses:
                await context.write(response)
        else:
            await responses
        return b""
    response = await handler.unary_unary(message, context)
    return bytes(write(response) if write else response)
