//! Grants, and law 11: a row that used data names one that covers it, at that time.

use std::collections::BTreeMap;

use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::contract::whampoa::registry::v1 as proto;
use whampoa_core::event::registry::{GrantRow, Purpose};
use whampoa_core::event::{At, Event, NO_INDEX};
use whampoa_core::ids::Id;
use whampoa_core::money::Currency;

use super::Tables;
use super::registry::given;
use super::verdict::{Verdict, accepts, decode, refuses};
use crate::same;

#[derive(Clone, Debug, PartialEq)]
struct Grant {
    row: GrantRow,
    is_revoked: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    all: Vec<Grant>,
    by_id: BTreeMap<Id, u32>,
    /// Grants of a merchant, in order of registration.
    by_grantor: BTreeMap<u32, Vec<u32>>,
}

/// Which data is to be used for what.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    pub purpose: Purpose,
    /// `None`: whatever the currency.
    pub currency: Option<u16>,
    pub now_ms: u64,
}

impl Grant {
    /// The rule that forbids this use.
    fn forbids(&self, wanted: Use) -> Option<Rejection> {
        let row = &self.row;
        let any_currency = row.currency.0 == 0 || wanted.currency.is_none();
        let is_in_scope = row.purpose == wanted.purpose
            && (any_currency || wanted.currency == Some(row.currency.0))
            && wanted.now_ms >= row.valid_from_ms;
        let is_over = row.valid_until_ms > 0 && row.valid_until_ms <= wanted.now_ms;
        match (is_in_scope, self.is_revoked, is_over) {
            (false, _, _) => Some(Rejection::OutsideGrant),
            (_, true, _) => Some(Rejection::GrantRevoked),
            (_, _, true) => Some(Rejection::GrantExpired),
            _ => None,
        }
    }
}

impl Grants {
    fn of(&self, grantor: u32) -> impl Iterator<Item = &Grant> {
        let indexes = self.by_grantor.get(&grantor);
        indexes
            .into_iter()
            .flatten()
            .map(|at| &self.all[*at as usize])
    }

    /// The first grant from one party to another that covers a use, or the first rule against all of them.
    pub fn between(&self, grantor: u32, grantee: u32, wanted: Use) -> Result<u32, Rejection> {
        let mut against: Vec<Rejection> = Vec::new();
        for grant in self
            .of(grantor)
            .filter(|grant| grant.row.grantee == grantee)
        {
            match grant.forbids(wanted) {
                None => return Ok(grant.row.index),
                Some(code) => against.push(code),
            }
        }
        against.sort_by_key(|code| *code as i32);
        Err(against.first().copied().unwrap_or(Rejection::UnknownGrant))
    }

    /// Law 11: what a row names covers what it did. `grantee` is who used the data, where the row says so.
    pub fn check(&self, named: u32, grantor: u32, grantee: Option<u32>, wanted: Use, what: &str) {
        let Some(grant) = self.all.get(named as usize) else {
            panic!("law 11: {what} of party {grantor} names grant {named}, which is unknown");
        };
        let row = &grant.row;
        let is_between = row.grantor == grantor && grantee.is_none_or(|it| it == row.grantee);
        assert!(
            is_between && grant.forbids(wanted).is_none(),
            "law 11: {what} of party {grantor} for {grantee:?}, {wanted:?}, names grant {named}, which is from \
             {} to {}: {:?}",
            row.grantor,
            row.grantee,
            grant.forbids(wanted)
        );
    }

    /// Somebody may use the data of this party: then a row that did has to say by which grant.
    pub fn check_customs(&self, named: u32, grantor: u32, wanted: Use, what: &str) {
        if named != NO_INDEX {
            return self.check(named, grantor, None, wanted, what);
        }
        let serving = self
            .of(grantor)
            .find(|grant| grant.forbids(wanted).is_none());
        if let Some(grant) = serving {
            panic!(
                "law 11: {what} of party {grantor} names no grant, and {} covers it",
                grant.row.grant_id
            );
        }
    }

    pub fn apply(&mut self, _at: &At, event: &Event) {
        match event {
            Event::GrantsRegistered(event) => {
                for row in &event.grants {
                    same!(
                        row.index as usize,
                        self.all.len(),
                        "law 11: index of a grant"
                    );
                    self.by_id.insert(row.grant_id, row.index);
                    self.by_grantor
                        .entry(row.grantor)
                        .or_default()
                        .push(row.index);
                    self.all.push(Grant {
                        row: row.clone(),
                        is_revoked: false,
                    });
                }
            }
            Event::GrantRevoked(event) => {
                let grant = &mut self.all[event.grant_index as usize];
                same!(event.grant_id, grant.row.grant_id, "law 11: grant revoked");
                assert!(
                    !grant.is_revoked,
                    "law 11: grant {} is revoked twice",
                    event.grant_id
                );
                grant.is_revoked = true;
            }
            _ => {}
        }
    }
}

