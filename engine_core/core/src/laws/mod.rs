//! The twelve laws (DESIGN section 3), each as a check over the state; `verify`, tests and metrics run the same list.

pub mod customs;
pub mod money;

use crate::state::State;

/// What a check found. Laws 8 to 12 are checked where their evidence is: request replies, durability, replay, grants on
/// decision, and the chain by `evidence::verify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LawReport {
    pub number: u8,
    pub holds: bool,
    /// What broke, empty when it holds.
    pub text: String,
}

/// Checks laws 1 to 7 over the whole state.
pub fn check(state: &State) -> Vec<LawReport> {
    let reports = [
        (1, money::debits_equal_credits(state)),
        (2, customs::used_within_verified(state)),
        (3, money::remittances_add_up(state)),
        (4, money::shares_add_up(state)),
        (5, money::payouts_settle_once(state)),
        (6, money::bop_adds_up(state)),
        (7, customs::items_in_one_database(state)),
    ];
    reports
        .into_iter()
        .map(|(number, result)| LawReport {
            number,
            holds: result.is_ok(),
            text: result.err().unwrap_or_default(),
        })
        .collect()
}
