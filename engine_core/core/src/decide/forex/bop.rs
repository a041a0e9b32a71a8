//! The balance-of-payments declaration: one actual record, restored records per merchant, numbers allotted here.

use std::collections::{BTreeMap, BTreeSet};

use super::remittance;
use crate::contract::whampoa::forex::v1 as proto;
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::codec::{Secret, Text};
use crate::event::forex::{
    BopAction, BopDeclared, BopFeedbackRecorded, BopFeedbackRow, BopKind, BopRow,
};
use crate::ids::Step;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::share::largest_remainder;
use crate::state::State;
use crate::state::bop::{BopRecord, Rptno};
use crate::state::remittance::Remittance;

/// Goods recorded by customs, general trade (reference forex-clearing.md section 4.7).
const TRANSACTION_CODE: &str = "121010";
/// Records of one entry, and answers of one request.
const RECORDS_PER_ENTRY: usize = 8_000;
/// China Standard Time is eight hours ahead.
const CHINA_OFFSET_MS: u64 = 8 * 3_600_000;
const DAY_MS: u64 = 24 * 3_600_000;
/// Serials of enterprises: N001 to N999, then P to T (section 4.4; O is skipped).
const SERIAL_LETTERS: [char; 6] = ['N', 'P', 'Q', 'R', 'S', 'T'];
const SERIALS_PER_LETTER: u32 = 999;
const SERIALS_PER_BRANCH: u32 = SERIAL_LETTERS.len() as u32 * SERIALS_PER_LETTER;
/// Branch sequences of two digits.
const BRANCHES_MAX: u32 = 99;

pub fn declare_remittance(
    state: &State,
    context: &Context<'_>,
    request: &proto::DeclareRemittanceRequest,
) -> Decision {
    let remittance = remittance(state, &request.remittance_id, "remittance_id")?;
    let enterprise = state.registry.party(remittance.service_enterprise());
    if enterprise.institution_code.as_str().len() != 12 {
        return refuse(
            Rejection::FieldMissing,
            "service enterprise's institution_code",
            "",
        );
    }
    let mut numbers = Numbers::new(
        state,
        enterprise.institution_code,
        china_date(context.now_ms),
    );
    let parts = whole_units(state, remittance);
    let before: Vec<&BopRecord> = state.bop.of(remittance.id()).collect();
    let standing: BTreeMap<Key, &BopRecord> = before
        .iter()
        .filter(|record| record.stands())
        .map(|record| (key(record.row.kind, record.row.party), *record))
        .collect();
    let mut records: Vec<BopRow> = Vec::new();
    for part in &parts {
        let row = record_row(remittance, part, numbers.date);
        match standing.get(&key(part.kind, part.party)) {
            None => records.push(BopRow {
                rptno: numbers.next()?,
                ..row
            }),
            Some(record) => records.extend(correction(record, row)),
        }
    }
    records.extend(deletions(&before, &parts));
    if records.is_empty() {
        return refuse(Rejection::AlreadyDeclared, "remittance_id", remittance.id());
    }
    Ok(drafts(state, remittance, &records, numbers.used()))
}

/// Entries of one declaration; the actual record stands in the first, totals in the last.
fn drafts(
    state: &State,
    remittance: &Remittance,
    records: &[BopRow],
    numbers: Vec<(Text<12>, (u32, u32))>,
) -> Vec<Draft> {
    let actual = records.iter().find(|row| row.kind == BopKind::Actual);
    let known = state.bop.actual(remittance.id()).map(|record| &record.row);
    let actual_rptno = actual
        .or(known)
        .map_or_else(Rptno::default, |row| row.rptno);
    let restored = records.len() - usize::from(actual.is_some());
    let entries = records.len().div_ceil(RECORDS_PER_ENTRY);
    let draft = |(at, part): (usize, &[BopRow])| {
        let is_last = at + 1 == entries;
        let event = BopDeclared {
            remittance_id: remittance.id(),
            actual_rptno,
            restored: if is_last { restored as u32 } else { 0 },
            numbers: if is_last { numbers.clone() } else { Vec::new() },
            remittances: if is_last {
                vec![remittance.next_row()]
            } else {
                Vec::new()
            },
            records: part.to_vec(),
        };
        Draft {
            continues: !is_last,
            ..Draft::after(remittance.last, remittance.id(), event)
        }
    };
    records
        .chunks(RECORDS_PER_ENTRY)
        .enumerate()
        .map(draft)
        .collect()
}

/// A remittance has at most one standing record of a kind and party.
type Key = (u8, u32);

