//! A step of a case in one sentence for people, with the amounts that matter.

use crate::event::NO_INDEX;
use crate::event::catalog::RowKind;
use crate::event::clearing::{AllocationRow, PayoutRow, PayoutStepRow};
use crate::event::codec::Row;
use crate::event::customs::{ClawbackRow, DocumentRow};
use crate::event::forex::{ConversionRow, RemittanceRow};
use crate::ids::Step;
use crate::money::{CNY, Currency};
use crate::projection::snake;
use crate::state::State;
use crate::state::trade::TradeRow;

/// What the row says; rows that no case is made of are told by their columns.
pub fn sentence(state: &State, kind: &RowKind, row: &[u8]) -> String {
    let told = match kind.kind {
        DocumentRow::KIND => DocumentRow::get(row).map(|row| document(&row)),
        TradeRow::KIND => TradeRow::get(row).map(|row| trade(state, &row)),
        ClawbackRow::KIND => ClawbackRow::get(row).map(|row| clawback(state, &row)),
        RemittanceRow::KIND => RemittanceRow::get(row).map(|row| remittance(&row)),
        AllocationRow::KIND => AllocationRow::get(row).map(|row| allocation(state, &row)),
        ConversionRow::KIND => ConversionRow::get(row).map(|row| conversion(&row)),
        PayoutRow::KIND => PayoutRow::get(row).map(|row| payout(state, &row)),
        PayoutStepRow::KIND => PayoutStepRow::get(row).map(|row| payout_step(&row)),
        _ => None,
    };
    told.unwrap_or_else(|| format!("{}: {}", kind.name, kind.text(row)))
}

fn document(row: &DocumentRow) -> String {
    let name = match row.doc_type {
        303 => "order",
        403 => "collection note",
        505 => "waybill",
        509 => "departure",
        603 => "declaration list",
        605 => "withdrawal",
        701 => "aggregation",
        792 => "aggregation result",
        _ => "customs reply",
    };
    match row.status {
        0 => format!("CEB{} {name} received", row.doc_type),
        status => format!("CEB{} {name}: status {status}", row.doc_type),
    }
}

fn trade(state: &State, row: &TradeRow) -> String {
    format!(
        "trade {} ({}) of {}: declared {}, verified {}",
        snake(row.state.name()),
        snake(row.reason.name()),
        party(state, row.merchant),
        money(row.declared_minor, row.currency),
        money(row.verified_minor, row.currency),
    )
}

fn clawback(state: &State, row: &ClawbackRow) -> String {
    let currency = state
        .trades
        .get(row.trade_id)
        .map_or(CNY, |trade| trade.currency);
    format!(
        "clawback of {} against {}",
        money(row.clawback_minor, currency),
        party(state, row.merchant)
    )
}

fn remittance(row: &RemittanceRow) -> String {
    let mut told = format!(
        "remittance: credited {}",
        money(row.credited_minor, row.currency)
    );
    for (amount, what) in [
        (row.allocated_minor, "allocated"),
        (row.converted_minor, "converted"),
        (row.suspense_minor, "in suspense"),
        (row.returned_minor, "returned"),
        (row.charges_after_minor, "charged after credit"),
        (row.debt_minor, "owed by merchants"),
    ] {
        if amount != 0 {
            told += &format!(", {what} {}", money(amount, row.currency));
        }
    }
    told
}

fn allocation(state: &State, row: &AllocationRow) -> String {
    let trade = state.trades.get(row.trade_id);
    let currency = trade.map_or(CNY, |trade| trade.currency);
    let (verb, preposition) = if row.is_undo {
        ("taken back", "from")
    } else {
        ("put", "to")
    };
    let mut told = format!(
        "{} of the trade's value {verb} {preposition} {}",
        money(row.used_minor, currency),
        party(state, row.merchant)
    );
    if row.rate != Step::NONE {
        told += &format!(", at the rate of entry {}", row.rate.index);
    }
    told
}

fn conversion(row: &ConversionRow) -> String {
    match row.cny_minor {
        0 => format!(
            "conversion of {} requested",
            money(row.amount_minor, row.currency)
        ),
        cny => format!(
            "{} converted into {}",
            money(row.amount_minor, row.currency),
            money(cny, CNY)
        ),
    }
}

fn payout(state: &State, row: &PayoutRow) -> String {
    format!(
        "payout of {} to {} instructed",
        money(row.cny_minor, CNY),
        party(state, row.merchant)
    )
}

fn payout_step(row: &PayoutStepRow) -> String {
    let reason = row.reason_code.as_str();
    let told = format!(
        "payout of {} {}",
        money(row.cny_minor, CNY),
        snake(row.state.name())
    );
    match reason {
        "" => told,
        reason => format!("{told} ({reason})"),
    }
}

/// The credit code of a party: a name would be private.
fn party(state: &State, index: u32) -> String {
    match state.registry.get(index) {
        _ if index == NO_INDEX => "nobody known".to_owned(),
        Some(party) if !party.uscc.is_empty() => party.uscc.as_str().to_owned(),
        _ => format!("party {index}"),
    }
}

/// Minor units as people write them: `USD 186.71`.
fn money(minor: i64, currency: Currency) -> String {
    let unit = currency.minor_per_unit().unsigned_abs();
    let digits = currency.exponent() as usize;
    let sign = if minor < 0 { "-" } else { "" };
    let (whole, part) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    match digits {
        0 => format!("{} {sign}{whole}", currency.iso()),
        _ => format!("{} {sign}{whole}.{part:0digits$}", currency.iso()),
    }
}

#[cfg(test)]
mod tests {
    use super::money;
    use crate::money::Currency;

    #[test]
    fn money_has_the_digits_of_its_currency() {
        for (iso, minor, text) in [
            ("USD", 18_671, "USD 186.71"),
            ("USD", -5, "USD -0.05"),
            ("JPY", 1_200, "JPY 1200"),
            ("KWD", 1_234, "KWD 1.234"),
        ] {
            let currency = Currency::from_iso(iso).expect("a known currency");
            assert_eq!(money(minor, currency), text);
        }
    }
}
