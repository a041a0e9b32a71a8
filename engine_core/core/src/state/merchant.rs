//! What is known of a merchant as a whole: open clawbacks block its payouts (law 5), disputes make its money examined.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Table;
use super::trade::{Trade, TradeRow, TradeState};
use crate::money::Currency;

/// Declared value of a merchant's trades in one currency, and the part of it that is in dispute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    pub total_minor: i128,
    pub disputed_minor: i128,
}

/// By party index of the merchant.
#[derive(Default, Serialize, Deserialize)]
pub struct Merchants {
    /// Number of trades with an open clawback.
    clawbacks_open: BTreeMap<u32, u32>,
    /// Kept as trades change, so that judging a remittance looks at no trade.
    declared: BTreeMap<(u32, Currency), Declared>,
}

impl Merchants {
    pub fn clawbacks_open(&self, merchant: u32) -> u32 {
        self.clawbacks_open.get(&merchant).copied().unwrap_or(0)
    }

    pub fn clawbacks_total(&self) -> u32 {
        self.clawbacks_open.values().sum()
    }

    /// What a merchant declared so far, closed trades too, by currency.
    pub fn declared_by(&self, merchant: u32) -> impl Iterator<Item = (Currency, Declared)> {
        let keys = (merchant, Currency(0))..=(merchant, Currency(u16::MAX));
        self.declared
            .range(keys)
            .map(|((_, currency), declared)| (*currency, *declared))
    }

    /// A trade is replaced by what a row says of it; its merchant may be another one then.
    pub fn trade_changed(&mut self, before: Option<&Trade>, row: &TradeRow) {
        if let Some(trade) = before {
            let (value, state) = (i128::from(trade.declared_minor), trade.decided);
            self.count((trade.merchant, trade.currency), -value, state);
        }
        let value = i128::from(row.declared_minor);
        self.count((row.merchant, row.currency), value, row.state);
    }

    fn count(&mut self, key: (u32, Currency), value_minor: i128, state: TradeState) {
        let declared = self.declared.entry(key).or_default();
        declared.total_minor += value_minor;
        if state == TradeState::Disputed {
            declared.disputed_minor += value_minor;
        }
        if *declared == Declared::default() {
            self.declared.remove(&key);
        }
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
        for ((merchant, currency), declared) in &self.declared {
            hasher.update(merchant.to_be_bytes());
            hasher.update(currency.0.to_be_bytes());
            hasher.update(declared.total_minor.to_be_bytes());
            hasher.update(declared.disputed_minor.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::NO_INDEX;
    use crate::ids::{Id, KeyDigest, Step};
    use crate::money::{CNY, USD};
    use crate::state::trade::{MerchantReason, Trades};

    fn row(trade: u8, merchant: u32, declared_minor: i64, state: TradeState) -> TradeRow {
        TradeRow {
            trade_id: Id([trade; 16]),
            order_key: KeyDigest::default(),
            merchant,
            currency: if trade.is_multiple_of(2) { USD } else { CNY },
            declared_minor,
            remainder_e5: 0,
            verified_minor: 0,
            state,
            reason: MerchantReason::Unknown,
            released_at_ms: 0,
            previous: Step::NONE,
            grant: NO_INDEX,
        }
    }

    proptest! {
        /// After any changes the totals are what a look at every trade would give.
        #[test]
        fn totals_are_those_of_the_trades(
            changes in prop::collection::vec((0_u8..6, 0_u32..3, 0_i64..1_000, 0_usize..5), 0..60)
        ) {
            let (mut trades, mut merchants) = (Trades::default(), Merchants::default());
            for (trade, merchant, declared_minor, state) in changes {
                let row = row(trade, merchant, declared_minor, TradeState::ALL[state]);
                merchants.trade_changed(trades.get(row.trade_id), &row);
                trades.put(&row, Step::NONE);
            }
            let mut expected: BTreeMap<(u32, Currency), Declared> = BTreeMap::new();
            for trade in trades.iter().filter(|trade| trade.declared_minor > 0) {
                let declared = expected.entry((trade.merchant, trade.currency)).or_default();
                declared.total_minor += i128::from(trade.declared_minor);
                if trade.decided == TradeState::Disputed {
                    declared.disputed_minor += i128::from(trade.declared_minor);
                }
            }
            prop_assert_eq!(&merchants.declared, &expected);
        }
    }
}
