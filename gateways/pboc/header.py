"""The fixed header of 132 bytes before every message of the clearing system."""

from __future__ import annotations

from dataclasses import dataclass

BYTES = 132
_BEGIN = "{H:"
_VERSION = "02"
_STRUCTURE = "XML"
_END = "}\r\n"

# Directions: U from a bank to the national processing centre, D the other way.
UP = "U"
DOWN = "D"
# Priorities: very urgent, urgent, normal.
VERY_URGENT = "1"
URGENT = "2"
NORMAL = "3"

# The fields between the begin and the end flag, in order.
_FIELDS = (
    ("VersionID", 2),
    ("OrigSender", 14),
    ("OrigSenderSID", 4),
    ("OrigReceiver", 14),
    ("OrigReceiverSID", 4),
    ("SendDate", 8),
    ("SendTime", 6),
    ("StructType", 3),
    ("MesgType", 20),
    ("MesgID", 20),
    ("MesgRefID", 20),
    ("Priority", 1),
    ("Direction", 1),
    ("Reserve", 9),
)
_WIDTHS = dict(_FIELDS)


class HeaderError(ValueError):
    """A header that breaks the layout; says which field and why."""


@dataclass(frozen=True)
class Header:
    """One message's header; texts come without the spaces that pad them."""

    sender: str
    receiver: str
    # HVPS or BEPS, the same on both sides.
    system: str
    # YYYYMMDD and HHMMSS in Beijing time.
    date: str
    time: str
    message_type: str
    message_id: str
    # The message this one answers; empty where it answers none.
    reference_id: str
    priority: str
    direction: str

    def write(self) -> bytes:
        """The 132 bytes."""
        values = (
            _VERSION,
            self.sender,
            self.system,
            self.receiver,
            self.system,
            self.date,
            self.time,
            _STRUCTURE,
            self.message_type,
            self.message_id,
            self.reference_id,
            self.priority,
            self.direction,
            "",
        )
        texts = {name: value for (name, _), value in zip(_FIELDS, values, strict=True)}
        _check(texts)
        padded = (_padded(name, value) for name, value in texts.items())
        return (_BEGIN + "".join(padded) + _END).encode("ascii")

    @classmethod
    def parse(cls, message: bytes) -> Header:
        """Reads the header at the start of a message; refuses what breaks the layout."""
        if len(message) < BYTES:
            raise HeaderError(f"header: {len(message)} bytes, {BYTES} wanted")
        try:
            text = message[:BYTES].decode("ascii")
        except UnicodeDecodeError as failure:
            raise HeaderError(f"header: byte {failure.start} is not ASCII") from None
        if not text.startswith(_BEGIN):
            raise HeaderError(f"BeginFlag: {text[:3]!r}, {_BEGIN!r} wanted")
        if not text.endswith(_END):
            raise HeaderError(f"EndFlag: {text[-3:]!r}, {_END!r} wanted")
        texts = _cut(text[len(_BEGIN) : -len(_END)])
        _check(texts)
        return cls(
            sender=texts["OrigSender"],
            receiver=texts["OrigReceiver"],
            system=texts["OrigSenderSID"],
            date=texts["SendDate"],
            time=texts["SendTime"],
            message_type=texts["MesgType"],
            message_id=texts["MesgID"],
            reference_id=texts["MesgRefID"],
            priority=texts["Priority"],
            direction=texts["Direction"],
        )


def _cut(text: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    start = 0
    for name, width in _FIELDS:
        texts[name] = text[start : start + width].rstrip(" ")
        start += width
    return texts


def _padded(name: str, value: str) -> str:
    if len(value) > _WIDTHS[name]:
        raise HeaderError(f"{name}: {len(value)} characters, at most {_WIDTHS[name]}")
    return value.ljust(_WIDTHS[name])


def _check(texts: dict[str, str]) -> None:
    for name, value in texts.items():
        if any(not "!" <= character <= "~" for character in value):
            raise HeaderError(f"{name}: {value!r} is not printable ASCII without spaces")
    _check_one_of(texts, "VersionID", (_VERSION,))
    _check_one_of(texts, "StructType", (_STRUCTURE,))
    _check_one_of(texts, "Priority", (VERY_URGENT, URGENT, NORMAL))
    _check_one_of(texts, "Direction", (UP, DOWN))
    _check_one_of(texts, "Reserve", ("",))
    _check_one_of(texts, "OrigReceiverSID", (texts["OrigSenderSID"],))
    for name in ("OrigSender", "OrigSenderSID", "OrigReceiver", "MesgType", "MesgID"):
        if not texts[name]:
            raise HeaderError(f"{name}: empty")
    for name in ("SendDate", "SendTime"):
        if len(texts[name]) != _WIDTHS[name] or not texts[name].isdigit():
            raise HeaderError(f"{name}: {texts[name]!r}, {_WIDTHS[name]} digits wanted")


def _check_one_of(texts: dict[str, str], name: str, allowed: tuple[str, ...]) -> None:
    if texts[name] not in allowed:
        wanted = " or ".join(repr(value) for value in allowed)
        raise HeaderError(f"{name}: {texts[name]!r}, {wanted} wanted")
