"""Who calls: the role and name in a certificate's URI, `spiffe://whampoa/<role>/<name>`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

TRUST_DOMAIN = "spiffe://whampoa/"


class Role(IntEnum):
    """Roles of identities; the number is the bit in the rights the core sees."""

    ENGINE = 0
    GATEWAY = 1
    INSTITUTION = 2
    OPERATOR = 3
    OFFICER = 4
    AUTHORITY = 5
    DECLARANT = 6
    SERVICE_ENTERPRISE = 7
    MERCHANT = 8

    @property
    def word(self) -> str:
        """As it stands in a URI and in the method table."""
        return self.name.lower().replace("_", "-")


ROLES = {role.word: role for role in Role}


@dataclass(frozen=True)
class Identity:
    """One caller."""

    role: Role
    name: str

    @property
    def uri(self) -> str:
        return f"{TRUST_DOMAIN}{self.role.word}/{self.name}"

    @property
    def rights(self) -> int:
        """Bit mask for the core."""
        return 1 << self.role

    @classmethod
    def parse(cls, uri: str) -> Identity:
        """Reads a URI. Raises `ValueError` when it is no identity of this trust domain."""
        role, _, name = uri.removeprefix(TRUST_DOMAIN).partition("/")
        if not uri.startswith(TRUST_DOMAIN) or role not in ROLES or not name or "/" in name:
            raise ValueError(f"{uri!r} is not {TRUST_DOMAIN}<role>/<name>")
        return cls(ROLES[role], name)


def of_peer(auth_context: Mapping[str, Iterable[bytes]]) -> Identity | None:
    """The identity of a call's certificate; `None` when it names none or more than one."""
    names = [raw.decode("utf-8", "replace") for raw in _alternative_names(auth_context)]
    uris = [name for name in names if name.startswith(TRUST_DOMAIN)]
    if len(uris) != 1:
        return None
    try:
        return Identity.parse(uris[0])
    except ValueError:
        return None


def _alternative_names(auth_context: Mapping[str, Iterable[bytes]]) -> Iterable[bytes]:
    return auth_context.get("x509_subject_alternative_name", ())
