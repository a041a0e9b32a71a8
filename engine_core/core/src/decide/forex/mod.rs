//! Foreign money: remittances, charges, recalls, rates, conversions, the balance-of-payments declaration.

mod bop;
mod conversion;
mod recall;
mod remittance;

pub use bop::{declare_remittance, record_bop_feedback};
pub use conversion::{confirm_conversion, fail_conversion, request_conversion};
pub use recall::recall_remittance;
pub use remittance::{publish_rate, record_charge, record_remittance, return_suspense};

use crate::event::risk::ReviewState;
use crate::ids::Id;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;
use crate::state::remittance::Remittance;

/// Largest amount that is taken: products with rates and weights then fit 128 bits with room.
pub const AMOUNT_MAX: i64 = 1 << 53;

/// Longest reference of a bank, and name of a source, in bytes: it stands in the entry, whose size is bounded.
const REFERENCE_BYTES_MAX: usize = 64;

/// A reference of another party, as short as theirs are.
pub fn reference(text: &str, field: &str) -> Result<String, Refusal> {
    match text.len() <= REFERENCE_BYTES_MAX {
        true => Ok(text.to_owned()),
        false => refuse(Rejection::FieldInvalid, field, text),
    }
}

/// A positive amount within bounds.
pub fn positive(amount_minor: i64, field: &str) -> Result<i64, Refusal> {
    if amount_minor <= 0 {
        return refuse(Rejection::InvalidAmount, field, amount_minor);
    }
    if amount_minor > AMOUNT_MAX {
        return refuse(Rejection::AmountOverflow, field, amount_minor);
    }
    Ok(amount_minor)
}

/// An id of the request.
pub fn parse_id(bytes: &[u8], field: &str) -> Result<Id, Refusal> {
    Id::parse(bytes).ok_or_else(|| Refusal::no_id(field, bytes))
}

/// The remittance an id names.
pub fn remittance<'a>(
    state: &'a State,
    bytes: &[u8],
    field: &str,
) -> Result<&'a Remittance, Refusal> {
    let id = parse_id(bytes, field)?;
    state
        .remittances
        .get(id)
        .ok_or_else(|| Refusal::new(Rejection::UnknownRemittance, field, id))
}

/// Money that waits for officers stays where it is until they agree.
pub fn check_not_waiting(remittance: &Remittance) -> Result<(), Refusal> {
    match remittance.review {
        ReviewState::Waiting | ReviewState::Proposed => {
            refuse(Rejection::ReviewPending, "remittance_id", remittance.id())
        }
        ReviewState::Passed | ReviewState::Cleared | ReviewState::Rejected => Ok(()),
    }
}
