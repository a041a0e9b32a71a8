"""The whole field in one story: parties, parcels, money, officers and the tax inputs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.rules.customs import Customs
from tests.rules.ground import OPERATOR, code
from tests.rules.parties import Party
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.ids import halves
from whampoa.money.v1.money_pb2 import Rate
from whampoa.risk.v1 import review_pb2 as review
from whampoa.risk.v1 import risk_service_pb2 as risk
from whampoa.tax.v1 import tax_service_pb2 as tax

BY_ORDERS = clearing.ALLOCATION_MODE_BY_ORDERS
BY_MERCHANTS = clearing.ALLOCATION_MODE_BY_MERCHANTS
BY_VOLUME = clearing.ALLOCATION_MODE_BY_VOLUME
SPECIAL, ORDINARY = tax.INVOICE_KIND_SPECIAL_VAT, tax.INVOICE_KIND_ORDINARY
REALLOCATED = clearing.CLAWBACK_SETTLEMENT_REALLOCATED
REPAID = clearing.CLAWBACK_SETTLEMENT_REPAID_FROM_BALANCE
# CNY per USD and USD per CNY, times 10^8.
USD_CNY, CNY_USD = 712_340_000, 14_040_000
E5 = 100_000


class Scenario(Customs):
    """A corridor that reads like the field."""

    def remittance(
        self,
        enterprise: Party,
        credited_minor: int,
        *,
        currency: str = "USD",
        charges: int = 0,
        country: str = "USA",
        payer: str = "Bargain Harbor LLC",
        reference: str = "",
    ) -> forex.RecordRemittanceRequest:
        """Money as the bank tells it."""
        remittance_id = self.new_id()
        return forex.RecordRemittanceRequest(
            remittance=forex.Remittance(
                remittance_id=remittance_id,
                service_enterprise_party_id=enterprise.party_id,
                currency=currency,
                instructed_minor=credited_minor + charges,
                charges_before_minor=charges,
                credited_minor=credited_minor,
                bank_reference=reference or f"B{remittance_id.hex()[-16:]}",
                value_date=self.today(),
                payer_name=payer,
                payer_country=country,
            )
        )

    def receive(self, enterprise: Party, credited_minor: int, **facts: Any) -> SimpleNamespace:
        """A remittance comes; the row of it."""
        request = self.remittance(enterprise, credited_minor, **facts)
        self.tell(request, "spiffe://whampoa/gateway/bank")
        return self.money(request.remittance.remittance_id)

    def money(self, remittance_id: bytes) -> SimpleNamespace:
        """A remittance as it stands."""
        found = [row for row in self.rows("remittances") if row.remittance_id == remittance_id]
        (row,) = found
        return row

    def allocation(
        self,
        remittance: SimpleNamespace,
        mode: clearing.AllocationMode.ValueType = BY_VOLUME,
        advice: dict[bytes, int] | None = None,
        amount_minor: int = 0,
    ) -> clearing.AllocateRequest:
        """A request to share a remittance, with what is advised by trade or merchant."""
        advised = advice or {}
        return clearing.AllocateRequest(
            remittance_id=remittance.remittance_id,
            mode=mode,
            amount_minor=amount_minor,
            row_count=len(advised),
            id_high=[halves(one)[0] for one in advised],
            id_low=[halves(one)[1] for one in advised],
            advised_minor=list(advised.values()),
        )

    def allocate(self, remittance: SimpleNamespace, **how: Any) -> clearing.AllocateResponse:
        """Shares it; by volume where nothing else is said."""
        reply: clearing.AllocateResponse = self.tell(self.allocation(remittance, **how))
        return reply

    def conversion(self, remittance: SimpleNamespace) -> forex.RequestConversionRequest:
        return forex.RequestConversionRequest(
            conversion_id=self.new_id(), remittance_id=remittance.remittance_id
        )

    def convert(self, remittance: SimpleNamespace) -> forex.ConfirmConversionResponse:
        """All that is allocated is sold to the bank."""
        request = self.conversion(remittance)
        amount: int = self.tell(request).amount_minor
        confirm = forex.ConfirmConversionRequest(
            conversion_id=request.conversion_id,
            rate=Rate(base=remittance.currency, quote="CNY", rate_e8=USD_CNY),
            cny_minor=amount * USD_CNY // 10**8,
            bank_reference="S1",
        )
        reply: forex.ConfirmConversionResponse = self.tell(confirm)
        return reply

    def publish(self, base: str, quote: str, rate_e8: int) -> None:
        rate = Rate(base=base, quote=quote, rate_e8=rate_e8)
        self.tell(forex.PublishRateRequest(rate=rate, source="central parity"))

    def recall(
        self, remittance: SimpleNamespace, amount_minor: int
    ) -> forex.RecallRemittanceResponse:
        request = forex.RecallRemittanceRequest(
            remittance_id=remittance.remittance_id, amount_minor=amount_minor, bank_reference="R1"
        )
        reply: forex.RecallRemittanceResponse = self.tell(request)
        return reply

    def returning(
        self, remittance: SimpleNamespace, amount_minor: int
    ) -> forex.ReturnSuspenseRequest:
        """A request to send suspense back."""
        return forex.ReturnSuspenseRequest(
            remittance_id=remittance.remittance_id, amount_minor=amount_minor, reason="rejected"
        )

    def return_suspense(self, remittance: SimpleNamespace, amount_minor: int) -> None:
        self.tell(self.returning(remittance, amount_minor))

    def payout_request(self, enterprise: Party, *merchants: Party) -> Any:
        return clearing.InstructPayoutsRequest(
            service_enterprise_party_id=enterprise.party_id,
            merchant_party_ids=[merchant.party_id for merchant in merchants],
        )

    def clawback(
        self, trade: SimpleNamespace, how: clearing.ClawbackSettlement.ValueType = REALLOCATED
    ) -> clearing.SettleClawbackRequest:
        return clearing.SettleClawbackRequest(
            trade_id=trade.trade_id, settlement=how, reason="agreed with the merchant"
        )

    def balance(self, kind: str, party: Party, currency: str = "CNY") -> int:
        """Credits less debits, posted, of the accounts of one kind."""
        accounts = [
            account
            for account in self.accounts()
            if (account.kind, account.party_id, account.currency)
            == (kind, party.party_id, currency)
        ]
        return sum(one.credits_posted_minor - one.debits_posted_minor for one in accounts)

    def clearing_of(self, remittance: SimpleNamespace, officer: Party) -> risk.ClearReviewRequest:
        return risk.ClearReviewRequest(
            subject_id=remittance.remittance_id,
            officer_party_id=officer.party_id,
            reason="papers are in order",
        )

    def rejection_of(self, remittance: SimpleNamespace, officer: Party) -> risk.RejectReviewRequest:
        return risk.RejectReviewRequest(
            subject_id=remittance.remittance_id,
            officer_party_id=officer.party_id,
            reason="the payer is unknown",
        )

    def rules(self, **parameters: Any) -> None:
        """Sets the parameters of the review rules."""
        self.tell(risk.SetReviewRulesRequest(**parameters))

    def load_rates(self, version: str, *rates: tuple[str, int, int, int, int]) -> None:
        """Library rows: code, refund rate in basis points, flag, first and last day."""
        self.tell(
            tax.LoadRefundRatesRequest(
                library_version=version,
                rates=[
                    tax.RefundRate(
                        code=digits,
                        refund_rate_bp=rate_bp,
                        levy_rate_bp=1300,
                        flag=flag,
                        valid_from=first,
                        valid_until=last,
                    )
                    for digits, rate_bp, flag, first, last in rates
                ],
            )
        )

    def invoice(
        self,
        buyer: Party,
        amount_minor: int,
        qty: int = 1,
        *,
        kind: tax.InvoiceKind.ValueType = SPECIAL,
        rate_bp: int = 1300,
        gcode: str = "6109100010",
        unit: str = "011",
        date: int = 20261101,
    ) -> tax.Invoice:
        """A purchase invoice; `qty` counts whole pieces."""
        invoice_id = self.new_id()
        return tax.Invoice(
            invoice_id=invoice_id,
            number=f"{int.from_bytes(invoice_id[-8:], 'big'):020d}",
            kind=kind,
            buyer_party_id=buyer.party_id,
            date=date,
            amount_minor=amount_minor,
            tax_rate_bp=rate_bp,
            gcode=gcode,
            qty_e5=qty * E5,
            unit=unit,
        )

    def invoices(self, *invoices: tax.Invoice) -> int:
        """Submits invoices; how many labels changed."""
        relabelled: int = self.tell(tax.SubmitInvoicesRequest(invoices=invoices)).relabelled
        return relabelled

    def zone(
        self,
        merchant: Party,
        *,
        district: str = "51",
        gcode: str = "6109100010",
        valid_from: int = 20180101,
        valid_until: int = 0,
    ) -> int:
        """Registers goods on a pilot zone's platform; how many labels changed."""
        registration = tax.ZoneRegistration(
            registration_id=self.new_id(),
            merchant_party_id=merchant.party_id,
            customs_district=district,
            platform_reg_no="GZ-0001",
            gcode=gcode,
            valid_from=valid_from,
            valid_until=valid_until,
        )
        reply = self.tell(tax.RegisterZoneGoodsRequest(registrations=[registration]))
        relabelled: int = reply.relabelled
        return relabelled

    def label(self, merchant: Party) -> int:
        """Labels a merchant's items by what is known now; how many labels changed."""
        reply = self.tell(tax.LabelItemsRequest(merchant_party_id=merchant.party_id), OPERATOR)
        relabelled: int = reply.relabelled
        return relabelled


def reasons(reply: forex.RecordRemittanceResponse) -> set[str]:
    """Reason codes of a review."""
    names = (review.ReviewReason.Name(number) for number in reply.reasons)
    return {name.removeprefix("REVIEW_REASON_") for name in names}


def outcome(reply: forex.RecordRemittanceResponse) -> str:
    return review.ReviewOutcome.Name(reply.review).removeprefix("REVIEW_OUTCOME_")


def refused_rows(reply: clearing.AllocateResponse) -> dict[int, str]:
    """Advised rows that were not used, with the reason."""
    pairs = zip(reply.refused_rows, reply.refused_codes, strict=True)
    return {row: code(number) for row, number in pairs}
