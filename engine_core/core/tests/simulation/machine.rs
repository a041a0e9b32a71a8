//! The engine of a run: the real write path without threads on a disk that fails to order, and what a partner knows of it.

use std::collections::{BTreeMap, VecDeque};

use prost::Message;
use whampoa_core::contract::whampoa::money::v1 as money;
use whampoa_core::decide::Method;
use whampoa_core::event::{At, Event};
use whampoa_core::ids::{Id, Step};
use whampoa_core::journal::storage::MemoryStorage;
use whampoa_core::journal::view::EntryView;
use whampoa_core::pipeline::seal::read_entry;
use whampoa_core::pipeline::{Core, Submission, SubmitFault};
use whampoa_core::rejection::{Refusal, Rejection};
use whampoa_core::seeded::Random;
use whampoa_core::state::State;

use crate::auditor::{Auditor, Receipt, Request};
use crate::checks;
use crate::tally::Tally;

pub const LOG: &str = "whampoa-1";
pub const LOG_KEY: [u8; 32] = [9; 32];

/// A request that was decided and whose reply may be lost with the power.
#[derive(Clone)]
pub struct Sent {
    pub submission: Submission,
    /// The reply it will get, if it is not lost before.
    pub reply: Vec<u8>,
    /// What must be durable before the reply leaves; nothing has to be for a reply that there is no room.
    pub receipt: Option<Receipt>,
}

/// The log of one run.
pub struct Machine {
    /// Evolves from the bytes of the entries alone.
    pub state: State,
    pub now_ms: u64,
    /// Every entry that was made and not lost, durable or not.
    pub entries: Vec<Vec<u8>>,
    /// Accepted requests whose senders have the reply.
    pub answered: Vec<Submission>,
    pub auditor: Auditor,
    pub tally: Tally,
    /// Faults are drawn from here.
    pub random: Random,
    pub disk: MemoryStorage,
    pub core: Option<Core>,
    /// By token.
    pub in_flight: BTreeMap<u64, Sent>,
    /// Sent again after power loss, in order.
    pub pending: VecDeque<Submission>,
    /// The reply of every accepted request whose entries were not lost.
    pub replies: BTreeMap<Id, Vec<u8>>,
    /// Number of entries on which some reply that left depends.
    pub acknowledged: u64,
    /// The disk lied and the journal says so: nothing more can be expected of this run.
    pub is_over: bool,
    /// Faults come.
    pub is_hostile: bool,
    tokens: u64,
    ids: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Refused {
    #[prost(message, optional, tag = "2")]
    refusal: Option<money::Refusal>,
}

/// The refusal in a reply.
pub fn refusal_in(reply: &[u8]) -> Option<Refusal> {
    let refusal = Refused::decode(reply).expect("a reply").refusal?;
    Some(Refusal {
        code: Rejection::try_from(refusal.code).expect("a rejection"),
        field: refusal.field,
        value: refusal.value,
    })
}

impl Machine {
    pub fn new(now_ms: u64, seed: u64) -> Self {
        let mut machine = Self {
            state: State::default(),
            now_ms,
            entries: Vec::new(),
            answered: Vec::new(),
            auditor: Auditor::new(),
            tally: Tally::default(),
            random: Random::new(seed),
            disk: MemoryStorage::default(),
            core: None,
            in_flight: BTreeMap::new(),
            pending: VecDeque::new(),
            replies: BTreeMap::new(),
            acknowledged: 0,
            is_over: false,
            is_hostile: false,
            tokens: 0,
            ids: 0,
        };
        machine.open().expect("a new disk can be opened");
        machine
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
        let mut seed = [0; 32];
        self.random.fill(&mut seed);
        let submission = Submission {
            token: 0,
            method: method as u16,
            request: bytes,
            identity: identity.to_owned(),
            rights: 0,
            now_ms: self.now_ms,
            seed,
        };
        self.send(&submission)
    }

    /// Sends until an answer is on its way, whatever happens to the power and to the room on the disk.
    pub fn send(&mut self, submission: &Submission) -> Result<Vec<(At, Event)>, Refusal> {
        loop {
            let refusal = match self.decide(submission) {
                None => {
                    self.recover();
                    continue;
                }
                Some(Err(refusal)) if refusal.code == Rejection::NoRoom => refusal,
                Some(outcome) => {
                    self.disturb();
                    return outcome;
                }
            };
            self.tally.no_room += 1;
            if self.is_over {
                return Err(refusal);
            }
            self.make_room();
        }
    }

