"""How verbs reach the engine: address from DIR/config.toml, keys from DIR/keys, clear failures."""

from __future__ import annotations

import os
import tomllib
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Protocol, Self, TypeVar

import grpc
import typer

from whampoa.cli.output import Failure
from whampoa.client import SyncClient
from whampoa.evidence.v1.evidence_service_pb2 import GetStatusRequest
from whampoa.money.v1.money_pb2 import Position
from whampoa.money.v1.rejection_pb2 import Refusal

DEFAULT_ADDRESS = "127.0.0.1:7400"
ADDRESS_VARIABLE = "WHAMPOA_ENGINE__LISTEN"
CALL_SECONDS_MAX = 60.0

AsOption = Annotated[
    str, typer.Option("--as", metavar="NAME", help="Whose key and certificate of DIR/keys to show.")
]
OfficerAsOption = Annotated[
    str,
    typer.Option("--as", metavar="NAME", help="The officer: a key and certificate of DIR/keys."),
]
OPERATOR = "operator"

_OUTCOME_UNKNOWN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}

Q_contra = TypeVar("Q_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
Q = TypeVar("Q")
R = TypeVar("R")


class Call(Protocol[Q_contra, R_co]):
    """A method of a stub."""

    def __call__(self, request: Q_contra, /, timeout: float | None = None) -> R_co: ...


class Connection:
    """The engine of a data directory, called as one identity."""

    def __init__(self, data_dir: Path, name: str) -> None:
        self.name = name
        self.address = address_of(data_dir)
        try:
            self.client = SyncClient(self.address, data_dir / "keys", name)
        except FileNotFoundError as missing:
            raise Failure(
                f"{missing.filename} is missing: run `whampoa init {data_dir}`, or choose another "
                "identity with --as"
            ) from missing
        except OSError as fault:
            raise Failure(str(fault)) from fault

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.channel.close()

    def read(self, call: Call[Q, R], request: Q) -> R:
        """The answer of a read. Raises `Failure`."""
        try:
            return call(request, timeout=CALL_SECONDS_MAX)
        except grpc.RpcError as error:
            raise Failure(self._line(error)) from error

    def write(self, call: Call[Any, Any], request: Any) -> Any:
        """The reply of a write; a refusal is a failure. Raises `Failure`."""
        identifier: str = request.request_id.hex()
        try:
            reply = call(request, timeout=CALL_SECONDS_MAX)
        except grpc.RpcError as error:
            line = self._line(error)
            if _code(error) in _OUTCOME_UNKNOWN:
                line += f"; what became of it: whampoa outcome {identifier}"
            raise Failure(line, request_id=identifier) from error
        if reply.HasField("refusal"):
            raise _refused(reply.refusal, identifier)
        return reply

    @cached_property
    def head(self) -> Position | None:
        """The newest durable position when the verb first asked; None while the log is empty."""
        status = self.read(self.client.evidence.GetStatus, GetStatusRequest())
        return Position(log=status.log, index=status.durable_index) if status.entries else None

    def _line(self, error: grpc.RpcError) -> str:
        code = _code(error)
        details: str = getattr(error, "details", lambda: str(error))() or "it gave no reason"
        if code is grpc.StatusCode.UNAVAILABLE:
            return f"the engine at {self.address} does not answer: {details}"
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"the engine at {self.address} did not answer in {CALL_SECONDS_MAX:.0f} s"
        return details


def address_of(data_dir: Path) -> str:
    """Where the engine of a data directory listens; the variable wins, as for the engine."""
    if ADDRESS_VARIABLE in os.environ:
        return os.environ[ADDRESS_VARIABLE]
    path = data_dir / "config.toml"
    if not path.exists():
        raise Failure(f"{path} is missing: run `whampoa init {data_dir}` first")
    try:
        config = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as wrong:
        raise Failure(f"{path}: {wrong}") from wrong
    address = config.get("engine", {}).get("listen", DEFAULT_ADDRESS)
    if not isinstance(address, str):
        raise Failure(f"{path}: engine.listen: text is wanted")
    return address


def _code(error: grpc.RpcError) -> grpc.StatusCode | None:
    """What a failed call ended with; the types of the library do not say that it has one."""
    code: grpc.StatusCode | None = getattr(error, "code", lambda: None)()
    return code


def _refused(refusal: Refusal, request_id: str) -> Failure:
    """The engine's own sentence names field, rule and value."""
    again = " (the same request may succeed later)" if refusal.transient else ""
    return Failure(
        f"refused: {refusal.message}{again}",
        request_id=request_id,
        refusal={
            "code": refusal.code,
            "field": refusal.field,
            "value": refusal.value,
            "transient": refusal.transient,
        },
    )
