//! Which rules a request is judged by: what all have in common, then its method's own.

use sha2::{Digest, Sha256};
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::decide::Method;

use super::request::{Requests, is_in_window};
use super::verdict::{No, Told, Verdict, refuses};
use super::{
    Request, Tables, allocation, bop, clawback, conversion, document, grant, ledger, payout,
    registry, remittance, request_id, review, trade, transfer,
};

pub fn name(method: u16) -> String {
    match Method::from_number(method) {
        Some(method) => format!("{method:?}"),
        None => format!("method {method}"),
    }
}

/// Refusals after which the same request may succeed (DESIGN section 4.14).
pub fn is_transient(code: Rejection) -> bool {
    [
        Rejection::NoRoom,
        Rejection::InsufficientFunds,
        Rejection::ReviewPending,
        Rejection::NumbersExhausted,
        Rejection::MerchantUnderClawback,
        Rejection::NothingToAllocate,
        Rejection::ConversionPending,
    ]
    .contains(&code)
}

/// Id, whether it is taken, its time; then the method's rules.
pub fn judge(tables: &mut Tables, requests: &Requests, request: &Request<'_>) -> Verdict {
    let Some(method) = Method::from_number(request.method) else {
        return refuses(Rejection::MalformedRequest, "method");
    };
    let Some(id) = request_id(request.bytes) else {
        return Err(No::Unjudged);
    };
    if let Some(known) = requests.get(id) {
        let sha256: [u8; 32] = Sha256::digest(request.bytes).into();
        return match known.sha256 == sha256 && known.method == request.method {
            true => Ok(Box::new(|_| {})),
            false => refuses(Rejection::RequestIdReused, "request_id"),
        };
    }
    if !is_in_window(id, tables.now_ms) {
        return refuses(Rejection::IdOutOfWindow, "request_id");
    }
    by_method(tables, method, request)
}

fn by_method(tables: &mut Tables, method: Method, request: &Request<'_>) -> Verdict {
    use Method as M;
    let bytes = request.bytes;
    let actor = tables.registry.actor(request.identity);
    match method {
        M::EndRelation => registry::end_relation(tables, bytes),
        M::SetPayee => registry::set_payee(tables, bytes),
        M::RegisterGrants => grant::register_grants(tables, bytes),
        M::RevokeGrant => grant::revoke_grant(tables, bytes),
        M::SettleDispute => trade::settle_dispute(tables, bytes),
        M::ReportReturn => trade::report_return(tables, bytes),
        M::CloseTrade => trade::close_trade(tables, bytes),
        M::OpenAccounts => ledger::open_accounts(tables, bytes),
        M::SubmitTransfers => transfer::submit_transfers(tables, bytes),
        M::CloseAccount => ledger::close_account(tables, bytes),
        M::RecordRemittance => review::record(tables, bytes),
        M::RecordCharge => remittance::charge(tables, bytes),
        M::RecallRemittance => remittance::recall(tables, bytes),
        M::ReturnSuspense => remittance::give_back(tables, bytes),
        M::PublishRate => remittance::publish_rate(bytes),
        M::RequestConversion => conversion::request(tables, bytes),
        M::ConfirmConversion => conversion::confirm(tables, bytes),
        M::FailConversion => conversion::fail(tables, bytes),
        M::DeclareRemittance => bop::declare(tables, bytes),
        M::RecordBopFeedback => bop::feedback(tables, bytes),
        M::Allocate => allocation::allocate(tables, bytes),
        M::ConfirmDebit => payout::debit(tables, bytes),
        M::RecordSettlement => payout::settle(tables, bytes),
        M::InstructPayouts => payout::instruct(tables, bytes),
        M::SettleClawback => clawback::settle_clawback(tables, bytes),
        M::ClearReview => review::decide(tables, bytes, actor, true),
        M::RejectReview => review::decide(tables, bytes, actor, false),
        M::SetReviewRules => review::set_rules(tables, bytes),
        M::RegisterParties
        | M::RegisterRelations
        | M::SubmitDocuments
        | M::LoadRefundRates
        | M::SubmitInvoices
        | M::RegisterZoneGoods
        | M::LabelItems => Err(No::Unjudged),
    }
}

/// Documents are judged by what became of each of them.
pub fn check_documents(tables: &Tables, request: &Request<'_>, told: &Told<'_>) {
    if Method::from_number(request.method) == Some(Method::SubmitDocuments) {
        document::check_reply(request.bytes, told, &tables.documents);
    }
}