    /// The entries of an accepted request, or why it was refused; `None` when the power went off.
    pub fn decide(&mut self, submission: &Submission) -> Option<Result<Vec<(At, Event)>, Refusal>> {
        if self.is_over {
            return Some(Err(Refusal::new(Rejection::NoRoom, "journal", "is over")));
        }
        self.tokens += 1;
        self.tally.operations += 1;
        let submission = Submission {
            token: self.tokens,
            ..submission.clone()
        };
        let core = self.core.as_ref().expect("it is open");
        match core.submit(submission.clone()) {
            Ok(()) => {}
            Err(SubmitFault::Broken(_)) => return None,
            Err(fault) => panic!("{fault}"),
        }
        let reply = core.peek(self.tokens).expect("it was decided");
        let made = self.new_entries()?;
        let refusal = refusal_in(&reply);
        let is_no_room = refusal
            .as_ref()
            .is_some_and(|it| it.code == Rejection::NoRoom);
        let receipt = (!is_no_room).then(|| {
            let request = Request {
                method: submission.method,
                bytes: &submission.request,
                identity: &submission.identity,
                now_ms: submission.now_ms,
            };
            self.auditor.saw(&request, &reply, &made)
        });
        let events: Vec<(At, Event)> = made.iter().map(|bytes| self.learn(bytes)).collect();
        let events = events.into_iter().filter(|(at, _)| at.request.is_some());
        let events: Vec<(At, Event)> = events.collect();
        if !is_no_room {
            self.judge(&submission, &reply);
        }
        let id = submission.check().map(|it| it.mark.request_id);
        let sent = Sent {
            submission,
            reply,
            receipt,
        };
        self.in_flight.insert(self.tokens, sent);
        Some(match refusal {
            // It came before, and its sender did not know: what it made then.
            None if events.is_empty() => Ok(self.made_by(&id)),
            None => Ok(events),
            Some(refusal) => Err(refusal),
        })
    }

    /// Entries that the last decision made.
    fn new_entries(&self) -> Option<Vec<Vec<u8>>> {
        let core = self.core.as_ref().expect("it is open");
        let (known, durable) = (self.entries.len() as u64, core.journal().durable());
        let written = (known..durable).map(|index| core.journal().read(index).ok());
        let mut made: Vec<Vec<u8>> = written.collect::<Option<_>>()?;
        let waiting = core.journal().waiting();
        let old = (known.max(durable) - durable) as usize;
        made.extend(waiting.into_iter().skip(old));
        Some(made)
    }

    /// The entries of a request that was accepted before.
    fn made_by(&self, id: &Result<Id, Refusal>) -> Vec<(At, Event)> {
        let id = id.as_ref().expect("it was accepted");
        let known = self.state.requests.get(*id).expect("it was accepted");
        let read = |index: u64| {
            let view = EntryView::parse(&self.entries[index as usize]).expect("readable");
            read_entry(&view).expect("readable")
        };
        (known.first_index..=known.last_index).map(read).collect()
    }

    /// Takes an entry from its bytes alone.
    pub fn learn(&mut self, bytes: &[u8]) -> (At, Event) {
        let view = EntryView::parse(bytes).expect("a sealed entry can be read");
        let (at, event) = read_entry(&view).expect("an event can be read");
        assert_eq!(at.index, self.entries.len() as u64);
        assert!(view.row_count() <= 8192, "entry {} is too long", at.index);
        let previous = view.prev_of_case();
        assert!(
            previous == Step::NONE.index || previous < at.index,
            "entry {} points ahead",
            at.index
        );
        self.state.evolve(&at, &event, view.row_count());
        self.entries.push(bytes.to_vec());
        self.tally.entries += 1;
        if !at.continues {
            checks::check_laws(&self.state);
        }
        (at, event)
    }

    /// The same request has the same reply for ever, and other bytes under its id are told so (law 8).
    fn judge(&mut self, submission: &Submission, reply: &[u8]) {
        let Ok(checked) = submission.check() else {
            return;
        };
        let id = checked.mark.request_id;
        let refusal = refusal_in(reply);
        match (self.replies.get(&id), refusal) {
            (Some(known), None) => assert_eq!(known, reply, "request {id} has another reply"),
            (Some(_), Some(refusal)) => {
                let is_other = refusal.code == Rejection::RequestIdReused;
                assert!(is_other, "request {id} was accepted: {refusal:?}");
                let known = self.state.requests.get(id).expect("it was accepted");
                assert_ne!(known.sha256, checked.mark.sha256, "{id} has the same bytes");
            }
            (None, None) => {
                self.replies.insert(id, reply.to_vec());
            }
            (None, Some(_)) => {}
        }
    }

    /// Replies that left: each is the one that was expected, and all it depends on is durable.
    pub fn collect(&mut self) {
        let core = self.core.as_ref().expect("it is open");
        let durable = core.journal().durable();
        for (token, bytes) in core.take_replies() {
            let sent = self.in_flight.remove(&token).expect("one reply a request");
            assert_eq!(bytes, sent.reply, "another reply left");
            if let Some(receipt) = sent.receipt {
                self.auditor.left(&receipt, durable);
                self.acknowledged = self.acknowledged.max(receipt.entries);
            }
            self.tally.replies += 1;
            if refusal_in(&bytes).is_none() {
                self.answered.push(sent.submission);
            }
        }
    }

    /// The row at a step: its kind and bytes.
    pub fn row(&self, step: Step) -> Option<(u16, Vec<u8>)> {
        let view = EntryView::parse(self.entries.get(step.index as usize)?).ok()?;
        view.row_at(step.row)
            .map(|(kind, bytes)| (kind, bytes.to_vec()))
    }

    /// One request of before comes again, as it was or with other bytes.
    pub fn repeat_one(&mut self, random: &mut Random) {
        let Some(answered) = random.pick(&self.answered) else {
            return;
        };
        let mut submission = answered.clone();
        submission.now_ms = self.now_ms;
        if random.one_in(4) {
            // A field twice, the last one counts: another request to the letter.
            let again = submission.request.clone();
            submission.request.extend_from_slice(&again);
        }
        self.tally.repeated += 1;
        let _ = self.send(&submission);
    }
}
