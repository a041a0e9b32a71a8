//! Laws over money: the ledger (1), remittances (3), shares (4), payouts (5), the declaration (6).

use std::collections::BTreeMap;

use crate::event::clearing::PayoutState;
use crate::event::forex::BopKind;
use crate::event::ledger::AccountKind;
use crate::ids::Id;
use crate::money::{CNY, Currency};
use crate::state::State;
use crate::state::conversion::ConversionState;

/// Law 1: per currency debits equal credits, posted and pending, and limits hold.
pub fn debits_equal_credits(state: &State) -> Result<(), String> {
    let mut sums: BTreeMap<Currency, [u128; 4]> = BTreeMap::new();
    for account in state.ledger.accounts() {
        let sum = sums.entry(account.currency).or_default();
        sum[0] += u128::from(account.debits_posted);
        sum[1] += u128::from(account.credits_posted);
        sum[2] += u128::from(account.debits_pending);
        sum[3] += u128::from(account.credits_pending);
    }
    for (currency, [debits, credits, debits_pending, credits_pending]) in sums {
        if debits != credits || debits_pending != credits_pending {
            return Err(format!(
                "{}: debits {debits}, credits {credits}, pending {debits_pending} and {credits_pending}",
                currency.iso()
            ));
        }
    }
    Ok(())
}

/// Law 3: credited = allocated + suspense + returned + charges after credit, and so do the accounts say.
pub fn remittances_add_up(state: &State) -> Result<(), String> {
    let mut suspense: BTreeMap<(u32, Currency), i128> = BTreeMap::new();
    for remittance in state.remittances.iter() {
        let row = &remittance.amounts;
        let parts = [
            row.allocated_minor,
            row.suspense_minor,
            row.returned_minor,
            row.charges_after_minor,
        ];
        let sum: i128 = parts.iter().map(|part| i128::from(*part)).sum();
        if parts.iter().any(|part| *part < 0) || sum != i128::from(row.credited_minor) {
            return Err(format!(
                "remittance {}: credited {}, parts {parts:?}",
                remittance.id(),
                row.credited_minor
            ));
        }
        let instructed = i128::from(remittance.instructed_minor);
        if instructed - i128::from(remittance.charges_before_minor)
            != i128::from(row.credited_minor)
        {
            return Err(format!(
                "remittance {}: instructed less charges is not what was credited",
                remittance.id()
            ));
        }
        *suspense
            .entry((row.service_enterprise, row.currency))
            .or_default() += i128::from(row.suspense_minor);
    }
    for ((enterprise, currency), sum) in suspense {
        let account = (
            enterprise,
            AccountKind::Suspense,
            crate::event::NO_INDEX,
            currency,
        );
        let balance = state
            .ledger
            .corridor(&account)
            .and_then(|index| state.ledger.get(index));
        let balance = balance.map_or(0, |account| i128::from(account.credit_balance()));
        if balance != sum {
            return Err(format!(
                "suspense of party {enterprise}: remittances say {sum}, the account {balance}"
            ));
        }
    }
    Ok(())
}

