//! Currencies, customs decimals kept exactly, and products with scaled rates. No floats.

use serde::{Deserialize, Serialize};

/// ISO 4217 numeric code.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
pub struct Currency(pub u16);

struct CurrencyRow {
    iso: &'static str,
    numeric: u16,
    exponent: u32,
    /// JGS-20 numeric customs code (reference customs.md section 10.2); 0 where there is none.
    customs: u16,
}

const fn row(iso: &'static str, numeric: u16, exponent: u32, customs: u16) -> CurrencyRow {
    CurrencyRow {
        iso,
        numeric,
        exponent,
        customs,
    }
}

const CURRENCIES: &[CurrencyRow] = &[
    row("CNY", 156, 2, 142),
    row("USD", 840, 2, 502),
    row("EUR", 978, 2, 300),
    row("HKD", 344, 2, 110),
    row("JPY", 392, 0, 116),
    row("MOP", 446, 2, 121),
    row("MYR", 458, 2, 122),
    row("PHP", 608, 2, 129),
    row("SGD", 702, 2, 132),
    row("THB", 764, 2, 136),
    row("TWD", 901, 2, 143),
    row("DKK", 208, 2, 302),
    row("GBP", 826, 2, 303),
    row("NOK", 578, 2, 326),
    row("SEK", 752, 2, 330),
    row("CHF", 756, 2, 331),
    row("RUB", 643, 2, 332),
    row("CAD", 124, 2, 501),
    row("AUD", 36, 2, 601),
    row("NZD", 554, 2, 609),
    row("KRW", 410, 0, 133),
    row("KWD", 414, 3, 0),
];

pub const CNY: Currency = Currency(156);
pub const USD: Currency = Currency(840);

impl Currency {
    pub fn from_iso(letters: &str) -> Option<Self> {
        CURRENCIES
            .iter()
            .find(|row| row.iso == letters)
            .map(|row| Self(row.numeric))
    }

    /// From a customs document: the JGS-20 number or the ISO letters.
    pub fn from_customs(code: &str) -> Option<Self> {
        let number = code.parse::<u16>().ok().filter(|number| *number != 0);
        CURRENCIES
            .iter()
            .find(|row| Some(row.customs) == number || row.iso == code)
            .map(|row| Self(row.numeric))
    }

    fn row(self) -> Option<&'static CurrencyRow> {
        CURRENCIES.iter().find(|row| row.numeric == self.0)
    }

    pub fn iso(self) -> &'static str {
        self.row().map_or("XXX", |row| row.iso)
    }

    /// Digits of the minor unit; 2 for a code of no known currency.
    pub fn exponent(self) -> u32 {
        self.row().map_or(2, |row| row.exponent)
    }

    pub fn minor_per_unit(self) -> i64 {
        10_i64.pow(self.exponent())
    }
}

/// A customs decimal (N19,5), times 10^5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Decimal5(pub u64);

impl Decimal5 {
    /// Parses an unsigned decimal of at most 14 integer and 5 fraction digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        if whole.len() > 14 || fraction.len() > 5 {
            return None;
        }
        let mut value: u64 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        for place in 0..5 {
            let digit = fraction
                .as_bytes()
                .get(place)
                .map_or(0, |byte| u64::from(byte - b'0'));
            value = value * 10 + digit;
        }
        Some(Self(value))
    }

    /// Minor units rounded down, and the remainder in 10^-5 units. `None` when it exceeds i64.
    pub fn to_minor(self, currency: Currency) -> Option<(i64, u32)> {
        let scale = 10_u64.pow(5 - currency.exponent().min(5));
        Some((i64::try_from(self.0 / scale).ok()?, (self.0 % scale) as u32))
    }
}

/// Units of `quote` per one whole unit of `base`, times 10^8.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rate {
    pub base: Currency,
    pub quote: Currency,
    pub rate_e8: i64,
}

impl Rate {
    /// `amount` of the base currency in the quote currency, rounded down; products in i128.
    pub fn convert_down(&self, amount_minor: i64) -> Option<i64> {
        let (product, divisor) = self.product(amount_minor);
        i64::try_from(product.div_euclid(divisor)).ok()
    }

    /// The same, rounded half up.
    pub fn convert_half_up(&self, amount_minor: i64) -> Option<i64> {
        let (product, divisor) = self.product(amount_minor);
        i64::try_from((2 * product + divisor).div_euclid(2 * divisor)).ok()
    }

    /// The smallest base amount whose conversion rounded down reaches `quote_minor`.
    pub fn base_for(&self, quote_minor: i64) -> Option<i64> {
        let (per, divisor) = self.product(1);
        if per <= 0 {
            return None;
        }
        let wanted = i128::from(quote_minor) * divisor;
        i64::try_from(wanted / per + i128::from(wanted % per != 0)).ok()
    }

    fn product(&self, amount_minor: i64) -> (i128, i128) {
        let quote = i128::from(self.quote.minor_per_unit());
        let base = i128::from(self.base.minor_per_unit());
        (
            i128::from(amount_minor) * i128::from(self.rate_e8) * quote,
            100_000_000 * base,
        )
    }
}
