//! The state machine without threads or disk: every request is decided, sealed, read back by a replica and checked.

use prost::Message;
use whampoa_core::decide::{self, Context, Method};
use whampoa_core::event::registry::ActorAdmitted;
use whampoa_core::event::{At, Draft, Event};
use whampoa_core::ids::{Id, LogKey, Step};
use whampoa_core::journal::entry::seal;
use whampoa_core::journal::view::EntryView;
use whampoa_core::pipeline::Submission;
use whampoa_core::pipeline::seal::{entry_draft, read_entry};
use whampoa_core::rejection::Refusal;
use whampoa_core::reply;
use whampoa_core::state::State;

use crate::auditor::{Auditor, Request};
use crate::checks;
use crate::random::Random;

pub const LOG: &str = "whampoa-1";
pub const LOG_KEY: [u8; 32] = [9; 32];

/// A request that was accepted: what it was, and what it was answered.
pub struct Answered {
    pub submission: Submission,
    pub first: u64,
    pub last: u64,
    pub reply: Vec<u8>,
}

/// The log of one run.
pub struct Machine {
    pub state: State,
    /// Evolves from the sealed bytes alone.
    pub replica: State,
    pub now_ms: u64,
    pub entries: Vec<Vec<u8>>,
    pub answered: Vec<Answered>,
    pub refused: u64,
    pub auditor: Auditor,
    link: [u8; 32],
    log_key: LogKey,
    ids: u64,
}

impl Machine {
    pub fn new(now_ms: u64) -> Self {
        Self {
            state: State::default(),
            replica: State::default(),
            now_ms,
            entries: Vec::new(),
            answered: Vec::new(),
            refused: 0,
            auditor: Auditor::new(),
            link: [0; 32],
            log_key: LogKey(LOG_KEY),
            ids: 0,
        }
    }

    /// A new id of now; its free bits are scattered, so that ties are broken in any order.
    pub fn id(&mut self) -> Id {
        self.ids += 1;
        Id::derive(self.now_ms, "test", &[&self.ids.to_be_bytes()])
    }

    /// Decides one request under a new request id; the request's first field is filled in.
    pub fn call(
        &mut self,
        method: Method,
        identity: &str,
        request: &impl Message,
    ) -> Result<Vec<(At, Event)>, Refusal> {
        let mut bytes = Vec::new();
        prost::encoding::bytes::encode(1, &self.id().0.to_vec(), &mut bytes);
        bytes.extend_from_slice(&request.encode_to_vec());
        let submission = Submission {
            token: self.answered.len() as u64,
            method: method as u16,
            request: bytes,
            identity: identity.to_owned(),
            rights: 0,
            now_ms: self.now_ms,
            seed: [self.ids as u8; 32],
        };
        let (now_ms, bytes) = (submission.now_ms, submission.request.clone());
        let before = self.entries.len();
        let outcome = self.decide(submission);
        self.refused += u64::from(outcome.is_err());
        let request = Request {
            method: method as u16,
            bytes: &bytes,
            identity,
            now_ms,
        };
        let reply = match &outcome {
            Ok(_) => self.answered.last().expect("answered").reply.clone(),
            Err(refusal) => reply::refused(refusal),
        };
        let receipt = self.auditor.saw(&request, &reply, &self.entries[before..]);
        self.auditor.left(&receipt, self.entries.len() as u64);
        outcome
    }

    fn decide(&mut self, submission: Submission) -> Result<Vec<(At, Event)>, Refusal> {
        let checked = submission.check()?;
        let actor = self.state.actors.index_of(&submission.identity);
        let context = Context {
            now_ms: self.now_ms,
            rights: submission.rights,
            actor,
            next_index: self.state.next_index + u64::from(actor.is_none()),
            log_key: &self.log_key,
        };
        let drafts = decide::decide(&self.state, &context, checked.method, &submission.request)?;
        if actor.is_none() {
            let identity = submission.identity.clone();
            let admitted = Draft::first(Id::ZERO, ActorAdmitted { identity });
            self.apply(admitted, 0, None, submission.seed);
        }
        let actor = self
            .state
            .actors
            .index_of(&submission.identity)
            .expect("admitted");
        let first = self.state.next_index;
        let entries: Vec<(At, Event)> = drafts
            .into_iter()
            .map(|draft| self.apply(draft, actor, Some(checked.mark), submission.seed))
            .collect();
        let reply = reply::reply(LOG, checked.method, &entries);
        let last = self.state.next_index - 1;
        self.answered.push(Answered {
            submission,
            first,
            last,
            reply,
        });
        checks::check_laws(&self.state);
        Ok(entries)
    }

    fn apply(
        &mut self,
        draft: Draft,
        actor: u32,
        mark: Option<whampoa_core::event::RequestMark>,
        mut seed: [u8; 32],
    ) -> (At, Event) {
        let index = self.state.next_index;
        seed.iter_mut()
            .zip(index.to_be_bytes())
            .for_each(|(byte, mix)| *byte ^= mix);
        let sealed = seal(
            entry_draft(&draft, actor, self.now_ms, mark.as_ref()),
            index,
            self.link,
            seed,
        );
        self.link = sealed.link;
        assert!(
            sealed.rows <= 8192,
            "entry {index} has {} rows",
            sealed.rows
        );
        let at = At {
            index,
            time_ms: self.now_ms,
            actor,
            case_id: draft.case_id,
            request: mark,
            continues: draft.continues,
        };
        self.state.evolve(&at, &draft.event, sealed.rows);
        let view = EntryView::parse(&sealed.bytes).expect("a sealed entry can be read");
        let (read_at, read) = read_entry(&view).expect("an event can be read");
        assert_eq!(read_at, at);
        self.replica.evolve(&read_at, &read, view.row_count());
        let previous = view.prev_of_case();
        assert!(
            previous == Step::NONE.index || previous < index,
            "entry {index} points ahead"
        );
        self.entries.push(sealed.bytes);
        (at, draft.event)
    }

    /// The row at a step: its kind and bytes.
    pub fn row(&self, step: Step) -> Option<(u16, Vec<u8>)> {
        let view = EntryView::parse(self.entries.get(step.index as usize)?).ok()?;
        view.row_at(step.row)
            .map(|(kind, bytes)| (kind, bytes.to_vec()))
    }

    /// One request of before comes again: its entries give the same reply bytes, after replay too.
    pub fn repeat_one(&self, random: &mut Random) {
        let Some(answered) = random.pick(&self.answered) else {
            return;
        };
        let checked = answered.submission.check().expect("it was accepted");
        let known = self
            .replica
            .requests
            .get(checked.mark.request_id)
            .expect("it is known");
        assert_eq!(
            (known.first_index, known.last_index),
            (answered.first, answered.last)
        );
        assert_eq!(known.sha256, checked.mark.sha256);
        let entries: Vec<(At, Event)> = (known.first_index..=known.last_index)
            .map(|index| {
                let bytes = &self.entries[index as usize];
                read_entry(&EntryView::parse(bytes).expect("readable")).expect("readable")
            })
            .collect();
        assert_eq!(reply::reply(LOG, checked.method, &entries), answered.reply);
    }
}