fn key(kind: BopKind, party: u32) -> Key {
    (kind as u8, party)
}

/// The report that brings a record to what it has to say; `None` when it says so and was not refused.
fn correction(record: &BopRecord, row: BopRow) -> Option<BopRow> {
    let is_same = record.row.amount == row.amount && record.row.settled == row.settled;
    if is_same && !record.is_refused() {
        return None;
    }
    // What SAFE never took in cannot be changed there: it goes as new again, under the number that it has.
    let action = match record.is_refused() && !record.is_held {
        true => BopAction::New,
        false => BopAction::Change,
    };
    Some(BopRow {
        rptno: record.row.rptno,
        action,
        report_date: record.row.report_date,
        previous: record.last,
        ..row
    })
}

/// Deletes the records that no part stands behind any more.
fn deletions(before: &[&BopRecord], parts: &[Part]) -> Vec<BopRow> {
    let wanted: BTreeSet<Key> = parts
        .iter()
        .map(|part| key(part.kind, part.party))
        .collect();
    let is_idle = |record: &BopRecord| match record.stands() {
        true => !wanted.contains(&key(record.row.kind, record.row.party)),
        false => record.outlived_its_deletion(),
    };
    let idle = before.iter().filter(|record| is_idle(record));
    idle.map(|record| BopRow {
        action: BopAction::Delete,
        amount: 0,
        settled: 0,
        rate_e8: 0,
        previous: record.last,
        ..record.row.clone()
    })
    .collect()
}

/// What one record has to say, in whole units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    kind: BopKind,
    party: u32,
    amount: i64,
}

fn record_row(remittance: &Remittance, part: &Part, date: u32) -> BopRow {
    let settled = settled_units(remittance, part);
    BopRow {
        rptno: Rptno::default(),
        kind: part.kind,
        action: BopAction::New,
        party: part.party,
        remittance_id: remittance.id(),
        currency: remittance.currency(),
        amount: part.amount,
        settled,
        // Told at the rate of the newest conversion.
        rate_e8: if settled > 0 {
            remittance.conversion_rate_e8
        } else {
            0
        },
        report_date: date,
        transaction_code: Text::new(TRANSACTION_CODE).unwrap_or_default(),
        previous: Step::NONE,
    }
}

/// How much of a record was settled into CNY, rounded down: of the actual one by what was converted of the remittance,
/// of a merchant's by what was converted of its share.
fn settled_units(remittance: &Remittance, part: &Part) -> i64 {
    let amounts = &remittance.amounts;
    if remittance.conversion_rate_e8 == 0 {
        return 0;
    }
    let of = |whole: i64, portion: i64, total: i64| match total {
        0 => 0,
        _ => (i128::from(whole) * i128::from(portion) / i128::from(total)) as i64,
    };
    match part.kind {
        BopKind::Unattributed => 0,
        BopKind::Actual => of(part.amount, amounts.converted_minor, amounts.credited_minor),
        BopKind::Restored => {
            let Some(share) = remittance.shares.get(&part.party) else {
                return 0;
            };
            // Shares count what is being converted too; of that, only the confirmed portion is settled.
            let converting = remittance
                .shares
                .values()
                .map(|share| share.converting_minor);
            let converted = of(
                share.converting_minor,
                amounts.converted_minor,
                converting.sum(),
            );
            of(part.amount, converted, share.allocated_minor)
        }
    }
}

/// Records in whole units: the actual one is the credited amount rounded down, at least 1; the others sum to it. A
/// merchant's part below one unit is merged into the service enterprise's record of what is not attributed; then the
/// units are shared by largest remainder, ties by merchant id, the enterprise's record last. Money that goes back to the
/// payer is a payment of its own and leaves the actual record as it is; what a recall takes from merchants is not
/// attributed any more.
fn whole_units(state: &State, remittance: &Remittance) -> Vec<Part> {
    let amounts = &remittance.amounts;
    let unit = remittance.currency().minor_per_unit();
    let actual = (amounts.credited_minor / unit).max(1);
    let enterprise = remittance.service_enterprise();
    let merchants: Vec<(u32, i64)> = remittance
        .shares
        .iter()
        .map(|(merchant, share)| (*merchant, share.allocated_minor))
        .filter(|(_, amount)| *amount >= unit)
        .collect();
    let attributed: i64 = merchants.iter().map(|(_, amount)| amount).sum();
    let mut weights: Vec<(i64, [u8; 16])> = merchants
        .iter()
        .map(|(merchant, amount)| (*amount, state.registry.id_of(*merchant).0))
        .collect();
    weights.push((amounts.credited_minor - attributed, [0xff; 16]));
    let shares = largest_remainder(actual, &weights);
    let part = |kind: BopKind, party: u32, amount: i64| Part {
        kind,
        party,
        amount,
    };
    let mut parts = vec![part(BopKind::Actual, enterprise, actual)];
    let restored = merchants.iter().zip(&shares);
    parts.extend(restored.map(|((merchant, _), units)| part(BopKind::Restored, *merchant, *units)));
    let unattributed = shares.last().copied().unwrap_or(0);
    parts.push(part(BopKind::Unattributed, enterprise, unattributed));
    parts.retain(|part| part.amount >= 1);
    parts
}

