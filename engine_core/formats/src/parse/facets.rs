//! The facets of the schema, field by field.

use std::borrow::Cow;

use crate::codes;
use crate::decimal;
use crate::model::Kind;
use crate::rule::Rule;

/// The rule that a text breaks, if it breaks one.
#[must_use]
pub fn broken_rule(kind: Kind, text: &str) -> Option<Rule> {
    match kind {
        Kind::Text(min, max) => outside(text.chars().count(), min, max),
        Kind::Token(min, max) => outside(collapse(text).chars().count(), min, max),
        Kind::Exact(length) => outside(text.chars().count(), length, length),
        Kind::Decimal => decimal::scaled(text)
            .is_none()
            .then_some(Rule::DecimalInvalid),
        Kind::Int(digits) => decimal::integer(text, digits)
            .is_none()
            .then_some(Rule::IntegerInvalid),
        Kind::DateTime => {
            (!codes::is_date_time(decimal::trim(text))).then_some(Rule::DateTimeInvalid)
        }
        Kind::Base64 | Kind::Any => None,
    }
}

/// What a kind asks for, in the words of its rule's sentence.
#[must_use]
pub fn wanted(kind: Kind) -> String {
    match kind {
        Kind::Exact(length) => format!("exactly {length}"),
        Kind::Text(min, max) | Kind::Token(min, max) => format!("{min} to {max}"),
        Kind::Int(digits) => format!("at most {digits}"),
        Kind::Decimal | Kind::DateTime | Kind::Base64 | Kind::Any => String::new(),
    }
}

fn outside(length: usize, min: u16, max: u16) -> Option<Rule> {
    (length < usize::from(min) || length > usize::from(max)).then_some(Rule::LengthInvalid)
}

/// Blanks at the ends dropped, runs of blanks inside made one space.
pub(super) fn collapse(text: &str) -> Cow<'_, str> {
    let blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let trimmed = decimal::trim(text);
    let mut before = b'x';
    let untidy = trimmed.bytes().any(|byte| {
        let twice = blank(byte) && (byte != b' ' || blank(before));
        before = byte;
        twice
    });
    if !untidy {
        return Cow::Borrowed(trimmed);
    }
    let words: Vec<&str> = trimmed
        .split([' ', '\t', '\n', '\r'])
        .filter(|word| !word.is_empty())
        .collect();
    Cow::Owned(words.join(" "))
}

/// What the schema calls the value: collapsed where the kind says so, as written elsewhere.
pub(super) fn value(kind: Kind, text: Cow<'_, str>) -> Cow<'_, str> {
    let tidy = match kind {
        Kind::Token(..) | Kind::Decimal | Kind::Int(_) | Kind::DateTime => match &text {
            Cow::Borrowed(borrowed) => return collapse(borrowed),
            Cow::Owned(owned) => collapse(owned).into_owned(),
        },
        Kind::Text(..) | Kind::Exact(_) | Kind::Base64 | Kind::Any => return text,
    };
    Cow::Owned(tidy)
}
