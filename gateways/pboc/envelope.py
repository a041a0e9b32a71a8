"""Header and body together: what goes over the line in either direction."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from gateways import moment
from gateways.pboc import header

_DIGEST_CHARACTERS = 12


@dataclass(frozen=True)
class Route:
    """From whom to whom a message goes, over which system, and which message it answers."""

    sender: str
    receiver: str
    system: str
    direction: str
    reference_id: str = ""


def seal(route: Route, message_type: str, message_id: str, time_ms: int, body: bytes) -> bytes:
    """Puts the header before a body."""
    opening = header.Header(
        sender=route.sender,
        receiver=route.receiver,
        system=route.system,
        date=moment.date_digits(time_ms),
        time=moment.time_digits(time_ms),
        message_type=message_type,
        message_id=message_id,
        reference_id=route.reference_id,
        priority=header.NORMAL,
        direction=route.direction,
    )
    return opening.write() + body


def split(message: bytes, message_type: str) -> tuple[header.Header, bytes]:
    """Takes the header off; it must name the type wanted."""
    opening = header.Header.parse(message)
    if opening.message_type != message_type:
        raise ValueError(f"MesgType: {opening.message_type!r}, {message_type!r} wanted")
    return opening, message[header.BYTES :]


def identifier(time_ms: int, parts: Iterable[str]) -> str:
    """A message id that the same content always gets: the date and part of a digest."""
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    letters = base64.b32encode(digest).decode("ascii")[:_DIGEST_CHARACTERS]
    return moment.date_digits(time_ms) + letters
