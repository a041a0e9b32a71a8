//! Parties as table rows.

use prost::Message;

use super::{Batches, Cell, Private};
use crate::contract::whampoa::registry::v1::Role;
use crate::event::codec::FIRST_PRIVATE_ROW_FIELD;
use crate::event::registry::PartySecret;
use crate::event::{At, Event};
use crate::state::State;

/// Table `parties`: key `party_id`; `roles` are names parted by commas; `name` is private and null when erased.
pub fn project(_state: &State, at: &At, event: &Event, private: &dyn Private, out: &mut Batches) {
    let Event::PartiesRegistered(event) = event else {
        return;
    };
    for (ordinal, row) in event.parties.iter().enumerate() {
        let opened = private.open(at.index, FIRST_PRIVATE_ROW_FIELD + ordinal as u16);
        let secret = opened.and_then(|bytes| PartySecret::decode(bytes.as_slice()).ok());
        out.row(
            "parties",
            [
                ("party_id", row.party_id.into()),
                ("party_index", row.index.into()),
                ("uscc", row.uscc.as_str().into()),
                ("roles", role_names(row.roles).into()),
                (
                    "name",
                    secret.map_or(Cell::Null, |secret| secret.name.into()),
                ),
                ("sanctioned", i64::from(row.sanctioned).into()),
            ],
        );
    }
}

fn role_names(roles: u16) -> String {
    let names: Vec<String> = (1..16)
        .filter(|number| roles & 1 << number != 0)
        .filter_map(|number| Role::try_from(number).ok())
        .map(|role| {
            role.as_str_name()
                .trim_start_matches("ROLE_")
                .to_lowercase()
        })
        .collect();
    names.join(",")
}
