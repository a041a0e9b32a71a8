//! Health, laws, accounts and outcomes, read from the follower.

use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;

use super::Core;
use super::decider::read_range;
use crate::contract::whampoa::evidence::v1::{GetOutcomeResponse, GetStatusResponse, Law};
use crate::contract::whampoa::money::v1::Position;
use crate::contract::whampoa::paging::v1::PageReply;
use crate::contract::whampoa::query::v1::{AccountView, ListAccountsResponse};
use crate::decide::Method;
use crate::ids::Id;
use crate::journal::{Fault, SYNC_BUCKETS_NS};
use crate::projection::snake;
use crate::{laws, reply};

impl Core {
    /// A `GetStatusResponse` with the laws checked now; the state hash, which sorts every table, only when asked for,
    /// and then of all that was durable.
    pub fn status(&self, with_hash: bool) -> Result<GetStatusResponse, Fault> {
        let follower = match with_hash {
            true => self.follow_to(self.shared().durable())?,
            false => self.follow()?,
        };
        let state = &follower.state;
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let laws = laws::check(state);
        Ok(GetStatusResponse {
            log: self.log.clone(),
            entries: self.shared().durable(),
            rows: state.rows,
            durable_index: self.shared().durable().saturating_sub(1),
            projected_index: state.next_index,
            laws: laws
                .into_iter()
                .map(|law| Law {
                    number: u32::from(law.number),
                    holds: law.holds,
                    text: law.text,
                })
                .collect(),
            state_hash: if with_hash {
                hex(&state.hash())
            } else {
                String::new()
            },
            tree_root: hex(&follower.tree.root()),
            reviews_waiting: state.remittances.reviews_waiting(),
            trades_disputed: state.trades.disputed(),
            clawbacks_open: state.merchants.clawbacks_total(),
            queue_depth: self.shared().queued.load(Ordering::Relaxed),
            accepting_writes: self.journal().has_room(),
            started_at_ms: 0,
        })
    }

    /// What became of a request: bytes of a `GetOutcomeResponse`, with the very reply it had.
    pub fn outcome(&self, request_id: Id) -> Result<Vec<u8>, Fault> {
        let follower = self.follow()?;
        let answer = follower
            .state
            .requests
            .get(request_id)
            .copied()
            .filter(|answer| answer.is_complete);
        let method = answer.and_then(|answer| Method::from_number(answer.method));
        let (Some(answer), Some(method)) = (answer, method) else {
            return Ok(GetOutcomeResponse::default().encode_to_vec());
        };
        drop(follower);
        let entries = read_range(self.journal(), answer.first_index, answer.last_index)?;
        Ok(GetOutcomeResponse {
            known: true,
            position: Some(Position {
                log: self.log.clone(),
                index: answer.first_index,
                row: 0,
            }),
            method: method.full_name().to_owned(),
            reply: reply::reply(&self.log, method, &entries),
        }
        .encode_to_vec())
    }

    /// A page of the accounts of a party, or of all: bytes of a `ListAccountsResponse`, its token the next index.
    pub fn accounts(
        &self,
        party: Option<Id>,
        from_index: u32,
        limit: u32,
    ) -> Result<Vec<u8>, Fault> {
        let follower = self.follow()?;
        let state = &follower.state;
        let owner = party.map(|party| {
            state
                .registry
                .index_of(party)
                .unwrap_or(crate::event::NO_INDEX)
        });
        let mut response = ListAccountsResponse::default();
        let mut next = String::new();
        let all = state
            .ledger
            .accounts()
            .iter()
            .enumerate()
            .skip(from_index as usize);
        for (index, account) in
            all.filter(|(_, account)| owner.is_none_or(|owner| account.owner == owner))
        {
            if response.accounts.len() == limit as usize {
                next = index.to_string();
                break;
            }
            let party_id = |index: u32| {
                state
                    .registry
                    .get(index)
                    .map_or(Vec::new(), |party| party.party_id.0.to_vec())
            };
            response.accounts.push(AccountView {
                account_index: index as u32,
                account_id: account.account_id.0.to_vec(),
                party_id: party_id(account.owner),
                kind: snake(account.kind.name()),
                currency: account.currency.iso().to_owned(),
                debits_pending_minor: account.debits_pending,
                debits_posted_minor: account.debits_posted,
                credits_pending_minor: account.credits_pending,
                credits_posted_minor: account.credits_posted,
                counterparty_id: party_id(account.counterparty),
            });
        }
        let as_of = state.next_index.checked_sub(1).map(|index| Position {
            log: self.log.clone(),
            index,
            row: 0,
        });
        response.page = Some(PageReply {
            next_page_token: next,
            as_of,
        });
        Ok(response.encode_to_vec())
    }

    /// Numbers for the metrics collector, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let (shared, metrics) = (self.shared(), self.journal().metrics());
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (snapshot_entries, snapshots_failed) = self.snapshot_counts();
        [
            ("requests_accepted", read(&shared.accepted)),
            ("requests_refused", read(&shared.refused)),
            ("rows_accepted", read(&shared.rows.accepted)),
            ("rows_refused", read(&shared.rows.refused)),
            ("rows_repeated", read(&shared.rows.repeated)),
            ("requests_queued", read(&shared.queued)),
            ("decide_ns", read(&shared.decide_ns)),
            ("journal_syncs", read(&metrics.syncs)),
            ("journal_sync_ns", read(&metrics.sync_ns)),
            ("journal_frames", read(&metrics.frames)),
            ("journal_bytes", read(&metrics.bytes)),
            ("durable_entries", shared.durable()),
            ("journal_damaged", u64::from(self.damage().is_some())),
            ("snapshot_entries", snapshot_entries),
            ("snapshots_failed", snapshots_failed),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Histograms by name: upper bound in nanoseconds (0 for none) and count per bucket.
    pub fn histograms(&self) -> Vec<(String, Vec<(u64, u64)>)> {
        let bounds = SYNC_BUCKETS_NS.iter().copied().chain([0]);
        let counts = self
            .journal()
            .metrics()
            .sync_buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed));
        vec![("journal_sync".to_owned(), bounds.zip(counts).collect())]
    }
}
