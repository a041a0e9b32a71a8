//! Applies one entry to the state: live and on replay, the same function.

use super::State;
use crate::event::{At, Event};

impl State {
    /// Applies what happened. `rows` is the number of rows of the entry.
    pub fn evolve(&mut self, at: &At, event: &Event, rows: u64) {
        debug_assert_eq!(at.index, self.next_index, "entries are applied in order");
        match event {
            Event::ActorAdmitted(event) => self.admit_actor(event),
            Event::PartiesRegistered(event) => self.register_parties(at, event),
            Event::RelationsRegistered(event) => self.register_relations(at, event),
            Event::RelationEnded(event) => self.end_relation(at, event),
            Event::GrantsRegistered(event) => self.register_grants(at, event),
            Event::GrantRevoked(event) => self.revoke_grant(at, event),
            Event::PayeeSet(event) => self.set_payee(at, event),
            Event::DocumentsRecorded(event) => self.record_documents(at, event),
            Event::DisputeSettled(event) => self.settle_dispute(at, event),
            Event::ReturnReported(event) => self.report_return(at, event),
            Event::TradeClosed(event) => self.close_trade(at, event),
            Event::AccountsOpened(event) => self.open_accounts(at, event),
            Event::TransfersApplied(event) => self.apply_transfers(at, event),
            Event::AccountClosed(event) => self.close_account(at, event),
            Event::RemittanceRecorded(event) => self.record_remittance(at, event),
            Event::ChargeRecorded(event) => self.record_charge(at, event),
            Event::RemittanceRecalled(event) => self.recall_remittance(at, event),
            Event::SuspenseReturned(event) => self.return_suspense(at, event),
            Event::RatePublished(event) => self.publish_rate(at, event),
            Event::ConversionRequested(event) => self.request_conversion(at, event),
            Event::ConversionConfirmed(event) => self.confirm_conversion(at, event),
            Event::ConversionFailed(event) => self.fail_conversion(at, event),
            Event::BopDeclared(event) => self.declare_bop(at, event),
            Event::BopFeedbackRecorded(event) => self.record_bop_feedback(at, event),
            Event::Allocated(event) => self.allocate(at, event),
            Event::DebitConfirmed(event) => self.confirm_debit(at, event),
            Event::SettlementRecorded(event) => self.record_settlement(at, event),
            Event::PayoutsInstructed(event) => self.instruct_payouts(at, event),
            Event::ClawbackSettled(event) => self.settle_clawback(at, event),
            Event::RefundRatesLoaded(event) => self.load_refund_rates(at, event),
            Event::InvoicesRecorded(event) => self.record_invoices(at, event),
            Event::ZoneGoodsRegistered(event) => self.register_zone_goods(at, event),
            Event::ItemsLabelled(event) => self.label_items(at, event),
            Event::ReviewDecided(event) => self.decide_review(at, event),
            Event::ReviewRulesSet(event) => self.set_review_rules(at, event),
        }
        self.requests.mark(at);
        self.next_index = at.index + 1;
        self.rows += rows;
        self.time_ms = at.time_ms;
    }
}
