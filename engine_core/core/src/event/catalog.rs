//! Every row kind with its columns: what traces, proofs and docs/formats.md read rows by.

use super::codec::{Column, Row};
use super::{clearing, customs, forex, ledger, registry, tax};
use crate::ids::{Id, Step};
use crate::state::trade::TradeRow;

/// One row kind.
#[derive(Clone, Copy, Debug)]
pub struct RowKind {
    pub kind: u16,
    pub name: &'static str,
    /// Width without the salt.
    pub width: usize,
    pub columns: &'static [Column],
    pub meaning: &'static str,
}

const fn of<R: Row>() -> RowKind {
    RowKind {
        kind: R::KIND,
        name: R::NAME,
        width: R::WIDTH,
        columns: R::LAYOUT,
        meaning: R::MEANING,
    }
}

/// All row kinds.
pub const ROWS: &[RowKind] = &[
    of::<registry::PartyRow>(),
    of::<registry::PartyCodeRow>(),
    of::<registry::RelationRow>(),
    of::<registry::GrantRow>(),
    of::<registry::PayeeRow>(),
    of::<customs::DocumentRow>(),
    of::<customs::LineRow>(),
    of::<TradeRow>(),
    of::<customs::ClawbackRow>(),
    of::<tax::TaxItemRow>(),
    of::<customs::OrderRow>(),
    of::<customs::ListRow>(),
    of::<customs::WaybillRow>(),
    of::<customs::NameRow>(),
    of::<customs::MemberRow>(),
    of::<ledger::TransferRow>(),
    of::<ledger::HoldRow>(),
    of::<ledger::AccountRow>(),
    of::<forex::RemittanceRow>(),
    of::<forex::DebtRow>(),
    of::<forex::ConversionShareRow>(),
    of::<forex::ConversionRow>(),
    of::<forex::DistributionRow>(),
    of::<forex::BopRow>(),
    of::<forex::BopFeedbackRow>(),
    of::<clearing::AllocationRow>(),
    of::<clearing::PayoutRow>(),
    of::<clearing::PayoutStepRow>(),
    of::<clearing::MovedRow>(),
    of::<tax::LinkRow>(),
    of::<tax::RateRow>(),
    of::<tax::InvoiceRow>(),
    of::<tax::ZoneRow>(),
];

impl RowKind {
    pub fn find(kind: u16) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.kind == kind)
    }

    /// The bytes of one column of a row.
    pub fn column<'a>(&self, row: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let mut at = 0;
        for column in self.columns {
            if column.name == name {
                return row.get(at..at + column.width);
            }
            at += column.width;
        }
        None
    }

    /// The step before this one of the same subject.
    pub fn previous(&self, row: &[u8]) -> Option<Step> {
        let column = self.column(row, "previous")?;
        super::codec::Wire::get(column).filter(Step::is_some)
    }

    /// Index of the grant the row names.
    pub fn grant(&self, row: &[u8]) -> Option<u32> {
        let column = self.column(row, "grant")?;
        super::codec::Wire::get(column).filter(|grant| *grant != super::NO_INDEX)
    }

    /// The row in words: its columns with numbers, ids left out but the first.
    pub fn text(&self, row: &[u8]) -> String {
        let mut at = 0;
        let mut parts = Vec::new();
        for Column { name, width, .. } in self.columns {
            let Some(bytes) = row.get(at..at + width) else {
                break;
            };
            at += width;
            let value = match (*name, *width) {
                ("previous" | "grant" | "rate", _) => continue,
                (_, 1..=8) => number(name, bytes),
                (_, 16) if parts.is_empty() => Id(bytes.try_into().expect("16 bytes")).to_string(),
                _ => continue,
            };
            parts.push(format!("{name} {value}"));
        }
        parts.join(", ")
    }
}

fn number(name: &str, bytes: &[u8]) -> String {
    let value = bytes
        .iter()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    match name.ends_with("_minor") && bytes.len() == 8 {
        true => (value as i64).to_string(),
        false => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_ascend_and_columns_add_up() {
        assert!(ROWS.windows(2).all(|pair| pair[0].kind < pair[1].kind));
        assert!(
            ROWS.iter().all(
                |row| row.columns.iter().map(|column| column.width).sum::<usize>() == row.width
            )
        );
    }
}
