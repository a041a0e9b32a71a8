//! The refund rate library: loads intervals, and finds the one policy of a code on a day.

use std::collections::BTreeMap;

use super::{is_date, is_valid_on};
use crate::contract::whampoa::tax::v1::{LoadRefundRatesRequest, RefundRate};
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::codec::Text;
use crate::event::tax::{RateRow, RefundRatesLoaded};
use crate::ids::Id;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;
use crate::state::tax::Tax;

const RATES_MAX: usize = 8192;
const VERSION_CHARACTERS_MAX: usize = 32;
const BASIS_POINTS_MAX: u32 = 10_000;

/// What the library says of a code on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    One {
        rate_bp: u16,
        flag: u8,
    },
    /// Several policies apply: a person decides, nobody guesses.
    Ambiguous,
    Unknown,
}

/// Rows of the code and its children first; where there are none, the longest prefix that has one.
pub fn resolve(tax: &Tax, gcode: u64, day: u32) -> Policy {
    let code = format!("{gcode:010}");
    let found = only(tax.rates_below(&code), day);
    if found != Policy::Unknown {
        return found;
    }
    let shorter = (4..code.len())
        .rev()
        .map(|length| only(tax.rates_of(&code[..length]).iter(), day));
    shorter
        .into_iter()
        .find(|policy| *policy != Policy::Unknown)
        .unwrap_or(Policy::Unknown)
}

fn only<'a>(rows: impl Iterator<Item = &'a RateRow>, day: u32) -> Policy {
    let mut found = Policy::Unknown;
    for row in rows.filter(|row| is_valid_on(day, row.valid_from, row.valid_until)) {
        let policy = Policy::One {
            rate_bp: row.refund_rate_bp,
            flag: row.flag,
        };
        found = match found {
            Policy::Unknown => policy,
            other if other == policy => policy,
            _ => Policy::Ambiguous,
        };
    }
    found
}

/// Loads intervals of a library version. An interval of the same code and first day replaces the one before; the
/// intervals of a code may not overlap then.
pub fn load_refund_rates(
    state: &State,
    _context: &Context<'_>,
    request: &LoadRefundRatesRequest,
) -> Decision {
    let version = request.library_version.trim();
    if version.is_empty() || version.chars().count() > VERSION_CHARACTERS_MAX {
        return refuse(Rejection::FieldInvalid, "library_version", version);
    }
    match request.rates.len() {
        0 => return refuse(Rejection::FieldMissing, "rates", ""),
        count if count > RATES_MAX => return refuse(Rejection::BatchTooLarge, "rates", count),
        _ => {}
    }
    let mut rates = Vec::with_capacity(request.rates.len());
    let mut by_code: BTreeMap<Text<12>, BTreeMap<u32, RateRow>> = BTreeMap::new();
    for (ordinal, rate) in request.rates.iter().enumerate() {
        let row = check(rate, &format!("rates[{ordinal}]"))?;
        let known = || {
            state
                .tax
                .rates_of(row.code.as_str())
                .iter()
                .map(|row| (row.valid_from, row.clone()))
                .collect()
        };
        by_code
            .entry(row.code)
            .or_insert_with(known)
            .insert(row.valid_from, row.clone());
        rates.push(row);
    }
    for (code, rows) in &by_code {
        let rows: Vec<&RateRow> = rows.values().collect();
        if let Some(pair) = rows
            .windows(2)
            .find(|pair| pair[0].valid_until == 0 || pair[1].valid_from <= pair[0].valid_until)
        {
            let place = format!("{} from {}", code.as_str(), pair[1].valid_from);
            return refuse(Rejection::PeriodOverlaps, "rates.valid_from", place);
        }
    }
    Ok(vec![Draft::first(
        Id::ZERO,
        RefundRatesLoaded {
            library_version: version.to_owned(),
            rates,
        },
    )])
}

fn check(rate: &RefundRate, path: &str) -> Result<RateRow, Refusal> {
    let field = |name: &str| format!("{path}.{name}");
    let is_code =
        (4..=12).contains(&rate.code.len()) && rate.code.bytes().all(|byte| byte.is_ascii_digit());
    let code = Text::new(&rate.code).filter(|_| is_code);
    let code =
        code.ok_or_else(|| Refusal::new(Rejection::FieldInvalid, field("code"), &rate.code))?;
    for (name, rate_bp) in [
        ("refund_rate_bp", rate.refund_rate_bp),
        ("levy_rate_bp", rate.levy_rate_bp),
    ] {
        if rate_bp > BASIS_POINTS_MAX {
            return refuse(Rejection::FieldInvalid, field(name), rate_bp);
        }
    }
    if rate.flag > 2 {
        return refuse(Rejection::FieldInvalid, field("flag"), rate.flag);
    }
    if !is_date(rate.valid_from) {
        return refuse(
            Rejection::FieldInvalid,
            field("valid_from"),
            rate.valid_from,
        );
    }
    if rate.valid_until != 0 && (!is_date(rate.valid_until) || rate.valid_until < rate.valid_from) {
        return refuse(
            Rejection::FieldInvalid,
            field("valid_until"),
            rate.valid_until,
        );
    }
    Ok(RateRow {
        code,
        refund_rate_bp: rate.refund_rate_bp as u16,
        levy_rate_bp: rate.levy_rate_bp as u16,
        flag: rate.flag as u8,
        valid_from: rate.valid_from,
        valid_until: rate.valid_until,
    })
}
