"""Lets a call in only when the method table gives its certificate the right; counts calls."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from engine import faults, identity
from engine.identity import Identity
from engine.methods import METHODS
from engine.metrics import CallMetrics

Context = grpc.aio.ServicerContext[Any, Any]
# A grpc.RpcMethodHandler, whose fields the type stubs do not know.
Handler = Any

_CODES = {code.value[0]: code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK}

# A stopping engine still says that it is stopping.
_HEALTH = "/grpc.health.v1.Health/"


class Access(grpc.aio.ServerInterceptor):
    """Deny by default."""

    def __init__(self, metrics: CallMetrics) -> None:
        self._metrics = metrics
        self._stopping = asyncio.Event()

    def close(self) -> None:
        """Refuses new calls and ends streams, which have no end of their own; others go on."""
        self._stopping.set()

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
            with self._counted(path, context):
                await admitted(path, context)
                if self._stopping.is_set() and not path.startswith(_HEALTH):
                    await faults.report_stop(context)
                try:
                    return await inner(request, context)
                except grpc.aio.AbortError:
                    raise
                except Exception as error:
                    await faults.report(context, error)

        return grpc.unary_unary_rpc_method_handler(
            checked, handler.request_deserializer, handler.response_serializer
        )

    def _streaming(self, path: str, handler: Handler) -> Handler:
        inner = handler.stream_stream if handler.request_streaming else handler.unary_stream

        async def checked(request: object, context: Context) -> None:
            with self._counted(path, context):
                await admitted(path, context)
                try:
                    await self._until_stop(_stream(inner, request, context), context)
                except grpc.aio.AbortError:
                    raise
                except Exception as error:
                    await faults.report(context, error)

        kind = (
            grpc.stream_stream_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_stream_rpc_method_handler
        )
        return kind(checked, handler.request_deserializer, handler.response_serializer)

    async def _until_stop(self, stream: Awaitable[None], context: Context) -> None:
        streaming = asyncio.ensure_future(stream)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((streaming, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not streaming.done():
                await faults.report_stop(context)
            await streaming
        finally:
            streaming.cancel()
            stopping.cancel()

    @contextmanager
    def _counted(self, path: str, context: Context) -> Iterator[None]:
        start = time.monotonic()
        name = ""
        try:
            yield
        except asyncio.CancelledError:
            name = grpc.StatusCode.CANCELLED.name
            raise
        except Exception:
            # An end by `abort` has set its code before; whatever else is raised, gRPC tells so.
            name = _CODES.get(_number(context), grpc.StatusCode.UNKNOWN.name)
            raise
        finally:
            self._metrics.finished(path, name or "OK", time.monotonic() - start)


def _number(context: Context) -> int:
    """The status code of a call so far; grpc.aio gives its number, whatever its types say."""
    code: object = context.code()
    number = code.value[0] if isinstance(code, grpc.StatusCode) else code
    return number if isinstance(number, int) else 0


async def _stream(inner: Any, request: object, context: Context) -> None:
    """Runs a handler of either kind: one that yields its responses, or one that writes them."""
    responses: AsyncIterator[object] | Awaitable[None] = inner(request, context)
    if inspect.isawaitable(responses):
        await responses
        return
    async for response in responses:
        await context.write(response)


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
