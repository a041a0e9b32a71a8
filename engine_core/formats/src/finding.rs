//! Findings: how the codec tells what is wrong, where, and how much it weighs.

use crate::proto::{DocumentType, Finding, Severity};

/// Longest value that a finding repeats, in characters.
const MAX_VALUE: usize = 64;

/// Fields that hold personal data: a finding names the field, never the value.
const PRIVATE: &[&str] = &["ebcTelephone"];

/// The document type of a message number; unspecified for a number outside the table.
#[must_use]
pub fn document_type(number: u16) -> DocumentType {
    DocumentType::try_from(i32::from(number)).unwrap_or(DocumentType::Unspecified)
}

/// Where in a message something was found.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    pub number: u16,
    pub ordinal: u32,
    pub field: &'p str,
    pub offset: usize,
}

/// Builds one finding; the value is cut and, for personal data, left out.
#[must_use]
pub fn finding(place: Place<'_>, rule: &str, severity: Severity, value: &str, message: String) -> Finding {
    let leaf = place.field.rsplit('/').next().unwrap_or(place.field);
    let value = if PRIVATE.contains(&leaf) { "***".to_owned() } else { shorten(value) };
    Finding {
        r#type: document_type(place.number).into(),
        ordinal: place.ordinal,
        document_key: String::new(),
        field: place.field.to_owned(),
        rule: rule.to_owned(),
        severity: severity.into(),
        value,
        offset: place.offset as u64,
        message,
    }
}

/// The first characters of a value, as many as a finding may repeat.
#[must_use]
pub fn shorten(value: &str) -> String {
    value.chars().take(MAX_VALUE).collect()
}
