//! Check character of the unified social credit code (GB 32100-2015).

/// 0–9 and A–Z without I, O, S, V, Z.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const WEIGHTS: [u32; 17] = [
    1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
];

/// True for 18 characters of the alphabet of which the last is the check character of the others.
pub fn is_uscc(code: &str) -> bool {
    let bytes = code.as_bytes();
    let digit = |byte: &u8| {
        ALPHABET
            .iter()
            .position(|letter| letter == byte)
            .map(|at| at as u32)
    };
    let Some(digits) = bytes.iter().map(digit).collect::<Option<Vec<u32>>>() else {
        return false;
    };
    if digits.len() != 18 {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum();
    (31 - sum % 31) % 31 == digits[17]
}

#[cfg(test)]
mod tests {
    use super::is_uscc;

    #[test]
    fn the_check_character_is_checked() {
        for (code, expected) in [
            ("91350100M000100Y43", true),
            ("91350100M000100Y44", false),
            ("91350100M000100Y4", false),
            ("91350100m000100Y43", false),
            ("", false),
            ("无", false),
        ] {
            assert_eq!(is_uscc(code), expected, "{code}");
        }
    }

    #[test]
    fn exactly_one_check_character_fits() {
        let fitting = "0123456789ABCDEFGHJKLMNPQRTUWXY"
            .chars()
            .filter(|last| is_uscc(&format!("91440101MA59ABCD1{last}")));
        assert_eq!(fitting.count(), 1);
    }
}
