"""Lets a call in only when the method table gives its certificate the right; counts calls."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from engine import faults, identity
from engine.identity import Identity
from engine.methods import METHODS
from engine.metrics import CallMetrics

Context = grpc.aio.ServicerContext[Any, Any]
# A grpc.RpcMethodHandler, whose fields the type stubs do not know.
Handler = Any


class Access(grpc.aio.ServerInterceptor):
    """Deny by default."""

    def __init__(self, metrics: CallMetrics) -> None:
        self._metrics = metrics

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        path = handler_call_details.method
        if handler.response_streaming:
            return self._streaming(path, handler)
        return self._unary(path, handler)

    def _unary(self, path: str, handler: Handler) -> Handler:
        inner = handler.unary_unary

        async def checked(request: object, context: Context) -> object:
            start = time.monotonic()
            try:
                await admitted(path, context)
                return await inner(request, context)
            finally:
                self._metrics.finished(path, context.code(), time.monotonic() - start)

        return grpc.unary_unary_rpc_method_handler(
            checked, handler.request_deserializer, handler.response_serializer
        )

    def _streaming(self, path: str, handler: Handler) -> Handler:
        inner = handler.stream_stream if handler.request_streaming else handler.unary_stream

        async def checked(request: object, context: Context) -> AsyncIterator[object]:
            start = time.monotonic()
            try:
                await admitted(path, context)
                async for response in inner(request, context):
                    yield response
            finally:
                self._metrics.finished(path, context.code(), time.monotonic() - start)

        kind = (
            grpc.stream_stream_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_stream_rpc_method_handler
        )
        return kind(checked, handler.request_deserializer, handler.response_serializer)


async def admitted(path: str, context: Context) -> Identity:
    """The caller, when it has the right to the method; otherwise the call ends here."""
    caller = identity.of_peer(context.auth_context())
    if caller is None:
        await faults.refuse_caller(context, "the certificate names no identity of this log")
    method = METHODS.get(path)
    if method is None or not method.may(caller):
        word = f"{caller.role.word}/{caller.name}"
        await faults.refuse_caller(context, f"{word} has no right to {path}")
    return caller
