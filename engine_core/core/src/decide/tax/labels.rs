//! Which items have to be labelled: those of an order after its judgement, or those of a merchant by today's inputs.

use super::label::{Item, Labelled, Labels};
use crate::contract::whampoa::tax::v1::LabelItemsRequest;
use crate::decide::customs::{Desk, Judged, Outcome};
use crate::decide::registry::party_index;
use crate::decide::{Context, Decision};
use crate::event::tax::ItemsLabelled;
use crate::event::{Draft, NO_INDEX};
use crate::ids::Id;
use crate::money::Decimal5;
use crate::state::State;
use crate::state::document::{ListCase, Slots};
use crate::state::trade::TradeState;

/// Most rows of one entry.
const ROWS_MAX: usize = 8192;

/// True while the value of a trade is proven: its items may stand in a database.
fn is_proven(state: TradeState, verified_minor: i64, returned_minor: i64) -> bool {
    matches!(state, TradeState::Released | TradeState::Closed)
        && verified_minor > 0
        && returned_minor == 0
}

impl Labels<'_> {
    /// Labels the items of an order. A line has one item: that of the list which released it, so that the same goods
    /// listed by two agents stand in the databases once.
    pub fn of_order(&mut self, desk: &Desk<'_>, order_slot: u32, outcome: &Outcome) -> Labelled {
        let mut out = Labelled::default();
        let Some(order) = desk.orders.at(order_slot) else {
            return out;
        };
        let mut standing: Vec<(u32, u16)> = Vec::new();
        let mut items = Vec::new();
        for (line, ordinal) in &outcome.lines {
            let planned = &outcome.trades[*ordinal];
            let row = &planned.row;
            let stands = row.merchant != NO_INDEX
                && is_proven(row.state, row.verified_minor, planned.returned_minor);
            let (Some(slot), true) = (line.list, stands) else {
                continue;
            };
            let Some(list) = desk.lists.at(slot) else {
                continue;
            };
            standing.push((slot, line.gnum));
            items.extend(item_of(
                desk,
                (order.first_ms, slot, list),
                line,
                (row.trade_id, row.merchant),
            ));
        }
        for slot in &order.lists {
            let Some(list) = desk.lists.at(*slot) else {
                continue;
            };
            let gone = self.lines_of(*slot).into_iter();
            for gnum in gone.filter(|gnum| !standing.contains(&(*slot, *gnum))) {
                if let Some(item) = self.item_of_line(*slot, gnum) {
                    items.push(Item::again(&item.row, list, false, false));
                }
            }
        }
        // What falls away frees its invoices before the others look for some.
        items.sort_by_key(|item| item.stands);
        items.iter().for_each(|item| self.label(item, &mut out));
        out
    }

    /// Labels all items of a merchant, the oldest first.
    pub(super) fn of_merchant(&mut self, merchant: u32, out: &mut Labelled) {
        let state = self.state;
        for known in state.tax.items_of(merchant) {
            let row = &known.row;
            let Some(list) = state.documents.lists.get(row.list as usize) else {
                continue;
            };
            let trade = state.trades.get(row.trade_id);
            let returned_minor = state
                .documents
                .origin(row.trade_id)
                .unwrap_or_default()
                .returned_minor;
            let is_valued = trade.is_some_and(|trade| {
                is_proven(trade.decided, trade.verified_minor, returned_minor)
            });
            let stands = is_valued && list.is_released() && row_stands(state, row.list, row.gnum);
            self.label(
                &Item::again(row, list, is_departed(state, list), stands),
                out,
            );
        }
    }
}

/// The line is still listed, and no list of the order proved it before (as `matching` judges).
fn row_stands(state: &State, slot: u32, gnum: u16) -> bool {
    let cases = &state.documents;
    let order = cases.lists[slot as usize].head.order;
    let Some(order) = cases.orders.get(order as usize) else {
        return false;
    };
    let proves_from_ms = |slot: u32| {
        let list = &cases.lists[slot as usize];
        let waybill = cases.waybills.get(list.head.waybill as usize)?;
        let holds = list.lines.iter().any(|line| line.gnum == gnum);
        list.proves_from_ms(waybill).filter(|_| holds)
    };
    let first = order
        .lists
        .iter()
        .filter(|slot| proves_from_ms(**slot).is_some())
        .min_by_key(|slot| proves_from_ms(**slot));
    first == Some(&slot)
}

/// Customs closed the list, or the departure of its waybill was approved.
fn is_departed(state: &State, list: &ListCase) -> bool {
    let waybill = state.documents.waybills.get(list.head.waybill as usize);
    list.status == 899 || waybill.is_some_and(|waybill| waybill.is_departed)
}

/// The item of a released line.
fn item_of(
    desk: &Desk<'_>,
    (first_ms, slot, list): (u64, u32, &ListCase),
    judged: &Judged,
    (trade_id, merchant): (Id, u32),
) -> Option<Item> {
    let line = list.lines.iter().find(|line| line.gnum == judged.gnum)?;
    let waybill = desk.waybills.at(list.head.waybill);
    Some(Item {
        item_id: Id::derive(
            first_ms,
            "tax-item",
            &[&list.key.0, &line.gnum.to_be_bytes()],
        ),
        trade_id,
        merchant,
        list: slot,
        gnum: line.gnum,
        gcode: line.gcode,
        value_minor: Decimal5(line.total_e5).to_minor(line.currency)?.0,
        currency: line.currency,
        qty_e5: line.qty_e5,
        unit: line.unit,
        export_date: list.head.export_date,
        customs_code: list.head.customs_code,
        trade_mode: list.head.trade_mode,
        statistics_flag: list.head.statistics_flag,
        is_departed: list.status == 899 || waybill.is_some_and(|waybill| waybill.is_departed),
        stands: true,
    })
}

/// Labels again the items of a merchant.
pub fn label_items(state: &State, context: &Context<'_>, request: &LabelItemsRequest) -> Decision {
    let merchant = party_index(state, &request.merchant_party_id, "merchant_party_id")?;
    let mut out = Labelled::default();
    Labels::new(state, context.now_ms).of_merchant(merchant, &mut out);
    let mut drafts = entries(merchant, out, 0);
    if drafts.is_empty() {
        let event = ItemsLabelled {
            merchant,
            links: Vec::new(),
            items: Vec::new(),
        };
        drafts.push(Draft::first(state.registry.id_of(merchant), event));
    }
    Ok(drafts)
}

/// Rows of labels as entries that follow one with `taken` rows, of which all but the last continue.
pub(super) fn entries(merchant: u32, mut labelled: Labelled, taken: usize) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut room = ROWS_MAX.saturating_sub(taken);
    while labelled.rows() > 0 {
        // Items come first when entries are applied, so a link never stands before its item.
        let items: Vec<_> = labelled
            .items
            .drain(..labelled.items.len().min(room))
            .collect();
        let links = labelled
            .links
            .drain(..labelled.links.len().min(room - items.len()))
            .collect();
        drafts.push(Draft {
            continues: true,
            ..Draft::first(
                Id::ZERO,
                ItemsLabelled {
                    merchant,
                    links,
                    items,
                },
            )
        });
        room = ROWS_MAX;
    }
    if let Some(last) = drafts.last_mut() {
        last.continues = false;
    }
    drafts
}
