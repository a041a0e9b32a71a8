"""Ends of calls that the core never saw, or could not answer: status codes with one clear line."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc

from engine.bridge import Busy, Fault
from engine.logs import logger
from engine.projections.store import Away

log = logger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]

QUEUE_FULL = "the queue of requests is full; send the same request again in a moment"
# When to send it again, as gRPC's own retries read it; `whampoa.client` turns them on.
AGAIN = (("grpc-retry-pushback-ms", "500"),)
BROKEN = "the engine failed to answer; its log says why"
STOPPING = "the engine is stopping; ask again once it is back"


async def refuse_caller(context: Context, why: str) -> NoReturn:
    """The caller's certificate does not carry the right."""
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, why)


async def refuse_argument(context: Context, field: str, rule: str, value: object) -> NoReturn:
    """A read asks for what cannot be."""
    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{field}: {rule} (got {value!r})")


async def refuse_cursor(context: Context, cursor: int, head: int) -> NoReturn:
    """The caller has seen more of the log than there is: it was restored, or lost its end."""
    await context.abort(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"from_index: {cursor} lies ahead of the head of the log, which is {head}; "
        "the log was restored to an earlier position or lost its end, the cursor is of another one",
    )


async def report_stop(context: Context) -> NoReturn:
    """The engine stops before it took the call, or before the caller's stream has an end."""
    await context.abort(grpc.StatusCode.UNAVAILABLE, STOPPING)


async def report(context: Context, error: Exception) -> NoReturn:
    """Turns a failure of the core, or of the projections, into a status."""
    if isinstance(error, Busy):
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, QUEUE_FULL, AGAIN)
    if isinstance(error, Away):
        await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
    if isinstance(error, Fault):
        log.error("a call failed", error=str(error))
        await context.abort(grpc.StatusCode.INTERNAL, str(error))
    # What nobody foresaw: the log has the whole of it, the caller nothing that is not its own.
    log.error("a call broke", exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, BROKEN)
