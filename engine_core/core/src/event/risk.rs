//! Entries of reviews: what officers decided and the parameters of the rules.

use super::codec::{Text, code, entry};
use crate::ids::Id;

code! {
    /// The judgement on a remittance.
    ReviewOutcome {
        Pass = 1,
        Sample = 2,
        Examine = 3,
        Stop = 4,
    }
}

code! {
    /// Where a review stands.
    ReviewState {
        Passed = 1,
        Waiting = 2,
        Proposed = 3,
        Cleared = 4,
        Rejected = 5,
    }
}

code! {
    /// Why a remittance is sampled, examined or stopped; numbers of the contract.
    ReviewReason {
        DuplicateUse = 1,
        ValueCap = 2,
        EntityMismatch = 3,
        SanctionedParty = 4,
        MissingParty = 5,
        Velocity = 6,
        PayerCountry = 7,
        ShortReceipt = 8,
    }
}

entry! {
    /// One officer proposed, or a second one agreed.
    ReviewDecided = 70 {
        10 subject_id: Id,
        11 officer: u32,
        /// True to clear, false to reject.
        12 clears: bool,
        13 state: ReviewState,
    }
    secrets { 40 reason }
}

entry! {
    ReviewRulesSet = 72 {
        10 velocity_count_max: u32,
        11 sample_one_in: u32,
        12 examined_countries: Vec<Text<3>>,
        13 suspected: Vec<u32>,
        14 disputed_share_max_bp: u32,
    }
}
