//! Parameters of the review rules, and what officers decided.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::remittance::Proposal;
use super::{State, Table};
use crate::event::At;
use crate::event::codec::Text;
use crate::event::risk::{ReviewDecided, ReviewRulesSet, ReviewState};

/// The rules' parameters; defaults of this project, not law (reference risk.md, section 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRules {
    /// Remittances of one service enterprise in 24 hours above which to examine.
    pub velocity_count_max: u32,
    /// Disputed part of what a service enterprise's merchants declared, in basis points, above which to examine.
    pub disputed_share_max_bp: u32,
    /// One in this many passes is a sample; 0 never.
    pub sample_one_in: u32,
    pub examined_countries: BTreeSet<Text<3>>,
    /// Merchants an officer holds suspicious.
    pub suspected: BTreeSet<u32>,
}

impl Default for ReviewRules {
    fn default() -> Self {
        Self {
            velocity_count_max: 200,
            disputed_share_max_bp: 1_000,
            sample_one_in: 0,
            examined_countries: BTreeSet::new(),
            suspected: BTreeSet::new(),
        }
    }
}

impl State {
    pub fn decide_review(&mut self, at: &At, event: &ReviewDecided) {
        let (officer, clears) = (event.officer, event.clears);
        let proposal = Proposal {
            officer,
            actor: at.actor,
            clears,
        };
        let proposal = (event.state == ReviewState::Proposed).then_some(proposal);
        self.remittances
            .set_review(event.subject_id, event.state, proposal);
    }

    pub fn set_review_rules(&mut self, _at: &At, event: &ReviewRulesSet) {
        self.review_rules = ReviewRules {
            velocity_count_max: event.velocity_count_max,
            disputed_share_max_bp: event.disputed_share_max_bp,
            sample_one_in: event.sample_one_in,
            examined_countries: event.examined_countries.iter().copied().collect(),
            suspected: event.suspected.iter().copied().collect(),
        };
    }
}

impl Table for ReviewRules {
    fn digest(&self, hasher: &mut Sha256) {
        hasher.update(self.velocity_count_max.to_be_bytes());
        hasher.update(self.disputed_share_max_bp.to_be_bytes());
        hasher.update(self.sample_one_in.to_be_bytes());
        self.examined_countries
            .iter()
            .for_each(|country| hasher.update(country.0));
        self.suspected
            .iter()
            .for_each(|merchant| hasher.update(merchant.to_be_bytes()));
    }
}
