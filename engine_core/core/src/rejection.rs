//! Refusals: one closed enum ordered by precedence, with the field, the rule and the value's place.

use crate::contract::whampoa::money::v1 as proto;
pub use crate::contract::whampoa::money::v1::Rejection;

/// A rule said no. Nothing of the request is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Rejection,
    pub field: String,
    pub value: String,
}

/// Longest part of an offending value that is told back.
const VALUE_CHARACTERS_MAX: usize = 64;

impl Refusal {
    pub fn new(code: Rejection, field: impl Into<String>, value: impl std::fmt::Display) -> Self {
        let value = value
            .to_string()
            .chars()
            .take(VALUE_CHARACTERS_MAX)
            .collect();
        Self {
            code,
            field: field.into(),
            value,
        }
    }

    /// What stands in `field` is not 16 bytes in UUIDv7 layout.
    pub fn no_id(field: impl Into<String>, bytes: &[u8]) -> Self {
        let hex: String = bytes
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let value = format!("{hex} of {} bytes, no UUIDv7", bytes.len());
        Self::new(Rejection::FieldInvalid, field, value)
    }

    pub fn to_proto(&self) -> proto::Refusal {
        let rule = self.code.as_str_name().trim_start_matches("REJECTION_");
        proto::Refusal {
            code: self.code.into(),
            field: self.field.clone(),
            value: self.value.clone(),
            transient: is_transient(self.code),
            message: format!(
                "{}: {} ({rule}, got {:?})",
                self.field,
                text(self.code),
                self.value
            ),
        }
    }
}

/// True when the same request may succeed later without a change.
pub fn is_transient(code: Rejection) -> bool {
    matches!(
        code,
        Rejection::NoRoom
            | Rejection::InsufficientFunds
            | Rejection::ReviewPending
            | Rejection::NumbersExhausted
            | Rejection::MerchantUnderClawback
            | Rejection::NothingToAllocate
            | Rejection::ConversionPending
    )
}

/// The rule in words: the code's own name, lower case.
pub fn text(code: Rejection) -> String {
    code.as_str_name()
        .trim_start_matches("REJECTION_")
        .replace('_', " ")
        .to_lowercase()
}

/// Shorthand for a refusal as an error.
pub fn refuse<T>(
    code: Rejection,
    field: impl Into<String>,
    value: impl std::fmt::Display,
) -> Result<T, Refusal> {
    Err(Refusal::new(code, field, value))
}
