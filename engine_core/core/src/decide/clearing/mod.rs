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

/// Largest number of payouts one request may name.
const PAYOUTS_MAX: usize = 4_000;
