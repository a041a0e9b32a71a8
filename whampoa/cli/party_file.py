"""A file of parties, relations and grants: TOML or JSON, fields of the contract, ids in hex."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError

from whampoa.cli.output import Failure
from whampoa.cli.subject import USCC_CHARACTERS
from whampoa.ids import uuid7
from whampoa.registry.v1.registry_service_pb2 import Grant, Party, Relation

_TABLES = ("party", "relation", "grant")
_REFERENCE = "party_id"
# Enums are written as words: `service-enterprise`.
_PREFIXES = {
    "roles": "ROLE_",
    "vat_class": "VAT_CLASS_",
    "kind": "RELATION_KIND_",
    "purpose": "PURPOSE_",
}

M = TypeVar("M", Party, Relation, Grant)
# The id of a registered party by its USCC.
Find = Callable[[str], bytes]


@dataclass(frozen=True)
class Registration:
    """What a file registers."""

    parties: list[Party]
    relations: list[Relation]
    grants: list[Grant]


def read(path: Path, find: Find) -> Registration:
    """What a file registers; ids that it leaves out are made. Raises `Failure` naming the place.

    Where a relation or grant names a party, its USCC will do: of the file, else as `find` knows it.
    """
    content = _content(path)
    parties = _messages(Party, content, path, find)
    own = {party.uscc: party.party_id for party in parties if party.uscc}

    def known(uscc: str) -> bytes:
        return own.get(uscc) or find(uscc)

    return Registration(
        parties=parties,
        relations=_messages(Relation, content, path, known),
        grants=_messages(Grant, content, path, known),
    )


def _content(path: Path) -> dict[str, Any]:
    try:
        content = _read(path)
    except OSError as fault:
        raise Failure(f"{path}: {fault.strerror}", exit_code=2) from fault
    except ValueError as wrong:
        raise Failure(f"{path}: {wrong}", exit_code=2) from wrong
    except RecursionError as wrong:
        raise Failure(f"{path}: nested too deep", exit_code=2) from wrong
    if not isinstance(content, dict) or not content:
        raise Failure(f"{path}: tables of {', '.join(_TABLES)} are wanted", exit_code=2)
    for name, listed in content.items():
        if name not in _TABLES:
            raise Failure(f"{path}: {name}: is none of {', '.join(_TABLES)}", exit_code=2)
        if not isinstance(listed, list) or not listed:
            raise Failure(f"{path}: {name}: a list is wanted, in TOML [[{name}]]", exit_code=2)
    return content


def _read(path: Path) -> Any:
    text = path.read_text("utf-8")
    if path.suffix != ".json":
        return tomllib.loads(text)
    content = json.loads(text)
    # JSON can spell halves of characters, of which no message can be made.
    json.dumps(content, ensure_ascii=False).encode("utf-8")
    return content


def _messages(kind: type[M], content: Mapping[str, Any], path: Path, find: Find) -> list[M]:
    table = kind.DESCRIPTOR.name.lower()
    return [
        _message(kind, fields, f"{path}: {table}[{at}]", find)
        for at, fields in enumerate(content.get(table, []))
    ]


def _message(kind: type[M], fields: Any, where: str, find: Find) -> M:
    if not isinstance(fields, Mapping):
        raise Failure(f"{where}: a table of fields is wanted", exit_code=2)
    own_id = f"{kind.DESCRIPTOR.name.lower()}_id"
    rest: dict[str, Any] = {}
    octets: dict[str, bytes] = {own_id: uuid7()}
    for name, value in fields.items():
        field = kind.DESCRIPTOR.fields_by_name.get(name)
        if field is not None and field.type == FieldDescriptor.TYPE_BYTES:
            is_reference = name != own_id and name.endswith(_REFERENCE)
            if is_reference and isinstance(value, str) and len(value) == USCC_CHARACTERS:
                octets[name] = find(value)
            else:
                octets[name] = _hex(value, f"{where}.{name}")
        elif name in _PREFIXES:
            prefix = _PREFIXES[name]
            words = [_word(one, prefix) for one in value] if isinstance(value, list) else None
            rest[name] = _word(value, prefix) if words is None else words
        else:
            rest[name] = value
    try:
        message = ParseDict(rest, kind())
    except ParseError as wrong:
        raise Failure(f"{where}: {wrong}", exit_code=2) from wrong
    for name, raw in octets.items():
        setattr(message, name, raw)
    return message


def _hex(value: object, where: str) -> bytes:
    text = value if isinstance(value, str) else ""
    try:
        octets = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        octets = b""
    if not octets:
        told = repr(text) if text else type(value).__name__
        raise Failure(f"{where}: hex digits are wanted, got {told}", exit_code=2)
    return octets


def _word(value: object, prefix: str) -> object:
    """An enum's value from the word people write."""
    if not isinstance(value, str):
        return value
    name = value.upper().replace("-", "_")
    return name if name.startswith(prefix) else prefix + name
