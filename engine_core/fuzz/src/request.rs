//! Requests from their bytes to entries or a refusal, of every write method; the first byte names the method.

use whampoa_core::contract::whampoa::feed::v1::FeedKind;
use whampoa_core::decide::Method;
use whampoa_core::event::{At, Event};
use whampoa_core::feed;
use whampoa_core::journal::view::EntryView;
use whampoa_core::laws;
use whampoa_core::pipeline::Submission;
use whampoa_core::pipeline::seal::read_entry;
use whampoa_core::projection::{self, Batches, Private};
use whampoa_core::rejection::Refusal;
use whampoa_core::reply;
use whampoa_core::state::State;

use crate::ground::{self, LOG, Made, ground};

/// An entry has at most so many rows (DESIGN section 4.7).
const ROWS_MAX: u64 = 8192;

/// Private parts that were erased.
struct Erased;

impl Private for Erased {
    fn open(&self, _: u64, _: u16) -> Option<Vec<u8>> {
        None
    }
}

fn submission(input: &[u8]) -> Option<Submission> {
    let (method, request) = input.split_first()?;
    let now_ms = ground().log.state.time_ms;
    Some(ground::submission(
        u16::from(*method),
        request.to_vec(),
        now_ms,
    ))
}

/// The strict check refuses or lets through; what it lets through, the generated types can read.
pub fn strict(input: &[u8]) {
    let Some(submission) = submission(input) else {
        return;
    };
    match submission.check() {
        Ok(checked) => assert_eq!(checked.mark.method, submission.method),
        Err(refusal) => told(&refusal),
    }
}

/// A request is refused, or makes entries that are read back, evolve alike, keep the laws and give a reply.
pub fn decided(input: &[u8]) {
    let Some(submission) = submission(input) else {
        return;
    };
    match ground().log.decide(&submission) {
        Err(refusal) => told(&refusal),
        Ok(drafts) => {
            assert!(!drafts.is_empty(), "accepted, and nothing happened");
            let mut log = ground().log();
            let made = log.apply(drafts, &submission);
            accepted(&submission, &log.state, made);
        }
    }
}

fn told(refusal: &Refusal) {
    assert!(!reply::refused(refusal).is_empty());
}

fn accepted(submission: &Submission, state: &State, made: Vec<Made>) {
    let mut replica = ground().log().state;
    for entry in &made {
        assert!(entry.sealed.rows <= ROWS_MAX, "{} rows", entry.sealed.rows);
        let view = EntryView::parse(&entry.sealed.bytes).expect("a sealed entry is readable");
        assert_eq!(view.computed_root(), view.payload_root());
        let (at, event) = read_entry(&view).expect("a sealed event is readable");
        assert_eq!(at, entry.at);
        replica.evolve(&at, &event, view.row_count());
        shown(&replica, &at, &event);
    }
    assert_eq!(replica.hash(), state.hash(), "replay differs (law 10)");
    for law in laws::check(state) {
        assert!(law.holds, "law {}: {}", law.number, law.text);
    }
    let method = Method::from_number(submission.method).expect("it was accepted");
    let entries: Vec<(At, Event)> = made.into_iter().map(|it| (it.at, it.event)).collect();
    assert!(!reply::reply(LOG, method, &entries).is_empty());
}

/// Projections and feeds take every entry.
fn shown(state: &State, at: &At, event: &Event) {
    projection::project(state, at, event, &Erased, &mut Batches::default());
    for kind in 0..=16 {
        if let Ok(kind) = FeedKind::try_from(kind) {
            drop(feed::render(state, at, event, kind, &Erased));
        }
    }
}

/// Requests about taxes; the others are kept.
pub fn seeds() -> Vec<Vec<u8>> {
    ground::taxes(&ground().log.state)
        .into_iter()
        .map(|(method, request)| [&[method as u8], &request[..]].concat())
        .collect()
}
