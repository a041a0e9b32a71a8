//! Intelligent review, rules first: judges a remittance when it is recorded; officers clear or reject what was stopped.

use crate::contract::whampoa::forex::v1::Remittance as Told;
use crate::contract::whampoa::registry::v1::Role;
use crate::contract::whampoa::risk::v1 as proto;
use crate::decide::forex::remittance;
use crate::decide::registry::{party_index, party_with_role};
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::codec::{Secret, Text};
use crate::event::forex::RemittanceRow;
use crate::event::risk::{ReviewDecided, ReviewOutcome, ReviewReason, ReviewRulesSet, ReviewState};
use crate::ids::{Id, KeyDigest};
use crate::money::Currency;
use crate::rejection::{Rejection, refuse};
use crate::state::State;

/// Charges on the way above this part of the instructed amount are told: 2 in 100 (reference risk.md, section 3).
const CHARGES_NUMERATOR: i64 = 2;
const CHARGES_DENOMINATOR: i64 = 100;
/// Most entries of a list of parameters.
const LIST_MAX: usize = 1_000;

/// The judgement on a remittance: the gravest outcome of all reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub outcome: ReviewOutcome,
    /// Bit `1 << number` for every reason.
    pub reasons: u32,
}

impl Judgement {
    fn add(&mut self, outcome: ReviewOutcome, reason: ReviewReason) {
        self.outcome = self.outcome.max(outcome);
        self.reasons |= 1 << reason as u32;
    }
}

/// Judges a remittance before it is recorded.
pub fn judge(
    state: &State,
    context: &Context<'_>,
    row: &RemittanceRow,
    told: &Told,
    payer_country: Text<3>,
    reference: KeyDigest,
) -> Judgement {
    use ReviewOutcome as O;
    use ReviewReason as R;
    let (enterprise, rules) = (row.service_enterprise, &state.review_rules);
    let merchants = state.registry.merchants_of(enterprise, context.now_ms);
    let is_suspected = |merchant: &u32| {
        rules.suspected.contains(merchant) && state.trades.currencies_of(*merchant).next().is_some()
    };
    let findings = [
        (
            state.remittances.is_reference_known(enterprise, reference),
            O::Stop,
            R::DuplicateUse,
        ),
        (
            state.registry.party(enterprise).sanctioned,
            O::Stop,
            R::SanctionedParty,
        ),
        (
            merchants.is_empty() || told.payer_name.trim().is_empty(),
            O::Stop,
            R::MissingParty,
        ),
        (
            merchants.iter().any(is_suspected),
            O::Stop,
            R::EntityMismatch,
        ),
        (
            is_too_frequent(state, enterprise, context.now_ms),
            O::Examine,
            R::Velocity,
        ),
        (
            rules.examined_countries.contains(&payer_country),
            O::Examine,
            R::PayerCountry,
        ),
        (
            exceeds_value(state, &merchants, row),
            O::Sample,
            R::ValueCap,
        ),
        (is_short(told), O::Sample, R::ShortReceipt),
    ];
    let mut judgement = Judgement {
        outcome: O::Pass,
        reasons: 0,
    };
    for (_, outcome, reason) in findings.into_iter().filter(|(applies, _, _)| *applies) {
        judgement.add(outcome, reason);
    }
    if judgement.outcome == O::Pass && is_sampled(rules.sample_one_in, row.remittance_id) {
        judgement.outcome = O::Sample;
    }
    judgement
}

fn is_too_frequent(state: &State, enterprise: u32, now_ms: u64) -> bool {
    state.remittances.recent_count(enterprise, now_ms) + 1
        > state.review_rules.velocity_count_max as usize
}

/// More was credited than the merchants of the enterprise have open. It is told, and does not stop: what exceeds the
/// verified value stays in suspense.
fn exceeds_value(state: &State, merchants: &[u32], row: &RemittanceRow) -> bool {
    let open_in = |merchant: u32, currency: Currency| -> i64 {
        let open = state.trades.open_minor_of(merchant, currency);
        if currency == row.currency {
            return open;
        }
        let rate = state.remittances.rate(currency, row.currency);
        rate.and_then(|(rate, _)| rate.convert_down(open))
            .unwrap_or(0)
    };
    let mut open: i128 = 0;
    for merchant in merchants {
        let currencies = state.trades.currencies_of(*merchant);
        open += currencies
            .map(|currency| i128::from(open_in(*merchant, currency)))
            .sum::<i128>();
    }
    i128::from(row.credited_minor) > open
}

