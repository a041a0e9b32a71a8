//! Decides requests: `decide(state, context, request) → entries or a refusal`. Reads the state, changes nothing.

pub mod clearing;
pub mod customs;
pub mod forex;
pub mod ledger;
pub mod method;
pub mod registry;
pub mod risk;
pub mod tax;

use crate::event::Draft;
use crate::ids::LogKey;
use crate::rejection::Refusal;
use crate::state::State;

pub use method::Method;

/// What a decision needs beside the state: all of it is input, nothing is asked of the machine.
pub struct Context<'a> {
    /// Engine time, UTC milliseconds, never below the time of the entry before.
    pub now_ms: u64,
    /// Bit mask of roles of the caller (engine/identity.py).
    pub rights: u32,
    /// The caller's actor index; `None` when it was never seen before.
    pub actor: Option<u32>,
    /// Index the first entry of the decision will have: the rows of later entries may point at it.
    pub next_index: u64,
    pub log_key: &'a LogKey,
}

/// Entries of one operation, in order, or the refusal.
pub type Decision = Result<Vec<Draft>, Refusal>;

/// Decides one request of a method from its bytes, already checked to hold known fields only.
pub fn decide(state: &State, context: &Context<'_>, method: Method, request: &[u8]) -> Decision {
    let mut drafts = dispatch(state, context, method, request)?;
    // Entries of one case within an operation follow one another.
    for at in 1..drafts.len() {
        if drafts[at].case_id == drafts[at - 1].case_id {
            drafts[at].previous_index = context.next_index + at as u64 - 1;
        }
    }
    Ok(drafts)
}

fn dispatch(state: &State, context: &Context<'_>, method: Method, request: &[u8]) -> Decision {
    use Method as M;
    match method {
        M::RegisterParties => registry::register_parties(state, context, &parse(request)?),
        M::RegisterRelations => registry::register_relations(state, context, &parse(request)?),
        M::EndRelation => registry::end_relation(state, context, &parse(request)?),
        M::RegisterGrants => registry::register_grants(state, context, &parse(request)?),
        M::RevokeGrant => registry::revoke_grant(state, context, &parse(request)?),
        M::SetPayee => registry::set_payee(state, context, &parse(request)?),
        M::SubmitDocuments => customs::submit_documents(state, context, parse(request)?),
        M::SettleDispute => customs::settle_dispute(state, context, &parse(request)?),
        M::ReportReturn => customs::report_return(state, context, &parse(request)?),
        M::CloseTrade => customs::close_trade(state, context, &parse(request)?),
        M::OpenAccounts => ledger::open_accounts(state, context, &parse(request)?),
        M::SubmitTransfers => ledger::submit_transfers(state, context, request),
        M::CloseAccount => ledger::close_account(state, context, &parse(request)?),
        M::RecordRemittance => forex::record_remittance(state, context, &parse(request)?),
        M::RecordCharge => forex::record_charge(state, context, &parse(request)?),
        M::RecallRemittance => forex::recall_remittance(state, context, &parse(request)?),
        M::ReturnSuspense => forex::return_suspense(state, context, &parse(request)?),
        M::PublishRate => forex::publish_rate(state, context, &parse(request)?),
        M::RequestConversion => forex::request_conversion(state, context, &parse(request)?),
        M::ConfirmConversion => forex::confirm_conversion(state, context, &parse(request)?),
        M::FailConversion => forex::fail_conversion(state, context, &parse(request)?),
        M::DeclareRemittance => forex::declare_remittance(state, context, &parse(request)?),
        M::RecordBopFeedback => forex::record_bop_feedback(state, context, &parse(request)?),
        M::Allocate => clearing::allocate(state, context, request),
        M::ConfirmDebit => clearing::confirm_debit(state, context, &parse(request)?),
        M::RecordSettlement => clearing::record_settlement(state, context, &parse(request)?),
        M::InstructPayouts => clearing::instruct_payouts(state, context, &parse(request)?),
        M::SettleClawback => clearing::settle_clawback(state, context, &parse(request)?),
        M::LoadRefundRates => tax::load_refund_rates(state, context, &parse(request)?),
        M::SubmitInvoices => tax::submit_invoices(state, context, &parse(request)?),
        M::RegisterZoneGoods => tax::register_zone_goods(state, context, &parse(request)?),
        M::LabelItems => tax::label_items(state, context, &parse(request)?),
        M::ClearReview => risk::clear_review(state, context, &parse(request)?),
        M::RejectReview => risk::reject_review(state, context, &parse(request)?),
        M::SetReviewRules => risk::set_review_rules(state, context, &parse(request)?),
    }
}

fn parse<M: prost::Message + Default>(request: &[u8]) -> Result<M, Refusal> {
    M::decode(request).map_err(|fault| {
        Refusal::new(
            crate::rejection::Rejection::MalformedRequest,
            "request",
            fault,
        )
    })
}
