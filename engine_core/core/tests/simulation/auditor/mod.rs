//! The auditor: a naive model of the whole corridor that sees requests, replies and entries, and nothing of the engine.
//!
//! It is written from the design's laws. Whatever is told has to agree with it, and whatever is refused has to be refused
//! for the reason that it finds itself. After a crash it makes itself anew from the entries that are left.

mod allocation;
mod books;
mod bop;
mod chain;
mod clawback;
mod conversion;
mod document;
mod grant;
mod judge;
mod ledger;
mod payout;
mod registry;
mod remittance;
mod request;
mod review;
mod tax;
mod trade;
mod transfer;
mod verdict;

use std::collections::BTreeMap;

use prost::Message;
use sha2::{Digest, Sha256};
use whampoa_core::contract::whampoa::money::v1 as money;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::event::{At, Event};
use whampoa_core::ids::Id;
use whampoa_core::journal::view::EntryView;
use whampoa_core::pipeline::seal::read_entry;

use crate::same;
use verdict::{No, Told};

/// A request as it was handed over.
pub struct Request<'a> {
    pub method: u16,
    pub bytes: &'a [u8],
    pub identity: &'a str,
    /// The server's clock.
    pub now_ms: u64,
}

/// What a reply waits for (law 9).
#[derive(Clone, Copy, Debug)]
pub struct Receipt {
    /// Entries that have to be durable before it leaves.
    pub entries: u64,
    /// False for a refusal: a crash may take what it was decided on, and nobody is misled.
    pub is_accepted: bool,
}

/// Everything that follows from entries alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    pub now_ms: u64,
    pub registry: registry::Registry,
    pub ledger: ledger::Ledger,
    pub books: books::Books,
    pub documents: document::Documents,
    pub trades: trade::Trades,
    pub remittances: remittance::Remittances,
    pub conversions: conversion::Conversions,
    pub payouts: payout::Payouts,
    pub bop: bop::Bop,
    pub tax: tax::Tax,
    pub rules: review::Rules,
}

#[derive(Default)]
pub struct Auditor {
    tables: Tables,
    chain: chain::Chain,
    requests: request::Requests,
    /// Entries that some accepted reply which left depends on.
    acknowledged: u64,
    /// Refusals that the model agrees with, and decisions that it has no rules for, by method and code.
    judged: BTreeMap<String, u64>,
    unjudged: BTreeMap<String, u64>,
}

/// Responses have a position and a refusal at the same places.
#[derive(Clone, PartialEq, prost::Message)]
struct Head {
    #[prost(message, optional, tag = "1")]
    position: Option<money::Position>,
    #[prost(message, optional, tag = "2")]
    refusal: Option<money::Refusal>,
}

impl Auditor {
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges a reply; `entries` are what the request added to the journal, in order.
    pub fn saw(&mut self, request: &Request<'_>, reply: &[u8], entries: &[Vec<u8>]) -> Receipt {
        let head = Head::decode(reply).expect("a reply is a message");
        let before = self.chain.len();
        let method = judge::name(request.method);
        match head.refusal {
            Some(refusal) => {
                assert!(
                    entries.is_empty() && head.position.is_none(),
                    "law 8: {method} was refused and left {} entries",
                    entries.len()
                );
                self.refused(request, &method, &refusal);
                Receipt {
                    entries: before,
                    is_accepted: false,
                }
            }
            None => {
                let position = head.position.expect("an accepted request stands somewhere");
                let last = self.accepted(request, &method, reply, entries);
                let known = request_id(request.bytes).and_then(|id| self.requests.get(id));
                let known = known.expect("law 8: an accepted request is known");
                assert!(
                    position.index == known.first && position.row == 0,
                    "law 8: {method} stands at {}, the reply says {position:?}",
                    known.first
                );
                Receipt {
                    entries: last + 1,
                    is_accepted: true,
                }
            }
        }
    }

    /// Law 9: a reply left while this many entries were durable.
    pub fn left(&mut self, receipt: &Receipt, durable: u64) {
        assert!(
            receipt.entries <= durable,
            "law 9: a reply that depends on {} entries left when {durable} were durable",
            receipt.entries
        );
        if receipt.is_accepted {
            self.acknowledged = self.acknowledged.max(receipt.entries);
        }
    }

