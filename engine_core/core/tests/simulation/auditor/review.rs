//! The judgement on money that comes in, and the two officers who clear or reject what was stopped.

use std::collections::BTreeSet;

use whampoa_core::contract::whampoa::forex::v1 as forex;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::contract::whampoa::registry::v1::Role;
use whampoa_core::contract::whampoa::risk::v1 as proto;
use whampoa_core::event::risk::{ReviewOutcome, ReviewState};
use whampoa_core::event::{At, Event};
use whampoa_core::ids::Id;
use whampoa_core::money::Currency;

use super::Tables;
use super::remittance::Remittances;
use super::request::is_in_window;
use super::verdict::{Verdict, accepts, decode, id_in, positive, refuses};
use crate::same;

/// Where a review stands, and who proposed what: officer, actor, to clear.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    Passed,
    Waiting,
    Proposed(u32, u32, bool),
    Cleared,
    Rejected,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Review(pub State);

impl Review {
    pub fn begin(outcome: ReviewOutcome) -> Self {
        match outcome {
            ReviewOutcome::Pass | ReviewOutcome::Sample => Self(State::Passed),
            ReviewOutcome::Examine | ReviewOutcome::Stop => Self(State::Waiting),
        }
    }

    pub fn is_waiting(self) -> bool {
        matches!(self.0, State::Waiting | State::Proposed(..))
    }

    /// Law 5 asks for it before any of the money goes on.
    pub fn lets_go_on(self) -> bool {
        matches!(self.0, State::Passed | State::Cleared)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    velocity_count_max: u32,
    disputed_share_max_bp: u32,
    sample_one_in: u32,
    countries: BTreeSet<String>,
    suspected: BTreeSet<u32>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            velocity_count_max: 200,
            disputed_share_max_bp: 1_000,
            sample_one_in: 0,
            countries: BTreeSet::new(),
            suspected: BTreeSet::new(),
        }
    }
}

impl Rules {
    pub fn apply(&mut self, at: &At, event: &Event, remittances: &mut Remittances) {
        match event {
            Event::ReviewRulesSet(event) => {
                *self = Self {
                    velocity_count_max: event.velocity_count_max,
                    disputed_share_max_bp: event.disputed_share_max_bp,
                    sample_one_in: event.sample_one_in,
                    countries: event
                        .examined_countries
                        .iter()
                        .map(|it| it.as_str().to_owned())
                        .collect(),
                    suspected: event.suspected.iter().copied().collect(),
                };
            }
            Event::ReviewDecided(event) => {
                let review = &mut remittances.at(event.subject_id).review;
                review.0 = match event.state {
                    ReviewState::Proposed => State::Proposed(event.officer, at.actor, event.clears),
                    ReviewState::Cleared => State::Cleared,
                    ReviewState::Rejected => State::Rejected,
                    other => panic!("law 5: a review is decided as {}", other.name()),
                };
            }
            _ => {}
        }
    }
}

/// Numbers of the reasons (DESIGN's review; reference risk.md).
const DUPLICATE: u32 = 1;
const VALUE_CAP: u32 = 2;
const MISMATCH: u32 = 3;
const SANCTIONED: u32 = 4;
const MISSING: u32 = 5;
const VELOCITY: u32 = 6;
const COUNTRY: u32 = 7;
const SHORT: u32 = 8;

