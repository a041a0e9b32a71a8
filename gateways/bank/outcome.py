"""What the engine is told: of the bank's letters, and of orders that the bank refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from gateways.bank import notification, profile, rate, reference, status
from gateways.bank.board import Board
from gateways.bank.entry import Batch, Claim, Credit, Entry, Exchange, Kind
from gateways.bank.order import Order, Purpose
from gateways.bank.status import Report
from whampoa import ids
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.forex.v1 import forex_service_pb2 as forex
from whampoa.money.v1 import money_pb2 as money

log = logging.getLogger(__name__)

Request = (
    forex.RecordRemittanceRequest
    | forex.RecordChargeRequest
    | forex.RecallRemittanceRequest
    | forex.PublishRateRequest
    | forex.ConfirmConversionRequest
    | forex.FailConversionRequest
    | clearing.ConfirmDebitRequest
    | clearing.RecordSettlementRequest
)
# An order that came before with other content was perhaps carried out: that decides nothing.
_UNDECIDED = {"AM05", "DUPL"}


def of_letter(message: bytes, message_format: str) -> Iterator[Request]:
    """The requests of a letter, in order; a repeated letter gives the same ones."""
    if message_format == profile.BOARD:
        board = Board.parse(message)
        yield from (_rate(board, it.base, it.quote, it.rate_e8) for it in board.news())
    elif message_format == profile.NOTIFICATION:
        for entry in notification.parse(message):
            request = _of_entry(entry)
            if request is not None:
                yield request
    else:
        wanted = f"{profile.NOTIFICATION!r} or {profile.BOARD!r} wanted"
        raise ValueError(f"format: {message_format!r}, {wanted}")


def of_answer(order: Order, report: Report) -> Iterator[Request]:
    """The requests for what of an order the bank refused."""
    if report.order_id != order.message_id and not report.reason:
        raise ValueError(f"OrgnlMsgId: {report.order_id} answers another order")
    if report.reason:
        refused = [(it.payment_id, report.reason) for it in order.instructions]
    else:
        states = (it for it in report.states if it.status == status.REFUSED)
        refused = [(it.payment_id, it.reason) for it in states]
    for payment_id, reason in refused:
        place = f"{order.purpose.name.lower()} {payment_id}"
        log.error("bank refused %s: %s %s", place, reason, report.text)
    decided = [it for it in refused if it[1] not in _UNDECIDED]
    if order.purpose is Purpose.SALE:
        yield from (_failed(report, *it) for it in decided)
    elif order.purpose is Purpose.PAYOUT and decided:
        yield _rejected(report, decided)


def _of_entry(entry: Entry) -> Request | None:
    detail = entry.detail
    if isinstance(detail, Credit):
        return _remittance(entry, detail)
    if isinstance(detail, Claim):
        return _claim(entry, detail)
    if isinstance(detail, Exchange):
        return _conversion(entry, detail) if entry.kind is Kind.PURCHASE else None
    if entry.kind is Kind.PAYOUT:
        return _debit(entry, detail)
    # What came back of payouts the clearing front tells, and repayments the engine ordered itself.
    log.info("%s %s: %d %s", entry.kind.word, entry.reference, entry.amount_minor, detail.reason)
    return None


def _remittance(entry: Entry, credit: Credit) -> forex.RecordRemittanceRequest:
    told = forex.Remittance(
        remittance_id=reference.remittance_id(entry.reference, entry.booked_at_ms),
        service_enterprise_party_id=bytes.fromhex(entry.account.enterprise),
        currency=entry.account.currency,
        instructed_minor=credit.instructed_minor,
        charges_before_minor=credit.charges_minor,
        credited_minor=entry.amount_minor,
        bank_reference=entry.reference,
        value_date=int(entry.value_date.replace("-", "")),
        payer_name=credit.payer_name,
        payer_country=credit.payer_country,
        remittance_text=credit.text,
        collection_account=entry.account.collection,
    )
    return forex.RecordRemittanceRequest(request_id=_request_id(entry), remittance=told)


def _claim(entry: Entry, claim: Claim) -> forex.RecordChargeRequest | forex.RecallRemittanceRequest:
    request_id = _request_id(entry)
    remittance_id = reference.remittance_id(claim.reference, claim.booked_at_ms)
    if entry.kind is Kind.CHARGE:
        return forex.RecordChargeRequest(
            request_id=request_id,
            remittance_id=remittance_id,
            amount_minor=entry.amount_minor,
            bank_reference=entry.reference,
        )
    return forex.RecallRemittanceRequest(
        request_id=request_id,
        remittance_id=remittance_id,
        amount_minor=entry.amount_minor,
        bank_reference=entry.reference,
    )


def _conversion(entry: Entry, exchange: Exchange) -> forex.ConfirmConversionRequest:
    rate_of = exchange.rate
    return forex.ConfirmConversionRequest(
        request_id=_request_id(entry),
        conversion_id=bytes.fromhex(exchange.conversion_id),
        rate=money.Rate(base=rate_of.base, quote=rate_of.quote, rate_e8=rate_of.rate_e8),
        cny_minor=entry.amount_minor,
        bank_reference=entry.reference,
    )


def _debit(entry: Entry, batch: Batch) -> clearing.ConfirmDebitRequest:
    return clearing.ConfirmDebitRequest(
        request_id=_request_id(entry),
        payout_ids=[bytes.fromhex(payment_id) for payment_id, _ in batch.payments],
        bank_reference=entry.reference,
    )


def _rate(board: Board, base: str, quote: str, rate_e8: int) -> forex.PublishRateRequest:
    text = rate.write(rate_e8)
    return forex.PublishRateRequest(
        request_id=ids.derive(board.time_ms, "rate", base, quote, text),
        rate=money.Rate(base=base, quote=quote, rate_e8=rate_e8),
        source="bank's board",
    )


def _failed(report: Report, payment_id: str, reason: str) -> forex.FailConversionRequest:
    return forex.FailConversionRequest(
        request_id=ids.derive(report.time_ms, "refused", payment_id),
        conversion_id=bytes.fromhex(payment_id),
        reason=reason,
    )


def _rejected(report: Report, refused: list[tuple[str, str]]) -> clearing.RecordSettlementRequest:
    results = [
        clearing.PayoutResult(
            payout_id=bytes.fromhex(payment_id),
            outcome=clearing.PAYOUT_OUTCOME_REFUSED,
            reason_code=reason,
            clearing_reference=report.message_id,
        )
        for payment_id, reason in refused
    ]
    request_id = ids.derive(report.time_ms, "refused", report.message_id)
    return clearing.RecordSettlementRequest(request_id=request_id, results=results)


def _request_id(entry: Entry) -> bytes:
    return ids.derive(entry.booked_at_ms, entry.kind.word, entry.reference)
