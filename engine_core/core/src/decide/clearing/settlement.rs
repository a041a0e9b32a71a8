//! What the bank and the clearing system say of payouts: debited, settled, rejected, returned (law 5).

use std::collections::BTreeMap;

use super::PAYOUTS_MAX;
use super::payout::payout;
use crate::contract::whampoa::clearing::v1 as proto;
use crate::contract::whampoa::clearing::v1::PayoutOutcome;
use crate::decide::forex::reference;
use crate::decide::ledger::posting::Postings;
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::clearing::{DebitConfirmed, PayoutState, PayoutStepRow, SettlementRecorded};
use crate::event::codec::Text;
use crate::event::ledger::AccountKind;
use crate::ids::Id;
use crate::money::CNY;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;
use crate::state::payout::Payout;

/// Money that the bank took for payouts leaves the transit account.
pub fn confirm_debit(
    state: &State,
    context: &Context<'_>,
    request: &proto::ConfirmDebitRequest,
) -> Decision {
    check_count(request.payout_ids.len(), "payout_ids")?;
    let bank_reference = reference(&request.bank_reference, "bank_reference")?;
    let mut steps: Vec<PayoutStepRow> = Vec::with_capacity(request.payout_ids.len());
    let mut states = States::default();
    let mut postings = Postings::new(&state.ledger, context.now_ms, context.next_index);
    for (at, bytes) in request.payout_ids.iter().enumerate() {
        let place = format!("payout_ids[{at}]");
        let payout = payout(state, bytes, &place)?;
        states.go(payout, PayoutState::Debited, &place)?;
        let enterprise = payout.row.service_enterprise;
        let transit = postings.of(enterprise, AccountKind::PayoutTransit, CNY);
        let bank = postings.of(enterprise, AccountKind::ServiceBankCny, CNY);
        postings.transfer(transit, bank, payout.row.cny_minor);
        steps.push(step(payout, PayoutState::Debited, Text::default()));
    }
    let (accounts, transfers) = postings.take();
    let case_id = steps[0].payout_id;
    let event = DebitConfirmed {
        bank_reference,
        steps,
        accounts,
        transfers,
    };
    Ok(vec![Draft::after(
        state
            .payouts
            .get(case_id)
            .map_or_else(Default::default, |payout| payout.last),
        case_id,
        event,
    )])
}

/// Results of the clearing system; money that came back is the merchant's cleared balance again.
pub fn record_settlement(
    state: &State,
    context: &Context<'_>,
    request: &proto::RecordSettlementRequest,
) -> Decision {
    check_count(request.results.len(), "results")?;
    let mut steps: Vec<PayoutStepRow> = Vec::with_capacity(request.results.len());
    let mut states = States::default();
    let mut postings = Postings::new(&state.ledger, context.now_ms, context.next_index);
    for (at, result) in request.results.iter().enumerate() {
        let place = |name: &str| format!("results[{at}].{name}");
        let payout = payout(state, &result.payout_id, &place("payout_id"))?;
        let outcome = PayoutOutcome::try_from(result.outcome).unwrap_or_default();
        let to = match outcome {
            PayoutOutcome::Settled => PayoutState::Settled,
            PayoutOutcome::Rejected | PayoutOutcome::Refused => PayoutState::Rejected,
            PayoutOutcome::Returned => PayoutState::Returned,
            PayoutOutcome::Unspecified => {
                return refuse(Rejection::FieldInvalid, place("outcome"), result.outcome);
            }
        };
        let Some(reason_code) = Text::new(&result.reason_code) else {
            return refuse(
                Rejection::FieldInvalid,
                place("reason_code"),
                &result.reason_code,
            );
        };
        reference(&result.clearing_reference, &place("clearing_reference"))?;
        if result.clearing_reference.contains('\n') {
            return refuse(
                Rejection::FieldInvalid,
                place("clearing_reference"),
                &result.clearing_reference,
            );
        }
        let from = states.go(payout, to, &place("outcome"))?;
        // A bank that debited cannot have refused: what it debited may be paid already.
        if outcome == PayoutOutcome::Refused && from != PayoutState::Instructed {
            let text = format!("refused after {}", from.name());
            return refuse(Rejection::PayoutState, place("outcome"), text);
        }
        if to != PayoutState::Settled {
            give_back(&mut postings, payout, from);
        }
        steps.push(step(payout, to, reason_code));
    }
    let (accounts, transfers) = postings.take();
    let case_id = steps[0].payout_id;
    let references: Vec<&str> = request
        .results
        .iter()
        .map(|result| result.clearing_reference.as_str())
        .collect();
    let clearing_references = references.join("\n");
    let event = SettlementRecorded {
        clearing_references,
        steps,
        accounts,
        transfers,
    };
    Ok(vec![Draft::after(
        state
            .payouts
            .get(case_id)
            .map_or_else(Default::default, |payout| payout.last),
        case_id,
        event,
    )])
}

/// The money of a payout that did not arrive: back from the bank, or from the transit account when it was not debited.
fn give_back(postings: &mut Postings<'_>, payout: &Payout, from: PayoutState) {
    let row = &payout.row;
    let source = match from {
        PayoutState::Instructed => AccountKind::PayoutTransit,
        _ => AccountKind::ServiceBankCny,
    };
    let source = postings.of(row.service_enterprise, source, CNY);
    let cleared = postings.of_merchant(
        row.merchant,
        row.service_enterprise,
        AccountKind::MerchantCleared,
        CNY,
    );
    postings.transfer(source, cleared, row.cny_minor);
}

fn step(payout: &Payout, state: PayoutState, reason_code: Text<8>) -> PayoutStepRow {
    let (payout_id, cny_minor) = (payout.row.payout_id, payout.row.cny_minor);
    PayoutStepRow {
        payout_id,
        state,
        reason_code,
        cny_minor,
        previous: payout.last,
    }
}

fn check_count(count: usize, field: &str) -> Result<(), Refusal> {
    match count {
        0 => refuse(Rejection::FieldMissing, field, ""),
        _ if count > PAYOUTS_MAX => refuse(Rejection::BatchTooLarge, field, count),
        _ => Ok(()),
    }
}

/// States that payouts reach within one request.
#[derive(Default)]
struct States(BTreeMap<Id, PayoutState>);

impl States {
    /// Moves a payout on and returns where it was. A payout settles once; only what settled can be returned.
    fn go(
        &mut self,
        payout: &Payout,
        to: PayoutState,
        place: &str,
    ) -> Result<PayoutState, Refusal> {
        use PayoutState as S;
        let from = self
            .0
            .get(&payout.row.payout_id)
            .copied()
            .unwrap_or(payout.state);
        match (from, to) {
            (S::Instructed, S::Debited | S::Rejected)
            | (S::Debited, S::Settled | S::Rejected)
            | (S::Settled, S::Returned) => {
                self.0.insert(payout.row.payout_id, to);
                Ok(from)
            }
            _ => refuse(
                Rejection::PayoutState,
                place,
                format!("{} after {}", to.name(), from.name()),
            ),
        }
    }
}
