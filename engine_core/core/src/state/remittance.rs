//! Remittances: what was credited, who holds which part of it, and the rates that values were compared at.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{State, Table};
use crate::event::At;
use crate::event::clearing::{Allocated, AllocationRow};
use crate::event::codec::{Row, Text};
use crate::event::forex::{
    ChargeRecorded, RatePublished, RemittanceRecalled, RemittanceRecorded, RemittanceRow,
    SuspenseReturned,
};
use crate::event::risk::{ReviewOutcome, ReviewState};
use crate::ids::{Id, KeyDigest, Step};
use crate::money::{Currency, Rate};

/// One merchant's part of a remittance, remittance currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub allocated_minor: i64,
    /// Converted, or being converted.
    pub converting_minor: i64,
    /// Recalled after it was converted: owed by the merchant.
    pub debt_minor: i64,
}

impl Share {
    pub fn unconverted_minor(&self) -> i64 {
        self.allocated_minor - self.converting_minor
    }
}

/// An allocation row that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    pub trade_id: Id,
    pub merchant: u32,
    pub amount_minor: i64,
    pub used_minor: i64,
}

/// What a first officer wants, until a second one agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub officer: u32,
    /// Who sent it: a second officer is another party and comes with another certificate.
    pub actor: u32,
    pub clears: bool,
}

/// A remittance in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remittance {
    /// Amounts as they stand; `previous` is not kept.
    pub amounts: RemittanceRow,
    pub instructed_minor: i64,
    pub charges_before_minor: i64,
    pub payer_country: Text<3>,
    pub value_date: u32,
    pub bank_reference: String,
    pub outcome: ReviewOutcome,
    pub reasons: u32,
    pub review: ReviewState,
    pub proposal: Option<Proposal>,
    pub shares: BTreeMap<u32, Share>,
    /// In order of allocation.
    pub allocations: Vec<Allocation>,
    /// Rate of the newest confirmed conversion into CNY.
    pub conversion_rate_e8: i64,
    pub recorded: Step,
    pub last: Step,
}

impl Remittance {
    pub fn id(&self) -> Id {
        self.amounts.remittance_id
    }

    pub fn currency(&self) -> Currency {
        self.amounts.currency
    }

    pub fn service_enterprise(&self) -> u32 {
        self.amounts.service_enterprise
    }

    /// The row after a step that begins with these amounts.
    pub fn next_row(&self) -> RemittanceRow {
        RemittanceRow {
            previous: self.last,
            ..self.amounts.clone()
        }
    }

    /// Applies one allocation row.
    pub fn allocate(&mut self, row: &AllocationRow) {
        let sign = if row.is_undo { -1 } else { 1 };
        self.shares.entry(row.merchant).or_default().allocated_minor += sign * row.amount_minor;
        if !row.is_undo {
            self.allocations.push(Allocation {
                trade_id: row.trade_id,
                merchant: row.merchant,
                amount_minor: row.amount_minor,
                used_minor: row.used_minor,
            });
            return;
        }
        // The newest row of the trade that is large enough; undoing goes newest first, so it is near the end.
        let fits = |allocation: &Allocation| {
            allocation.trade_id == row.trade_id
                && allocation.amount_minor >= row.amount_minor
                && allocation.used_minor >= row.used_minor
        };
        if let Some(at) = self.allocations.iter().rposition(fits) {
            let allocation = &mut self.allocations[at];
            allocation.amount_minor -= row.amount_minor;
            allocation.used_minor -= row.used_minor;
            if allocation.amount_minor == 0 && allocation.used_minor == 0 {
                self.allocations.remove(at);
            }
        }
    }
}

/// Remittances of one service enterprise within this time count for the velocity rule.
pub const VELOCITY_WINDOW_MS: u64 = 24 * 3_600_000;

#[derive(Default, Serialize, Deserialize)]
pub struct Remittances {
    by_id: BTreeMap<Id, Remittance>,
    /// References of the bank, which gives each only once, whoever the money is for.
    references: BTreeSet<KeyDigest>,
    /// Times of the remittances of a service enterprise within the velocity window.
    recent: BTreeMap<u32, Vec<u64>>,
    rates: BTreeMap<(Currency, Currency), (i64, Step)>,
    waiting: u32,
    recorded: u64,
}

impl Remittances {
    pub fn get(&self, remittance_id: Id) -> Option<&Remittance> {
        self.by_id.get(&remittance_id)
    }

