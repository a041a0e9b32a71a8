//! Payouts of CNY to merchants: each settles at most once (law 5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{State, Table};
use crate::event::At;
use crate::event::clearing::{
    ClawbackSettled, DebitConfirmed, PayoutRow, PayoutState, PayoutStepRow, PayoutsInstructed,
    SettlementRecorded,
};
use crate::event::codec::{Row, Text};
use crate::ids::{Id, Step};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    pub row: PayoutRow,
    pub state: PayoutState,
    pub reason_code: Text<8>,
    /// How often it was settled: law 5 allows once.
    pub settlements: u32,
    pub last: Step,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Payouts {
    by_id: BTreeMap<Id, Payout>,
    instructed: u64,
}

impl Payouts {
    pub fn get(&self, payout_id: Id) -> Option<&Payout> {
        self.by_id.get(&payout_id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Payout> {
        self.by_id.values()
    }

    /// Number of payouts so far.
    pub fn instructed(&self) -> u64 {
        self.instructed
    }
}

impl State {
    /// Adds payouts whose rows begin at `first_row`.
    pub(super) fn add_payouts(&mut self, at: &At, rows: &[PayoutRow], first_row: usize) {
        for (ordinal, row) in rows.iter().enumerate() {
            let payout = Payout {
                row: row.clone(),
                state: PayoutState::Instructed,
                reason_code: Text::default(),
                settlements: 0,
                last: at.step(first_row + ordinal),
            };
            self.payouts.by_id.insert(row.payout_id, payout);
            self.payouts.instructed += 1;
        }
    }

    fn move_payouts(&mut self, at: &At, rows: &[PayoutStepRow]) {
        for (ordinal, row) in rows.iter().enumerate() {
            if let Some(payout) = self.payouts.by_id.get_mut(&row.payout_id) {
                payout.settlements += u32::from(row.state == PayoutState::Settled);
                payout.state = row.state;
                payout.reason_code = row.reason_code;
                payout.last = at.step(ordinal);
            }
        }
    }

    pub fn instruct_payouts(&mut self, at: &At, event: &PayoutsInstructed) {
        self.ledger.open(&event.accounts);
        self.ledger.post(&event.transfers);
        self.add_payouts(at, &event.payouts, 0);
    }

    pub fn confirm_debit(&mut self, at: &At, event: &DebitConfirmed) {
        self.ledger.open(&event.accounts);
        self.ledger.post(&event.transfers);
        self.move_payouts(at, &event.steps);
    }

    pub fn record_settlement(&mut self, at: &At, event: &SettlementRecorded) {
        self.ledger.open(&event.accounts);
        self.ledger.post(&event.transfers);
        self.move_payouts(at, &event.steps);
    }

    pub fn settle_clawback(&mut self, at: &At, event: &ClawbackSettled) {
        self.ledger.open(&event.accounts);
        self.ledger.post(&event.transfers);
        for (ordinal, row) in event.clawbacks.iter().enumerate() {
            self.put_clawback(row, at.step(ordinal));
        }
        let mut begin = 0;
        let first_row = event.clawbacks.len() + event.moves.len();
        for moved in &event.moves {
            let end = begin + moved.rows as usize;
            self.move_allocations(
                at,
                moved.remittance_id,
                &event.allocations[begin..end],
                first_row + begin,
            );
            begin = end;
        }
    }
}

impl Table for Payouts {
    fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        for payout in self.by_id.values() {
            bytes.clear();
            PayoutRow {
                previous: payout.last,
                ..payout.row.clone()
            }
            .put(&mut bytes);
            bytes.push(payout.state as u8);
            bytes.extend_from_slice(&payout.reason_code.0);
            hasher.update(&bytes);
        }
    }
}
