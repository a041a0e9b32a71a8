//! Registers grants and revokes them.

use std::collections::HashMap;

use super::{check_count, parse_id, party_index};
use crate::contract::whampoa::registry::v1::{
    Grant as GrantRequest, Purpose as PurposeRequest, RegisterGrantsRequest, RevokeGrantRequest,
};
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::codec::Secret;
use crate::event::registry::{GrantRevoked, GrantRow, GrantsRegistered, Purpose};
use crate::ids::{Id, Step};
use crate::money::Currency;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;

/// Longest reason of a revocation, in characters.
const REASON_CHARACTERS_MAX: usize = 500;

/// Registers grants, each with the next grant index; one registered before with the same content is passed over.
pub fn register_grants(
    state: &State,
    _context: &Context<'_>,
    request: &RegisterGrantsRequest,
) -> Decision {
    check_count(request.grants.len(), "grants")?;
    let mut rows: Vec<GrantRow> = Vec::new();
    let mut ids: HashMap<Id, usize> = HashMap::new();
    for (ordinal, grant) in request.grants.iter().enumerate() {
        let path = format!("grants[{ordinal}]");
        let mut row = check(state, grant, &path)?;
        let registered = state
            .registry
            .grant_of(row.grant_id)
            .and_then(|index| state.registry.grant(index));
        let before = registered
            .map(|grant| &grant.row)
            .or(ids.get(&row.grant_id).map(|at| &rows[*at]));
        if let Some(before) = before {
            row.index = before.index;
            if row != *before {
                return refuse(
                    Rejection::GrantExistsDifferent,
                    format!("{path}.grant_id"),
                    row.grant_id,
                );
            }
            continue;
        }
        row.index = state.registry.grants_len() + rows.len() as u32;
        ids.insert(row.grant_id, rows.len());
        rows.push(row);
    }
    Ok(vec![Draft::first(
        Id::ZERO,
        GrantsRegistered { grants: rows },
    )])
}

fn check(state: &State, grant: &GrantRequest, path: &str) -> Result<GrantRow, Refusal> {
    let grant_id = parse_id(&grant.grant_id, format!("{path}.grant_id"))?;
    let grantor = party_index(
        state,
        &grant.grantor_party_id,
        format!("{path}.grantor_party_id"),
    )?;
    let grantee = party_index(
        state,
        &grant.grantee_party_id,
        format!("{path}.grantee_party_id"),
    )?;
    let purpose = match PurposeRequest::try_from(grant.purpose) {
        Ok(PurposeRequest::CustomsMatch) => Purpose::CustomsMatch,
        Ok(PurposeRequest::ForexSettlement) => Purpose::ForexSettlement,
        Ok(PurposeRequest::Tax) => Purpose::Tax,
        _ => {
            return refuse(
                Rejection::FieldInvalid,
                format!("{path}.purpose"),
                grant.purpose,
            );
        }
    };
    let currency = match grant.currency.as_str() {
        "" => Currency::default(),
        letters => Currency::from_iso(letters).ok_or_else(|| {
            Refusal::new(
                Rejection::UnknownCurrency,
                format!("{path}.currency"),
                letters,
            )
        })?,
    };
    if grant.valid_until_ms != 0 && grant.valid_until_ms <= grant.valid_from_ms {
        return refuse(
            Rejection::FieldInvalid,
            format!("{path}.valid_until_ms"),
            grant.valid_until_ms,
        );
    }
    let policy_sha256 = match <[u8; 32]>::try_from(grant.policy_sha256.as_slice()) {
        Ok(digest) => digest,
        Err(_) if grant.policy_sha256.is_empty() => {
            return refuse(Rejection::FieldMissing, format!("{path}.policy_sha256"), "");
        }
        Err(_) => {
            let length = format!("{} bytes", grant.policy_sha256.len());
            return refuse(
                Rejection::FieldInvalid,
                format!("{path}.policy_sha256"),
                length,
            );
        }
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
        previous: Step::NONE,
    })
}

/// Revokes a grant now.
pub fn revoke_grant(
    state: &State,
    _context: &Context<'_>,
    request: &RevokeGrantRequest,
) -> Decision {
    let grant_id = parse_id(&request.grant_id, "grant_id")?;
    let Some(grant_index) = state.registry.grant_of(grant_id) else {
        return refuse(Rejection::UnknownGrant, "grant_id", grant_id);
    };
    let Some(grant) = state
        .registry
        .grant(grant_index)
        .filter(|grant| grant.revoked_at_ms == 0)
    else {
        return refuse(Rejection::GrantRevoked, "grant_id", grant_id);
    };
    if request.reason.chars().count() > REASON_CHARACTERS_MAX {
        return refuse(Rejection::FieldInvalid, "reason", "too long");
    }
    let reason = Secret::Open {
        value: request.reason.clone().into_bytes(),
        subject: grant_id,
    };
    Ok(vec![Draft::after(
        grant.last,
        grant_id,
        GrantRevoked {
            grant_id,
            grant_index,
            reason,
        },
    )])
}
