//! Lines against themselves, against one another and against the head.

use std::collections::HashSet;

use crate::codes;
use crate::decimal::{self, SCALE_DIGITS, format_decimal, format_scaled};
use crate::parse::Row;
use crate::rule::Rule;

use super::{At, Desk};

pub(super) fn check(desk: &mut Desk<'_>) {
    let rows = &desk.document.rows;
    match desk.message.number {
        303 => {
            numbered_from_one(desk);
            rows.iter()
                .enumerate()
                .for_each(|(at, row)| total(desk, at, row));
            goods_value(desk);
        }
        603 => {
            numbered_from_one(desk);
            for (at, row) in rows.iter().enumerate() {
                total(desk, at, row);
                quantities(desk, at, row);
            }
        }
        507 | 509 | 607 => unrepeated(desk, "logisticsNo"),
        701 => unrepeated(desk, "invtNo"),
        _ => {}
    }
    if desk
        .message
        .body
        .is_some_and(|body| body.fields.iter().any(|spec| spec.name == "gnum"))
    {
        numbered_once(desk);
    }
}

fn numbered_from_one(desk: &mut Desk<'_>) {
    let rows = &desk.document.rows;
    let Some(first) = rows.first() else { return };
    if !rows.iter().any(|row| row.integer("gnum") == Some(1)) {
        desk.tell_named(At::Row(0), first, "gnum", Rule::LineNumberStart, "");
    }
}

fn numbered_once(desk: &mut Desk<'_>) {
    let rows = &desk.document.rows;
    let numbers = || rows.iter().map(|row| row.integer("gnum").unwrap_or(0));
    // Numbers that only rise cannot repeat, and nearly all do.
    if numbers().is_sorted_by(|left, right| left < right) {
        return;
    }
    let mut seen = HashSet::with_capacity(rows.len());
    for (at, (row, number)) in rows.iter().zip(numbers()).enumerate() {
        if !seen.insert(number) {
            desk.tell_named(At::Row(at), row, "gnum", Rule::LineNumberRepeated, "");
        }
    }
}

fn unrepeated(desk: &mut Desk<'_>, name: &str) {
    let rows = &desk.document.rows;
    let mut seen = HashSet::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        if !seen.insert(row.get(name)) {
            desk.tell_named(At::Row(at), row, name, Rule::RowRepeated, "");
        }
    }
}

/// Quantity times price is the total, to the last digit.
fn total(desk: &mut Desk<'_>, at: usize, row: &Row<'_>) {
    let scaled = |name| row.scaled(name).unwrap_or(0);
    let unit = 10_i128.pow(SCALE_DIGITS as u32);
    let product = scaled("qty").checked_mul(scaled("price"));
    if product == Some(scaled("totalPrice") * unit) {
        return;
    }
    let words = product.map(|product| format_decimal(product, 2 * SCALE_DIGITS));
    let words = words.unwrap_or_else(|| "more than any total".to_owned());
    desk.tell_named(
        At::Row(at),
        row,
        "totalPrice",
        Rule::LineTotalMismatch,
        &words,
    );
}

/// The value in the head is the sum of the lines. Lines in another known currency make sums incomparable.
fn goods_value(desk: &mut Desk<'_>) {
    let head = desk.head();
    let rows = &desk.document.rows;
    let currency = head.get("currency");
    let foreign = |row: &Row<'_>| {
        let own = row.get("currency");
        own != currency && codes::is_currency(own) && codes::is_currency(currency)
    };
    if rows.iter().any(foreign) {
        return;
    }
    let sum: i128 = rows.iter().filter_map(|row| row.scaled("totalPrice")).sum();
    if head.scaled("goodsValue") != Some(sum) {
        let words = format_scaled(sum);
        desk.tell_named(
            At::Head,
            head,
            "goodsValue",
            Rule::HeadTotalMismatch,
            &words,
        );
    }
}

/// Legal quantities agree with the declared one where the units do.
fn quantities(desk: &mut Desk<'_>, at: usize, row: &Row<'_>) {
    if row.get("unit") == row.get("unit1") && row.scaled("qty") != row.scaled("qty1") {
        let declared = row.get("qty");
        desk.tell_named(
            At::Row(at),
            row,
            "qty1",
            Rule::FirstQuantityMismatch,
            declared,
        );
    }
    let unit = decimal::trim(row.get("unit2"));
    let counted = row.scaled("qty2").is_some_and(|quantity| quantity > 0);
    if unit.is_empty() == counted {
        let words = if unit.is_empty() { "empty" } else { unit };
        desk.tell_named(
            At::Row(at),
            row,
            "qty2",
            Rule::SecondQuantityMismatch,
            words,
        );
    }
}

/// The sum of the lines when all are in yuan, scaled.
pub(super) fn yuan(rows: &[Row<'_>]) -> Option<i128> {
    let all = rows
        .iter()
        .all(|row| matches!(row.get("currency"), "142" | "CNY"));
    all.then(|| rows.iter().filter_map(|row| row.scaled("totalPrice")).sum())
}
