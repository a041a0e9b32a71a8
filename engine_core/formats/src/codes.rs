//! The versioned code tables, and the form of party codes and times.

/// Version of the tables: they change with customs' announcements, and a stored verdict names what it was judged by.
pub const VERSION: &str = "2022-05";

/// Supervision modes that an export list may carry.
pub const TRADE_MODES: &[&str] = &["1210", "1239", "9610", "9710", "9810"];
/// Modes of the bonded zones, the only ones that take zone fields.
pub const ZONE_TRADE_MODES: &[&str] = &["1210", "1239"];

/// Currencies: customs number and ISO letters.
pub const CURRENCIES: &[(&str, &str)] = &[
    ("110", "HKD"), ("116", "JPY"), ("121", "MOP"), ("122", "MYR"), ("129", "PHP"), ("132", "SGD"), ("136", "THB"),
    ("142", "CNY"), ("143", "TWD"), ("300", "EUR"), ("302", "DKK"), ("303", "GBP"), ("326", "NOK"), ("330", "SEK"),
    ("331", "CHF"), ("332", "RUB"), ("501", "CAD"), ("502", "USD"), ("601", "AUD"), ("609", "NZD"),
];

/// Countries: customs number and ISO letters of three, for the letter form that newer systems send.
pub const COUNTRIES: &[(&str, &str)] = &[
    ("116", "JPN"), ("129", "PHL"), ("132", "SGP"), ("133", "KOR"), ("136", "THA"), ("138", "ARE"), ("141", "VNM"),
    ("142", "CHN"), ("301", "BEL"), ("302", "DNK"), ("303", "GBR"), ("304", "DEU"), ("305", "FRA"), ("307", "ITA"),
    ("309", "NLD"), ("312", "ESP"), ("327", "POL"), ("330", "SWE"), ("331", "CHE"), ("344", "RUS"), ("410", "BRA"),
    ("429", "MEX"), ("501", "CAN"), ("502", "USA"), ("601", "AUS"), ("609", "NZL"),
];

/// Units of quantity.
pub const UNITS: &[&str] = &[
    "001", "002", "003", "005", "006", "007", "008", "010", "011", "012", "014", "015", "017", "019", "020", "025",
    "030", "032", "033", "035", "036", "054", "122", "125", "140", "142",
];

/// Customs districts by their first two digits.
pub const CUSTOMS_DISTRICTS: &[&str] = &["51", "52", "53", "57"];

/// Whether a currency is known, by number or by letters.
#[must_use]
pub fn is_currency(code: &str) -> bool {
    CURRENCIES.iter().any(|(number, letters)| *number == code || *letters == code)
}

/// Whether a country is known, by number or by letters.
#[must_use]
pub fn is_country(code: &str) -> bool {
    COUNTRIES.iter().any(|(number, letters)| *number == code || *letters == code)
}

/// Whether a unit is known.
#[must_use]
pub fn is_unit(code: &str) -> bool {
    UNITS.contains(&code)
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
        && code.bytes().all(|byte| byte.is_ascii_digit())
        && CUSTOMS_DISTRICTS.iter().any(|district| code.starts_with(district))
}

/// Whether a party code is a customs number, a credit code with the right check character, or one of the two literals.
#[must_use]
pub fn is_party(code: &str) -> bool {
    match code {
        "无" | "NO" => true,
        _ if code.len() == 10 => code.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        _ => is_credit_code(code),
    }
}

/// Whether a text is an 18-character unified social credit code with the right check character.
#[must_use]
pub fn is_credit_code(code: &str) -> bool {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    if code.len() != 18 {
        return false;
    }
    let rank = |byte: u8| ALPHABET.iter().position(|letter| *letter == byte);
    let mut sum = 0usize;
    for (byte, weight) in code.bytes().zip(WEIGHTS) {
        let Some(value) = rank(byte) else { return false };
        sum += value * weight;
    }
    // The outer remainder matters: without it a sum divisible by 31 has no check character at all.
    code.bytes().last().and_then(rank) == Some((31 - sum % 31) % 31)
}

/// Whether a text is a real `YYYYMMDD`, `YYYYMMDDhhmmss` or `YYYYMMDDhhmmssfff`, by its length.
#[must_use]
pub fn is_time(text: &str) -> bool {
    if !matches!(text.len(), 8 | 14 | 17) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let part = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(0);
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return false,
    };
    year >= 1900 && (1..=days).contains(&day) && part(8, 10) < 24 && part(10, 12) < 60 && part(12, 14) < 60
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
        assert!(is_party("110591EV59") && is_party("无") && is_party("NO") && !is_party("12345"));
    }

    #[test]
    fn times_must_be_real() {
        assert!(is_time("20240229") && is_time("20180507153001") && is_time("20180507153001999"));
        assert!(!is_time("20230229") && !is_time("20180507246001") && !is_time("2018050715300") && !is_time("20181301"));
    }
}