/// Law 4: what is shared sums to the total, of allocations by merchant and of CNY by conversion.
pub fn shares_add_up(state: &State) -> Result<(), String> {
    for remittance in state.remittances.iter() {
        // Wide sums: in a forged journal amounts could add up to the total around the end of 64 bits.
        let mut by_merchant: BTreeMap<u32, i128> = BTreeMap::new();
        remittance.allocations.iter().for_each(|row| {
            *by_merchant.entry(row.merchant).or_default() += i128::from(row.amount_minor);
        });
        let shared: i128 = remittance
            .shares
            .values()
            .map(|share| i128::from(share.allocated_minor))
            .sum();
        if shared != i128::from(remittance.amounts.allocated_minor) {
            return Err(format!(
                "remittance {}: shares {shared}, allocated {}",
                remittance.id(),
                remittance.amounts.allocated_minor
            ));
        }
        for (merchant, share) in &remittance.shares {
            let rows = by_merchant.get(merchant).copied().unwrap_or(0);
            if rows != i128::from(share.allocated_minor)
                || !(0..=share.allocated_minor).contains(&share.converting_minor)
            {
                return Err(format!(
                    "remittance {}, party {merchant}: rows {rows}, share {share:?}",
                    remittance.id()
                ));
            }
        }
    }
    for conversion in state.conversions.iter() {
        let foreign: i128 = conversion.shares.values().copied().map(i128::from).sum();
        let cny: i128 = conversion
            .distributed
            .values()
            .copied()
            .map(i128::from)
            .sum();
        let is_confirmed = conversion.state == ConversionState::Confirmed;
        if foreign != i128::from(conversion.row.amount_minor)
            || is_confirmed && cny != i128::from(conversion.row.cny_minor)
        {
            return Err(format!(
                "conversion {}: shares {foreign} and {cny}, totals {:?}",
                conversion.row.conversion_id, conversion.row
            ));
        }
    }
    Ok(())
}

/// Law 5: a payout settles at most once, and what is on its way is in the transit account.
pub fn payouts_settle_once(state: &State) -> Result<(), String> {
    let mut transit: BTreeMap<u32, i128> = BTreeMap::new();
    for payout in state.payouts.iter() {
        if payout.settlements > 1 || payout.row.cny_minor <= 0 {
            return Err(format!(
                "payout {}: settled {} times",
                payout.row.payout_id, payout.settlements
            ));
        }
        let on_its_way = if payout.state == PayoutState::Instructed {
            payout.row.cny_minor
        } else {
            0
        };
        *transit.entry(payout.row.service_enterprise).or_default() += i128::from(on_its_way);
    }
    for (enterprise, sum) in transit {
        let kind = AccountKind::PayoutTransit;
        let balance = state
            .ledger
            .corridor_balance(enterprise, kind, crate::event::NO_INDEX, CNY);
        if i128::from(balance) != sum {
            return Err(format!(
                "transit of party {enterprise}: payouts say {sum}, the account {balance}"
            ));
        }
    }
    for account in state.ledger.accounts() {
        let may_not_be_negative = matches!(
            account.kind,
            AccountKind::MerchantCleared
                | AccountKind::MerchantForeign
                | AccountKind::Suspense
                | AccountKind::PayoutTransit
        );
        if may_not_be_negative && account.credit_balance() < 0 {
            return Err(format!(
                "account {} of party {} is overdrawn",
                account.account_id, account.owner
            ));
        }
    }
    Ok(())
}

/// Law 6: the records that stand under an actual one sum to it, in whole units, each at least 1.
pub fn bop_adds_up(state: &State) -> Result<(), String> {
    let remittances: Vec<Id> = state.bop.remittances().copied().collect();
    for remittance_id in remittances {
        let Some(actual) = state.bop.actual(remittance_id) else {
            return Err(format!(
                "remittance {remittance_id} has records and no actual one"
            ));
        };
        let standing = state.bop.of(remittance_id).filter(|record| record.stands());
        let mut parts = 0_i128;
        for record in standing {
            if record.row.amount < 1 {
                return Err(format!(
                    "record {} stands with {} units",
                    record.row.rptno.as_str(),
                    record.row.amount
                ));
            }
            if record.row.kind != BopKind::Actual {
                parts += i128::from(record.row.amount);
            }
        }
        if parts != i128::from(actual.row.amount) {
            return Err(format!(
                "record {}: {} units, its parts {parts}",
                actual.row.rptno.as_str(),
                actual.row.amount
            ));
        }
        let credited = state
            .remittances
            .get(remittance_id)
            .map_or(0, |remittance| remittance.amounts.credited_minor);
        let units = (credited / actual.row.currency.minor_per_unit()).max(1);
        if actual.row.amount != units {
            return Err(format!(
                "record {}: {} units, {units} were credited",
                actual.row.rptno.as_str(),
                actual.row.amount
            ));
        }
    }
    Ok(())
}
