//! The second set of books: what the corridor's accounts have to hold, from remittances, conversions and payouts alone.

use std::collections::{BTreeMap, BTreeSet};

use whampoa_core::event::NO_INDEX;
use whampoa_core::event::ledger::AccountKind;

use super::ledger::{Key, Ledger};

pub const CNY: u16 = 156;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Books {
    balances: BTreeMap<Key, i128>,
    moved: BTreeSet<Key>,
}

impl Books {
    fn add(&mut self, key: Key, amount: i64) {
        *self.balances.entry(key).or_default() += i128::from(amount);
        self.moved.insert(key);
    }

    /// An account of a service enterprise itself.
    pub fn own(&mut self, enterprise: u32, kind: AccountKind, currency: u16, amount: i64) {
        self.add((enterprise, kind as u8, NO_INDEX, currency), amount);
    }

    /// An account of a merchant under an enterprise.
    pub fn of(
        &mut self,
        (merchant, enterprise): (u32, u32),
        kind: AccountKind,
        currency: u16,
        amount: i64,
    ) {
        self.add((merchant, kind as u8, enterprise, currency), amount);
    }

    /// Every account that either side moved holds what it has to; which law says so depends on the account.
    pub fn check(&mut self, ledger: &mut Ledger) {
        let mut moved = std::mem::take(&mut self.moved);
        moved.extend(std::mem::take(&mut ledger.moved));
        for key in moved {
            let (balance, expected) = (ledger.balance(key), self.balances.get(&key).copied());
            let expected = expected.unwrap_or(0);
            let (owner, kind, enterprise, currency) = key;
            let kind = AccountKind::ALL
                .iter()
                .find(|it| **it as u8 == kind)
                .copied()
                .unwrap_or(AccountKind::Partner);
            let law = match kind {
                AccountKind::Suspense | AccountKind::ServiceBankForeign => 3,
                AccountKind::MerchantForeign => 4,
                _ => 5,
            };
            assert!(
                balance == expected,
                "law {law}: {} of party {owner} under {enterprise}, currency {currency}, holds {balance}; the model \
                 expects {expected}",
                kind.name()
            );
            let may_lead = matches!(
                kind,
                AccountKind::ServiceBankForeign
                    | AccountKind::ServiceBankCny
                    | AccountKind::MerchantDebt
            );
            assert!(
                balance >= 0 || may_lead,
                "law {law}: {} of party {owner} under {enterprise}, currency {currency}, is overdrawn: {balance}",
                kind.name()
            );
        }
    }
}
