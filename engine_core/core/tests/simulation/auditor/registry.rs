//! Parties and relations as they were registered, and who may be paid where.

use std::collections::BTreeMap;

use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::contract::whampoa::registry::v1 as proto;
use whampoa_core::event::registry::{RelationKind, RelationRow};
use whampoa_core::event::{At, Event};
use whampoa_core::ids::{Id, Step};

use super::Tables;
use super::grant::Grants;
use super::request;
use super::verdict::{No, Verdict, accepts, decode, refuses};
use crate::same;

#[derive(Clone, Debug, PartialEq)]
pub struct Party {
    pub id: Id,
    pub roles: u16,
    pub is_sanctioned: bool,
    pub vat_class: u8,
    pub refund_filing_date: u32,
    pub institution_code: String,
    /// Row whose private part says where it is paid.
    pub payee: Option<Step>,
}

#[derive(Clone, Debug, PartialEq)]
struct Relation {
    row: RelationRow,
    ended_at_ms: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    actors: Vec<String>,
    parties: Vec<Party>,
    indexes: BTreeMap<Id, u32>,
    relations: Vec<Relation>,
    /// Merchants with the enterprises that collect for them, by index of the relation.
    served: BTreeMap<(u32, u32), Vec<usize>>,
    pub grants: Grants,
}

impl Registry {
    pub fn actor(&self, identity: &str) -> Option<u32> {
        let at = self.actors.iter().position(|known| known == identity);
        at.map(|at| at as u32)
    }

    /// Number of actors so far.
    pub fn actors(&self) -> u32 {
        self.actors.len() as u32
    }

    pub fn index(&self, id: Id) -> Option<u32> {
        self.indexes.get(&id).copied()
    }

    pub fn party(&self, index: u32) -> &Party {
        &self.parties[index as usize]
    }

    pub fn find(&self, index: u32) -> Option<&Party> {
        self.parties.get(index as usize)
    }

    pub fn has_role(&self, index: u32, role: proto::Role) -> bool {
        let party = self.find(index);
        party.is_some_and(|party| party.roles & 1 << (role as u16) != 0)
    }

    /// The enterprise collects for the merchant at this time.
    pub fn serves(&self, enterprise: u32, merchant: u32, now_ms: u64) -> bool {
        let relations = self.served.get(&(enterprise, merchant));
        relations.into_iter().flatten().any(|at| {
            let Relation { row, ended_at_ms } = &self.relations[*at];
            row.valid_from_ms <= now_ms
                && (row.valid_until_ms == 0 || now_ms < row.valid_until_ms)
                && ended_at_ms.is_none_or(|end| now_ms < end)
        })
    }

    /// All that the enterprise collects for, ascending.
    pub fn merchants_of(&self, enterprise: u32, now_ms: u64) -> Vec<u32> {
        let pairs = self.served.range((enterprise, 0)..=(enterprise, u32::MAX));
        pairs
            .map(|((_, merchant), _)| *merchant)
            .filter(|merchant| self.serves(enterprise, *merchant, now_ms))
            .collect()
    }

    /// The party of a field, as most requests name one.
    pub fn named(&self, bytes: &[u8], field: &str) -> Result<u32, No> {
        let Some(id) = request::id(bytes) else {
            let code = match bytes.is_empty() {
                true => Rejection::FieldMissing,
                false => Rejection::FieldInvalid,
            };
            return refuses(code, field);
        };
        match self.index(id) {
            Some(index) => Ok(index),
            None => refuses(Rejection::UnknownParty, field),
        }
    }

    pub fn with_role(&self, bytes: &[u8], role: proto::Role, field: &str) -> Result<u32, No> {
        let index = self.named(bytes, field)?;
        match self.has_role(index, role) {
            true => Ok(index),
            false => refuses(Rejection::WrongRole, field),
        }
    }

    pub fn apply(&mut self, at: &At, event: &Event) {
        match event {
            Event::ActorAdmitted(event) => {
                assert!(
                    self.actor(&event.identity).is_none(),
                    "{} was admitted twice",
                    event.identity
                );
                self.actors.push(event.identity.clone());
            }
            Event::PartiesRegistered(event) => {
                for (ordinal, row) in event.parties.iter().enumerate() {
                    same!(row.index as usize, self.parties.len(), "index of a party");
                    self.indexes.insert(row.party_id, row.index);
                    self.parties.push(Party {
                        id: row.party_id,
                        roles: row.roles,
                        is_sanctioned: row.sanctioned,
                        vat_class: row.vat_class,
                        refund_filing_date: row.refund_filing_date,
                        institution_code: row.institution_code.as_str().to_owned(),
                        payee: row.has_payee.then(|| at.step(ordinal)),
                    });
                }
            }
            Event::PayeeSet(event) => {
                for (ordinal, row) in event.payees.iter().enumerate() {
                    self.parties[row.index as usize].payee = Some(at.step(ordinal));
                }
            }
            Event::RelationsRegistered(event) => {
                for row in &event.relations {
                    let index = self.relations.len();
                    same!(row.index as usize, index, "index of a relation");
                    if row.kind == RelationKind::ServedBy {
                        self.served
                            .entry((row.to, row.from))
                            .or_default()
                            .push(index);
                    }
                    self.relations.push(Relation {
                        row: row.clone(),
                        ended_at_ms: None,
                    });
                }
            }
            Event::RelationEnded(event) => {
                self.relations[event.relation as usize].ended_at_ms = Some(at.time_ms);
            }
            _ => self.grants.apply(at, event),
        }
    }
}

pub fn end_relation(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::EndRelationRequest = decode(bytes)?;
    let id = given(&asked.relation_id, "relation_id")?;
    let relations = &tables.registry.relations;
    let open = relations
        .iter()
        .any(|it| it.row.relation_id == id && it.ended_at_ms.is_none());
    match open {
        false => refuses(Rejection::UnknownRelation, "relation_id"),
        true => accepts(move |told| {
            let Event::RelationEnded(event) = told.only() else {
                panic!("an end was asked for: {:?}", told.only());
            };
            same!(event.relation_id, id, "relation ended");
        }),
    }
}

/// An id that may be missing or wrong.
pub fn given(bytes: &[u8], field: &str) -> Result<Id, No> {
    match request::id(bytes) {
        Some(id) => Ok(id),
        None if bytes.is_empty() => refuses(Rejection::FieldMissing, field),
        None => refuses(Rejection::FieldInvalid, field),
    }
}

pub fn set_payee(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::SetPayeeRequest = decode(bytes)?;
    let index = tables.registry.named(&asked.party_id, "party_id")?;
    if asked.payee.is_none() {
        return refuses(Rejection::FieldMissing, "payee");
    }
    let payee = asked.payee.unwrap_or_default();
    let is_plain = !payee.account_no.trim().is_empty()
        && payee.account_no.len() <= 34
        && !payee.account_name.trim().is_empty()
        && payee.account_name.len() <= 200
        && payee.bank_code.len() == 14
        && payee
            .bank_code
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric());
    if !is_plain {
        return Err(No::Unjudged);
    }
    accepts(move |told| {
        let Event::PayeeSet(event) = told.only() else {
            panic!("a payee was to be set: {:?}", told.only());
        };
        let named: Vec<u32> = event.payees.iter().map(|row| row.index).collect();
        same!(named, vec![index], "parties with a new payee");
    })
}
