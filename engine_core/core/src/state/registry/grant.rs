//! Grants: who may use whose data, for what, until when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Registry;
use crate::event::At;
use crate::event::codec::{Row, Wire};
use crate::event::registry::{GrantRevoked, GrantRow, GrantsRegistered, Purpose};
use crate::ids::{Id, Step};
use crate::money::Currency;
use crate::rejection::Rejection;
use crate::state::State;
use crate::state::{Map, in_order};

/// A grant as registered, and when it was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub row: GrantRow,
    /// 0 while it was not.
    pub revoked_at_ms: u64,
    pub registered: Step,
    pub last: Step,
}

impl Grant {
    /// Why the grant does not serve now; `None` when it does. Without a currency any will do.
    fn refusal(
        &self,
        purpose: Purpose,
        currency: Option<Currency>,
        now_ms: u64,
    ) -> Option<Rejection> {
        let row = &self.row;
        let is_currency =
            row.currency.0 == 0 || currency.is_none_or(|currency| row.currency == currency);
        let is_in_scope = row.purpose == purpose && is_currency && row.valid_from_ms <= now_ms;
        if !is_in_scope {
            Some(Rejection::OutsideGrant)
        } else if self.revoked_at_ms != 0 {
            Some(Rejection::GrantRevoked)
        } else if row.valid_until_ms != 0 && now_ms >= row.valid_until_ms {
            Some(Rejection::GrantExpired)
        } else {
            None
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Grants {
    grants: Vec<Grant>,
    #[serde(serialize_with = "in_order")]
    by_id: Map<Id, u32>,
    /// Grant indexes by grantor, ascending.
    by_grantor: BTreeMap<u32, Vec<u32>>,
}

impl Grants {
    pub(super) fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        for grant in &self.grants {
            bytes.clear();
            grant.row.put(&mut bytes);
            grant.revoked_at_ms.put(&mut bytes);
            grant.last.put(&mut bytes);
            hasher.update(&bytes);
        }
    }
}

impl Registry {
    pub fn grant(&self, index: u32) -> Option<&Grant> {
        self.grants.grants.get(index as usize)
    }

    pub fn grant_of(&self, grant_id: Id) -> Option<u32> {
        self.grants.by_id.get(&grant_id).copied()
    }

    pub fn grants_len(&self) -> u32 {
        self.grants.grants.len() as u32
    }

    fn grants_of(&self, grantor: u32) -> impl Iterator<Item = &Grant> {
        let indexes = self
            .grants
            .by_grantor
            .get(&grantor)
            .map_or(&[][..], Vec::as_slice);
        indexes
            .iter()
            .map(|index| &self.grants.grants[*index as usize])
    }

    /// Index of the first grant by which `grantee` may use data of `grantor`. Of several that do not serve, the first
    /// refusal by precedence is told, but one outside its scope only when no other speaks of this purpose.
    pub fn grant_for(
        &self,
        grantor: u32,
        grantee: u32,
        purpose: Purpose,
        currency: Option<Currency>,
        now_ms: u64,
    ) -> Result<u32, Rejection> {
        let mut refused: Option<Rejection> = None;
        for grant in self
            .grants_of(grantor)
            .filter(|grant| grant.row.grantee == grantee)
        {
            match grant.refusal(purpose, currency, now_ms) {
                None => return Ok(grant.row.index),
                Some(rejection) => {
                    let first = refused.map_or(rejection, |before| {
                        std::cmp::min_by_key(before, rejection, |r| *r as i32)
                    });
                    refused = Some(first);
                }
            }
        }
        Err(refused.unwrap_or(Rejection::UnknownGrant))
    }

    /// The first valid grant of the merchant to any party for a purpose, one to `preferred` before others.
    pub fn any_grant_for(
        &self,
        grantor: u32,
        preferred: u32,
        purpose: Purpose,
        currency: Currency,
        now_ms: u64,
    ) -> Option<u32> {
        let serving = |grant: &&Grant| grant.refusal(purpose, Some(currency), now_ms).is_none();
        let to_preferred = self
            .grants_of(grantor)
            .filter(serving)
            .find(|grant| grant.row.grantee == preferred);
        to_preferred
            .or_else(|| self.grants_of(grantor).find(serving))
            .map(|grant| grant.row.index)
    }
}

impl State {
    pub fn register_grants(&mut self, at: &At, event: &GrantsRegistered) {
        let grants = &mut self.registry.grants;
        for (ordinal, row) in event.grants.iter().enumerate() {
            let step = at.step(ordinal);
            grants.by_id.insert(row.grant_id, row.index);
            grants
                .by_grantor
                .entry(row.grantor)
                .or_default()
                .push(row.index);
            grants.grants.push(Grant {
                row: row.clone(),
                revoked_at_ms: 0,
                registered: step,
                last: step,
            });
        }
    }

    pub fn revoke_grant(&mut self, at: &At, event: &GrantRevoked) {
        let grant = &mut self.registry.grants.grants[event.grant_index as usize];
        grant.revoked_at_ms = at.time_ms;
        grant.last = at.step(0);
    }
}
