//! Health, laws, accounts and outcomes, read from the follower.

use prost::Message;

use super::decider::read_range;
use super::Core;
use crate::contract::whampoa::evidence::v1::{GetOutcomeResponse, GetStatusResponse, Law};
use crate::contract::whampoa::money::v1::Position;
use crate::decide::Method;
use crate::ids::Id;
use crate::journal::Fault;
use crate::{laws, reply};

impl Core {
    /// A `GetStatusResponse`; with `deep` the laws and the state hash are computed over the whole state.
    pub fn status(&self, deep: bool) -> Result<GetStatusResponse, Fault> {
        let follower = self.follow()?;
        let state = &follower.state;
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let laws = if deep { laws::check(state) } else { Vec::new() };
        Ok(GetStatusResponse {
            log: self.log.clone(),
            entries: self.shared().durable(),
            rows: state.rows,
            durable_index: self.shared().durable().saturating_sub(1),
            projected_index: state.next_index,
            laws: laws
                .into_iter()
                .map(|law| Law { number: u32::from(law.number), holds: law.holds, text: law.text })
                .collect(),
            state_hash: if deep { hex(&state.hash()) } else { String::new() },
            tree_root: hex(&follower.tree.root()),
            reviews_waiting: state.remittances.reviews_waiting(),
            trades_disputed: state.trades.disputed(),
            clawbacks_open: state.merchants.clawbacks_total(),
            queue_depth: self.shared().queued.load(std::sync::atomic::Ordering::Relaxed),
            accepting_writes: self.journal().has_room(),
            started_at_ms: 0,
        })
    }

    /// What became of a request: bytes of a `GetOutcomeResponse`, with the very reply it had.
    pub fn outcome(&self, request_id: Id) -> Result<Vec<u8>, Fault> {
        let follower = self.follow()?;
        let answer = follower.state.requests.get(request_id).copied().filter(|answer| answer.is_complete);
        let method = answer.and_then(|answer| Method::from_number(answer.method));
        let (Some(answer), Some(method)) = (answer, method) else {
            return Ok(GetOutcomeResponse::default().encode_to_vec());
        };
        drop(follower);
        let entries = read_range(self.journal(), answer.first_index, answer.last_index);
        Ok(GetOutcomeResponse {
            known: true,
            position: Some(Position { log: self.log.clone(), index: answer.first_index, row: 0 }),
            method: method.full_name().to_owned(),
            reply: reply::reply(&self.log, method, &entries),
        }
        .encode_to_vec())
    }
}
