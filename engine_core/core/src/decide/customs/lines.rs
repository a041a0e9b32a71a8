//! Reads the lines of orders and lists into rows.

use super::field;
use super::merchant::Evidence;
use crate::contract::whampoa::customs::v1::{ListLine, OrderLine};
use crate::event::customs::LineRow;
use crate::ids::{KeyDigest, LogKey};
use crate::money::{Currency, Decimal5};
use crate::rejection::{Refusal, Rejection, refuse};

/// Item numbers are compared on what fits a list.
const ITEM_CHARACTERS: usize = 20;

/// What lines of orders and of lists have in common.
pub trait DeclaredLine {
    fn gnum(&self) -> u32;
    fn item_no(&self) -> &str;
    fn currency(&self) -> &str;
    fn qty(&self) -> &str;
    fn total(&self) -> &str;
    fn unit(&self) -> &str;
    /// Ten-digit commodity code; orders have none.
    fn gcode(&self) -> Option<&str>;
}

impl DeclaredLine for OrderLine {
    fn gnum(&self) -> u32 {
        self.gnum
    }
    fn item_no(&self) -> &str {
        &self.item_no
    }
    fn currency(&self) -> &str {
        &self.currency
    }
    fn qty(&self) -> &str {
        &self.qty
    }
    fn total(&self) -> &str {
        &self.total_price
    }
    fn unit(&self) -> &str {
        &self.unit
    }
    fn gcode(&self) -> Option<&str> {
        None
    }
}

impl DeclaredLine for ListLine {
    fn gnum(&self) -> u32 {
        self.gnum
    }
    fn item_no(&self) -> &str {
        &self.item_no
    }
    fn currency(&self) -> &str {
        &self.currency
    }
    fn qty(&self) -> &str {
        &self.qty
    }
    fn total(&self) -> &str {
        &self.total_price
    }
    fn unit(&self) -> &str {
        &self.unit
    }
    fn gcode(&self) -> Option<&str> {
        Some(&self.gcode)
    }
}

/// All lines of a document as rows, in ascending number, each with the merchant that the document's evidence names.
pub fn read<L: DeclaredLine>(
    log_key: &LogKey,
    key: KeyDigest,
    evidence: &Evidence<'_>,
    lines: &[L],
) -> Result<Vec<LineRow>, Refusal> {
    if lines.is_empty() {
        return refuse(Rejection::FieldMissing, "lines", "");
    }
    let mut rows = Vec::with_capacity(lines.len());
    for (ordinal, line) in lines.iter().enumerate() {
        let path = |refusal: Refusal| Refusal {
            field: format!("lines[{ordinal}].{}", refusal.field),
            ..refusal
        };
        rows.push(read_line(log_key, key, evidence, line).map_err(path)?);
    }
    rows.sort_by_key(|row| row.gnum);
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].gnum == pair[1].gnum) {
        return refuse(Rejection::FieldInvalid, "lines.gnum", pair[0].gnum);
    }
    check_sums(&rows)?;
    Ok(rows)
}

fn read_line<L: DeclaredLine>(
    log_key: &LogKey,
    key: KeyDigest,
    evidence: &Evidence<'_>,
    line: &L,
) -> Result<LineRow, Refusal> {
    let Some(gnum) = u16::try_from(line.gnum()).ok().filter(|gnum| *gnum > 0) else {
        return refuse(Rejection::FieldInvalid, "gnum", line.gnum());
    };
    let item_no = field::key(line.item_no(), "item_no", 30)?;
    let cut = item_no
        .char_indices()
        .nth(ITEM_CHARACTERS)
        .map_or(item_no.len(), |(at, _)| at);
    let digest = log_key.digest("item", &[&item_no[..cut]]);
    let (merchant, reason) = evidence.of_item(item_no);
    Ok(LineRow {
        key,
        gnum,
        item: digest.0[..8].try_into().expect("8 of 16 bytes"),
        currency: field::currency(line.currency(), "currency")?,
        total_e5: field::amount(line.total(), "total_price")?,
        qty_e5: field::amount(line.qty(), "qty")?,
        unit: field::code(line.unit(), "unit")?,
        gcode: line.gcode().map_or(Ok(0), commodity_code)?,
        merchant,
        reason,
    })
}

fn commodity_code(code: &str) -> Result<u64, Refusal> {
    let code = code.trim();
    match code.parse::<u64>() {
        Ok(number) if code.len() == 10 && code.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(number)
        }
        _ => refuse(Rejection::FieldInvalid, "gcode", code),
    }
}

/// The sum of a currency has to be an amount of money, so that every part of it is one.
fn check_sums(rows: &[LineRow]) -> Result<(), Refusal> {
    let total: Option<u64> = rows
        .iter()
        .try_fold(0_u64, |sum, row| sum.checked_add(row.total_e5));
    let is_money = |currency: Currency| {
        total
            .and_then(|total| Decimal5(total).to_minor(currency))
            .is_some()
    };
    match rows.iter().all(|row| is_money(row.currency)) {
        true => Ok(()),
        false => refuse(Rejection::AmountOverflow, "lines.total_price", ""),
    }
}