/// Outcome 1 to 4 (pass, sample, examine, stop) and the reasons.
fn judge(tables: &Tables, id: Id, enterprise: u32, told: &forex::Remittance) -> (i32, Vec<i32>) {
    let (rules, now_ms) = (&tables.rules, tables.now_ms);
    let currency = Currency::from_iso(&told.currency).expect("checked").0;
    let merchants = tables.registry.merchants_of(enterprise, now_ms);
    let (mut open, mut declared, mut disputed) = (0_i128, 0_i128, 0_i128);
    let mut pays_suspected = false;
    for merchant in &merchants {
        for (base, sums) in tables.trades.sums_of(*merchant) {
            let value = |amount: i128| tables.in_currency(amount, base, currency).unwrap_or(0);
            open += value(sums.open);
            declared += value(sums.declared);
            disputed += value(sums.disputed);
            pays_suspected |= sums.open > 0 && rules.suspected.contains(merchant);
        }
    }
    let times = tables.remittances.times.get(&enterprise);
    let recent = times
        .into_iter()
        .flatten()
        .filter(|time| **time + 86_400_000 > now_ms)
        .count()
        + 1;
    let is_sanctioned = tables.registry.party(enterprise).is_sanctioned;
    let is_missing = merchants.is_empty() || told.payer_name.trim().is_empty();
    let is_disputed = disputed * 10_000 > declared * i128::from(rules.disputed_share_max_bp);
    let is_short =
        i128::from(told.charges_before_minor) * 100 > i128::from(told.instructed_minor) * 2;
    let findings = [
        (
            tables.remittances.is_reference_known(&told.bank_reference),
            4,
            DUPLICATE,
        ),
        (is_sanctioned, 4, SANCTIONED),
        (is_missing, 4, MISSING),
        (pays_suspected, 4, MISMATCH),
        (is_disputed, 3, MISMATCH),
        (recent > rules.velocity_count_max as usize, 3, VELOCITY),
        (rules.countries.contains(&told.payer_country), 3, COUNTRY),
        (i128::from(told.credited_minor) > open, 2, VALUE_CAP),
        (is_short, 2, SHORT),
    ];
    let found = || findings.iter().filter(|(applies, _, _)| *applies);
    let mut outcome = found().map(|(_, outcome, _)| *outcome).max().unwrap_or(1);
    let low = u64::from_be_bytes(id.0[8..].try_into().expect("8 bytes"));
    let one_in = u64::from(rules.sample_one_in);
    if outcome == 1 && one_in > 0 && low % one_in == 0 {
        outcome = 2;
    }
    let reasons: BTreeSet<i32> = found().map(|(_, _, reason)| *reason as i32).collect();
    (outcome, reasons.into_iter().collect())
}

pub fn record(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: forex::RecordRemittanceRequest = decode(bytes)?;
    let field = |name: &str| format!("remittance.{name}");
    let Some(told) = asked.remittance else {
        return refuses(Rejection::FieldMissing, "remittance");
    };
    let id = id_in(&told.remittance_id, "remittance.remittance_id")?;
    if tables.remittances.get(id).is_some() {
        return refuses(Rejection::RemittanceExistsDifferent, field("remittance_id"));
    }
    if !is_in_window(id, tables.now_ms) {
        return refuses(Rejection::IdOutOfWindow, field("remittance_id"));
    }
    if Currency::from_iso(&told.currency).is_none() {
        return refuses(Rejection::UnknownCurrency, field("currency"));
    }
    match told.bank_reference.len() {
        0 => return refuses(Rejection::FieldMissing, field("bank_reference")),
        length if length > 64 => return refuses(Rejection::FieldInvalid, field("bank_reference")),
        _ => {}
    }
    if told.payer_country.len() != 3 || told.payer_country.contains('\0') {
        return refuses(Rejection::FieldInvalid, field("payer_country"));
    }
    let place = "remittance.service_enterprise_party_id";
    let party = id_in(&told.service_enterprise_party_id, place)?;
    let Some(enterprise) = tables.registry.index(party) else {
        return refuses(Rejection::UnknownParty, place);
    };
    if !tables
        .registry
        .has_role(enterprise, Role::ServiceEnterprise)
    {
        return refuses(Rejection::WrongRole, place);
    }
    let credited = positive(told.credited_minor, "remittance.credited_minor")?;
    positive(told.instructed_minor, "remittance.instructed_minor")?;
    if told.charges_before_minor < 0 {
        return refuses(Rejection::InvalidAmount, field("charges_before_minor"));
    }
    if told.instructed_minor - told.charges_before_minor != credited {
        return refuses(Rejection::AmountsDoNotAddUp, field("credited_minor"));
    }
    let (outcome, reasons) = judge(tables, id, enterprise, &told);
    accepts(move |it| {
        let Event::RemittanceRecorded(event) = it.only() else {
            panic!("a remittance was told: {:?}", it.only());
        };
        let row = &event.remittances[0];
        same!(
            (row.remittance_id, row.credited_minor),
            (id, credited),
            "law 3: credited"
        );
        same!(
            event.outcome as i32,
            outcome,
            "law 5: review of {id}, reasons {reasons:?}"
        );
        let reply: forex::RecordRemittanceResponse = it.reply();
        same!(
            (reply.review, reply.reasons),
            (outcome, reasons),
            "law 5: review of {id}"
        );
    })
}

