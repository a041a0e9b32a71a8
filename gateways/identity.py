"""Who a process is: its certificate, the channels it opens with it, and whom it lets in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

MESSAGE_BYTES_MAX = 16 << 20
# The engine refuses larger requests (transport limits of `docs/operations.md`).
ENGINE_REQUEST_BYTES_MAX = 6 << 20

_LIMITS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
]
_CHANNEL_OPTIONS = [
    *_LIMITS,
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # An institution that comes back is found again within a second or two.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]
_SERVER_OPTIONS = [*_LIMITS, ("grpc.so_reuseport", 0)]
_TRUST_DOMAIN = "spiffe://whampoa/"

Context = grpc.aio.ServicerContext[Any, Any]
# A grpc.RpcMethodHandler, whose fields the type stubs do not know.
Handler = Any

_INSTITUTION = "/whampoa.institution.v1.InstitutionService/"
# Gateways talk to an institution; whoever plays the world around it (operators, tests) reads its
# books and makes things happen.
INSTITUTION_RIGHTS: dict[str, frozenset[str]] = {
    f"{_INSTITUTION}Deliver": frozenset({"gateway"}),
    f"{_INSTITUTION}Collect": frozenset({"gateway"}),
    f"{_INSTITUTION}ReadBooks": frozenset({"gateway", "operator", "officer", "authority"}),
    f"{_INSTITUTION}Instruct": frozenset({"operator", "authority"}),
}


@dataclass(frozen=True)
class Identity:
    """The certificate and key of one name, and the authority that both ends trust."""

    name: str
    authority: bytes
    certificate: bytes
    key: bytes

    @classmethod
    def read(cls, data_dir: Path, name: str) -> Identity:
        """Reads DIR/keys as `whampoa init` made it."""
        keys = data_dir / "keys"
        return cls(
            name=name,
            authority=(keys / "ca.pem").read_bytes(),
            certificate=(keys / f"{name}.pem").read_bytes(),
            key=(keys / f"{name}.key").read_bytes(),
        )

    def channel(self, address: str) -> grpc.aio.Channel:
        """A channel on which both ends show certificates."""
        credentials = grpc.ssl_channel_credentials(self.authority, self.key, self.certificate)
        return grpc.aio.secure_channel(address, credentials, options=_CHANNEL_OPTIONS)

    def server(self, interceptor: Doorkeeper) -> grpc.aio.Server:
        """A server without services and ports yet."""
        return grpc.aio.server(interceptors=[interceptor], options=_SERVER_OPTIONS)

    def server_credentials(self) -> grpc.ServerCredentials:
        return grpc.ssl_server_credentials(
            [(self.key, self.certificate)],
            root_certificates=self.authority,
            require_client_auth=True,
        )


def peer(context: Context) -> tuple[str, str]:
    """Role and name in the caller's certificate; empty where it names none."""
    names = context.auth_context().get("x509_subject_alternative_name", [])
    for name in names:
        text = name.decode("utf-8", "replace")
        if text.startswith(_TRUST_DOMAIN):
            role, _, rest = text.removeprefix(_TRUST_DOMAIN).partition("/")
            return role, rest
    return "", ""


class Doorkeeper(grpc.aio.ServerInterceptor):
    """Lets in the roles that a table of rights names for a method; a method it lacks is closed."""

    def __init__(self, rights: dict[str, frozenset[str]]) -> None:
        self._rights = rights

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = handler_call_details.method
        allowed = self._rights.get(method, frozenset())
        inner = handler.unary_unary

        async def checked(request: object, context: Context) -> object:
            role, name = peer(context)
            if role not in allowed:
                caller = f"{role or 'nobody'}/{name}"
                refusal = f"{caller} has no right to {method}"
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, refusal)
            return await inner(request, context)

        return grpc.unary_unary_rpc_method_handler(
            checked, handler.request_deserializer, handler.response_serializer
        )
