//! Tax items as table rows.

use super::{Batches, Cell};
use crate::contract::whampoa::tax::v1::{Condition, Regime as RegimeNumber};
use crate::event::tax::{Database, TaxItemRow};
use crate::event::{At, Event};
use crate::ids::Step;
use crate::state::State;

/// Table `tax_items`: key `item_id`; `missing_conditions` are names parted by commas.
pub fn project(state: &State, at: &At, event: &Event, out: &mut Batches) {
    let (first, items) = match event {
        Event::DocumentsRecorded(event) => (
            event.first_trade_row()
                + event.trades.len()
                + event.clawbacks.len()
                + event.links.len(),
            &event.items,
        ),
        Event::DisputeSettled(event) => (
            event.trades.len() + event.clawbacks.len() + event.links.len(),
            &event.items,
        ),
        Event::ReturnReported(event) => (
            event.trades.len() + event.clawbacks.len() + event.links.len(),
            &event.items,
        ),
        Event::InvoicesRecorded(event) => (event.invoices.len() + event.links.len(), &event.items),
        Event::ZoneGoodsRegistered(event) => (event.zones.len() + event.links.len(), &event.items),
        Event::ItemsLabelled(event) => (event.links.len(), &event.items),
        _ => return,
    };
    for (ordinal, row) in items.iter().enumerate() {
        item(state, row, at.step(first + ordinal), out);
    }
}

fn item(state: &State, row: &TaxItemRow, step: Step, out: &mut Batches) {
    let merchant = state
        .registry
        .get(row.merchant)
        .map_or(Cell::Null, |party| party.party_id.into());
    let regime = RegimeNumber::try_from(row.regime as i32).unwrap_or_default();
    let database = match row.database {
        Database::Refund => "refund",
        Database::ExemptNoInvoice => "exempt_no_invoice",
        Database::Neither => "none",
    };
    out.row(
        "tax_items",
        [
            ("item_id", row.item_id.into()),
            ("trade_id", row.trade_id.into()),
            ("merchant_party_id", merchant),
            ("database", database.into()),
            (
                "regime",
                regime
                    .as_str_name()
                    .trim_start_matches("REGIME_")
                    .to_lowercase()
                    .into(),
            ),
            ("missing_conditions", conditions(row.missing).into()),
            ("gcode", format!("{:010}", row.gcode).into()),
            ("currency", row.currency.iso().into()),
            ("value_minor", row.value_minor.into()),
            ("qty_e5", row.qty_e5.into()),
            ("export_date", row.export_date.into()),
            ("refund_rate_bp", i64::from(row.rate_bp).into()),
            ("refund_minor", row.refund_minor.into()),
            ("library_version", state.tax.library_version().into()),
            ("last_index", step.index.into()),
            ("last_row", i64::from(step.row).into()),
        ],
    );
}

fn conditions(missing: u32) -> String {
    let names: Vec<String> = (1..32)
        .filter(|number| missing & 1 << number != 0)
        .filter_map(|number| Condition::try_from(number).ok())
        .map(|condition| {
            condition
                .as_str_name()
                .trim_start_matches("CONDITION_")
                .to_lowercase()
        })
        .collect();
    names.join(",")
}
