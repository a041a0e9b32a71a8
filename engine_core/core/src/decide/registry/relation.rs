//! Registers relations between parties and ends them.

use std::collections::HashMap;

use super::{check_count, parse_id, party_index, party_with_role};
use crate::contract::whampoa::registry::v1::{
    EndRelationRequest, RegisterRelationsRequest, Relation as RelationRequest,
    RelationKind as KindRequest, Role,
};
use crate::decide::{Context, Decision};
use crate::event::codec::Text;
use crate::event::registry::{RelationEnded, RelationKind, RelationRow, RelationsRegistered};
use crate::event::{Draft, NO_INDEX};
use crate::ids::{Id, Step};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;

/// Registers relations; one registered before with the same content is passed over.
pub fn register_relations(
    state: &State,
    _context: &Context<'_>,
    request: &RegisterRelationsRequest,
) -> Decision {
    check_count(request.relations.len(), "relations")?;
    let mut rows: Vec<RelationRow> = Vec::new();
    let mut ids: HashMap<Id, usize> = HashMap::new();
    for (ordinal, relation) in request.relations.iter().enumerate() {
        let path = format!("relations[{ordinal}]");
        let mut row = check(state, relation, &path)?;
        let registered = state
            .registry
            .relation_of(row.relation_id)
            .and_then(|index| state.registry.relation(index));
        let before = registered
            .map(|relation| &relation.row)
            .or(ids.get(&row.relation_id).map(|at| &rows[*at]));
        if let Some(before) = before {
            row.index = before.index;
            if row != *before {
                return refuse(
                    Rejection::FieldInvalid,
                    format!("{path}.relation_id"),
                    row.relation_id,
                );
            }
            continue;
        }
        row.index = state.registry.relations_len() + rows.len() as u32;
        ids.insert(row.relation_id, rows.len());
        rows.push(row);
    }
    Ok(vec![Draft::first(
        Id::ZERO,
        RelationsRegistered { relations: rows },
    )])
}

fn check(state: &State, relation: &RelationRequest, path: &str) -> Result<RelationRow, Refusal> {
    let relation_id = parse_id(&relation.relation_id, format!("{path}.relation_id"))?;
    let kind = match KindRequest::try_from(relation.kind) {
        Ok(KindRequest::Entrusts) => RelationKind::Entrusts,
        Ok(KindRequest::Shop) => RelationKind::Shop,
        Ok(KindRequest::Item) => RelationKind::Item,
        Ok(KindRequest::ServedBy) => RelationKind::ServedBy,
        _ => {
            return refuse(
                Rejection::FieldInvalid,
                format!("{path}.kind"),
                relation.kind,
            );
        }
    };
    let from = party_with_role(
        state,
        &relation.from_party_id,
        Role::Merchant,
        format!("{path}.from_party_id"),
    )?;
    let to = check_other(
        state,
        kind,
        &relation.to_party_id,
        format!("{path}.to_party_id"),
    )?;
    if relation.valid_until_ms != 0 && relation.valid_until_ms <= relation.valid_from_ms {
        return refuse(
            Rejection::FieldInvalid,
            format!("{path}.valid_until_ms"),
            relation.valid_until_ms,
        );
    }
    Ok(RelationRow {
        relation_id,
        index: 0,
        kind,
        from,
        to,
        prefix: check_prefix(kind, &relation.prefix, format!("{path}.prefix"))?,
        valid_from_ms: relation.valid_from_ms,
        valid_until_ms: relation.valid_until_ms,
        previous: Step::NONE,
    })
}

fn check_other(
    state: &State,
    kind: RelationKind,
    party_id: &[u8],
    field: String,
) -> Result<u32, Refusal> {
    match kind {
        RelationKind::Item if party_id.is_empty() => Ok(NO_INDEX),
        RelationKind::Shop | RelationKind::Item => {
            party_with_role(state, party_id, Role::Platform, field)
        }
        RelationKind::ServedBy => party_with_role(state, party_id, Role::ServiceEnterprise, field),
        RelationKind::Entrusts => {
            let index = party_index(state, party_id, field.clone())?;
            let may_declare = [Role::Declarant, Role::ServiceEnterprise]
                .map(|role| state.registry.has_role(index, role));
            match may_declare.contains(&true) {
                true => Ok(index),
                false => refuse(
                    Rejection::WrongRole,
                    field,
                    "declarant or service enterprise",
                ),
            }
        }
    }
}

/// Items need a prefix, a shop may be the whole platform, the other kinds have none.
fn check_prefix<const N: usize>(
    kind: RelationKind,
    prefix: &str,
    field: String,
) -> Result<Text<N>, Refusal> {
    match kind {
        RelationKind::Item if prefix.is_empty() => {
            return refuse(Rejection::FieldMissing, field, "");
        }
        RelationKind::Entrusts | RelationKind::ServedBy if !prefix.is_empty() => {
            return refuse(Rejection::FieldInvalid, field, prefix);
        }
        _ => {}
    }
    Text::new(prefix).ok_or_else(|| Refusal::new(Rejection::FieldInvalid, field, prefix))
}

/// Ends a relation now; one that ended before stays as it is.
pub fn end_relation(
    state: &State,
    _context: &Context<'_>,
    request: &EndRelationRequest,
) -> Decision {
    let relation_id = parse_id(&request.relation_id, "relation_id")?;
    let found = state
        .registry
        .relation_of(relation_id)
        .and_then(|index| Some((index, state.registry.relation(index)?)));
    match found {
        Some((index, relation)) if relation.ended_at_ms == 0 => Ok(vec![Draft::after(
            relation.last,
            relation_id,
            RelationEnded {
                relation_id,
                relation: index,
            },
        )]),
        _ => refuse(Rejection::UnknownRelation, "relation_id", relation_id),
    }
}
