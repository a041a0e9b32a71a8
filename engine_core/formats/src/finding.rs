//! Findings: how the codec tells what is wrong, where, and how much it weighs.

use crate::proto::{DocumentType, Finding};
use crate::rule::{Rule, fill};

/// Longest value that a finding repeats, in characters.
const MAX_VALUE: usize = 64;

/// Fields that may hold personal data: a finding names the field, never the value.
const PRIVATE: &[&str] = &["ebcTelephone", "note", "itemDescribe", "reason"];
const MASK: &str = "***";

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

/// Builds one finding; the value is cut and, for personal data, masked.
#[must_use]
pub fn finding(place: Place<'_>, rule: Rule, value: &str, other: &str) -> Finding {
    let leaf = place.field.rsplit('/').next().unwrap_or(place.field);
    let private = PRIVATE.contains(&leaf) && !value.is_empty();
    let value = if private {
        MASK.to_owned()
    } else {
        shorten(value)
    };
    let entry = rule.entry();
    Finding {
        r#type: document_type(place.number).into(),
        ordinal: place.ordinal,
        document_key: String::new(),
        field: place.field.to_owned(),
        rule: entry.code.to_owned(),
        severity: entry.severity.into(),
        message: fill(entry.sentence, place.field, &value, other),
        value,
        offset: place.offset as u64,
    }
}

/// The first characters of a value, as many as a finding may repeat.
#[must_use]
pub fn shorten(value: &str) -> String {
    value.chars().take(MAX_VALUE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(field: &str, value: &str) -> Finding {
        let place = Place {
            number: 505,
            ordinal: 3,
            field,
            offset: 7,
        };
        finding(place, Rule::LengthInvalid, value, "0 to 50")
    }

    #[test]
    fn personal_data_is_masked() {
        let masked = told("ebcTelephone", "13900000000");
        assert_eq!(
            (masked.value.as_str(), masked.message.contains("139")),
            (MASK, false)
        );
        assert_eq!(told("Logistics/note", "x").value, MASK);
        assert_eq!(told("ebcTelephone", "").value, "");
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(
            told("goodsInfo", &"货".repeat(300)).value.chars().count(),
            MAX_VALUE
        );
    }
}
