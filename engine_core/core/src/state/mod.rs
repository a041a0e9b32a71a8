//! Everything that is open: tables that entries evolve and decisions read. No clock, no randomness, no hash order.

pub mod bop;
pub mod conversion;
pub mod document;
pub mod evolve;
pub mod id_table;
pub mod ledger;
pub mod merchant;
pub mod payout;
pub mod registry;
pub mod remittance;
pub mod request;
pub mod review;
pub mod snapshot;
pub mod tax;
pub mod trade;

use serde::{Deserialize, Serialize, Serializer};
use std::hash::Hash;

use sha2::{Digest, Sha256};

/// A table by keys that partners choose: its hash is quick, and seeded anew in every process. Nothing may depend on its
/// order.
pub type Map<K, V> = hashbrown::HashMap<K, V>;

/// Serializes a map in the order of its keys: equal states have equal snapshots.
fn in_order<K: Ord + Hash + Serialize, V: Serialize, S: Serializer>(
    map: &Map<K, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut rows: Vec<(&K, &V)> = map.iter().collect();
    rows.sort_unstable_by_key(|row| row.0);
    serializer.collect_map(rows)
}

/// A table that can be hashed in key order.
pub trait Table {
    /// Feeds every row to the hasher, in key order, each as its fixed-width bytes.
    fn digest(&self, hasher: &mut Sha256);
}

/// The whole state of the deciding thread.
#[derive(Default, Serialize, Deserialize)]
pub struct State {
    /// Index the next entry will have.
    pub next_index: u64,
    /// Rows of all entries so far.
    pub rows: u64,
    /// Time of the newest entry.
    pub time_ms: u64,
    pub requests: request::Requests,
    pub actors: registry::Actors,
    pub registry: registry::Registry,
    pub documents: document::Documents,
    pub trades: trade::Trades,
    pub merchants: merchant::Merchants,
    pub tax: tax::Tax,
    pub ledger: ledger::Ledger,
    pub remittances: remittance::Remittances,
    pub conversions: conversion::Conversions,
    pub payouts: payout::Payouts,
    pub bop: bop::Bop,
    pub review_rules: review::ReviewRules,
}

impl State {
    /// SHA-256 over all tables in key order: equal after replay (law 10).
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new_with_prefix(b"whampoa state v1");
        hasher.update(self.next_index.to_be_bytes());
        hasher.update(self.rows.to_be_bytes());
        let tables: [&dyn Table; 13] = [
            &self.requests,
            &self.actors,
            &self.registry,
            &self.documents,
            &self.trades,
            &self.merchants,
            &self.tax,
            &self.ledger,
            &self.remittances,
            &self.conversions,
            &self.payouts,
            &self.bop,
            &self.review_rules,
        ];
        tables.iter().for_each(|table| table.digest(&mut hasher));
        hasher.finalize().into()
    }
}
