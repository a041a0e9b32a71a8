"""Turns a refusal in a reply into one line and stops the run."""

from __future__ import annotations

from typing import Protocol, TypeVar

from whampoa.money.v1 import rejection_pb2 as rejection


class Replied(Protocol):
    """Every reply of a write."""

    @property
    def refusal(self) -> rejection.Refusal: ...


R = TypeVar("R", bound=Replied)


class Refused(RuntimeError):
    """The engine refused what the run takes for granted."""


def accepted(reply: R, what: str) -> R:
    """The reply, unless it is a refusal. Raises `Refused`."""
    if reply.refusal.code != rejection.REJECTION_UNSPECIFIED:
        raise Refused(f"{what}: {describe(reply.refusal)}")
    return reply


def describe(refusal: rejection.Refusal) -> str:
    """Code, field, value and sentence of a refusal."""
    name = rejection.Rejection.Name(refusal.code).removeprefix("REJECTION_")
    return f"{name} at {refusal.field or 'the request'}: {refusal.value!r}. {refusal.message}"