    fn refused(&mut self, request: &Request<'_>, method: &str, refusal: &money::Refusal) {
        let code = Rejection::try_from(refusal.code).unwrap_or_default();
        let name = format!("{method} {}", code.as_str_name());
        same!(
            refusal.transient,
            judge::is_transient(code),
            "{name}: transient"
        );
        if code == Rejection::NoRoom {
            // The model has no disk; what it can say is that a known request needs no room.
            let id = request_id(request.bytes);
            let is_known = id.is_some_and(|id| self.requests.get(id).is_some());
            assert!(!is_known, "law 8: {name}, and the request is known");
            *self.unjudged.entry(name).or_default() += 1;
            return;
        }
        match self.judge(request) {
            Ok(_) => panic!(
                "{name} on {:?} ({:?}): the model accepts it",
                refusal.field, refusal.value
            ),
            Err(No::Unjudged) => *self.unjudged.entry(name).or_default() += 1,
            Err(No::Refused(expected, field)) => {
                assert!(
                    expected == code && (field == refusal.field || field == "rows[0]"),
                    "{name} on {:?} ({:?}): the model refuses {field:?} by {expected:?}",
                    refusal.field,
                    refusal.value
                );
                *self.judged.entry(name).or_default() += 1;
            }
        }
    }

    fn judge(&mut self, request: &Request<'_>) -> verdict::Verdict {
        let clock = self.tables.now_ms;
        self.tables.now_ms = clock.max(request.now_ms);
        let verdict = judge::judge(&mut self.tables, &self.requests, request);
        self.tables.now_ms = clock;
        verdict
    }

    /// Position of the newest entry the reply stands for.
    fn accepted(
        &mut self,
        request: &Request<'_>,
        method: &str,
        reply: &[u8],
        entries: &[Vec<u8>],
    ) -> u64 {
        let id = request_id(request.bytes).expect("an accepted request has an id");
        if let Some(known) = self.requests.get(id) {
            let sha256: [u8; 32] = Sha256::digest(request.bytes).into();
            assert!(
                known.sha256 == sha256 && known.method == request.method && entries.is_empty(),
                "law 8: {method} {id} was accepted under an id that is taken"
            );
            let is_same = known.reply.as_ref().is_none_or(|before| before == reply);
            assert!(
                is_same,
                "law 8: {method} {id} is answered otherwise the second time"
            );
            let last = known.last;
            self.requests.answered(id, reply);
            return last;
        }
        let check = match self.judge(request) {
            Ok(check) => Some(check),
            Err(No::Unjudged) => {
                *self
                    .unjudged
                    .entry(format!("{method} accepted"))
                    .or_default() += 1;
                None
            }
            Err(No::Refused(code, field)) => {
                panic!("{method} {id} was accepted: the model refuses {field:?} by {code:?}")
            }
        };
        let read = self.read(request, entries);
        let own = match read.first() {
            Some((_, Event::ActorAdmitted(_))) => &read[1..],
            _ => &read[..],
        };
        let told = Told {
            entries: own,
            reply,
        };
        if let Some(check) = check {
            check(&told);
        }
        judge::check_documents(&self.tables, request, &told);
        for ((at, event), bytes) in read.iter().zip(entries) {
            self.add(at, event, bytes);
        }
        self.requests.answered(id, reply);
        self.chain.len() - 1
    }