/// Two officers, each with an own certificate, want the same.
pub fn decide(tables: &Tables, bytes: &[u8], actor: Option<u32>, clears: bool) -> Verdict {
    // Both requests have the same fields.
    let asked: proto::ClearReviewRequest = decode(bytes)?;
    let (id, remittance) = tables.remittances.named(&asked.subject_id, "subject_id")?;
    let field = "officer_party_id";
    let officer = tables
        .registry
        .with_role(&asked.officer_party_id, Role::Officer, field)?;
    if asked.reason.trim().is_empty() {
        return refuses(Rejection::FieldMissing, "reason");
    }
    let next = match remittance.review.0 {
        State::Waiting => ReviewState::Proposed,
        State::Proposed(_, _, before) if before != clears => ReviewState::Proposed,
        State::Proposed(first, by, _) if first == officer || actor == Some(by) => {
            return refuses(Rejection::SameOfficer, field);
        }
        State::Proposed(..) if clears => ReviewState::Cleared,
        State::Proposed(..) => ReviewState::Rejected,
        _ => return refuses(Rejection::NotUnderReview, "subject_id"),
    };
    accepts(move |told| {
        let Event::ReviewDecided(event) = told.only() else {
            panic!("a review was to be decided: {:?}", told.only());
        };
        let decided = (event.subject_id, event.officer, event.clears, event.state);
        same!(decided, (id, officer, clears, next), "law 5: review");
        let reply: proto::ClearReviewResponse = told.reply();
        same!(
            reply.state,
            next as i32,
            "law 5: state of the review of {id}"
        );
    })
}

pub fn set_rules(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::SetReviewRulesRequest = decode(bytes)?;
    if asked.examined_countries.len() > 1_000 {
        return refuses(Rejection::BatchTooLarge, "examined_countries");
    }
    if asked.suspected_party_ids.len() > 1_000 {
        return refuses(Rejection::BatchTooLarge, "suspected_party_ids");
    }
    for (at, country) in asked.examined_countries.iter().enumerate() {
        if country.len() != 3 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return refuses(Rejection::FieldInvalid, format!("examined_countries[{at}]"));
        }
    }
    let mut suspected = Vec::new();
    for (at, party) in asked.suspected_party_ids.iter().enumerate() {
        suspected.push(
            tables
                .registry
                .named(party, &format!("suspected_party_ids[{at}]"))?,
        );
    }
    if asked.disputed_share_max_bp > 10_000 {
        return refuses(Rejection::FieldInvalid, "disputed_share_max_bp");
    }
    let or = |value: u32, before: u32| if value == 0 { before } else { value };
    let velocity = or(asked.velocity_count_max, tables.rules.velocity_count_max);
    let disputed = or(
        asked.disputed_share_max_bp,
        tables.rules.disputed_share_max_bp,
    );
    suspected.sort_unstable();
    accepts(move |told| {
        let Event::ReviewRulesSet(event) = told.only() else {
            panic!("rules were to be set: {:?}", told.only());
        };
        same!(event.suspected, suspected, "law 5: suspected parties");
        let numbers = (
            event.velocity_count_max,
            event.disputed_share_max_bp,
            event.sample_one_in,
        );
        same!(
            numbers,
            (velocity, disputed, asked.sample_one_in),
            "law 5: review rules"
        );
    })
}
