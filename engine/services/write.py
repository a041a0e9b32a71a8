"""Every write method: the request goes to the core as it came, the reply comes back as bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from engine import faults, identity
from engine.bridge import Bridge
from engine.methods import METHODS, Method

Context = grpc.aio.ServicerContext[Any, Any]


def handlers(bridge: Bridge) -> list[grpc.GenericRpcHandler]:
    """One generic handler a service, over all methods that have a number in the core."""
    services: dict[str, dict[str, Any]] = {}
    for method in METHODS.values():
        if method.number is not None:
            serve: Any = grpc.unary_unary_rpc_method_handler(_write(bridge, method.number, method))
            services.setdefault(method.service, {})[method.name] = serve
    return [
        grpc.method_handlers_generic_handler(service, methods)
        for service, methods in services.items()
    ]


def _write(
    bridge: Bridge, number: int, method: Method
) -> Callable[[bytes, Context], Awaitable[bytes]]:
    async def write(request: bytes, context: Context) -> bytes:
        caller = identity.of_peer(context.auth_context())
        if caller is None:
            await faults.refuse_caller(context, f"no identity for {method.path}")
        return await bridge.submit(number, request, caller)

    return write
