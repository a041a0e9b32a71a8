"""Messages as plain values for JSON and tables: ids as hex, enums as words, positions as text."""

from __future__ import annotations

import datetime as dt
from typing import Any

from google.protobuf.message import Message

from whampoa.money.v1.money_pb2 import Position


def plain(message: Message) -> dict[str, Any]:
    """Every field by name, in the order of the contract; absent messages are null."""
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return dict(sorted(value.items()))
    if field.is_repeated:
        return [_value(one, field) for one in value]
    if field.message_type is not None and not message.HasField(field.name):
        return None
    return _value(value, field)


def _value(value: Any, field: Any) -> Any:
    if field.message_type is not None:
        return plain(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    return value.hex() if isinstance(value, bytes) else value


def place(position: Position) -> str:
    """A position in a line: `index:row`."""
    return f"{position.index}:{position.row}"


def moment(time_ms: int) -> str:
    """A time of the log, UTC, to the millisecond."""
    at = dt.datetime.fromtimestamp(time_ms // 1000, dt.UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{time_ms % 1000:03d}"
