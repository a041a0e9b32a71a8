//! Rules of one kind of document: supervision modes, weights, periods, parts.

use crate::codes;
use crate::decimal::{SCALE_DIGITS, format_scaled, trim};
use crate::rule::Rule;

use super::{At, Desk, line};

/// Greatest value of a parcel of the simplified regimes, in yuan.
const CAP_YUAN: i128 = 5_000;
const CAP_WORDS: &str = "5000";

pub(super) fn check(desk: &mut Desk<'_>) {
    platform(desk);
    match desk.message.number {
        603 => list(desk),
        701 => period(desk),
        _ => {}
    }
    parts(desk);
}

/// A platform without a code is known by its name.
fn platform(desk: &mut Desk<'_>) {
    let head = desk.head();
    if head.get("ebpCode") == codes::NO_PLATFORM && trim(head.get("ebpName")).is_empty() {
        desk.tell_named(At::Head, head, "ebpName", Rule::PlatformNameEmpty, "");
    }
}

fn list(desk: &mut Desk<'_>) {
    let head = desk.head();
    if head.scaled("netWeight") > head.scaled("grossWeight") {
        desk.tell_named(
            At::Head,
            head,
            "netWeight",
            Rule::NetAboveGross,
            head.get("grossWeight"),
        );
    }
    if head.get("statisticsFlag") == "A" && !trim(head.get("licenseNo")).is_empty() {
        desk.tell_named(At::Head, head, "licenseNo", Rule::LicenceForbidden, "");
    }
    let mode = head.get("tradeMode");
    let zone = codes::ZONE_TRADE_MODES.contains(&mode);
    for name in ["iacCode", "emsNo"] {
        let empty = trim(head.get(name)).is_empty();
        if zone && empty {
            desk.tell_named(At::Head, head, name, Rule::ZoneFieldMissing, mode);
        } else if !zone && !empty && codes::TRADE_MODES.contains(&mode) {
            desk.tell_named(At::Head, head, name, Rule::ZoneFieldMisplaced, mode);
        }
    }
    let Some(first) = desk.document.rows.first() else {
        return;
    };
    let cap = CAP_YUAN * 10_i128.pow(SCALE_DIGITS as u32);
    let sum = line::yuan(&desk.document.rows).filter(|sum| !zone && *sum > cap);
    if let Some(sum) = sum {
        let offset = first
            .cell("totalPrice")
            .map_or(first.start, |cell| cell.offset);
        let value = format_scaled(sum);
        desk.tell_of(
            At::Row(0),
            "totalPrice",
            offset,
            Rule::ValueAboveCap,
            &value,
            CAP_WORDS,
        );
    }
}

/// Start and end of a period come as a pair.
fn period(desk: &mut Desk<'_>) {
    let head = desk.head();
    let (start, end) = (head.get("startTime"), head.get("endTime"));
    // Both have 14 digits or are told as no time at all, so their texts order as the times do.
    if start.is_empty() != end.is_empty() || start > end {
        let (name, other) = if end.is_empty() {
            ("endTime", "startTime")
        } else {
            ("startTime", "endTime")
        };
        desk.tell_named(At::Head, head, name, Rule::PeriodInvalid, other);
    }
}

/// The number of a part lies within the count of parts.
fn parts(desk: &mut Desk<'_>) {
    let head = desk.head();
    let (Some(count), Some(part)) = (head.integer("msgCount"), head.integer("msgSeqNo")) else {
        return;
    };
    if part > count {
        desk.tell_named(
            At::Head,
            head,
            "msgSeqNo",
            Rule::PartInvalid,
            head.get("msgCount"),
        );
    }
}
