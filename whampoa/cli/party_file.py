"""Parties in a file for people: TOML or JSON, fields of the contract, ids in hex, role words."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError

from whampoa.cli.output import Failure
from whampoa.ids import parse, uuid7
from whampoa.registry.v1.registry_service_pb2 import Party

_ROLE = "ROLE_"
_VAT_CLASS = "VAT_CLASS_"


def read(path: Path) -> list[Party]:
    """The parties of a file. Raises `Failure` that names the place in it."""
    try:
        text = path.read_text("utf-8")
        content: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as fault:
        raise Failure(f"{path}: {fault.strerror}", exit_code=2) from fault
    except ValueError as wrong:
        raise Failure(f"{path}: {wrong}", exit_code=2) from wrong
    listed = content.get("party") if isinstance(content, dict) else content
    unknown = sorted(set(content) - {"party"}) if isinstance(content, dict) else []
    if unknown:
        raise Failure(f"{path}: {unknown[0]}: only `party` may stand here", exit_code=2)
    if not isinstance(listed, list) or not listed:
        raise Failure(f"{path}: a list of parties is wanted, in TOML [[party]]", exit_code=2)
    return [_party(one, f"{path}: party[{at}]") for at, one in enumerate(listed)]


def _party(fields: Any, where: str) -> Party:
    if not isinstance(fields, Mapping):
        raise Failure(f"{where}: a table of fields is wanted", exit_code=2)
    rest = dict(fields)
    party_id = _identifier(rest.pop("party_id", None), where)
    roles = rest.get("roles")
    if isinstance(roles, list):
        rest["roles"] = [_word(role, _ROLE) for role in roles]
    if "vat_class" in rest:
        rest["vat_class"] = _word(rest["vat_class"], _VAT_CLASS)
    try:
        party = ParseDict(rest, Party())
    except ParseError as wrong:
        raise Failure(f"{where}: {wrong}", exit_code=2) from wrong
    party.party_id = party_id
    return party


def _identifier(value: object, where: str) -> bytes:
    if value is None:
        return uuid7()
    try:
        return parse(str(value))
    except ValueError:
        raise Failure(f"{where}.party_id: 32 hex digits, got {value!r}", exit_code=2) from None


def _word(value: object, prefix: str) -> object:
    """An enum's value from the word people write: `service-enterprise`."""
    if not isinstance(value, str):
        return value
    name = value.upper().replace("-", "_")
    return name if name.startswith(prefix) else prefix + name
