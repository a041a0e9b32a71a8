"""Files of SAFE: XML in GB18030 without namespaces, read without document type declarations."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from gateways.safe import profile

_OPENING = f'<?xml version="1.0" encoding="{profile.ENCODING}"?>\n'
_ROOT = "MSG"
# What XML 1.0 cannot hold, and the carriage return, which its readers change.
_FORBIDDEN = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
FILE_BYTES_MAX = 4 << 20


class _Builder(ET.TreeBuilder):
    """Builds the tree; a document type declaration could define entities, so none may stand."""

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        raise ValueError(f"XML: document type declaration of {name!r} is not allowed")


def check(text: str, field: str) -> None:
    """Refuses characters that no file can carry."""
    found = _FORBIDDEN.search(text)
    if found is not None:
        raise ValueError(f"{field}: character {found[0]!r} cannot stand in XML")


def begin() -> ET.Element:
    """The root of a new file."""
    return ET.Element(_ROOT)


def add(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    """Adds an element with its text."""
    check(text, name)
    element = ET.SubElement(parent, name)
    element.text = text or None
    return element


def write(root: ET.Element) -> bytes:
    """The bytes of a file."""
    body = ET.tostring(root, encoding="unicode")
    return (_OPENING + body).encode(profile.ENCODING)


def parse(message: bytes) -> ET.Element:
    """Reads a file and returns its root."""
    if len(message) > FILE_BYTES_MAX:
        raise ValueError(f"XML: {len(message)} bytes, at most {FILE_BYTES_MAX}")
    try:
        content = message.decode(profile.ENCODING)
    except UnicodeDecodeError as failure:
        raise ValueError(f"XML: no {profile.ENCODING} text: {failure.reason}") from None
    if not content.startswith(_OPENING):
        raise ValueError(f"XML: does not begin with {_OPENING.strip()}")
    try:
        # The builder refuses declarations before an entity of theirs can be used.
        parser = ET.XMLParser(target=_Builder())  # noqa: S314
        parser.feed(content.removeprefix(_OPENING))
        root: ET.Element = parser.close()
    except ET.ParseError as failure:
        raise ValueError(f"XML: {failure}") from None
    if root.tag != _ROOT:
        raise ValueError(f"XML: root is {root.tag}, {_ROOT} wanted")
    return root


def child(parent: ET.Element, name: str) -> ET.Element:
    """The one element of a name."""
    found = parent.findall(name)
    if len(found) != 1:
        raise ValueError(f"{name}: stands {len(found)} times, once wanted")
    return found[0]


def text(parent: ET.Element, name: str) -> str:
    """Text of the one element of a name; it must not be empty."""
    found = child(parent, name).text or ""
    if not found:
        raise ValueError(f"{name}: empty")
    return found


def fixed(parent: ET.Element, name: str, wanted: str) -> None:
    """Refuses another text than the one wanted."""
    found = text(parent, name)
    if found != wanted:
        raise ValueError(f"{name}: {found!r}, {wanted!r} wanted")


def number(parent: ET.Element, name: str, most: int) -> int:
    """A whole number from 0 to `most`."""
    found = text(parent, name)
    is_digits = found.isascii() and found.isdigit() and len(found) <= len(str(most))
    if not is_digits or int(found) > most:
        raise ValueError(f"{name}: {found!r} is not 0..{most}")
    return int(found)


def fields(element: ET.Element) -> dict[str, str]:
    """Texts of an element's children by name; each stands once and has no children."""
    texts: dict[str, str] = {}
    for inner in element:
        if inner.tag in texts or len(inner):
            raise ValueError(f"{element.tag}/{inner.tag}: stands twice or holds elements")
        texts[inner.tag] = inner.text or ""
    return texts
