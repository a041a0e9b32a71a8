//! Balance-of-payments records and the numbers given to them.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{State, Table};
use crate::event::At;
use crate::event::codec::{Row, Text};
use crate::event::forex::{BopAction, BopDeclared, BopFeedbackRecorded, BopKind, BopRow};
use crate::ids::{Id, Step};

/// Declaration number of 22 characters.
pub type Rptno = Text<22>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BopRecord {
    /// As last reported; `action` is that of the last report.
    pub row: BopRow,
    /// SAFE's answer to the last report.
    pub accepted: Option<bool>,
    /// What was reported and not answered yet. Answers come in the order of the reports.
    pub unanswered: VecDeque<BopAction>,
    /// The record stands in SAFE's books, by the answers so far.
    pub is_held: bool,
    pub last: Step,
}

impl BopRecord {
    pub fn stands(&self) -> bool {
        self.row.action != BopAction::Delete
    }

    /// SAFE refused the last report, so it has to be told again.
    pub fn is_refused(&self) -> bool {
        self.accepted == Some(false)
    }

    fn answer(&mut self, accepted: bool) {
        // None is open when an answer was told twice.
        let Some(action) = self.unanswered.pop_front() else {
            return;
        };
        if accepted {
            self.is_held = action != BopAction::Delete;
        }
        if self.unanswered.is_empty() {
            self.accepted = Some(accepted);
        }
    }

    /// SAFE still holds what was to be deleted.
    pub fn outlived_its_deletion(&self) -> bool {
        !self.stands() && self.is_held && self.is_refused()
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Bop {
    records: BTreeMap<Rptno, BopRecord>,
    by_remittance: BTreeMap<Id, Vec<Rptno>>,
    /// Numbers used of a branch on a day.
    numbers: BTreeMap<(Text<12>, u32), u32>,
}

impl Bop {
    pub fn get(&self, rptno: &Rptno) -> Option<&BopRecord> {
        self.records.get(rptno)
    }

    pub fn records(&self) -> impl Iterator<Item = (&Rptno, &BopRecord)> {
        self.records.iter()
    }

    /// Records of a remittance in order of their numbers' allotment.
    pub fn of(&self, remittance_id: Id) -> impl Iterator<Item = &BopRecord> {
        let numbers = self
            .by_remittance
            .get(&remittance_id)
            .map_or(&[][..], Vec::as_slice);
        numbers.iter().filter_map(|rptno| self.records.get(rptno))
    }

    pub fn actual(&self, remittance_id: Id) -> Option<&BopRecord> {
        self.of(remittance_id)
            .find(|record| record.row.kind == BopKind::Actual)
    }

    pub fn remittances(&self) -> impl Iterator<Item = &Id> {
        self.by_remittance.keys()
    }

    pub fn numbers_used(&self, institution: Text<12>, date: u32) -> u32 {
        self.numbers.get(&(institution, date)).copied().unwrap_or(0)
    }
}

impl State {
    pub fn declare_bop(&mut self, at: &At, event: &BopDeclared) {
        let first_row = event.remittances.len();
        event
            .remittances
            .iter()
            .for_each(|row| self.remittances.put(row, at.step(0)));
        for (ordinal, row) in event.records.iter().enumerate() {
            let before = self.bop.records.get(&row.rptno);
            let is_held = before.is_some_and(|record| record.is_held);
            let mut unanswered =
                before.map_or_else(VecDeque::new, |record| record.unanswered.clone());
            unanswered.push_back(row.action);
            let record = BopRecord {
                row: row.clone(),
                accepted: None,
                unanswered,
                is_held,
                last: at.step(first_row + ordinal),
            };
            if self.bop.records.insert(row.rptno, record).is_none() {
                self.bop
                    .by_remittance
                    .entry(row.remittance_id)
                    .or_default()
                    .push(row.rptno);
            }
        }
        for (institution, (date, used)) in &event.numbers {
            self.bop.numbers.insert((*institution, *date), *used);
        }
    }

    pub fn record_bop_feedback(&mut self, at: &At, event: &BopFeedbackRecorded) {
        for (ordinal, row) in event.feedback.iter().enumerate() {
            if let Some(record) = self.bop.records.get_mut(&row.rptno) {
                record.answer(row.accepted);
                record.last = at.step(ordinal);
            }
        }
    }
}

impl Table for Bop {
    fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        for record in self.records.values() {
            bytes.clear();
            BopRow {
                previous: record.last,
                ..record.row.clone()
            }
            .put(&mut bytes);
            bytes.push(record.accepted.map_or(2, u8::from));
            bytes.push(u8::from(record.is_held));
            bytes.extend(record.unanswered.iter().map(|action| *action as u8));
            hasher.update(&bytes);
        }
        for ((institution, date), used) in &self.numbers {
            hasher.update(institution.0);
            hasher.update(date.to_be_bytes());
            hasher.update(used.to_be_bytes());
        }
    }
}
