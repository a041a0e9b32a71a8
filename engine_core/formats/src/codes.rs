//! The versioned code tables, and the form of party codes and times.

/// Version of the tables: they change with customs' announcements, and a stored verdict names what it was judged by.
pub const VERSION: &str = "2022-05";

/// Supervision modes that an export list may carry.
pub const TRADE_MODES: &[&str] = &["1210", "1239", "9610", "9710", "9810"];
/// Modes of the bonded zones, the only ones that take zone fields.
pub const ZONE_TRADE_MODES: &[&str] = &["1210", "1239"];

/// Supervision modes under which exported goods come back.
pub const RETURN_TRADE_MODES: &[&str] = &["1261", "9661"];

/// Currencies: customs number and ISO letters.
pub const CURRENCIES: &[(&str, &str)] = &[
    ("110", "HKD"),
    ("116", "JPY"),
    ("121", "MOP"),
    ("122", "MYR"),
    ("129", "PHP"),
    ("132", "SGD"),
    ("136", "THB"),
    ("142", "CNY"),
    ("143", "TWD"),
    ("300", "EUR"),
    ("302", "DKK"),
    ("303", "GBP"),
    ("326", "NOK"),
    ("330", "SEK"),
    ("331", "CHF"),
    ("332", "RUB"),
    ("501", "CAD"),
    ("502", "USD"),
    ("601", "AUD"),
    ("609", "NZD"),
];

/// Countries: customs number and ISO letters of three, for the letter form that newer systems send.
pub const COUNTRIES: &[(&str, &str)] = &[
    ("116", "JPN"),
    ("129", "PHL"),
    ("132", "SGP"),
    ("133", "KOR"),
    ("136", "THA"),
    ("138", "ARE"),
    ("141", "VNM"),
    ("142", "CHN"),
    ("301", "BEL"),
    ("302", "DNK"),
    ("303", "GBR"),
    ("304", "DEU"),
    ("305", "FRA"),
    ("307", "ITA"),
    ("309", "NLD"),
    ("312", "ESP"),
    ("327", "POL"),
    ("330", "SWE"),
    ("331", "CHE"),
    ("344", "RUS"),
    ("410", "BRA"),
    ("429", "MEX"),
    ("501", "CAN"),
    ("502", "USA"),
    ("601", "AUS"),
    ("609", "NZL"),
];

/// Units of quantity: the ranges of numbers in use, first and last.
pub const UNITS: &[(u16, u16)] = &[
    (1, 23),
    (25, 63),
    (67, 67),
    (70, 81),
    (83, 86),
    (88, 89),
    (95, 99),
    (101, 101),
    (110, 112),
    (115, 116),
    (118, 118),
    (120, 136),
    (139, 149),
    (163, 164),
];

/// Customs districts by the first two digits of their offices.
pub const CUSTOMS_DISTRICTS: &[&str] = &[
    "01", "02", "04", "05", "06", "07", "08", "09", "15", "19", "22", "23", "29", "31", "33", "35",
    "37", "40", "42", "43", "46", "47", "49", "51", "52", "53", "57", "60", "64", "67", "68", "72",
    "79", "80", "83", "86", "88", "90", "94", "95", "96", "97",
];

/// What becomes of a document at customs, as far as the standard lists it; below zero stands an exception.
pub const RETURN_STATUSES: &[i32] = &[
    1, 2, 3, 4, 100, 120, 300, 399, 500, 501, 502, 503, 505, 599, 600, 700, 800, 899,
];

/// Whether a currency is known, by number or by letters.
#[must_use]
pub fn is_currency(code: &str) -> bool {
    CURRENCIES
        .iter()
        .any(|(number, letters)| *number == code || *letters == code)
}

/// Whether a country is known, by number or by letters.
#[must_use]
pub fn is_country(code: &str) -> bool {
    COUNTRIES
        .iter()
        .any(|(number, letters)| *number == code || *letters == code)
}

/// Whether a unit is known.
#[must_use]
pub fn is_unit(code: &str) -> bool {
    let number = code
        .parse::<u16>()
        .ok()
        .filter(|_| code.len() == 3 && is_digits(code));
    number.is_some_and(|number| {
        UNITS
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&number))
    })
}

/// Sea, rail, road, air, post.
#[must_use]
pub fn is_transport_mode(code: &str) -> bool {
    matches!(code, "2" | "3" | "4" | "5" | "6")
}

/// Wood, carton, drum, bulk, pallet, bale, other.
#[must_use]
pub fn is_wrap_type(code: &str) -> bool {
    matches!(code, "1" | "2" | "3" | "4" | "5" | "6" | "7")
}

/// Whether a customs office lies in a known district.
#[must_use]
pub fn is_customs(code: &str) -> bool {
    code.len() == 4
        && is_digits(code)
        && CUSTOMS_DISTRICTS
            .iter()
            .any(|district| code.starts_with(district))
}

