//! Each field by its meaning.

use crate::codes;
use crate::decimal;
use crate::model::{FieldSpec, Kind, Meaning};
use crate::rule::Rule;

use super::{At, Desk};

/// Amounts from here on have more than 14 digits before the point, which no column of customs holds.
const TOO_LARGE: i128 = 10_i128.pow(14 + decimal::SCALE_DIGITS as u32);

/// A rule that a value breaks, and what its sentence sets against the value.
type Broken = Option<(Rule, &'static str)>;

pub(super) fn check(desk: &mut Desk<'_>) {
    let document = desk.document;
    let upstream = desk.message.enveloped;
    let number = desk.message.number;
    let lead = desk.identity.map_or("", |identity| identity.lead());
    let rows = document
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| (At::Row(at), row));
    for (at, row) in std::iter::once((At::Head, &document.head)).chain(rows) {
        for cell in &row.cells {
            let broken = if upstream {
                sent(number, cell.spec, &cell.value)
            } else {
                replied(cell.spec, &cell.value, lead)
            };
            if let Some((rule, other)) = broken {
                desk.tell(at, cell, rule, other);
            }
        }
    }
}

/// What a declarant sends.
fn sent(number: u16, spec: &FieldSpec, value: &str) -> Broken {
    let blank = decimal::trim(value).is_empty();
    if blank && !spec.required {
        return None;
    }
    let unless = |known: bool, rule: Rule| (!known).then_some((rule, ""));
    match spec.meaning {
        Meaning::Plain => {
            let text = matches!(spec.kind, Kind::Text(..) | Kind::Token(..));
            unless(!(blank && text), Rule::TextEmpty)
        }
        Meaning::Key => unless(!blank, Rule::KeyEmpty),
        Meaning::Party | Meaning::Platform | Meaning::Producer => party(spec.meaning, value, blank),
        Meaning::Currency => unless(codes::is_currency(value), Rule::CurrencyUnknown),
        Meaning::Unit => unless(codes::is_unit(value), Rule::UnitUnknown),
        Meaning::Country => country(number, value),
        Meaning::Customs => unless(codes::is_customs(value), Rule::CustomsUnknown),
        Meaning::TransportMode => {
            unless(codes::is_transport_mode(value), Rule::TransportModeUnknown)
        }
        Meaning::WrapType => unless(codes::is_wrap_type(value), Rule::WrapTypeUnknown),
        Meaning::TradeMode => trade_mode(number, value),
        Meaning::AppType => unless(matches!(value, "1" | "2" | "3"), Rule::AppTypeInvalid),
        Meaning::AppStatus => unless(matches!(value, "1" | "2"), Rule::AppStatusInvalid),
        Meaning::OrderType => unless(matches!(value, "E" | "B" | "W"), Rule::OrderTypeInvalid),
        Meaning::Direction => {
            let only = if matches!(number, 213 | 215) {
                "I"
            } else {
                "E"
            };
            (value != only).then_some((Rule::DirectionInvalid, only))
        }
        Meaning::StatisticsFlag => unless(matches!(value, "A" | "B"), Rule::StatisticsFlagInvalid),
        Meaning::TariffCode => unless(
            value.len() == 10 && codes::is_digits(value),
            Rule::TariffCodeInvalid,
        ),
        Meaning::SummaryFlag => unless(matches!(value, "1" | "2"), Rule::SummaryFlagInvalid),
        Meaning::Time => unless(codes::is_time(value), Rule::TimeInvalid),
        Meaning::Positive | Meaning::NotNegative => amount(spec.meaning, value),
        Meaning::Count => {
            let count = decimal::integer(value, 10).unwrap_or(0);
            unless(count > 0, Rule::CountNotPositive)
        }
        Meaning::ReturnStatus => None,
    }
}

/// What customs answers: only what would make the answer useless is refused.
fn replied(spec: &FieldSpec, value: &str, lead: &str) -> Broken {
    if spec.name == lead && decimal::trim(value).is_empty() {
        return Some((Rule::KeyEmpty, ""));
    }
    match spec.meaning {
        Meaning::Time => (!codes::is_time(value)).then_some((Rule::TimeInvalid, "")),
        Meaning::StatisticsFlag => {
            (!matches!(value, "A" | "B")).then_some((Rule::ReplyFlagUnknown, ""))
        }
        Meaning::ReturnStatus => match decimal::integer(value, 10) {
            None => Some((Rule::ReturnStatusInvalid, "")),
            Some(status) if status < 0 || codes::RETURN_STATUSES.contains(&status) => None,
            Some(_) => Some((Rule::ReturnStatusUnknown, "")),
        },
        _ => None,
    }
}

fn party(meaning: Meaning, value: &str, blank: bool) -> Broken {
    let word = match meaning {
        Meaning::Platform => codes::NO_PLATFORM,
        Meaning::Producer => codes::NO_PRODUCER,
        _ => "",
    };
    if blank {
        Some((Rule::KeyEmpty, ""))
    } else if value == word || codes::is_customs_number(value) || codes::is_credit_code(value) {
        None
    } else if value.len() == codes::CREDIT_CODE_LENGTH {
        Some((Rule::CreditCodeInvalid, ""))
    } else {
        Some((Rule::PartyCodeInvalid, ""))
    }
}

fn country(number: u16, value: &str) -> Broken {
    if number == 213 && matches!(value, "142" | "CHN") {
        return Some((Rule::OriginIsChina, ""));
    }
    (!codes::is_country(value)).then_some((Rule::CountryUnknown, ""))
}

fn trade_mode(number: u16, value: &str) -> Broken {
    let (modes, words) = if number == 213 {
        (codes::RETURN_TRADE_MODES, "1261 or 9661")
    } else {
        (codes::TRADE_MODES, "1210, 1239, 9610, 9710 or 9810")
    };
    (!modes.contains(&value)).then_some((Rule::TradeModeInvalid, words))
}

fn amount(meaning: Meaning, value: &str) -> Broken {
    let amount = decimal::scaled(value).unwrap_or(0);
    match meaning {
        _ if amount >= TOO_LARGE => Some((Rule::AmountTooLarge, "")),
        Meaning::Positive if amount <= 0 => Some((Rule::AmountNotPositive, "")),
        _ if amount < 0 => Some((Rule::AmountNegative, "")),
        _ => None,
    }
}