pub fn revoke_grant(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::RevokeGrantRequest = decode(bytes)?;
    let grants = &tables.registry.grants;
    let id = given(&asked.grant_id, "grant_id")?;
    let Some(index) = grants.by_id.get(&id).copied() else {
        return refuses(Rejection::UnknownGrant, "grant_id");
    };
    if grants.all[index as usize].is_revoked {
        return refuses(Rejection::GrantRevoked, "grant_id");
    }
    if asked.reason.chars().count() > 500 {
        return refuses(Rejection::FieldInvalid, "reason");
    }
    accepts(move |told| {
        let Event::GrantRevoked(event) = told.only() else {
            panic!("a revocation was asked for: {:?}", told.only());
        };
        same!(event.grant_index, index, "law 11: grant revoked");
    })
}

/// Grants of a request: new ones are registered as asked for, the very same again are passed over.
pub fn register_grants(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::RegisterGrantsRequest = decode(bytes)?;
    match asked.grants.len() {
        0 => return refuses(Rejection::FieldMissing, "grants"),
        count if count > 4_096 => return refuses(Rejection::BatchTooLarge, "grants"),
        _ => {}
    }
    let grants = &tables.registry.grants;
    let mut rows: Vec<GrantRow> = Vec::new();
    for (at, grant) in asked.grants.iter().enumerate() {
        let mut row = row_of(tables, grant, &format!("grants[{at}]"))?;
        let known = grants
            .by_id
            .get(&row.grant_id)
            .map(|at| &grants.all[*at as usize].row);
        let earlier = rows.iter().find(|other| other.grant_id == row.grant_id);
        match known.or(earlier) {
            None => {
                row.index = (grants.all.len() + rows.len()) as u32;
                rows.push(row);
            }
            Some(other) => {
                row.index = other.index;
                if row != *other {
                    return refuses(
                        Rejection::GrantExistsDifferent,
                        format!("grants[{at}].grant_id"),
                    );
                }
            }
        }
    }
    accepts(move |told| {
        let Event::GrantsRegistered(event) = told.only() else {
            panic!("grants were told: {:?}", told.only());
        };
        same!(event.grants, rows, "law 11: grants registered");
    })
}

fn row_of(
    tables: &Tables,
    grant: &proto::Grant,
    path: &str,
) -> Result<GrantRow, super::verdict::No> {
    let field = |name: &str| format!("{path}.{name}");
    let registry = &tables.registry;
    let grant_id = given(&grant.grant_id, &field("grant_id"))?;
    let grantor = registry.named(&grant.grantor_party_id, &field("grantor_party_id"))?;
    let grantee = registry.named(&grant.grantee_party_id, &field("grantee_party_id"))?;
    let purpose = match grant.purpose {
        1 => Purpose::CustomsMatch,
        2 => Purpose::ForexSettlement,
        3 => Purpose::Tax,
        _ => return refuses(Rejection::FieldInvalid, field("purpose")),
    };
    let currency = match grant.currency.as_str() {
        "" => Currency(0),
        letters => match Currency::from_iso(letters) {
            Some(currency) => currency,
            None => return refuses(Rejection::UnknownCurrency, field("currency")),
        },
    };
    if grant.valid_until_ms > 0 && grant.valid_until_ms <= grant.valid_from_ms {
        return refuses(Rejection::FieldInvalid, field("valid_until_ms"));
    }
    let policy_sha256: [u8; 32] = match grant.policy_sha256.len() {
        32 => grant.policy_sha256.as_slice().try_into().expect("32 bytes"),
        0 => return refuses(Rejection::FieldMissing, field("policy_sha256")),
        _ => return refuses(Rejection::FieldInvalid, field("policy_sha256")),
    };
    Ok(GrantRow {
        grant_id,
        index: 0,
        grantor,
        grantee,
        purpose,
        currency,
        valid_from_ms: grant.valid_from_ms,
        valid_until_ms: grant.valid_until_ms,
        policy_sha256,
        previous: whampoa_core::ids::Step::NONE,
    })
}
