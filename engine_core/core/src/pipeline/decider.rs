//! The deciding thread: owns the state, decides one request after the other, hands sealed entries to the writer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use super::Shared;
use super::recovery::Opened;
use super::seal::{entry_draft, read_entry};
use super::submission::{Checked, Reply, Submission};
use crate::decide::{self, Context};
use crate::event::registry::ActorAdmitted;
use crate::event::{At, Draft, Event, RequestMark};
use crate::ids::{Id, LogKey};
use crate::journal::entry::{Sealed, seal};
use crate::journal::view::EntryView;
use crate::journal::{Fault, Journal, StopOnPanic};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::reply;
use crate::state::State;

/// Everything the deciding thread needs beside the state.
pub struct Decider {
    journal: Arc<Journal>,
    shared: Arc<Shared>,
    log: String,
    log_key: LogKey,
    /// Leaf hash of the newest entry.
    link: [u8; 32],
}

/// The outcome of one submission: reply bytes and the newest entry they depend on.
type Outcome = (Vec<u8>, Option<u64>);

/// Why a submission has no outcome of its own.
enum Stop {
    Refused(Refusal),
    /// Memory is ahead of the disk, or the disk does not give back what it took.
    Broken(Fault),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

impl Decider {
    pub fn new(opened: &Opened, log: String, shared: Arc<Shared>) -> Self {
        Self {
            journal: Arc::clone(&opened.journal),
            shared,
            log,
            log_key: opened.log_key.clone(),
            link: opened.link,
        }
    }

    /// Decides until the submissions end. A journal that cannot write any more ends the process: what is in memory is
    /// then ahead of the disk, and no reply may be given from it (law 9).
    pub fn run(mut self, mut state: State, submissions: &Receiver<Submission>) {
        let _guard = StopOnPanic;
        while let Ok(submission) = submissions.recv() {
            let start = Instant::now();
            if let Err(fault) = self.answer(&mut state, &submission) {
                eprintln!("whampoa: the journal failed, the engine stops: {fault}");
                std::process::abort();
            }
            self.shared.leave_queue(submission.request.len() as u64);
            self.shared
                .decide_ns
                .fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
    }

    /// Decides one submission and queues its reply. After a fault nothing may be decided on this state any more.
    pub fn answer(&mut self, state: &mut State, submission: &Submission) -> Result<(), Fault> {
        // A rejection may depend on entries that are not durable yet, so it waits for them as well.
        let newest = state.next_index.checked_sub(1);
        let (bytes, after) = match self.decide(state, submission) {
            Ok(outcome) => {
                self.shared.accepted.fetch_add(1, Ordering::Relaxed);
                outcome
            }
            Err(Stop::Refused(refusal)) => {
                self.shared.refused.fetch_add(1, Ordering::Relaxed);
                // That there is no room depends on no entry, and what it would wait for may need the room.
                let newest = newest.filter(|_| refusal.code != Rejection::NoRoom);
                (reply::refused(&refusal), newest)
            }
            Err(Stop::Broken(fault)) => return Err(fault),
        };
        self.shared.answer(Reply {
            token: submission.token,
            bytes,
            after,
        });
        Ok(())
    }

    fn decide(&mut self, state: &mut State, submission: &Submission) -> Result<Outcome, Stop> {
        let checked = submission.check()?;
        if let Some(outcome) = self.repeat(state, &checked)? {
            return Ok(outcome);
        }
        let now_ms = submission.now_ms.max(state.time_ms);
        if !checked.mark.request_id.is_in_window(now_ms) {
            return Ok(refuse(
                Rejection::IdOutOfWindow,
                "request_id",
                checked.mark.request_id,
            )?);
        }
        if !self.journal.has_room() {
            return Err(no_room());
        }
        let actor = state.actors.index_of(&submission.identity);
        let newcomer = actor.is_none();
        let first_index = state.next_index + u64::from(newcomer);
        let context = Context {
            now_ms,
            rights: submission.rights,
            actor,
            next_index: first_index,
            log_key: &self.log_key,
        };
        let drafts = decide::decide(state, &context, checked.method, &submission.request)?;
        let mut batch = Batch {
            sealed: Vec::new(),
            time_ms: now_ms,
            seed: submission.seed,
            actor: 0,
        };
        if newcomer {
            let admitted = ActorAdmitted {
                identity: submission.identity.clone(),
            };
            self.apply(state, &mut batch, Draft::first(Id::ZERO, admitted), None);
        }
        batch.actor = state.actors.index_of(&submission.identity).unwrap_or(0);
        let entries: Vec<(At, Event)> = drafts
            .into_iter()
            .map(|draft| self.apply(state, &mut batch, draft, Some(checked.mark)))
            .collect();
        let bytes = reply::reply(&self.log, checked.method, &entries);
        self.shared.rows.count(&batch.sealed, &entries);
        self.journal.append(batch.sealed)?;
        Ok((bytes, state.next_index.checked_sub(1)))
    }

    /// The same request again: the same reply, made anew from its entries (law 8).
    fn repeat(&self, state: &State, checked: &Checked) -> Result<Option<Outcome>, Stop> {
        let Some(answer) = state.requests.get(checked.mark.request_id) else {
            return Ok(None);
        };
        if answer.sha256 != checked.mark.sha256 || answer.method != checked.mark.method {
            return Ok(refuse(
                Rejection::RequestIdReused,
                "request_id",
                checked.mark.request_id,
            )?);
        }
        let entries =
            read_range(&self.journal, answer.first_index, answer.last_index).map_err(|fault| {
                if fault.is_no_room() {
                    no_room()
                } else {
                    fault.into()
                }
            })?;
        Ok(Some((
            reply::reply(&self.log, checked.method, &entries),
            Some(answer.last_index),
        )))
    }

    fn apply(
        &mut self,
        state: &mut State,
        batch: &mut Batch,
        draft: Draft,
        mark: Option<RequestMark>,
    ) -> (At, Event) {
        let index = state.next_index;
        let sealed = seal(
            entry_draft(&draft, batch.actor, batch.time_ms, mark.as_ref()),
            index,
            self.link,
            batch.seed_of(index),
        );
        self.link = sealed.link;
        let at = At {
            index,
            time_ms: batch.time_ms,
            actor: batch.actor,
            case_id: draft.case_id,
            request: mark,
            continues: draft.continues,
        };
        let rows = sealed.rows;
        batch.sealed.push(sealed);
        state.evolve(&at, &draft.event, rows);
        (at, draft.event)
    }
}

fn no_room() -> Stop {
    Stop::Refused(Refusal::new(
        Rejection::NoRoom,
        "journal",
        "less than one spare segment",
    ))
}

/// Entries of one operation while they are sealed.
struct Batch {
    sealed: Vec<Sealed>,
    time_ms: u64,
    seed: [u8; 32],
    actor: u32,
}

impl Batch {
    /// Entries of one submission need different salts: the index is mixed into the seed.
    fn seed_of(&self, index: u64) -> [u8; 32] {
        let mut seed = self.seed;
        seed.iter_mut()
            .zip(index.to_be_bytes())
            .for_each(|(byte, mix)| *byte ^= mix);
        seed
    }
}

/// The entries of a request as the journal has them; those still on their way are waited for.
pub fn read_range(journal: &Journal, first: u64, last: u64) -> Result<Vec<(At, Event)>, Fault> {
    let read = |index: u64| {
        let bytes = journal.read(index)?;
        let view = EntryView::parse(&bytes)?;
        read_entry(&view).map_err(|fault| std::io::Error::other(fault).into())
    };
    (first..=last).map(read).collect()
}
