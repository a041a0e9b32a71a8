//! Renders durable entries for gateways: what each has to send on, private parts opened where it has the right.

pub mod documents;
pub mod money;

use crate::contract::whampoa::feed::v1::{FeedEntry, FeedKind};
use crate::event::{At, Event};
use crate::projection::Private;
use crate::state::State;

/// The items of one entry of one kind; `None` when the entry has none. `state` is a follower's, at or after the entry.
pub fn render(
    state: &State,
    at: &At,
    event: &Event,
    kind: FeedKind,
    private: &dyn Private,
) -> Option<FeedEntry> {
    let rows = match kind {
        FeedKind::Documents => documents::documents(at, event, private),
        FeedKind::ConversionRequested => money::conversions_requested(state, event),
        FeedKind::MoneyReturned => money::money_returned(state, event),
        FeedKind::PayoutInstructed => money::payouts_instructed(state, event, private),
        FeedKind::PayoutDebited => money::payouts_debited(state, event, private),
        FeedKind::Allocated => money::allocated(state, at, event),
        FeedKind::BopRecords => money::bop_records(state, event, private),
        FeedKind::Unspecified => Vec::new(),
    };
    if rows.is_empty() {
        return None;
    }
    Some(FeedEntry {
        position: None,
        time_ms: at.time_ms,
        kind: kind.into(),
        rows,
    })
}
