"""What generated stubs take for a channel: calls go over the network of the run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Self

from tests.simulation.network import Network

# The words of grpc.aio's multi-callables, whose deadline is called `timeout`.
# ruff: noqa: ASYNC109


class Channel:
    """What generated stubs take for a channel."""

    def __init__(self, network: Network, address: str, uri: str) -> None:
        self._network = network
        self._address = address
        self._uri = uri

    def now(self) -> float:
        """Seconds on the clock of the run."""
        return self._network.now()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open between calls."""

    async def close(self) -> None:
        """Nothing is open between calls."""

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        **_: object,
    ) -> Callable[..., Any]:
        async def call(request: Any, timeout: float | None = None, **_: object) -> Any:
            raw = request_serializer(request) if request_serializer else request
            reply = await self._network.unary(self._address, self._uri, method, raw, timeout)
            return response_deserializer(reply) if response_deserializer else reply

        return call

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        **_: object,
    ) -> Callable[..., AsyncIterator[Any]]:
        async def call(request: Any, **_: object) -> AsyncIterator[Any]:
            raw = request_serializer(request) if request_serializer else request
            responses = self._network.streamed(self._address, self._uri, method, raw)
            async for response in responses:
                yield response_deserializer(response) if response_deserializer else response

        return call

    def stream_stream(self, *_: object, **__: object) -> None:
        """Stubs make these too; nothing here calls them."""

    stream_unary = stream_stream
