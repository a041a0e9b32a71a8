//! Remittances, payouts, balance-of-payments records and the used value of trades as table rows, from the state.

use std::collections::BTreeSet;

use super::{Batches, Cell, snake};
use crate::event::risk::ReviewReason;
use crate::event::{At, Event};
use crate::ids::Id;
use crate::state::State;
use crate::state::bop::Rptno;

/// Ids of what an event touched.
#[derive(Default)]
struct Touched {
    remittances: BTreeSet<Id>,
    payouts: BTreeSet<Id>,
    trades: BTreeSet<Id>,
    records: BTreeSet<Rptno>,
}

impl Touched {
    fn of(event: &Event) -> Self {
        let mut touched = Self::default();
        touched.money(event);
        touched.customs(event);
        touched
    }

    fn money(&mut self, event: &Event) {
        match event {
            Event::RemittanceRecorded(event) => self
                .remittances
                .extend(event.remittances.iter().map(|r| r.remittance_id)),
            Event::ChargeRecorded(event) => self
                .remittances
                .extend(event.remittances.iter().map(|r| r.remittance_id)),
            Event::SuspenseReturned(event) => self
                .remittances
                .extend(event.remittances.iter().map(|r| r.remittance_id)),
            Event::ReviewDecided(event) => drop(self.remittances.insert(event.subject_id)),
            Event::RemittanceRecalled(event) => {
                self.remittances
                    .extend(event.remittances.iter().map(|row| row.remittance_id));
                self.trades
                    .extend(event.allocations.iter().map(|row| row.trade_id));
            }
            Event::Allocated(event) => {
                self.remittances
                    .extend(event.remittances.iter().map(|row| row.remittance_id));
                self.trades
                    .extend(event.allocations.iter().map(|row| row.trade_id));
            }
            Event::ConversionConfirmed(event) => {
                self.remittances
                    .extend(event.remittances.iter().map(|row| row.remittance_id));
                self.payouts
                    .extend(event.payouts.iter().map(|row| row.payout_id));
            }
            Event::PayoutsInstructed(event) => self
                .payouts
                .extend(event.payouts.iter().map(|row| row.payout_id)),
            Event::DebitConfirmed(event) => self
                .payouts
                .extend(event.steps.iter().map(|row| row.payout_id)),
            Event::SettlementRecorded(event) => self
                .payouts
                .extend(event.steps.iter().map(|row| row.payout_id)),
            Event::BopDeclared(event) => self
                .records
                .extend(event.records.iter().map(|row| row.rptno)),
            Event::BopFeedbackRecorded(event) => self
                .records
                .extend(event.feedback.iter().map(|row| row.rptno)),
            _ => {}
        }
    }

    fn customs(&mut self, event: &Event) {
        let clawbacks = match event {
            Event::DocumentsRecorded(event) => &event.clawbacks,
            Event::DisputeSettled(event) => &event.clawbacks,
            Event::ReturnReported(event) => &event.clawbacks,
            Event::ClawbackSettled(event) => {
                self.trades
                    .extend(event.allocations.iter().map(|row| row.trade_id));
                &event.clawbacks
            }
            _ => return,
        };
        self.trades.extend(clawbacks.iter().map(|row| row.trade_id));
    }
}

pub fn project(state: &State, _at: &At, event: &Event, out: &mut Batches) {
    let touched = Touched::of(event);
    touched
        .remittances
        .iter()
        .for_each(|id| remittance(state, *id, out));
    touched
        .payouts
        .iter()
        .for_each(|id| payout(state, *id, out));
    touched
        .trades
        .iter()
        .for_each(|id| used_value(state, *id, out));
    touched
        .records
        .iter()
        .for_each(|rptno| bop_record(state, rptno, out));
}

fn party(state: &State, index: u32) -> Cell {
    state
        .registry
        .get(index)
        .map_or(Cell::Null, |party| party.party_id.into())
}

/// Table `remittances`: key `remittance_id`; `review_reasons` are names parted by commas.
fn remittance(state: &State, id: Id, out: &mut Batches) {
    let Some(remittance) = state.remittances.get(id) else {
        return;
    };
    let amounts = &remittance.amounts;
    let reasons: Vec<String> = ReviewReason::ALL
        .iter()
        .filter(|reason| remittance.reasons & 1 << **reason as u32 != 0)
        .map(|reason| snake(reason.name()))
        .collect();
    out.row(
        "remittances",
        [
            ("remittance_id", id.into()),
            (
                "service_enterprise_party_id",
                party(state, amounts.service_enterprise),
            ),
            ("currency", amounts.currency.iso().into()),
            ("credited_minor", amounts.credited_minor.into()),
            ("allocated_minor", amounts.allocated_minor.into()),
            ("suspense_minor", amounts.suspense_minor.into()),
            ("returned_minor", amounts.returned_minor.into()),
            ("charges_after_minor", amounts.charges_after_minor.into()),
            ("converted_minor", amounts.converted_minor.into()),
            ("review_outcome", snake(remittance.outcome.name()).into()),
            ("review_state", snake(remittance.review.name()).into()),
            ("review_reasons", reasons.join(",").into()),
            ("last_index", remittance.last.index.into()),
            ("last_row", i64::from(remittance.last.row).into()),
        ],
    );
}

/// Table `payouts`: key `payout_id`.
fn payout(state: &State, id: Id, out: &mut Batches) {
    let Some(payout) = state.payouts.get(id) else {
        return;
    };
    out.row(
        "payouts",
        [
            ("payout_id", id.into()),
            ("merchant_party_id", party(state, payout.row.merchant)),
            (
                "service_enterprise_party_id",
                party(state, payout.row.service_enterprise),
            ),
            ("cny_minor", payout.row.cny_minor.into()),
            ("state", snake(payout.state.name()).into()),
            ("reason_code", payout.reason_code.as_str().into()),
            ("last_index", payout.last.index.into()),
            ("last_row", i64::from(payout.last.row).into()),
        ],
    );
}

/// Table `trades`, the columns that move with money.
fn used_value(state: &State, id: Id, out: &mut Batches) {
    let Some(trade) = state.trades.get(id) else {
        return;
    };
    out.row(
        "trades",
        [
            ("trade_id", id.into()),
            ("used_minor", trade.used_minor.into()),
            ("clawback_minor", trade.clawback_minor.into()),
            ("state", snake(trade.state().name()).into()),
            ("last_index", trade.last.index.into()),
            ("last_row", i64::from(trade.last.row).into()),
        ],
    );
}

/// Table `bop_records`: key `rptno`; amounts are whole units.
fn bop_record(state: &State, rptno: &Rptno, out: &mut Batches) {
    let Some(record) = state.bop.get(rptno) else {
        return;
    };
    let told = match record.accepted {
        Some(false) => "refused",
        _ if !record.stands() => "deleted",
        Some(true) => "accepted",
        None => "sent",
    };
    out.row(
        "bop_records",
        [
            ("rptno", rptno.as_str().into()),
            ("kind", snake(record.row.kind.name()).into()),
            ("remittance_id", record.row.remittance_id.into()),
            ("party_id", party(state, record.row.party)),
            ("currency", record.row.currency.iso().into()),
            ("amount", record.row.amount.into()),
            ("state", told.into()),
            ("last_index", record.last.index.into()),
            ("last_row", i64::from(record.last.row).into()),
        ],
    );
}