/// What stands for a foreign platform without a code.
pub const NO_PLATFORM: &str = "无";
/// What stands for a producer that is not registered.
pub const NO_PRODUCER: &str = "NO";
/// Characters of a unified social credit code.
pub const CREDIT_CODE_LENGTH: usize = 18;

/// Whether a text has the form of a customs registration number; its tail may hold letters.
#[must_use]
pub fn is_customs_number(code: &str) -> bool {
    code.len() == 10 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a text is nothing but digits.
#[must_use]
pub fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is an 18-character unified social credit code with the right check character.
#[must_use]
pub fn is_credit_code(code: &str) -> bool {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    const WEIGHTS: [usize; 17] = [
        1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
    ];
    if code.len() != CREDIT_CODE_LENGTH {
        return false;
    }
    let rank = |byte: u8| ALPHABET.iter().position(|letter| *letter == byte);
    let mut sum = 0usize;
    for (byte, weight) in code.bytes().zip(WEIGHTS) {
        let Some(value) = rank(byte) else {
            return false;
        };
        sum += value * weight;
    }
    // The outer remainder matters: without it a sum divisible by 31 has no check character at all.
    code.bytes().last().and_then(rank) == Some((31 - sum % 31) % 31)
}

/// Whether a text is a real `YYYYMMDD`, `YYYYMMDDhhmmss` or `YYYYMMDDhhmmssfff`, by its length.
#[must_use]
pub fn is_time(text: &str) -> bool {
    if !matches!(text.len(), 8 | 14 | 17) || !is_digits(text) {
        return false;
    }
    let part = |from: usize, to: usize| {
        text.get(from..to)
            .and_then(|digits| digits.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return false,
    };
    year >= 1900
        && (1..=days).contains(&day)
        && part(8, 10) < 24
        && part(10, 12) < 60
        && part(12, 14) < 60
}

/// Whether a text is a date and time of XML Schema with a year of four digits.
#[must_use]
pub fn is_date_time(text: &str) -> bool {
    let Some((moment, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let bytes = moment.as_bytes();
    let digits: String = moment.chars().filter(char::is_ascii_digit).collect();
    if !marks.iter().all(|(at, mark)| bytes.get(*at) == Some(mark)) || !is_time(&digits) {
        return false;
    }
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let after = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
            if after.len() == fraction.len() {
                return false;
            }
            after
        }
        None => rest,
    };
    match rest.as_bytes() {
        [] | [b'Z'] => true,
        [b'+' | b'-', hours @ .., b':', m1, m2] => {
            let minutes = m1.is_ascii_digit() && *m1 < b'6' && m2.is_ascii_digit();
            let hours = std::str::from_utf8(hours)
                .ok()
                .filter(|hours| hours.len() == 2 && is_digits(hours));
            minutes
                && hours
                    .and_then(|hours| hours.parse::<u8>().ok())
                    .is_some_and(|hours| hours < 14)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_codes_need_their_check_character() {
        // A sum divisible by 31 takes the check character 0.
        assert!(is_credit_code("000000000000000000"));
        assert!(is_credit_code("91350100M000100Y43"));
        assert!(!is_credit_code("91350100M000100Y44"));
        assert!(!is_credit_code("91350100M000100I43"));
        assert!(is_customs_number("110591EV59") && !is_customs_number("12345"));
    }

    #[test]
    fn tables_hold_what_the_standard_names() {
        for (known, unknown) in [
            ("007", "aaa"),
            ("142", "000"),
            ("164", "165"),
            ("122", "+07"),
        ] {
            assert!(is_unit(known) && !is_unit(unknown), "{known} {unknown}");
        }
        assert!(is_currency("502") && is_currency("USD") && !is_currency("aaa"));
        // Currency and country are two tables with mostly parallel numbers.
        assert!(
            is_country("344") && !is_currency("344") && is_currency("300") && !is_country("300")
        );
        assert!(is_customs("5100") && !is_customs("9900") && !is_customs("51000"));
    }

    #[test]
    fn times_must_be_real() {
        assert!(is_time("20240229") && is_time("20180507153001") && is_time("20180507153001999"));
        assert!(
            !is_time("20230229")
                && !is_time("20180507246001")
                && !is_time("2018050715300")
                && !is_time("20181301")
        );
    }

    #[test]
    fn xml_times_must_be_real() {
        for text in [
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00.5Z",
            "2026-01-31T12:00:00+08:00",
        ] {
            assert!(is_date_time(text), "{text}");
        }
        for text in [
            "",
            "2026-01-31",
            "2026-02-30T12:00:00",
            "2026-01-31T12:00:00.",
            "2026-01-31T12:00:00+8:00",
            "２026-01-31T12:00:00",
        ] {
            assert!(!is_date_time(text), "{text}");
        }
    }
}
