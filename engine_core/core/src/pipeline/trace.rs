//! Walks a case back: every step of a trade, remittance, conversion or payout, and the grants it names.

use prost::Message;

use super::Core;
use crate::contract::whampoa::evidence::v1::{Step as StepView, TraceResponse};
use crate::contract::whampoa::money::v1::Position;
use crate::event::Event;
use crate::event::catalog::RowKind;
use crate::ids::{Id, Step};
use crate::journal::Fault;
use crate::journal::view::EntryView;
use crate::pipeline::seal::read_entry;
use crate::pipeline::sentence::sentence;
use crate::projection::snake;
use crate::state::State;

/// What a step says, read from the journal alone.
struct Found {
    view: StepView,
    previous: Option<Step>,
    grant: Option<u32>,
    is_document: bool,
}

/// Longest chain that is walked.
const STEPS_MAX: usize = 100_000;

/// The newest step of a subject and what the subject is.
pub fn newest_step(state: &State, id: Id) -> Option<(&'static str, Step)> {
    let trade = state.trades.get(id).map(|trade| ("trade", trade.last));
    let remittance = || {
        state
            .remittances
            .get(id)
            .map(|remittance| ("remittance", remittance.last))
    };
    let conversion = || {
        state
            .conversions
            .get(id)
            .map(|conversion| ("conversion", conversion.last))
    };
    let payout = || state.payouts.get(id).map(|payout| ("payout", payout.last));
    trade
        .or_else(remittance)
        .or_else(conversion)
        .or_else(payout)
}

/// The name of an entry kind in words: "documents recorded".
fn words(name: &str) -> String {
    snake(name).replace('_', " ")
}

impl Core {
    /// Bytes of a `TraceResponse`, oldest step first; no steps when the id is unknown.
    pub fn trace(&self, id: Id) -> Result<Vec<u8>, Fault> {
        let follower = self.follow()?;
        let Some((kind, newest)) = newest_step(&follower.state, id) else {
            return Ok(TraceResponse {
                missing: vec![format!("no subject {id}")],
                ..Default::default()
            }
            .encode_to_vec());
        };
        let mut response = TraceResponse {
            subject_kind: kind.to_owned(),
            complete: true,
            ..Default::default()
        };
        let mut next = newest.is_some().then_some(newest);
        let mut ends_in_document = false;
        while let Some(step) = next {
            let mut found = self.find(&follower.state, step)?;
            ends_in_document = found.is_document;
            if let Some(grant) = found.grant {
                found.view.grant_index = grant;
                found.view.grant_position = self.grant_position(&follower.state, grant);
                if found.view.grant_position.is_none() {
                    response.missing.push(format!("grant {grant}"));
                }
            }
            // A step points back, never forward: a loop would be a forged journal.
            next = found
                .previous
                .filter(|previous| (previous.index, previous.row) < (step.index, step.row));
            response.steps.push(found.view);
            if response.steps.len() == STEPS_MAX {
                response
                    .missing
                    .push("more steps than are walked".to_owned());
                break;
            }
        }
        if kind == "trade" && !ends_in_document {
            response.missing.push("first document".to_owned());
        }
        response.complete = response.missing.is_empty();
        response.steps.reverse();
        Ok(response.encode_to_vec())
    }

    fn find(&self, state: &State, step: Step) -> Result<Found, Fault> {
        let bytes = self.journal().read(step.index)?;
        let view = EntryView::parse(&bytes)?;
        let (at, event) =
            read_entry(&view).map_err(|fault| Fault::from(std::io::Error::other(fault)))?;
        let row = view.row_at(step.row);
        let kind = row.and_then(|(kind, _)| RowKind::find(kind));
        let bytes = row.map_or(&[][..], |(_, bytes)| bytes);
        let text = match kind {
            Some(kind) => sentence(state, kind, bytes),
            None => event.name().to_owned(),
        };
        let first = (view.prev_of_case() != Step::NONE.index).then(|| Step {
            index: view.prev_of_case(),
            row: 0,
        });
        let previous = match kind {
            Some(kind) => kind.previous(bytes),
            None => first,
        };
        let position = |step: Step| Position {
            log: self.log.clone(),
            index: step.index,
            row: u32::from(step.row),
        };
        Ok(Found {
            is_document: matches!(event, Event::DocumentsRecorded(_))
                && kind.is_some_and(|kind| kind.name == "DocumentRow"),
            grant: kind.and_then(|kind| kind.grant(bytes)),
            view: StepView {
                position: Some(position(step)),
                time_ms: at.time_ms,
                kind: words(event.name()),
                text,
                previous: previous.map(position),
                grant_index: crate::event::NO_INDEX,
                grant_position: None,
                link: view
                    .link()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
            },
            previous,
        })
    }

    fn grant_position(&self, state: &State, grant: u32) -> Option<Position> {
        let step = state.registry.grant(grant)?.registered;
        Some(Position {
            log: self.log.clone(),
            index: step.index,
            row: u32::from(step.row),
        })
    }
}