/// Numbers of one day, branch after branch.
struct Numbers<'a> {
    state: &'a State,
    institution: Text<12>,
    date: u32,
    taken: BTreeMap<Text<12>, u32>,
    branch: u32,
}

impl<'a> Numbers<'a> {
    fn new(state: &'a State, institution: Text<12>, date: u32) -> Self {
        let branch = institution.as_str()[10..].parse().unwrap_or(0);
        Self {
            state,
            institution,
            date,
            taken: BTreeMap::new(),
            branch,
        }
    }

    /// institution code 12 ‖ YYMMDD ‖ letter and three digits.
    fn next(&mut self) -> Result<Rptno, Refusal> {
        loop {
            let code = format!("{}{:02}", &self.institution.as_str()[..10], self.branch);
            let institution = Text::new(&code).unwrap_or_default();
            let known = self.state.bop.numbers_used(institution, self.date);
            let used = self.taken.entry(institution).or_insert(known);
            if *used < SERIALS_PER_BRANCH {
                let letter = SERIAL_LETTERS[(*used / SERIALS_PER_LETTER) as usize];
                let serial = *used % SERIALS_PER_LETTER + 1;
                *used += 1;
                let text = format!("{code}{:06}{letter}{serial:03}", self.date % 1_000_000);
                return Text::new(&text)
                    .ok_or_else(|| Refusal::new(Rejection::NumbersExhausted, "rptno", text));
            }
            if self.branch >= BRANCHES_MAX {
                return refuse(
                    Rejection::NumbersExhausted,
                    "institution_code",
                    self.institution.as_str(),
                );
            }
            self.branch += 1;
        }
    }

    fn used(self) -> Vec<(Text<12>, (u32, u32))> {
        let date = self.date;
        self.taken
            .into_iter()
            .map(|(institution, used)| (institution, (date, used)))
            .collect()
    }
}

/// The date in China as YYYYMMDD.
pub fn china_date(now_ms: u64) -> u32 {
    // Days to civil date after Howard Hinnant, eras of 400 years from 1 March of year 0.
    let days = (now_ms + CHINA_OFFSET_MS) / DAY_MS + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year * 10_000 + month * 100 + day) as u32
}

pub fn record_bop_feedback(
    state: &State,
    context: &Context<'_>,
    request: &proto::RecordBopFeedbackRequest,
) -> Decision {
    if request.feedback.is_empty() {
        return refuse(Rejection::FieldMissing, "feedback", "");
    }
    if request.feedback.len() > RECORDS_PER_ENTRY {
        return refuse(Rejection::BatchTooLarge, "feedback", request.feedback.len());
    }
    let mut rows = Vec::with_capacity(request.feedback.len());
    for (at, told) in request.feedback.iter().enumerate() {
        let field = format!("feedback[{at}].rptno");
        let record = Text::new(&told.rptno).and_then(|rptno| state.bop.get(&rptno));
        let Some(record) = record else {
            return refuse(Rejection::UnknownBopRecord, field, &told.rptno);
        };
        rows.push(BopFeedbackRow {
            rptno: record.row.rptno,
            accepted: told.accepted,
            previous: record.last,
        });
    }
    let texts: Vec<&str> = request
        .feedback
        .iter()
        .map(|told| told.description.as_str())
        .collect();
    let case_id = crate::ids::Id::derive(
        context.now_ms,
        "bop-feedback",
        &[&context.next_index.to_be_bytes()],
    );
    let descriptions = Secret::Open {
        value: texts.join("\n").into_bytes(),
        subject: case_id,
    };
    Ok(vec![Draft::first(
        case_id,
        BopFeedbackRecorded {
            descriptions,
            feedback: rows,
        },
    )])
}

#[cfg(test)]
mod tests;
