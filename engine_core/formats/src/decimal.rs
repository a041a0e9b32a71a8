//! Numbers as the schema reads them: exact, without floats.

/// Fraction digits of every CEB decimal; scaled values count in this unit.
pub const SCALE_DIGITS: usize = 5;
const TOTAL_DIGITS: usize = 19;

/// Blanks by the schema's reading: the four XML ones, no other Unicode blank.
#[must_use]
pub fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// The decimal times 10^5, or `None` when the text is no decimal of 19 digits with at most 5 fraction digits.
#[must_use]
pub fn scaled(text: &str) -> Option<i128> {
    let text = trim(text);
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !numeric(whole) || !numeric(fraction) {
        return None;
    }
    // The facets count digits of the value: zeros in front and at the end of the fraction do not count.
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > SCALE_DIGITS || whole.len() + fraction.len() > TOTAL_DIGITS {
        return None;
    }
    let mut value = 0i128;
    let padded = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(SCALE_DIGITS);
    for byte in whole.bytes().chain(padded) {
        value = value * 10 + i128::from(byte - b'0');
    }
    Some(if negative { -value } else { value })
}

/// A 32-bit integer of at most so many digits.
#[must_use]
pub fn integer(text: &str, max_digits: u8) -> Option<i32> {
    let text = trim(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    if significant.len() > usize::from(max_digits) {
        return None;
    }
    let value = if significant.is_empty() {
        0
    } else {
        significant.parse::<i32>().ok()?
    };
    Some(if text.starts_with('-') { -value } else { value })
}

/// A scaled value as decimal text without needless zeros.
#[must_use]
pub fn format_scaled(value: i128) -> String {
    format_decimal(value, SCALE_DIGITS)
}

/// A value of so many fraction digits as decimal text without needless zeros.
#[must_use]
pub fn format_decimal(value: i128, fraction_digits: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!(
        "{:0>width$}",
        value.unsigned_abs(),
        width = fraction_digits + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - fraction_digits);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_the_lexical_rules() {
        for (text, value) in [
            ("1", 100_000),
            (" +.5 ", 50_000),
            ("5.", 500_000),
            ("-0", 0),
            ("\n1.50\t", 150_000),
            ("0000000000000000000000001", 100_000),
            ("1.0000000000", 100_000),
        ] {
            assert_eq!(scaled(text), Some(value), "{text:?}");
        }
        for text in [
            "",
            " ",
            ".",
            "+",
            "--1",
            "1e3",
            "1 2",
            "\u{a0}1",
            "１",
            "0.000001",
            "12345678901234567890",
        ] {
            assert_eq!(scaled(text), None, "{text:?}");
        }
        assert_eq!(
            scaled("1234567890123456789"),
            Some(123_456_789_012_345_678_900_000)
        );
    }

    #[test]
    fn integers_count_significant_digits() {
        assert_eq!(integer(" 00000001 ", 5), Some(1));
        assert_eq!(integer("-99999", 5), Some(-99_999));
        assert_eq!(integer("000100000", 5), None);
        assert_eq!(integer("1.0", 5), None);
        assert_eq!(integer("", 5), None);
    }

    #[test]
    fn formatting_drops_needless_zeros() {
        assert_eq!(format_scaled(150_000), "1.5");
        assert_eq!(format_scaled(-1), "-0.00001");
        assert_eq!(format_scaled(200_000), "2");
    }
}