    pub fn get_mut(&mut self, remittance_id: Id) -> Option<&mut Remittance> {
        self.by_id.get_mut(&remittance_id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Remittance> {
        self.by_id.values()
    }

    pub fn reviews_waiting(&self) -> u32 {
        self.waiting
    }

    /// Number of remittances so far.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    pub fn is_reference_known(&self, reference: KeyDigest) -> bool {
        self.references.contains(&reference)
    }

    pub fn recent_count(&self, service_enterprise: u32, now_ms: u64) -> usize {
        let times = self
            .recent
            .get(&service_enterprise)
            .map_or(&[][..], Vec::as_slice);
        times
            .iter()
            .filter(|time| **time + VELOCITY_WINDOW_MS > now_ms)
            .count()
    }

    /// The newest published rate and where it stands.
    pub fn rate(&self, base: Currency, quote: Currency) -> Option<(Rate, Step)> {
        let (rate_e8, step) = self.rates.get(&(base, quote)).copied()?;
        Some((
            Rate {
                base,
                quote,
                rate_e8,
            },
            step,
        ))
    }

    /// Replaces the amounts of a remittance by those of a row.
    pub fn put(&mut self, row: &RemittanceRow, step: Step) {
        if let Some(remittance) = self.by_id.get_mut(&row.remittance_id) {
            remittance.amounts = row.clone();
            remittance.last = step;
        }
    }

    /// Sets where a review stands.
    pub fn set_review(
        &mut self,
        remittance_id: Id,
        review: ReviewState,
        proposal: Option<Proposal>,
    ) {
        let is_waiting =
            |review: ReviewState| matches!(review, ReviewState::Waiting | ReviewState::Proposed);
        if let Some(remittance) = self.by_id.get_mut(&remittance_id) {
            self.waiting -= u32::from(is_waiting(remittance.review));
            self.waiting += u32::from(is_waiting(review));
            remittance.review = review;
            remittance.proposal = proposal;
        }
    }
}

impl State {
    pub fn record_remittance(&mut self, at: &At, event: &RemittanceRecorded) {
        self.ledger.open(&event.accounts);
        self.ledger.post(&event.transfers);
        let Some(row) = event.remittances.first() else {
            return;
        };
        let goes_on = matches!(event.outcome, ReviewOutcome::Pass | ReviewOutcome::Sample);
        let review = if goes_on {
            ReviewState::Passed
        } else {
            ReviewState::Waiting
        };
        let remittances = &mut self.remittances;
        remittances.waiting += u32::from(!goes_on);
        remittances.recorded += 1;
        remittances.references.insert(event.reference_key);
        let recent = remittances
            .recent
            .entry(row.service_enterprise)
            .or_default();
        recent.retain(|time| time + VELOCITY_WINDOW_MS > at.time_ms);
        recent.push(at.time_ms);
        remittances.by_id.insert(
            row.remittance_id,
            Remittance {
                amounts: row.clone(),
                instructed_minor: event.instructed_minor,
                charges_before_minor: event.charges_before_minor,
                payer_country: event.payer_country,
                value_date: event.value_date,
                bank_reference: event.bank_reference.clone(),
                outcome: event.outcome,
                reasons: event.reasons,
                review,
                proposal: None,
                shares: BTreeMap::new(),
                allocations: Vec::new(),
                conversion_rate_e8: 0,
                recorded: at.step(0),
                last: at.step(0),
            },
        );
    }

    pub fn record_charge(&mut self, at: &At, event: &ChargeRecorded) {
        self.ledger.open(&event.accounts);
        self.ledger.post(&event.transfers);
        event
            .remittances
            .iter()
            .for_each(|row| self.remittances.put(row, at.step(0)));
    }

    pub fn return_suspense(&mut self, at: &At, event: &SuspenseReturned) {
        self.ledger.open(&event.accounts);
        self.ledger.post(&event.transfers);
        event
            .remittances
            .iter()
            .for_each(|row| self.remittances.put(row, at.step(0)));
    }

    pub fn recall_remittance(&mut self, at: &At, event: &RemittanceRecalled) {
        self.ledger.open(&event.accounts);
        self.ledger.post(&event.transfers);
        self.move_allocations(
            at,
            event.remittance_id,
            &event.allocations,
            event.remittances.len(),
        );
        event
            .remittances
            .iter()
            .for_each(|row| self.remittances.put(row, at.step(0)));
        let first = event.remittances.len() + event.allocations.len();
        for (ordinal, row) in event.clawbacks.iter().enumerate() {
            self.put_clawback(row, at.step(first + ordinal));
        }
        if let Some(remittance) = self.remittances.get_mut(event.remittance_id) {
            for owed in &event.debts {
                let share = remittance.shares.entry(owed.merchant).or_default();
                share.debt_minor += owed.amount_minor;
            }
        }
    }

    pub fn allocate(&mut self, at: &At, event: &Allocated) {
        self.ledger.open(&event.accounts);
        self.ledger.post(&event.transfers);
        self.move_allocations(
            at,
            event.remittance_id,
            &event.allocations,
            event.remittances.len(),
        );
        event
            .remittances
            .iter()
            .for_each(|row| self.remittances.put(row, at.step(0)));
    }

    /// Applies allocation rows of one remittance to it and to the trades; `first_row` is where they begin.
    pub(super) fn move_allocations(
        &mut self,
        at: &At,
        remittance_id: Id,
        rows: &[AllocationRow],
        first_row: usize,
    ) {
        for (ordinal, row) in rows.iter().enumerate() {
            let delta = if row.is_undo {
                -row.used_minor
            } else {
                row.used_minor
            };
            self.trades
                .use_value(row.trade_id, delta, at.step(first_row + ordinal));
            if let Some(remittance) = self.remittances.by_id.get_mut(&remittance_id) {
                remittance.allocate(row);
            }
        }
    }

    pub fn publish_rate(&mut self, at: &At, event: &RatePublished) {
        self.remittances
            .rates
            .insert((event.base, event.quote), (event.rate_e8, at.step(0)));
    }
}

impl Table for Remittances {
    fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        for remittance in self.by_id.values() {
            bytes.clear();
            RemittanceRow {
                previous: remittance.last,
                ..remittance.amounts.clone()
            }
            .put(&mut bytes);
            bytes.push(remittance.review as u8);
            hasher.update(&bytes);
            for (merchant, share) in &remittance.shares {
                hasher.update(merchant.to_be_bytes());
                hasher.update(share.allocated_minor.to_be_bytes());
                hasher.update(share.converting_minor.to_be_bytes());
                hasher.update(share.debt_minor.to_be_bytes());
            }
            for allocation in &remittance.allocations {
                hasher.update(allocation.trade_id.0);
                hasher.update(allocation.amount_minor.to_be_bytes());
                hasher.update(allocation.used_minor.to_be_bytes());
            }
        }
        for ((base, quote), (rate_e8, _)) in &self.rates {
            hasher.update(base.0.to_be_bytes());
            hasher.update(quote.0.to_be_bytes());
            hasher.update(rate_e8.to_be_bytes());
        }
    }
}
