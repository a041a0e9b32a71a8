"""Ids of the demo's parties, derived from their numbers: every part of the run knows them."""

from __future__ import annotations

from dataclasses import dataclass

from bench.documents.world import Company, Platform
from whampoa import ids


@dataclass(frozen=True)
class Ids:
    """Ids of one run; its start is the time they carry."""

    started_ms: int

    def company(self, company: Company) -> bytes:
        return ids.derive(self.started_ms, "company", str(company.number))

    def platform(self, platform: Platform) -> bytes:
        return ids.derive(self.started_ms, "platform", platform.code, platform.name)

    def officer(self, number: int) -> bytes:
        return ids.derive(self.started_ms, "officer", str(number))

    def grant(self, merchant: Company, grantee: Company) -> bytes:
        return ids.derive(self.started_ms, "grant", str(merchant.number), str(grantee.number))

    def other(self, *parts: str) -> bytes:
        """A relation, an invoice, a registration: whatever only the registration itself names."""
        return ids.derive(self.started_ms, *parts)
