//! Replies to registrations: where they stand.

use prost::Message;

use super::position;
use crate::contract::whampoa::registry::v1::RegisterPartiesResponse;
use crate::decide::Method;
use crate::event::{At, Event};

/// Every response of the registry has the same two fields, so one message writes them all.
pub fn reply(log: &str, _method: Method, entries: &[(At, Event)]) -> Vec<u8> {
    let position = entries.first().and_then(|(at, _)| position(log, at));
    RegisterPartiesResponse {
        position,
        refusal: None,
    }
    .encode_to_vec()
}
