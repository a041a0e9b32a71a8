//! Laws over customs documents: the value of trades (law 2) and the two tax databases (law 7).

use std::collections::BTreeMap;

use crate::event::tax::Database;
use crate::ids::Id;
use crate::state::State;
use crate::state::trade::{Trade, TradeState};

/// Law 2: 0 ≤ used ≤ verified + clawback, verified ≤ declared, a trade closes when used = verified, and whoever has a
/// clawback open is known by name.
pub fn used_within_verified(state: &State) -> Result<(), String> {
    let mut open: BTreeMap<u32, u32> = BTreeMap::new();
    for trade in state.trades.iter() {
        let is_within = 0 <= trade.used_minor
            && trade.clawback_minor >= 0
            && i128::from(trade.used_minor)
                <= i128::from(trade.verified_minor) + i128::from(trade.clawback_minor)
            && (0..=trade.declared_minor).contains(&trade.verified_minor);
        if !is_within {
            return Err(format!(
                "trade {}: declared {}, verified {}, used {}, clawback {}",
                trade.trade_id,
                trade.declared_minor,
                trade.verified_minor,
                trade.used_minor,
                trade.clawback_minor
            ));
        }
        if trade.decided == TradeState::Disputed && trade.verified_minor != 0 {
            return Err(format!(
                "trade {} is disputed and verifies {}",
                trade.trade_id, trade.verified_minor
            ));
        }
        closes_when_full(trade)?;
        if trade.clawback_minor > 0 {
            *open.entry(trade.merchant).or_default() += 1;
        }
    }
    let mut in_use: BTreeMap<Id, i128> = BTreeMap::new();
    for allocation in state
        .remittances
        .iter()
        .flat_map(|remittance| &remittance.allocations)
    {
        *in_use.entry(allocation.trade_id).or_default() += i128::from(allocation.used_minor);
    }
    for trade in state.trades.iter() {
        let sum = in_use.remove(&trade.trade_id).unwrap_or(0);
        if sum != i128::from(trade.used_minor) {
            return Err(format!(
                "trade {}: used {}, allocations say {sum}",
                trade.trade_id, trade.used_minor
            ));
        }
    }
    if let Some((trade_id, _)) = in_use.first_key_value() {
        return Err(format!(
            "money was put to trade {trade_id}, which is unknown"
        ));
    }
    for (merchant, count) in open {
        if state.merchants.clawbacks_open(merchant) != count {
            return Err(format!(
                "party {merchant} has {count} trades under clawback, and is not blocked for all of them"
            ));
        }
    }
    Ok(())
}

/// What is released has value left, nothing verified yet, or a clawback; what closed without a reason is full.
fn closes_when_full(trade: &Trade) -> Result<(), String> {
    let (verified, used) = (trade.verified_minor, trade.used_minor);
    let is_right = match (trade.state(), trade.decided) {
        (TradeState::Released, _) => used < verified || verified == 0 || trade.clawback_minor > 0,
        (TradeState::Closed, TradeState::Closed) => true,
        (TradeState::Closed, _) => used == verified && trade.clawback_minor == 0,
        _ => true,
    };
    if is_right {
        return Ok(());
    }
    Err(format!(
        "trade {} is {} with {used} used of {verified} verified",
        trade.trade_id,
        trade.state().name()
    ))
}

/// Law 7: a line of an order stands in at most one database, once, however many agents listed it.
pub fn items_in_one_database(state: &State) -> Result<(), String> {
    let mut standing: BTreeMap<(u32, u16), Id> = BTreeMap::new();
    for item in state
        .tax
        .items()
        .iter()
        .filter(|item| item.row.database != Database::Neither)
    {
        let Some(list) = state.documents.lists.get(item.row.list as usize) else {
            return Err(format!("item {} belongs to no list", item.row.item_id));
        };
        if let Some(other) = standing.insert((list.head.order, item.row.gnum), item.row.item_id) {
            return Err(format!(
                "items {other} and {} are the same goods in two places",
                item.row.item_id
            ));
        }
    }
    Ok(())
}