    /// What stands in the entries of one request, which have to name it, its caller and the engine's time.
    fn read(&self, request: &Request<'_>, entries: &[Vec<u8>]) -> Vec<(At, Event)> {
        let mut read: Vec<(At, Event)> = entries.iter().map(|bytes| parse(bytes)).collect();
        let actor = self.tables.registry.actor(request.identity);
        let first = usize::from(actor.is_none());
        let index = actor.unwrap_or(self.tables.registry.actors());
        let time_ms = self.tables.now_ms.max(request.now_ms);
        let id = request_id(request.bytes).expect("checked");
        let sha256: [u8; 32] = Sha256::digest(request.bytes).into();
        assert!(
            read.len() > first,
            "law 8: request {id} was accepted and left nothing"
        );
        for (ordinal, (at, event)) in read.iter_mut().enumerate() {
            same!(at.time_ms, time_ms, "time of entry {}", at.index);
            if ordinal < first {
                assert!(
                    matches!(event, Event::ActorAdmitted(it) if it.identity == request.identity),
                    "{} was not admitted before entry {}",
                    request.identity,
                    at.index
                );
                continue;
            }
            let mark = at
                .request
                .unwrap_or_else(|| panic!("law 8: entry {} names nobody", at.index));
            let named = (mark.request_id, mark.sha256, mark.method, at.actor);
            same!(
                named,
                (id, sha256, request.method, index),
                "law 8: request of {}",
                at.index
            );
            let is_last = ordinal + 1 == entries.len();
            same!(
                at.continues,
                !is_last,
                "law 8: end of the group at {}",
                at.index
            );
        }
        read
    }

    /// One entry into chain and tables; laws are checked at the end of its group.
    fn add(&mut self, at: &At, event: &Event, bytes: &[u8]) {
        self.chain.add(bytes);
        if let Some(mark) = &at.request {
            self.requests.mark(at.index, mark);
        }
        assert!(
            at.time_ms >= self.tables.now_ms,
            "entry {} goes back in time",
            at.index
        );
        self.tables.now_ms = at.time_ms;
        self.tables.apply(at, event);
        if !at.continues {
            self.tables.check(at);
        }
    }

    /// Law 10: the engine that ran on and the one that read the journal.
    pub fn replayed(&self, running: [u8; 32], replica: [u8; 32]) {
        assert_eq!(
            running,
            replica,
            "law 10: the state after {} entries is another one after replay",
            self.chain.len()
        );
    }

    /// After a crash: what survived is a whole beginning of what was, with all that was acknowledged, and says the same.
    pub fn restarted(&mut self, survivors: &[Vec<u8>]) {
        let count = survivors.len() as u64;
        assert!(
            self.acknowledged <= count,
            "law 9: {} entries were acknowledged, {count} survived",
            self.acknowledged
        );
        assert!(
            count <= self.chain.len(),
            "law 12: {count} entries are there, {} were written",
            self.chain.len()
        );
        let mut again = Self::default();
        let mut is_whole = true;
        for bytes in survivors {
            let (at, event) = parse(bytes);
            again.add(&at, &event, bytes);
            is_whole = !at.continues;
        }
        assert!(
            is_whole,
            "law 8: the group that entry {count} would go on with is cut"
        );
        assert!(
            again.chain.begins_like(&self.chain),
            "law 12: what survived is not what was written"
        );
        again.requests.keep_replies_of(&self.requests);
        if count == self.chain.len() {
            assert!(
                again.tables == self.tables,
                "law 10: the model made anew is another one"
            );
            assert!(
                again.requests == self.requests,
                "law 8: other requests are known"
            );
        }
        (self.tables, self.chain, self.requests) = (again.tables, again.chain, again.requests);
    }

    /// The root that the engine tells has to be the one over all entries (law 12).
    pub fn rooted(&self, root: [u8; 32]) {
        assert_eq!(
            root,
            self.chain.root(),
            "law 12: root over {} entries",
            self.chain.len()
        );
    }

    /// Refusals that the model agrees with.
    pub fn judged(&self) -> u64 {
        self.judged.values().sum()
    }

    /// What the model has no rules for, so that it is known.
    pub fn unjudged(&self) -> impl Iterator<Item = &String> {
        self.unjudged.keys()
    }

    /// Sums over everything, at the end of a run.
    pub fn end(&self) {
        self.tables.ledger.check_sums();
    }
}

/// Field 1 of every request.
fn request_id(bytes: &[u8]) -> Option<Id> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Named {
        #[prost(bytes = "vec", tag = "1")]
        request_id: Vec<u8>,
    }
    request::id(&Named::decode(bytes).ok()?.request_id)
}

