//! Clearing: credited money shared by trade volume, CNY paid out, values that lost their proof claimed back.

mod allocate;
mod claims;
mod clawback;
pub mod payout;
mod settlement;

pub use allocate::allocate;
pub use clawback::settle_clawback;
pub use payout::instruct_payouts;
pub use settlement::{confirm_debit, record_settlement};

use std::collections::BTreeMap;

use crate::event::clearing::AllocationRow;
use crate::ids::{Id, Step};

/// Lets the rows of one trade follow one another where an operation has several, so that its steps lead through all of
/// them, and returns the last of each. `step_of` tells where a row will stand; `before` holds trades that an earlier row of the operation moved.
pub(in crate::decide) fn chain(
    rows: &mut [AllocationRow],
    step_of: impl Fn(usize) -> Step,
    mut before: BTreeMap<Id, Step>,
) -> BTreeMap<Id, Step> {
    for (ordinal, row) in rows.iter_mut().enumerate() {
        if let Some(previous) = before.insert(row.trade_id, step_of(ordinal)) {
            row.previous = previous;
        }
    }
    before
}

/// Largest number of payouts one request may name.
const PAYOUTS_MAX: usize = 4_000;
