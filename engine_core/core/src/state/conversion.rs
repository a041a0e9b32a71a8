//! Conversions: foreign money on its way to CNY, and what each merchant has in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{State, Table};
use crate::event::At;
use crate::event::codec::Row;
use crate::event::forex::{
    ConversionConfirmed, ConversionFailed, ConversionRequested, ConversionRow,
};
use crate::ids::{Id, Step};

/// Where a conversion stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConversionState {
    Requested = 1,
    Confirmed = 2,
    Failed = 3,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    pub row: ConversionRow,
    pub state: ConversionState,
    /// Merchant → amount, remittance currency.
    pub shares: BTreeMap<u32, i64>,
    /// Merchant → CNY, once confirmed.
    pub distributed: BTreeMap<u32, i64>,
    pub last: Step,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Conversions {
    by_id: BTreeMap<Id, Conversion>,
}

impl Conversions {
    pub fn get(&self, conversion_id: Id) -> Option<&Conversion> {
        self.by_id.get(&conversion_id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Conversion> {
        self.by_id.values()
    }
}

impl State {
    pub fn request_conversion(&mut self, at: &At, event: &ConversionRequested) {
        for row in &event.conversions {
            let shares = BTreeMap::new();
            let conversion = Conversion {
                row: row.clone(),
                state: ConversionState::Requested,
                shares,
                distributed: BTreeMap::new(),
                last: at.step(0),
            };
            self.conversions.by_id.insert(row.conversion_id, conversion);
        }
        let Some(conversion) = self.conversions.by_id.get_mut(&at.case_id) else {
            return;
        };
        let remittance_id = conversion.row.remittance_id;
        for share in &event.shares {
            *conversion.shares.entry(share.merchant).or_default() += share.amount_minor;
            if let Some(remittance) = self.remittances.get_mut(remittance_id) {
                remittance
                    .shares
                    .entry(share.merchant)
                    .or_default()
                    .converting_minor += share.amount_minor;
            }
        }
    }

    pub fn confirm_conversion(&mut self, at: &At, event: &ConversionConfirmed) {
        self.ledger.open(&event.accounts);
        self.ledger.post(&event.transfers);
        for row in &event.conversions {
            if let Some(conversion) = self.conversions.by_id.get_mut(&row.conversion_id) {
                conversion.row = row.clone();
                conversion.state = ConversionState::Confirmed;
                conversion.last = at.step(0);
            }
        }
        for (ordinal, row) in event.remittances.iter().enumerate() {
            let step = at.step(event.conversions.len() + ordinal);
            self.remittances.put(row, step);
            let rate = event
                .conversions
                .first()
                .map_or(0, |conversion| conversion.rate_e8);
            if let Some(remittance) = self.remittances.get_mut(row.remittance_id) {
                remittance.conversion_rate_e8 = rate;
            }
        }
        if let Some(conversion) = self.conversions.by_id.get_mut(&event.conversion_id) {
            for row in &event.distributions {
                *conversion.distributed.entry(row.merchant).or_default() += row.cny_minor;
            }
        }
        let first_payout =
            event.conversions.len() + event.remittances.len() + event.distributions.len();
        self.add_payouts(at, &event.payouts, first_payout);
    }

    pub fn fail_conversion(&mut self, at: &At, event: &ConversionFailed) {
        for row in &event.conversions {
            let Some(conversion) = self.conversions.by_id.get_mut(&row.conversion_id) else {
                continue;
            };
            conversion.state = ConversionState::Failed;
            conversion.last = at.step(0);
            if let Some(remittance) = self.remittances.get_mut(row.remittance_id) {
                for (merchant, amount) in &conversion.shares {
                    remittance
                        .shares
                        .entry(*merchant)
                        .or_default()
                        .converting_minor -= amount;
                }
            }
        }
    }
}

impl Table for Conversions {
    fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        for conversion in self.by_id.values() {
            bytes.clear();
            ConversionRow {
                previous: conversion.last,
                ..conversion.row.clone()
            }
            .put(&mut bytes);
            bytes.push(conversion.state as u8);
            hasher.update(&bytes);
            for (merchant, amount) in conversion.shares.iter().chain(&conversion.distributed) {
                hasher.update(merchant.to_be_bytes());
                hasher.update(amount.to_be_bytes());
            }
        }
    }
}
