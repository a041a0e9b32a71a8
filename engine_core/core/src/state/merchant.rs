//! What stands against a merchant: open clawbacks block its payouts (law 5).

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Table;

/// Party index of the merchant → number of trades with an open clawback.
#[derive(Default)]
pub struct Merchants {
    clawbacks_open: BTreeMap<u32, u32>,
}

impl Merchants {
    pub fn clawbacks_open(&self, merchant: u32) -> u32 {
        self.clawbacks_open.get(&merchant).copied().unwrap_or(0)
    }

    pub fn clawbacks_total(&self) -> u32 {
        self.clawbacks_open.values().sum()
    }

    /// A trade's clawback went from `before` to `after` minor units.
    pub fn clawback_changed(&mut self, merchant: u32, before: i64, after: i64) {
        let open = self.clawbacks_open.entry(merchant).or_default();
        match (before > 0, after > 0) {
            (false, true) => *open += 1,
            (true, false) => *open -= 1,
            _ => {}
        }
        if *open == 0 {
            self.clawbacks_open.remove(&merchant);
        }
    }
}

impl Table for Merchants {
    fn digest(&self, hasher: &mut Sha256) {
        for (merchant, open) in &self.clawbacks_open {
            hasher.update(merchant.to_be_bytes());
            hasher.update(open.to_be_bytes());
        }
    }
}
