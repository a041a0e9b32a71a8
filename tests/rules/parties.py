"""Who takes part: parties with their codes, the relations between them, and grants."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from bench.documents import codes
from tests.rules.ground import Ground
from whampoa.registry.v1 import registry_service_pb2 as registry

GENERAL, SMALL_SCALE = registry.VAT_CLASS_GENERAL, registry.VAT_CLASS_SMALL_SCALE
SETTLEMENT = registry.PURPOSE_FOREX_SETTLEMENT
MATCH, TAX = registry.PURPOSE_CUSTOMS_MATCH, registry.PURPOSE_TAX
_POLICY = hashlib.sha256(b"policy").digest()


@dataclass(frozen=True)
class Party:
    """A registered party; it files under its customs code."""

    party_id: bytes
    name: str
    uscc: str
    code: str


class Parties(Ground):
    """Registers whoever the story needs."""

    _companies = 0

    def party(
        self,
        name: str,
        *roles: registry.Role.ValueType,
        vat: registry.VatClass.ValueType = GENERAL,
        filed: int = 20200101,
        sanctioned: bool = False,
        payee: bool = True,
    ) -> Party:
        """A company of Guangzhou in some roles."""
        self._companies += 1
        number = self._companies
        party = Party(self.new_id(), name, codes.uscc(number), codes.customs_code(number))
        wanted = registry.Party(
            party_id=party.party_id,
            uscc=party.uscc,
            customs_codes=[party.code],
            roles=roles,
            name=name,
            vat_class=vat,
            refund_filing_date=filed,
            sanctioned=sanctioned,
        )
        if payee:
            account = f"6222{number:012d}"
            wanted.payee.CopyFrom(
                registry.PayeeAccount(
                    account_no=account, account_name=name, bank_code="10258100000001"
                )
            )
        self.tell(registry.RegisterPartiesRequest(parties=[wanted]))
        return party

    def merchant(
        self,
        name: str,
        *,
        vat: registry.VatClass.ValueType = GENERAL,
        filed: int = 20200101,
        sanctioned: bool = False,
    ) -> Party:
        return self.party(name, registry.ROLE_MERCHANT, vat=vat, filed=filed, sanctioned=sanctioned)

    def agent(self, name: str) -> Party:
        return self.party(name, registry.ROLE_DECLARANT)

    def enterprise(self, name: str, *, sanctioned: bool = False) -> Party:
        return self.party(name, registry.ROLE_SERVICE_ENTERPRISE, sanctioned=sanctioned)

    def platform(self, name: str) -> Party:
        return self.party(name, registry.ROLE_PLATFORM)

    def officer(self, name: str) -> Party:
        return self.party(name, registry.ROLE_OFFICER)

    def relate(
        self,
        kind: registry.RelationKind.ValueType,
        merchant: Party,
        other: Party | None,
        prefix: str = "",
        *,
        valid_from_ms: int = 0,
        valid_until_ms: int = 0,
    ) -> bytes:
        """Registers one relation and gives its id."""
        relation = registry.Relation(
            relation_id=self.new_id(),
            kind=kind,
            from_party_id=merchant.party_id,
            to_party_id=other.party_id if other else b"",
            prefix=prefix,
            valid_from_ms=valid_from_ms,
            valid_until_ms=valid_until_ms,
        )
        self.tell(registry.RegisterRelationsRequest(relations=[relation]))
        return relation.relation_id

    def entrust(self, merchant: Party, agent: Party, **times: int) -> bytes:
        return self.relate(registry.RELATION_KIND_ENTRUSTS, merchant, agent, "", **times)

    def open_shop(self, merchant: Party, platform: Party, prefix: str, **times: int) -> bytes:
        return self.relate(registry.RELATION_KIND_SHOP, merchant, platform, prefix, **times)

    def own_items(self, merchant: Party, prefix: str, platform: Party | None = None) -> bytes:
        return self.relate(registry.RELATION_KIND_ITEM, merchant, platform, prefix)

    def serve(self, merchant: Party, enterprise: Party, **times: int) -> bytes:
        return self.relate(registry.RELATION_KIND_SERVED_BY, merchant, enterprise, "", **times)

    def end_relation(self, relation_id: bytes) -> None:
        self.tell(registry.EndRelationRequest(relation_id=relation_id))

    def grant(
        self,
        grantor: Party,
        grantee: Party,
        purpose: registry.Purpose.ValueType = SETTLEMENT,
        currency: str = "",
        *,
        valid_from_ms: int = 0,
        valid_until_ms: int = 0,
    ) -> bytes:
        """Registers one grant and gives its id."""
        grant = registry.Grant(
            grant_id=self.new_id(),
            grantor_party_id=grantor.party_id,
            grantee_party_id=grantee.party_id,
            purpose=purpose,
            currency=currency,
            valid_from_ms=valid_from_ms,
            valid_until_ms=valid_until_ms,
            policy_sha256=_POLICY,
        )
        self.tell(registry.RegisterGrantsRequest(grants=[grant]))
        return grant.grant_id

    def revoke(self, grant_id: bytes) -> None:
        self.tell(registry.RevokeGrantRequest(grant_id=grant_id, reason="it was withdrawn"))

    def client(self, name: str, enterprise: Party, **facts: int) -> Party:
        """A merchant served by an enterprise that may settle for it."""
        merchant = self.merchant(name, **facts)  # type: ignore[arg-type]
        self.serve(merchant, enterprise)
        self.grant(merchant, enterprise)
        return merchant