fn parse(bytes: &[u8]) -> (At, Event) {
    let view = EntryView::parse(bytes).expect("an entry can be read");
    read_entry(&view).expect("an entry says what happened")
}

impl Tables {
    fn apply(&mut self, at: &At, event: &Event) {
        self.check_rows(at, event);
        self.registry.apply(at, event);
        self.documents.apply(at, event);
        self.open_and_post(event);
        self.trades.apply(at, event);
        self.tax.apply(event);
        self.ledger.apply(event);
        self.remittances.apply(at, event, &mut self.books);
        clawback::book_repayment(self, event);
        self.use_values(at, event);
        self.rules.apply(at, event, &mut self.remittances);
        conversion::apply(self, at, event);
        payout::apply(self, at, event);
        bop::apply(self, at, event);
    }

    /// What rows may do is judged by what stood before them.
    fn check_rows(&self, at: &At, event: &Event) {
        trade::check_grants(&self.registry, at, event);
        match event {
            Event::Allocated(event) => {
                allocation::check_rows(self, at, event.remittance_id, &event.allocations);
            }
            Event::ClawbackSettled(event) => {
                let mut rows = &event.allocations[..];
                for moved in &event.moves {
                    let (own, rest) = rows.split_at(moved.rows as usize);
                    allocation::check_rows(self, at, moved.remittance_id, own);
                    rows = rest;
                }
                assert!(rows.is_empty(), "law 4: allocations of no remittance");
            }
            _ => {}
        }
    }

    /// Corridor entries bring accounts and transfers of their own.
    fn open_and_post(&mut self, event: &Event) {
        let (accounts, transfers) = match event {
            Event::RemittanceRecorded(event) => (&event.accounts, &event.transfers),
            Event::ChargeRecorded(event) => (&event.accounts, &event.transfers),
            Event::RemittanceRecalled(event) => (&event.accounts, &event.transfers),
            Event::SuspenseReturned(event) => (&event.accounts, &event.transfers),
            Event::ConversionConfirmed(event) => (&event.accounts, &event.transfers),
            Event::Allocated(event) => (&event.accounts, &event.transfers),
            Event::DebitConfirmed(event) => (&event.accounts, &event.transfers),
            Event::SettlementRecorded(event) => (&event.accounts, &event.transfers),
            Event::PayoutsInstructed(event) => (&event.accounts, &event.transfers),
            Event::ClawbackSettled(event) => (&event.accounts, &event.transfers),
            _ => return,
        };
        self.ledger.open(accounts);
        self.ledger.post(transfers);
    }

    /// Value of trades that allocation rows use or give back, with the clawbacks of the same entry.
    fn use_values(&mut self, at: &At, event: &Event) {
        let (clawbacks_first, first, allocations, clawbacks) = match event {
            Event::Allocated(event) => {
                (false, event.remittances.len(), &event.allocations, &[][..])
            }
            Event::RemittanceRecalled(event) => {
                let first = event.remittances.len();
                (false, first, &event.allocations, &event.clawbacks[..])
            }
            Event::ClawbackSettled(event) => {
                let first = event.clawbacks.len() + event.moves.len();
                (true, first, &event.allocations, &event.clawbacks[..])
            }
            _ => return,
        };
        let after = if clawbacks_first {
            0
        } else {
            first + allocations.len()
        };
        if clawbacks_first {
            for (ordinal, row) in clawbacks.iter().enumerate() {
                self.trades.claw(row, at.step(ordinal));
            }
        }
        for (ordinal, row) in allocations.iter().enumerate() {
            self.trades.use_value(row, at.step(first + ordinal));
        }
        if !clawbacks_first {
            for (ordinal, row) in clawbacks.iter().enumerate() {
                self.trades.claw(row, at.step(after + ordinal));
            }
        }
    }

    /// The laws over what the group changed.
    fn check(&mut self, at: &At) {
        let (registry, documents, trades) = (&self.registry, &self.documents, &self.trades);
        self.tax.check(at, registry, documents, trades);
        self.trades.check(&mut self.documents);
        self.books.check(&mut self.ledger);
    }
}
