//! Decides on parties, relations, grants and payees. All writes are all-or-nothing.

mod grant;
mod party;
mod relation;
mod uscc;

pub use grant::{register_grants, revoke_grant};
pub use party::{register_parties, set_payee};
pub use relation::{end_relation, register_relations};
pub use uscc::is_uscc;

use hmac::{Hmac, Mac};
use prost::Message;
use sha2::Sha256;

use crate::contract::whampoa::registry::v1::Role;
use crate::ids::{Id, LogKey};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;

/// Largest number of parties, relations or grants of one request.
const ITEMS_MAX: usize = 4096;

fn check_count(count: usize, field: &str) -> Result<(), Refusal> {
    match count {
        0 => refuse(Rejection::FieldMissing, field, ""),
        _ if count > ITEMS_MAX => refuse(Rejection::BatchTooLarge, field, count),
        _ => Ok(()),
    }
}

/// The id in a field.
pub(in crate::decide) fn parse_id(bytes: &[u8], field: impl Into<String>) -> Result<Id, Refusal> {
    match Id::parse(bytes) {
        Some(id) => Ok(id),
        None if bytes.is_empty() => refuse(Rejection::FieldMissing, field, ""),
        None => refuse(
            Rejection::FieldInvalid,
            field,
            format!("{} bytes", bytes.len()),
        ),
    }
}

/// Index of the party an id names.
pub(in crate::decide) fn party_index(
    state: &State,
    bytes: &[u8],
    field: impl Into<String>,
) -> Result<u32, Refusal> {
    let field = field.into();
    let id = parse_id(bytes, field.clone())?;
    state
        .registry
        .index_of(id)
        .ok_or_else(|| Refusal::new(Rejection::UnknownParty, field, id))
}

/// The same, of a party that plays a role.
pub(in crate::decide) fn party_with_role(
    state: &State,
    bytes: &[u8],
    role: Role,
    field: impl Into<String>,
) -> Result<u32, Refusal> {
    let field = field.into();
    let index = party_index(state, bytes, field.clone())?;
    match state.registry.has_role(index, role) {
        true => Ok(index),
        false => refuse(Rejection::WrongRole, field, role.as_str_name()),
    }
}

/// Keyed digest of a message: tells the same content from another one, and says nothing to who lacks the key.
pub(in crate::decide) fn content_digest(key: &LogKey, message: &impl Message) -> [u8; 8] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("any length is a key");
    mac.update(&message.encode_to_vec());
    let full = mac.finalize().into_bytes();
    full[..8].try_into().expect("8 of 32 bytes")
}
