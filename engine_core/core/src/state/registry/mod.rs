//! Parties, the relations between them, and grants, in order of registration.

mod actor;
mod grant;
mod relation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use actor::Actors;
pub use grant::Grant;
pub use relation::{Relation, Resolved};

use super::{State, Table};
use crate::contract::whampoa::registry::v1::Role;
use crate::event::At;
use crate::event::codec::{Row, Text};
use crate::event::registry::{PartiesRegistered, PartyRow, PayeeSet};
use crate::ids::{Id, Step};
use crate::state::{Map, in_order};

/// A party; what is private of it stands at the steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    pub party_id: Id,
    pub index: u32,
    /// Bit `1 << number` for every role.
    pub roles: u16,
    pub vat_class: u8,
    pub refund_filing_date: u32,
    pub sanctioned: bool,
    pub uscc: Text<18>,
    pub institution_code: Text<12>,
    /// Where the party is paid: row whose private part holds the account.
    pub payee: Option<Step>,
    /// Row whose private part holds the name.
    pub registered: Step,
    pub content: [u8; 8],
    /// Newest step of the party.
    pub last: Step,
}

impl Party {
    pub fn has_role(&self, role: Role) -> bool {
        self.roles & 1 << (role as u16) != 0
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Registry {
    parties: Vec<Party>,
    #[serde(serialize_with = "in_order")]
    by_id: Map<Id, u32>,
    by_code: BTreeMap<Text<18>, u32>,
    relations: relation::Relations,
    grants: grant::Grants,
}

impl Registry {
    /// The party with an index that the registry has given.
    pub fn party(&self, index: u32) -> &Party {
        &self.parties[index as usize]
    }

    pub fn get(&self, index: u32) -> Option<&Party> {
        self.parties.get(index as usize)
    }

    pub fn len(&self) -> u32 {
        self.parties.len() as u32
    }

    pub fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    pub fn parties(&self) -> &[Party] {
        &self.parties
    }

    pub fn index_of(&self, party_id: Id) -> Option<u32> {
        self.by_id.get(&party_id).copied()
    }

    /// The party of a USCC or of a ten-character customs code.
    pub fn by_code(&self, code: &str) -> Option<u32> {
        self.by_code.get(&Text::new(code)?).copied()
    }

    pub fn has_role(&self, index: u32, role: Role) -> bool {
        self.get(index).is_some_and(|party| party.has_role(role))
    }

    /// The party's id; zero for an index of no party.
    pub fn id_of(&self, index: u32) -> Id {
        self.get(index).map_or(Id::ZERO, |party| party.party_id)
    }

    fn add(&mut self, row: &PartyRow, step: Step) {
        self.by_id.insert(row.party_id, row.index);
        if !row.uscc.is_empty() {
            self.by_code.insert(row.uscc, row.index);
        }
        self.parties.push(Party {
            party_id: row.party_id,
            index: row.index,
            roles: row.roles,
            vat_class: row.vat_class,
            refund_filing_date: row.refund_filing_date,
            sanctioned: row.sanctioned,
            uscc: row.uscc,
            institution_code: row.institution_code,
            payee: row.has_payee.then_some(step),
            registered: step,
            content: row.content,
            last: step,
        });
    }
}

impl State {
    pub fn register_parties(&mut self, at: &At, event: &PartiesRegistered) {
        for (ordinal, row) in event.parties.iter().enumerate() {
            self.registry.add(row, at.step(ordinal));
        }
        for row in &event.codes {
            if let Some(code) = Text::new(row.code.as_str()) {
                self.registry.by_code.insert(code, row.index);
            }
        }
    }

    pub fn set_payee(&mut self, at: &At, event: &PayeeSet) {
        for (ordinal, row) in event.payees.iter().enumerate() {
            let party = &mut self.registry.parties[row.index as usize];
            party.payee = Some(at.step(ordinal));
            party.last = at.step(ordinal);
        }
    }
}

impl Table for Registry {
    fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        for party in &self.parties {
            bytes.clear();
            PartyRow {
                party_id: party.party_id,
                index: party.index,
                roles: party.roles,
                vat_class: party.vat_class,
                refund_filing_date: party.refund_filing_date,
                sanctioned: party.sanctioned,
                has_payee: party.payee.is_some(),
                uscc: party.uscc,
                institution_code: party.institution_code,
                content: party.content,
                previous: party.last,
            }
            .put(&mut bytes);
            crate::event::codec::Wire::put(&party.payee.unwrap_or_default(), &mut bytes);
            crate::event::codec::Wire::put(&party.registered, &mut bytes);
            hasher.update(&bytes);
        }
        for (code, index) in &self.by_code {
            hasher.update(code.0);
            hasher.update(index.to_be_bytes());
        }
        self.relations.digest(hasher);
        self.grants.digest(hasher);
    }
}
