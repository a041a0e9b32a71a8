//! The judge: facts in, judgement out. A model that is to judge takes the place of `judge`; nothing else would change.

use super::Facts;
use crate::event::risk::{ReviewOutcome, ReviewReason};
use crate::ids::Id;
use crate::state::review::ReviewRules;

/// Charges on the way above this part of the instructed amount are told: 2 in 100 (reference risk.md, section 3).
const CHARGES_NUMERATOR: i128 = 2;
const CHARGES_DENOMINATOR: i128 = 100;
/// All of it, in basis points.
const WHOLE_BP: i128 = 10_000;

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

/// Judges a remittance by the rules, before it is recorded.
pub fn judge(facts: &Facts, rules: &ReviewRules) -> Judgement {
    use ReviewOutcome as O;
    use ReviewReason as R;
    let is_party_missing = !facts.has_merchants || !facts.has_payer_name;
    let is_too_frequent = facts.count_in_window > rules.velocity_count_max as usize;
    let is_examined_country = rules.examined_countries.contains(&facts.payer_country);
    // It is told, and does not stop: what exceeds the verified value stays in suspense.
    let exceeds_value = i128::from(facts.credited_minor) > facts.open_minor;
    let findings = [
        (facts.is_reference_known, O::Stop, R::DuplicateUse),
        (facts.is_enterprise_sanctioned, O::Stop, R::SanctionedParty),
        (is_party_missing, O::Stop, R::MissingParty),
        (facts.pays_suspected, O::Stop, R::EntityMismatch),
        (is_disputed(facts, rules), O::Examine, R::EntityMismatch),
        (is_too_frequent, O::Examine, R::Velocity),
        (is_examined_country, O::Examine, R::PayerCountry),
        (exceeds_value, O::Sample, R::ValueCap),
        (is_short(facts), O::Sample, R::ShortReceipt),
    ];
    let mut judgement = Judgement {
        outcome: O::Pass,
        reasons: 0,
    };
    for (_, outcome, reason) in findings.into_iter().filter(|(applies, _, _)| *applies) {
        judgement.add(outcome, reason);
    }
    if judgement.outcome == O::Pass && is_sampled(rules.sample_one_in, facts.remittance_id) {
        judgement.outcome = O::Sample;
    }
    judgement
}

/// F27, a rate by value: too much of what the merchants declared is claimed by parties that do not agree. Whoever
/// disagrees has his trades in dispute, so the disputed part tells it.
fn is_disputed(facts: &Facts, rules: &ReviewRules) -> bool {
    let limit = i128::from(rules.disputed_share_max_bp);
    facts.disputed_minor * WHOLE_BP > facts.declared_minor * limit
}

fn is_short(facts: &Facts) -> bool {
    let charges = i128::from(facts.charges_before_minor) * CHARGES_DENOMINATOR;
    charges > i128::from(facts.instructed_minor) * CHARGES_NUMERATOR
}

/// One in `one_in` remittances, told by its id: the same on every replay.
fn is_sampled(one_in: u32, id: Id) -> bool {
    let low = id.0[8..]
        .iter()
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    one_in > 0 && low.is_multiple_of(u64::from(one_in))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::codec::Text;

    fn sound() -> Facts {
        Facts {
            remittance_id: Id([1; 16]),
            is_reference_known: false,
            is_enterprise_sanctioned: false,
            has_merchants: true,
            has_payer_name: true,
            pays_suspected: false,
            payer_country: Text::new("USA").unwrap_or_default(),
            count_in_window: 1,
            instructed_minor: 10_000,
            charges_before_minor: 0,
            credited_minor: 10_000,
            open_minor: 10_000,
            declared_minor: 100_000,
            disputed_minor: 0,
        }
    }

    #[test]
    fn sound_facts_pass_without_a_reason() {
        let judgement = judge(&sound(), &ReviewRules::default());
        assert_eq!(
            (judgement.outcome, judgement.reasons),
            (ReviewOutcome::Pass, 0)
        );
    }

    #[test]
    fn a_disputed_part_is_examined_above_the_limit_only() {
        let whole = (10_000, 100_000, ReviewOutcome::Pass);
        for (limit, disputed_minor, outcome) in [
            (1_000, 10_000, ReviewOutcome::Pass),
            (1_000, 10_001, ReviewOutcome::Examine),
            (1, 10, ReviewOutcome::Pass),
            (1, 11, ReviewOutcome::Examine),
            whole,
        ] {
            let rules = ReviewRules {
                disputed_share_max_bp: limit,
                ..ReviewRules::default()
            };
            let facts = Facts {
                disputed_minor,
                ..sound()
            };
            assert_eq!(judge(&facts, &rules).outcome, outcome, "{limit}");
        }
    }

    #[test]
    fn a_suspected_merchant_is_graver_than_a_dispute() {
        let facts = Facts {
            pays_suspected: true,
            disputed_minor: 100_000,
            ..sound()
        };
        let judgement = judge(&facts, &ReviewRules::default());
        assert_eq!(judgement.outcome, ReviewOutcome::Stop);
        assert_eq!(judgement.reasons, 1 << ReviewReason::EntityMismatch as u32);
    }
}
