//! The lexical rules of XML that the reader leaves out: attributes, references, characters, line ends.

use std::borrow::Cow;

/// Most attributes of a tag, declarations included: each is compared with the others, and resolved by all below.
pub(super) const MAX_ATTRIBUTES: usize = 16;

/// Splits the inside of a tag into attributes; `None` when blanks, quotes or names are not XML's. One more than the
/// greatest number allowed is where it stops.
pub(super) fn attributes(mut rest: &str) -> Option<Vec<(&str, &str)>> {
    let blank = [' ', '\t', '\n', '\r'];
    let mut found: Vec<(&str, &str)> = Vec::new();
    loop {
        let trimmed = rest.trim_start_matches(blank);
        if trimmed.is_empty() || found.len() > MAX_ATTRIBUTES {
            return Some(found);
        }
        if trimmed.len() == rest.len() {
            return None;
        }
        let (name, after) = trimmed.split_once('=')?;
        let name = name.trim_end_matches(blank);
        let after = after.trim_start_matches(blank);
        let quote = after
            .chars()
            .next()
            .filter(|mark| matches!(mark, '"' | '\''))?;
        let (value, tail) = after.get(1..)?.split_once(quote)?;
        let repeated = found.iter().any(|(known, _)| *known == name);
        if !is_name(name) || value.contains('<') || repeated || plain(value).is_none() {
            return None;
        }
        found.push((name, value));
        rest = tail;
    }
}

/// Whether a text is a name of XML.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let start = |letter: char| letter.is_alphabetic() || letter == '_' || letter == ':';
    name.chars().next().is_some_and(start)
        && name.chars().all(|letter| {
            start(letter) || letter.is_numeric() || matches!(letter, '-' | '.' | '\u{b7}')
        })
}

/// The value of an attribute: references replaced, blanks made spaces; `None` for an unknown reference.
#[must_use]
pub fn plain(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains(['&', '\t', '\n', '\r']) {
        return Some(Cow::Borrowed(raw));
    }
    let lines = raw.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ");
    let mut value = String::with_capacity(lines.len());
    let mut rest = lines.as_str();
    while let Some((before, after)) = rest.split_once('&') {
        let (name, tail) = after.split_once(';')?;
        value.push_str(before);
        value.push(reference(name)?);
        rest = tail;
    }
    value.push_str(rest);
    Some(Cow::Owned(value))
}

/// The character of a predefined or numeric reference.
pub(super) fn reference(name: &str) -> Option<char> {
    let code = match name {
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "amp" => return Some('&'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => name.strip_prefix('#')?,
    };
    let (digits, radix) = code.strip_prefix('x').map_or((code, 10), |hex| (hex, 16));
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    char::from_u32(u32::from_str_radix(digits, radix).ok()?).filter(|letter| is_allowed(*letter))
}

/// Whether XML allows a character at all.
#[must_use]
pub fn is_allowed(letter: char) -> bool {
    !matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

pub(super) fn forbidden_character(text: &str) -> Option<usize> {
    // The bytes are looked at first: hardly any message holds a candidate, and bytes are cheaper than characters.
    let suspect =
        |byte: &u8| (*byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || *byte == 0xef;
    if !text.as_bytes().iter().any(suspect) {
        return None;
    }
    text.char_indices()
        .find(|(_, letter)| !is_allowed(*letter))
        .map(|(at, _)| at)
}

/// Whether text is nothing but XML's blanks.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// Line ends as XML reads them: a carriage return counts as a line feed, and so does the pair.
pub(super) fn normal_lines(raw: &str) -> Cow<'_, str> {
    if raw.contains('\r') {
        Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(raw)
    }
}
