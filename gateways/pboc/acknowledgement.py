"""ccms.990 and ccms.911: a message was received, or it was discarded and why."""

from __future__ import annotations

from gateways import markup, moment
from gateways.pboc import envelope, header, profile

_ROOTS = {profile.ACKNOWLEDGED: "ComConf", profile.DISCARDED: "DscrdMsgNtfctn"}


def write(opening: header.Header | None, message_id: str, time_ms: int, reason: str) -> bytes:
    """Answers a message by its header, or by none when not even that could be read."""
    kind = profile.DISCARDED if reason else profile.ACKNOWLEDGED
    reference = opening.message_id if opening else ""
    body = markup.Body(profile.own_namespace(kind), _ROOTS[kind])
    markup.add(body.root, "MsgId", message_id)
    markup.add(body.root, "CreDtTm", moment.write(time_ms))
    markup.add(body.root, "OrgnlMsgId", reference)
    if reason:
        markup.add(body.root, "Rsn", reason)
    member = opening.sender if opening else profile.CENTRE
    system = opening.system if opening else profile.HVPS
    route = envelope.Route(profile.CENTRE, member, system, header.DOWN, reference)
    return envelope.seal(route, kind, message_id, time_ms, body.bytes())


def parse(message: bytes, kind: str) -> str:
    """Reads an answer; returns why the message was discarded, empty when it was received."""
    if kind not in _ROOTS:
        raise ValueError(f"reply: {kind!r} is neither {' nor '.join(_ROOTS)}")
    _, body = envelope.split(message, kind)
    root = markup.parse(body, profile.own_namespace(kind), _ROOTS[kind])
    return root.text("Rsn") if kind == profile.DISCARDED else ""
