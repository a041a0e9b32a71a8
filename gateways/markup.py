"""XML bodies: written without surprises, read without document type declarations."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

_OPENING = b'<?xml version="1.0" encoding="UTF-8"?>\n'
# What XML 1.0 cannot hold, and the carriage return, which its readers change.
_FORBIDDEN = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"'>]*)""")
BODY_BYTES_MAX = 8 << 20


class _Builder(ET.TreeBuilder):
    """Builds the tree; a document type declaration could define entities, so none may stand."""

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        raise ValueError(f"XML: document type declaration of {name!r} is not allowed")


class Body:
    """A document being written; every element stands in one namespace."""

    def __init__(self, namespace: str, name: str) -> None:
        self._document = ET.Element("Document", {"xmlns": namespace})
        self.root = ET.SubElement(self._document, name)

    def bytes(self) -> bytes:
        written: bytes = ET.tostring(self._document, encoding="utf-8")
        return _OPENING + written


def check(text: str, field: str) -> None:
    """Refuses characters that no body can carry."""
    found = _FORBIDDEN.search(text)
    if found is not None:
        raise ValueError(f"{field}: character {found[0]!r} cannot stand in XML")


def check_encoding(body: bytes) -> None:
    """Refuses another declared encoding than UTF-8: parsers look for a codec of any name."""
    declared = _ENCODING.match(body)
    if declared is not None and declared[1].lower() != b"utf-8":
        raise ValueError(f"XML: encoding {declared[1].decode('ascii', 'replace')!r}, UTF-8 wanted")


def add(parent: ET.Element, path: str, text: str = "", **attributes: str) -> ET.Element:
    """Adds the elements of a path one inside the other; the last one holds the text."""
    check(text, path)
    for name in path.split("/"):
        parent = ET.SubElement(parent, name)
    parent.text = text or None
    parent.attrib.update(attributes)
    return parent


class Node:
    """An element being read, its namespace checked once for the whole document."""

    def __init__(self, element: ET.Element, namespace: str) -> None:
        self._element = element
        self._namespace = namespace

    def _path(self, path: str) -> str:
        return "/".join(f"{{{self._namespace}}}{name}" for name in path.split("/"))

    def text(self, path: str) -> str:
        """Text of the one element at a path; it must be there and not be empty."""
        text = self.optional(path)
        if not text:
            raise ValueError(f"{path}: missing or empty")
        return text

    def optional(self, path: str) -> str:
        """Text of the element at a path, empty where there is none."""
        found = self._element.findall(self._path(path))
        if len(found) > 1:
            raise ValueError(f"{path}: stands {len(found)} times, once wanted")
        return (found[0].text or "") if found else ""

    def texts(self, path: str) -> list[str]:
        """Texts of all elements at a path."""
        return [element.text or "" for element in self._element.findall(self._path(path))]

    def attribute(self, path: str, name: str) -> str:
        """An attribute of the element at a path, empty where there is none."""
        found = self._element.find(self._path(path))
        return "" if found is None else found.get(name, "")

    def child(self, path: str) -> Node:
        found = self.children(path)
        if len(found) != 1:
            raise ValueError(f"{path}: stands {len(found)} times, once wanted")
        return found[0]

    def children(self, path: str) -> list[Node]:
        found = self._element.findall(self._path(path))
        return [Node(element, self._namespace) for element in found]


def parse(body: bytes, namespace: str, name: str) -> Node:
    """Reads a document and returns its root in the namespace wanted."""
    if len(body) > BODY_BYTES_MAX:
        raise ValueError(f"XML: {len(body)} bytes, at most {BODY_BYTES_MAX}")
    check_encoding(body)
    try:
        # The builder refuses declarations before an entity of theirs can be used.
        parser = ET.XMLParser(target=_Builder(), encoding="utf-8")  # noqa: S314
        parser.feed(body)
        document: ET.Element = parser.close()
    except ET.ParseError as failure:
        raise ValueError(f"XML: {failure}") from None
    wanted = f"{{{namespace}}}Document"
    if document.tag != wanted:
        raise ValueError(f"XML: root is {document.tag}, {wanted} wanted")
    return Node(document, namespace).child(name)
