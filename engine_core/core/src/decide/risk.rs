//! Intelligent review, rules first: a remittance is judged when it is recorded; officers clear or reject what was stopped.

mod facts;
mod judge;

pub use facts::Facts;
pub use judge::{Judgement, judge};

use crate::contract::whampoa::registry::v1::Role;
use crate::contract::whampoa::risk::v1 as proto;
use crate::decide::forex::remittance;
use crate::decide::registry::{party_index, party_with_role};
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::codec::{Secret, Text};
use crate::event::risk::{ReviewDecided, ReviewRulesSet, ReviewState};
use crate::ids::Id;
use crate::rejection::{Rejection, refuse};
use crate::state::State;

/// Most entries of a list of parameters.
const LIST_MAX: usize = 1_000;
/// All of it, in basis points.
const WHOLE_BP: u32 = 10_000;

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
    let disputed_share_max_bp = match request.disputed_share_max_bp {
        0 => state.review_rules.disputed_share_max_bp,
        share if share > WHOLE_BP => {
            return refuse(Rejection::FieldInvalid, "disputed_share_max_bp", share);
        }
        share => share,
    };
    let event = ReviewRulesSet {
        velocity_count_max,
        sample_one_in: request.sample_one_in,
        examined_countries,
        suspected,
        disputed_share_max_bp,
    };
    let case_id = Id::derive(context.now_ms, "review-rules", &[]);
    Ok(vec![Draft::first(case_id, event)])
}
