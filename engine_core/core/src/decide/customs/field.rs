//! Reads fields of documents: keys, codes, decimals and times, each refused with its path.

use crate::event::NO_INDEX;
use crate::event::codec::Text;
use crate::money::{Currency, Decimal5};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;

/// A required key: trimmed, not empty, at most `characters_max` long.
pub fn key<'a>(value: &'a str, field: &str, characters_max: usize) -> Result<&'a str, Refusal> {
    let value = value.trim();
    if value.is_empty() {
        return refuse(Rejection::FieldMissing, field, "");
    }
    // Bytes are never fewer than characters: the common short key needs no counting.
    if value.len() > characters_max && value.chars().count() > characters_max {
        return refuse(Rejection::FieldInvalid, field, value);
    }
    Ok(value)
}

/// A code of at most `N` bytes, which may be empty.
pub fn code<const N: usize>(value: &str, field: &str) -> Result<Text<N>, Refusal> {
    Text::new(value.trim()).ok_or_else(|| Refusal::new(Rejection::FieldInvalid, field, value))
}

/// The registered party of a code in a document; `NO_INDEX` when there is none.
pub fn party(state: &State, code: &str) -> u32 {
    state.registry.by_code(code.trim()).unwrap_or(NO_INDEX)
}

/// A decimal above zero.
pub fn amount(value: &str, field: &str) -> Result<u64, Refusal> {
    match Decimal5::parse(value.trim()) {
        Some(Decimal5(amount)) if amount > 0 => Ok(amount),
        _ => refuse(Rejection::InvalidAmount, field, value),
    }
}

pub fn currency(value: &str, field: &str) -> Result<Currency, Refusal> {
    let found = Currency::from_customs(value.trim());
    found.ok_or_else(|| Refusal::new(Rejection::UnknownCurrency, field, value))
}

/// Digits of a point in time, brought to 17 places (yyyyMMddHHmmssfff), so that any two compare.
pub fn stamp(value: &str, field: &str) -> Result<u64, Refusal> {
    let value = value.trim();
    if value.is_empty() {
        return refuse(Rejection::FieldMissing, field, "");
    }
    let is_stamp =
        (14..=17).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse::<u64>() {
        Ok(digits) if is_stamp => Ok(digits * 10_u64.pow(17 - value.len() as u32)),
        _ => refuse(Rejection::FieldInvalid, field, value),
    }
}

/// A date of eight digits.
pub fn date(value: &str, field: &str) -> Result<u32, Refusal> {
    let date = value
        .trim()
        .parse::<u32>()
        .ok()
        .filter(|date| crate::decide::tax::is_date(*date));
    date.ok_or_else(|| Refusal::new(Rejection::FieldInvalid, field, value))
}
