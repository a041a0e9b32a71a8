"""Small damages to a message: what a careless or hostile sender would change."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

from lxml import etree

_CEB = "http://www.chinaport.gov.cn/ceb"
_TEXTS = (
    "", " ", "\n\t", "0", "-1", "+1", " 1 ", "1.5", "1.", ".5", "1e3", "NaN", "INF", "１", "0x1",
    "00000000000000000001", "1.123456", "1.12345000", "12345678901234567890", "99999999999",
    "100000", "2147483648", "-2147483649", "aaa", "a", "ab", "无", "\u00a0", "𝄞", "a\rb", "]]>",
    "20260131120000", "3", "9610", "<&>\"'", "A  B", " AB", "x" * 17, "x" * 18, "x" * 19, "x" * 20,
    "x" * 31, "x" * 33, "x" * 36, "x" * 101, "x" * 251, "x" * 1001,
)  # fmt: skip
_BYTES: tuple[bytes, ...] = (
    b"<",
    b">",
    b"&",
    b'"',
    b"/",
    b"\x00",
    b"\xff",
    b"\xe4",
    b" ",
    b"]]>",
    b"&#0;",
    b"&#65;",
)
_BYTES += (
    b"&amp;",
    b"&lt",
    b"<!-- -->",
    b"<!-- -- -->",
    b"<?x y?>",
    b"<?xml y?>",
    b"<![CDATA[x]]>",
)
_BYTES += (b"\r\n", b"\xc2\xa0", b"<a/>", b"xmlns='x'", b"&unknown;", b"\xef\xbf\xbe", b"=", b"'")

Change = Callable[[etree._Element, random.Random], None]


def mutate(message: bytes, chance: random.Random) -> tuple[str, bytes]:
    """Return the name of what was done and the damaged message."""
    if chance.random() < 0.4:
        damage = chance.choice((_cut, _flip, _drop, _insert, _repeat))
        return damage.__name__, damage(message, chance)
    root = etree.fromstring(message)
    changes = [chance.choice(_CHANGES) for _ in range(chance.choice((1, 1, 1, 2)))]
    for change in changes:
        change(root, chance)
    names = "+".join(change.__name__ for change in changes)
    return names, etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _cut(message: bytes, chance: random.Random) -> bytes:
    return message[: chance.randrange(len(message))]


def _flip(message: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(message))
    return message[:at] + bytes([message[at] ^ (1 << chance.randrange(8))]) + message[at + 1 :]


def _drop(message: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(message))
    return message[:at] + message[at + chance.randint(1, 3) :]


def _insert(message: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(message) + 1)
    return message[:at] + chance.choice(_BYTES) + message[at:]


def _repeat(message: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(message))
    to = min(len(message), at + chance.randint(1, 60))
    return message[:to] + message[at:to] + message[to:]


def _element(root: etree._Element, chance: random.Random) -> etree._Element:
    return chance.choice(list(root.iter(etree.Element)))


def _leaf(root: etree._Element, chance: random.Random) -> etree._Element:
    return chance.choice([element for element in root.iter(etree.Element) if not len(element)])


def _remove(root: etree._Element, chance: random.Random) -> None:
    element = _element(root, chance)
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _double(root: etree._Element, chance: random.Random) -> None:
    element = _element(root, chance)
    if element is not root:
        element.addnext(copy.deepcopy(element))


def _swap(root: etree._Element, chance: random.Random) -> None:
    element = _element(root, chance)
    other = element.getnext()
    if other is not None and element is not root:
        other.addnext(element)


def _move(root: etree._Element, chance: random.Random) -> None:
    element, place = _element(root, chance), _element(root, chance)
    if element is not root and place not in element.iter():
        place.append(element)


def _rename(root: etree._Element, chance: random.Random) -> None:
    name = etree.QName(_element(root, chance)).localname
    element = _element(root, chance)
    space = chance.choice((_CEB, _CEB, _CEB, etree.QName(element).namespace, "urn:other", ""))
    element.tag = f"{{{space}}}{name}" if space else name


def _text(root: etree._Element, chance: random.Random) -> None:
    _leaf(root, chance).text = chance.choice(_TEXTS)


def _lengthen(root: etree._Element, chance: random.Random) -> None:
    leaf = _leaf(root, chance)
    text = leaf.text or ""
    leaf.text = chance.choice(
        (text + "1", text[:-1], text * 2, f" {text} ", f"\n{text}\n", text + "号")
    )


def _stray_text(root: etree._Element, chance: random.Random) -> None:
    _element(root, chance).tail = chance.choice((" ", "x", "\n\n"))


def _child(root: etree._Element, chance: random.Random) -> None:
    etree.SubElement(_element(root, chance), f"{{{_CEB}}}note").text = "x"


def _comment(root: etree._Element, chance: random.Random) -> None:
    _element(root, chance).insert(0, etree.Comment("x"))


def _instruction(root: etree._Element, chance: random.Random) -> None:
    _element(root, chance).insert(0, etree.ProcessingInstruction("x", "y"))


def _attribute(root: etree._Element, chance: random.Random) -> None:
    name = chance.choice(("guid", "version", "Id", "URI", "Algorithm", "{urn:x}a"))
    text = chance.choice(("", "x", "1", "x" * 10, "x" * 11, "x" * 36, "x" * 37, " x ", "a:b"))
    element = root if chance.random() < 0.5 else _element(root, chance)
    element.set(name, text)


def _hint(root: etree._Element, chance: random.Random) -> None:
    name = chance.choice(("schemaLocation", "noNamespaceSchemaLocation"))
    _element(root, chance).set(f"{{http://www.w3.org/2001/XMLSchema-instance}}{name}", "a b")


def _bare(root: etree._Element, chance: random.Random) -> None:
    for name in list(root.attrib):
        if chance.random() < 0.7:
            del root.attrib[name]


def _many(root: etree._Element, chance: random.Random) -> None:
    payload = next(root.iterchildren(etree.Element), None)
    if payload is None:
        return
    element = chance.choice([payload, *list(payload.iterchildren(etree.Element))[-1:]])
    for _ in range(chance.choice((98, 99, 100))):
        element.addnext(copy.deepcopy(element))


def _subscribers(root: etree._Element, chance: random.Random) -> None:
    transfer = root.find(f"{{{_CEB}}}BaseTransfer")
    if transfer is None:
        return
    for _ in range(chance.randint(1, 6)):
        copied = etree.Element(f"{{{_CEB}}}BaseSubscribe")
        for name, text in (("status", "ALL"), ("dxpMode", "DXP"), ("dxpAddress", "x")):
            etree.SubElement(copied, f"{{{_CEB}}}{name}").text = text
        transfer.addnext(copied)


def _extension(root: etree._Element, chance: random.Random) -> None:
    extension = etree.SubElement(root, f"{{{_CEB}}}ExtendMessage")
    for name in ("name", "version", "Message"):
        etree.SubElement(extension, f"{{{_CEB}}}{name}")
    for _ in range(chance.randint(0, 2)):
        etree.SubElement(extension[2], chance.choice(("x", "{urn:y}z"))).text = "free"


_CHANGES: tuple[Change, ...] = (
    _remove, _double, _swap, _move, _rename, _text, _text, _text, _lengthen, _lengthen,
    _stray_text, _child, _comment, _instruction, _attribute, _hint, _bare, _many, _subscribers,
    _extension,
)  # fmt: skip