fn is_short(told: &Told) -> bool {
    let charges = i128::from(told.charges_before_minor) * i128::from(CHARGES_DENOMINATOR);
    charges > i128::from(told.instructed_minor) * i128::from(CHARGES_NUMERATOR)
}

/// One in `one_in` remittances, told by its id: the same on every replay.
fn is_sampled(one_in: u32, id: Id) -> bool {
    let low = id.0[8..]
        .iter()
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    one_in > 0 && low.is_multiple_of(u64::from(one_in))
}

pub fn clear_review(
    state: &State,
    context: &Context<'_>,
    request: &proto::ClearReviewRequest,
) -> Decision {
    decide_review(
        state,
        context,
        &request.subject_id,
        &request.officer_party_id,
        &request.reason,
        true,
    )
}

pub fn reject_review(
    state: &State,
    context: &Context<'_>,
    request: &proto::RejectReviewRequest,
) -> Decision {
    decide_review(
        state,
        context,
        &request.subject_id,
        &request.officer_party_id,
        &request.reason,
        false,
    )
}

/// The first officer proposes; a second, different one who wants the same decides. One who wants the contrary proposes
/// that instead.
fn decide_review(
    state: &State,
    context: &Context<'_>,
    subject: &[u8],
    officer: &[u8],
    reason: &str,
    clears: bool,
) -> Decision {
    let remittance = remittance(state, subject, "subject_id")?;
    let officer = party_with_role(state, officer, Role::Officer, "officer_party_id")?;
    if reason.trim().is_empty() {
        return refuse(Rejection::FieldMissing, "reason", "");
    }
    let next = match (remittance.review, remittance.proposal) {
        (ReviewState::Waiting, _) => ReviewState::Proposed,
        (ReviewState::Proposed, Some(first)) if first.clears != clears => ReviewState::Proposed,
        (ReviewState::Proposed, Some(first))
            if first.officer == officer || Some(first.actor) == context.actor =>
        {
            return refuse(
                Rejection::SameOfficer,
                "officer_party_id",
                state.registry.id_of(officer),
            );
        }
        (ReviewState::Proposed, _) if clears => ReviewState::Cleared,
        (ReviewState::Proposed, _) => ReviewState::Rejected,
        _ => {
            return refuse(
                Rejection::NotUnderReview,
                "subject_id",
                remittance.review.name(),
            );
        }
    };
    let reason = Secret::Open {
        value: reason.as_bytes().to_vec(),
        subject: remittance.id(),
    };
    let event = ReviewDecided {
        subject_id: remittance.id(),
        officer,
        clears,
        state: next,
        reason,
    };
    Ok(vec![Draft::after(remittance.last, remittance.id(), event)])
}

pub fn set_review_rules(
    state: &State,
    context: &Context<'_>,
    request: &proto::SetReviewRulesRequest,
) -> Decision {
    for (count, field) in [
        (request.examined_countries.len(), "examined_countries"),
        (request.suspected_party_ids.len(), "suspected_party_ids"),
    ] {
        if count > LIST_MAX {
            return refuse(Rejection::BatchTooLarge, field, count);
        }
    }
    let mut examined_countries = Vec::with_capacity(request.examined_countries.len());
    for (at, country) in request.examined_countries.iter().enumerate() {
        let is_code = country.len() == 3 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        let Some(code) = Text::new(country).filter(|_| is_code) else {
            return refuse(
                Rejection::FieldInvalid,
                format!("examined_countries[{at}]"),
                country,
            );
        };
        examined_countries.push(code);
    }
    let mut suspected = Vec::with_capacity(request.suspected_party_ids.len());
    for (at, bytes) in request.suspected_party_ids.iter().enumerate() {
        suspected.push(party_index(
            state,
            bytes,
            format!("suspected_party_ids[{at}]"),
        )?);
    }
    examined_countries.sort_unstable();
    suspected.sort_unstable();
    let velocity_count_max = match request.velocity_count_max {
        0 => state.review_rules.velocity_count_max,
        count => count,
    };
    let event = ReviewRulesSet {
        velocity_count_max,
        sample_one_in: request.sample_one_in,
        examined_countries,
        suspected,
    };
    let case_id = Id::derive(context.now_ms, "review-rules", &[]);
    Ok(vec![Draft::first(case_id, event)])
}
