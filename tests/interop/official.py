"""The official export schema as judge and as source of contents; read in place, never copied."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lxml import etree

CEB = Path(__file__).resolve().parents[3] / "shared" / "reference" / "ceb"
ABSENT = f"{CEB.relative_to(CEB.parents[2])} is absent beside the project"
SAMPLES = CEB / "samples-2018"
_XS = "{http://www.w3.org/2001/XMLSchema}"
_PREFIX = "ceb:"


@dataclass(frozen=True)
class Field:
    """One leaf of the schema: its facets by name, and whether it must be there."""

    name: str
    base: str
    facets: dict[str, str]
    required: bool
    fixed: str | None

    def text(self, chance: random.Random) -> str:
        """Return a text that the facets allow."""
        if self.fixed is not None:
            return self.fixed
        if self.base == "xs:decimal":
            whole = chance.randint(0, 10 ** chance.randint(0, 14) - 1)
            return chance.choice([f"{whole}", f"{whole}.{chance.randint(0, 99999):05d}", "-1.5"])
        if self.base in {"xs:int", "xs:integer"}:
            return str(chance.randint(0, 10 ** int(self.facets.get("totalDigits", "9")) - 1))
        least = int(self.facets.get("length", self.facets.get("minLength", "0")))
        most = int(self.facets.get("length", self.facets.get("maxLength", "40")))
        length = chance.choice([least, most, chance.randint(least, most)])
        return "".join(chance.choice("09AZaz无号&<>'\"-") for _ in range(length))


@dataclass(frozen=True)
class Message:
    """One message of the schema: its head fields and, when it has rows, the fields of a row."""

    number: int
    head: list[Field]
    rows: list[Field] | None
    enveloped: bool

    def document(self, chance: random.Random, *, whole: bool) -> dict[str, object]:
        """Return a document with all its fields, or the required ones and some of the others."""
        document: dict[str, object] = dict(_texts(self.head, chance, whole=whole))
        if self.rows is not None:
            count = chance.randint(1, 3)
            document["rows"] = [_texts(self.rows, chance, whole=whole) for _ in range(count)]
        return document


def _texts(fields: list[Field], chance: random.Random, *, whole: bool) -> dict[str, str]:
    chosen = [field for field in fields if field.required or whole or chance.random() < 0.3]
    return {field.name: field.text(chance) for field in chosen}


@cache
def schema() -> etree.XMLSchema:
    """Return the compiled 202205 schema."""
    return etree.XMLSchema(etree.parse(CEB / "xsd-202205" / "export.xsd"))


def verdict(message: bytes) -> bool:
    """Whether the schema takes the bytes; what is not XML it does not take."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        tree = etree.fromstring(message, parser)
    except etree.XMLSyntaxError:
        return False
    return schema().validate(tree)


@cache
def messages() -> list[Message]:
    """Return every message that the schema knows, its tables read from the schema itself."""
    root = etree.parse(CEB / "xsd-202205" / "export.xsd").getroot()
    elements = {element.get("name", ""): element for element in root.findall(f"{_XS}element")}
    found = []
    for name, element in elements.items():
        if name.startswith("CEB") and name.endswith("Message"):
            found.append(_message(int(name[3:6]), element, elements))
    return found


def _message(number: int, element: etree._Element, elements: dict[str, etree._Element]) -> Message:
    children = _children(element)
    payload = elements[_target(children[0])]
    enveloped = any(_target(child) == "BaseTransfer" for child in children)
    parts = _children(payload)
    if parts[0].get("ref") is None:
        return Message(number, [_field(part) for part in parts], None, enveloped)
    head, rows = (_children(elements[_target(part)]) for part in parts)
    return Message(
        number, [_field(part) for part in head], [_field(part) for part in rows], enveloped
    )


def _children(element: etree._Element) -> list[etree._Element]:
    return element.findall(f"{_XS}complexType/{_XS}sequence/{_XS}element")


def _target(element: etree._Element) -> str:
    return element.get("ref", "").removeprefix(_PREFIX)


def _field(element: etree._Element) -> Field:
    restriction = element.find(f"{_XS}simpleType/{_XS}restriction")
    base = element.get("type", "xs:string")
    facets: dict[str, str] = {}
    if restriction is not None:
        base = restriction.get("base", base)
        facets = {
            etree.QName(facet).localname: facet.get("value", "")
            for facet in restriction.iterchildren(tag=etree.Element)
        }
    return Field(
        name=element.get("name", ""),
        base=base,
        facets=facets,
        required=element.get("minOccurs", "1") != "0",
        fixed=element.get("fixed"),
    )
