//! Law 6: the restored records of a remittance sum to its actual one, in whole units, each at least 1.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use whampoa_core::contract::whampoa::forex::v1 as proto;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::event::forex::{BopAction, BopKind, BopRow};
use whampoa_core::event::{At, Event};
use whampoa_core::ids::{Id, Step};
use whampoa_core::money::Currency;
use whampoa_core::share::Claim;

use super::Tables;
use super::remittance::Remittance;
use super::verdict::{Verdict, accepts, decode, refuses};
use crate::reference;
use crate::same;

#[derive(Clone, Debug, PartialEq)]
struct Record {
    kind: BopKind,
    party: u32,
    amount: i64,
    settled: i64,
    action: BopAction,
    /// Answer to the last report, when every report was answered.
    answer: Option<bool>,
    unanswered: VecDeque<BopAction>,
    /// It stands in SAFE's books.
    is_held: bool,
    last: Step,
}

impl Record {
    fn stands(&self) -> bool {
        self.action != BopAction::Delete
    }

    fn is_refused(&self) -> bool {
        self.answer == Some(false)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bop {
    records: BTreeMap<String, Record>,
    of: BTreeMap<Id, Vec<String>>,
    /// Numbers given of a branch on a day.
    given: BTreeMap<String, u32>,
}

/// What one record says: kind, party, units, settled units.
type Part = (BopKind, u32, i64, i64);

/// kind, party, action, units, settled units.
type Report = (u8, u32, u8, i64, i64);

impl Bop {
    fn of(&self, remittance: Id) -> impl Iterator<Item = &Record> {
        let numbers = self.of.get(&remittance).into_iter().flatten();
        numbers.map(|rptno| &self.records[rptno])
    }

    fn report(&mut self, row: &BopRow, step: Step, china_date: u32) {
        let rptno = row.rptno.as_str().to_owned();
        if !self.records.contains_key(&rptno) {
            self.check_number(&rptno, china_date);
            self.of
                .entry(row.remittance_id)
                .or_default()
                .push(rptno.clone());
        }
        let previous = self
            .records
            .get(&rptno)
            .map_or(Step::NONE, |record| record.last);
        same!(
            row.previous,
            previous,
            "step before the one of record {rptno}"
        );
        let before = self.records.get(&rptno);
        let mut unanswered = before.map(|it| it.unanswered.clone()).unwrap_or_default();
        let is_held = before.is_some_and(|it| it.is_held);
        unanswered.push_back(row.action);
        let record = Record {
            kind: row.kind,
            party: row.party,
            amount: row.amount,
            settled: row.settled,
            action: row.action,
            answer: None,
            unanswered,
            is_held,
            last: step,
        };
        self.records.insert(rptno, record);
    }

    /// Branch ‖ day ‖ letter and serial, the next of that branch and day.
    fn check_number(&mut self, rptno: &str, china_date: u32) {
        let (branch_and_day, serial) = rptno.split_at(18);
        let day = format!("{:06}", china_date % 1_000_000);
        same!(
            &branch_and_day[12..],
            day.as_str(),
            "law 6: day of record {rptno}"
        );
        let given = self.given.entry(branch_and_day.to_owned()).or_default();
        let letter = ["N", "P", "Q", "R", "S", "T"][(*given / 999) as usize];
        let expected = format!("{letter}{:03}", *given % 999 + 1);
        same!(serial, expected.as_str(), "law 6: number of record {rptno}");
        *given += 1;
    }

    /// Law 6 of one remittance.
    fn check(&self, id: Id, remittance: &Remittance) {
        let (mut actual, mut parts) = (None, 0);
        let mut seen: BTreeSet<(u8, u32)> = BTreeSet::new();
        for record in self.of(id).filter(|record| record.stands()) {
            assert!(record.amount >= 1, "law 6: {id} has {record:?}");
            let is_new = seen.insert((record.kind as u8, record.party));
            assert!(is_new, "law 6: {id} has two records like {record:?}");
            match record.kind {
                BopKind::Actual => actual = Some(record.amount),
                _ => parts += record.amount,
            }
        }
        let unit = Currency(remittance.currency).minor_per_unit();
        let units = (remittance.credited / unit).max(1);
        same!(
            actual,
            Some(units),
            "law 6: actual record of {id}, credited {}",
            remittance.credited
        );
        same!(parts, units, "law 6: parts of the actual record of {id}");
    }
}

/// The records that a remittance has to have now.
fn parts(tables: &Tables, remittance: &Remittance) -> Vec<Part> {
    let unit = Currency(remittance.currency).minor_per_unit();
    let actual = (remittance.credited / unit).max(1);
    let whole = |(_, share): &(&u32, &super::remittance::Share)| share.allocated >= unit;
    let merchants: Vec<(&u32, &super::remittance::Share)> =
        remittance.shares.iter().filter(whole).collect();
    let mut claims: Vec<Claim> = Vec::new();
    let mut rest = remittance.credited;
    for (merchant, share) in &merchants {
        rest -= share.allocated;
        let tie = tables.registry.party(**merchant).id.0;
        claims.push(Claim {
            cap: i64::MAX,
            weight: share.allocated,
            tie,
        });
    }
    claims.push(Claim {
        cap: i64::MAX,
        weight: rest,
        tie: [0xff; 16],
    });
    let units = reference::share(actual, &claims);
    let part = |whole: i64, portion: i64, of: i64| match of {
        0 => 0,
        of => (i128::from(whole) * i128::from(portion) / i128::from(of)) as i64,
    };
    let is_converted = remittance.rate_e8 > 0;
    let if_converted = |settled: i64| if is_converted { settled } else { 0 };
    let settled = part(actual, remittance.converted, remittance.credited);
    let enterprise = remittance.enterprise;
    let mut parts = vec![(BopKind::Actual, enterprise, actual, if_converted(settled))];
    let converting = |share: &super::remittance::Share| share.waiting + share.converted;
    let all: i64 = remittance.shares.values().map(converting).sum();
    for ((merchant, share), units) in merchants.iter().zip(&units) {
        let converted = part(converting(share), remittance.converted, all);
        let settled = part(*units, converted, share.allocated);
        parts.push((BopKind::Restored, **merchant, *units, if_converted(settled)));
    }
    let left = units.last().copied().unwrap_or(0);
    parts.push((BopKind::Unattributed, enterprise, left, 0));
    parts.retain(|(_, _, units, _)| *units > 0);
    parts
}

fn reports(tables: &Tables, id: Id, remittance: &Remittance) -> Vec<Report> {
    let parts = parts(tables, remittance);
    let mut reports: Vec<Report> = Vec::new();
    for (kind, party, units, settled) in &parts {
        let standing = tables
            .bop
            .of(id)
            .find(|it| it.stands() && (it.kind, it.party) == (*kind, *party));
        let action = match standing {
            None => BopAction::New,
            Some(it) if !it.is_refused() && (it.amount, it.settled) == (*units, *settled) => {
                continue;
            }
            Some(it) if it.is_refused() && !it.is_held => BopAction::New,
            Some(_) => BopAction::Change,
        };
        reports.push((*kind as u8, *party, action as u8, *units, *settled));
    }
    for record in tables.bop.of(id) {
        let is_wanted = parts
            .iter()
            .any(|it| (it.0, it.1) == (record.kind, record.party));
        let goes = match record.stands() {
            true => !is_wanted,
            false => record.is_held && record.is_refused(),
        };
        if goes {
            reports.push((
                record.kind as u8,
                record.party,
                BopAction::Delete as u8,
                0,
                0,
            ));
        }
    }
    reports.sort_unstable();
    reports
}

/// The day in China, YYYYMMDD, counted year by year and month by month.
pub fn china_date(now_ms: u64) -> u32 {
    let mut days = (now_ms + 8 * 3_600_000) / 86_400_000;
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year * 10_000 + (month as u64 + 1) * 100 + days + 1) as u32
}

pub fn declare(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::DeclareRemittanceRequest = decode(bytes)?;
    let (id, remittance) = tables
        .remittances
        .named(&asked.remittance_id, "remittance_id")?;
    if tables
        .registry
        .party(remittance.enterprise)
        .institution_code
        .len()
        != 12
    {
        return refuses(
            Rejection::FieldMissing,
            "service enterprise's institution_code",
        );
    }
    let expected = reports(tables, id, remittance);
    if expected.is_empty() {
        return refuses(Rejection::AlreadyDeclared, "remittance_id");
    }
    accepts(move |told| {
        let (mut got, mut restored): (Vec<Report>, _) = (Vec::new(), 0);
        for (_, event) in told.entries {
            let Event::BopDeclared(event) = event else {
                panic!("a declaration was asked for: {event:?}");
            };
            got.extend(event.records.iter().map(|it| {
                (
                    it.kind as u8,
                    it.party,
                    it.action as u8,
                    it.amount,
                    it.settled,
                )
            }));
        }
        got.sort_unstable();
        same!(got, expected, "law 6: records of {id}");
        restored += expected
            .iter()
            .filter(|it| it.0 != BopKind::Actual as u8)
            .count();
        let reply: proto::DeclareRemittanceResponse = told.reply();
        same!(
            reply.restored as usize,
            restored,
            "law 6: records of {id} in the reply"
        );
    })
}

pub fn feedback(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::RecordBopFeedbackRequest = decode(bytes)?;
    match asked.feedback.len() {
        0 => return refuses(Rejection::FieldMissing, "feedback"),
        count if count > 8_000 => return refuses(Rejection::BatchTooLarge, "feedback"),
        _ => {}
    }
    for (at, told) in asked.feedback.iter().enumerate() {
        if !tables.bop.records.contains_key(&told.rptno) {
            return refuses(Rejection::UnknownBopRecord, format!("feedback[{at}].rptno"));
        }
    }
    let rows: Vec<(String, bool)> = asked
        .feedback
        .into_iter()
        .map(|told| (told.rptno, told.accepted))
        .collect();
    accepts(move |told| {
        let Event::BopFeedbackRecorded(event) = told.only() else {
            panic!("feedback was told: {:?}", told.only());
        };
        let got = event
            .feedback
            .iter()
            .map(|it| (it.rptno.as_str().to_owned(), it.accepted));
        same!(got.collect::<Vec<_>>(), rows, "law 6: answers of SAFE");
    })
}

pub fn apply(tables: &mut Tables, at: &At, event: &Event) {
    match event {
        Event::BopDeclared(event) => {
            tables.remittances.rows(&event.remittances, at.step(0));
            let first = event.remittances.len();
            for (ordinal, row) in event.records.iter().enumerate() {
                same!(
                    row.remittance_id,
                    event.remittance_id,
                    "law 6: remittance of a record"
                );
                let date = china_date(at.time_ms);
                tables.bop.report(row, at.step(first + ordinal), date);
            }
            if !at.continues {
                let id = event.remittance_id;
                tables.bop.check(id, tables.remittances.at(id));
            }
        }
        Event::BopFeedbackRecorded(event) => {
            for (ordinal, row) in event.feedback.iter().enumerate() {
                let record = tables
                    .bop
                    .records
                    .get_mut(row.rptno.as_str())
                    .expect("law 6: a record");
                record.last = at.step(ordinal);
                let Some(action) = record.unanswered.pop_front() else {
                    continue;
                };
                if row.accepted {
                    record.is_held = action != BopAction::Delete;
                }
                if record.unanswered.is_empty() {
                    record.answer = Some(row.accepted);
                }
            }
        }
        _ => {}
    }
}
