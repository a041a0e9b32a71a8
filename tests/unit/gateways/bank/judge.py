"""An outside judge: what classes made from the published ISO 20022 schemas say of a message."""

from __future__ import annotations

import dataclasses
import importlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.serializers import XmlSerializer

_STRICT = ParserConfig(
    fail_on_unknown_properties=True,
    fail_on_unknown_attributes=True,
    fail_on_converter_warnings=True,
)


def check(message: bytes, message_format: str) -> None:
    """Fail unless a message has the elements, their order and their values of its schema."""
    area, name = message_format.partition(".")[0], message_format.replace(".", "_")
    module = importlib.import_module(f"pyiso20022.{area}.{name}.{name}")
    document = XmlParser(config=_STRICT).from_bytes(message, module.Document)
    complaints = list(_complaints(document, "Document"))
    assert not complaints, complaints
    # The classes keep the order of the schema, so what they write tells the right order.
    again = XmlSerializer().render(document).encode()
    assert _tags(message) == _tags(again)


def _complaints(node: Any, place: str) -> Iterator[str]:
    """What breaks the facets that the schema sets for a value; each field knows its own."""
    for it in dataclasses.fields(node):
        value = getattr(node, it.name)
        path = f"{place}/{it.metadata.get('name', it.name)}"
        if value is None and it.metadata.get("required"):
            yield f"{path}: missing"
        for one in value if isinstance(value, list) else [value]:
            if dataclasses.is_dataclass(one):
                yield from _complaints(one, path)
            elif one is not None and not _fits(one, it.metadata):
                yield f"{path}: {one!r}"


def _fits(value: Any, facets: Mapping[str, Any]) -> bool:
    text = str(value)
    if isinstance(value, Decimal):
        _, digits, exponent = value.as_tuple()
        places = max(0, -int(exponent))
        limit_places = int(facets.get("fraction_digits", places))
        limit_digits = int(facets.get("total_digits", len(digits)))
        return places <= limit_places and len(digits) <= limit_digits
    shortest, longest = int(facets.get("min_length", 0)), int(facets.get("max_length", len(text)))
    pattern = str(facets.get("pattern", ".*"))
    is_like = re.fullmatch(pattern, text, re.DOTALL) is not None
    return shortest <= len(text) <= longest and is_like


def _tags(message: bytes) -> list[str]:
    return [node.tag for node in ET.fromstring(message).iter()]  # noqa: S314
