//! Relations between parties: who declares for whom, whose shop, whose items, who collects for whom.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Registry;
use crate::event::codec::{Row, Text, Wire};
use crate::event::registry::{
    PREFIX_BYTES, RelationEnded, RelationKind, RelationRow, RelationsRegistered,
};
use crate::event::{At, NO_INDEX};
use crate::ids::{Id, Step};
use crate::state::State;
use crate::state::{Map, in_order};

/// A relation as registered, and when it was ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    pub row: RelationRow,
    /// 0 while it was not.
    pub ended_at_ms: u64,
    pub last: Step,
}

impl Relation {
    fn is_valid(&self, time_ms: u64) -> bool {
        let before = |end: u64| end == 0 || time_ms < end;
        self.row.valid_from_ms <= time_ms
            && before(self.row.valid_until_ms)
            && before(self.ended_at_ms)
    }
}

/// What relations by prefix say of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// No valid relation speaks of it.
    Nobody,
    Merchant(u32),
    /// Two relations, equally specific, name different merchants.
    Ambiguous,
}

type Place = (RelationKind, u32);

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Relations {
    relations: Vec<Relation>,
    #[serde(serialize_with = "in_order")]
    by_id: Map<Id, u32>,
    /// By kind, merchant and the other party.
    #[serde(serialize_with = "in_order")]
    by_pair: Map<(RelationKind, u32, u32), Vec<u32>>,
    /// Merchants that a service enterprise has been related to.
    served: BTreeMap<u32, BTreeSet<u32>>,
    #[serde(serialize_with = "in_order")]
    by_prefix: Map<(Place, Text<PREFIX_BYTES>), Vec<u32>>,
    /// Which prefix lengths exist at a place: bit `1 << length`.
    #[serde(serialize_with = "in_order")]
    lengths: Map<Place, u32>,
}

impl Relations {
    fn add(&mut self, row: &RelationRow, step: Step) {
        self.by_id.insert(row.relation_id, row.index);
        match row.kind {
            RelationKind::Entrusts | RelationKind::ServedBy => {
                self.by_pair
                    .entry((row.kind, row.from, row.to))
                    .or_default()
                    .push(row.index);
            }
            RelationKind::Shop | RelationKind::Item => {
                let place = (row.kind, row.to);
                self.by_prefix
                    .entry((place, row.prefix))
                    .or_default()
                    .push(row.index);
                *self.lengths.entry(place).or_default() |= 1 << row.prefix.as_str().len();
            }
        }
        if row.kind == RelationKind::ServedBy {
            self.served.entry(row.to).or_default().insert(row.from);
        }
        self.relations.push(Relation {
            row: row.clone(),
            ended_at_ms: 0,
            last: step,
        });
    }

    fn pair_is_valid(&self, kind: RelationKind, from: u32, to: u32, time_ms: u64) -> bool {
        let related = self
            .by_pair
            .get(&(kind, from, to))
            .map_or(&[][..], Vec::as_slice);
        related
            .iter()
            .any(|index| self.relations[*index as usize].is_valid(time_ms))
    }

    /// The merchant that valid relations at one place give to one prefix.
    fn at_prefix(&self, place: Place, prefix: &str, time_ms: u64) -> Resolved {
        let Some(key) = Text::new(prefix) else {
            return Resolved::Nobody;
        };
        let related = self
            .by_prefix
            .get(&(place, key))
            .map_or(&[][..], Vec::as_slice);
        let mut found = Resolved::Nobody;
        for relation in related.iter().map(|index| &self.relations[*index as usize]) {
            if !relation.is_valid(time_ms) {
                continue;
            }
            found = match found {
                Resolved::Nobody => Resolved::Merchant(relation.row.from),
                Resolved::Merchant(merchant) if merchant == relation.row.from => found,
                _ => Resolved::Ambiguous,
            };
        }
        found
    }

    /// The longest prefix decides; of equal length, the relation that names the platform before the one for any.
    fn longest(&self, kind: RelationKind, platform: u32, text: &str, time_ms: u64) -> Resolved {
        let places = [(kind, platform), (kind, NO_INDEX)];
        let places = if platform == NO_INDEX {
            &places[1..]
        } else {
            &places[..]
        };
        let lengths = places
            .iter()
            .map(|place| self.lengths.get(place).copied().unwrap_or(0))
            .fold(0, |all, of| all | of);
        for length in (0..=PREFIX_BYTES)
            .rev()
            .filter(|length| lengths & 1 << length != 0)
        {
            let Some(prefix) = text.get(..length) else {
                continue;
            };
            for place in places {
                let found = self.at_prefix(*place, prefix, time_ms);
                if found != Resolved::Nobody {
                    return found;
                }
            }
        }
        Resolved::Nobody
    }

    pub(super) fn digest(&self, hasher: &mut Sha256) {
        let mut bytes = Vec::new();
        for relation in &self.relations {
            bytes.clear();
            relation.row.put(&mut bytes);
            relation.ended_at_ms.put(&mut bytes);
            relation.last.put(&mut bytes);
            hasher.update(&bytes);
        }
    }
}

impl Registry {
    pub fn relation(&self, index: u32) -> Option<&Relation> {
        self.relations.relations.get(index as usize)
    }

    pub fn relation_of(&self, relation_id: Id) -> Option<u32> {
        self.relations.by_id.get(&relation_id).copied()
    }

    pub fn relations_len(&self) -> u32 {
        self.relations.relations.len() as u32
    }

    /// Whether the merchant entrusted `declarant` at a time.
    pub fn entrusts(&self, merchant: u32, declarant: u32, time_ms: u64) -> bool {
        self.relations
            .pair_is_valid(RelationKind::Entrusts, merchant, declarant, time_ms)
    }

    pub fn served_by(&self, merchant: u32, service_enterprise: u32, now_ms: u64) -> bool {
        self.relations
            .pair_is_valid(RelationKind::ServedBy, merchant, service_enterprise, now_ms)
    }

    /// Merchants that the service enterprise collects for now, ascending.
    pub fn merchants_of(&self, service_enterprise: u32, now_ms: u64) -> Vec<u32> {
        let Some(served) = self.relations.served.get(&service_enterprise) else {
            return Vec::new();
        };
        served
            .iter()
            .copied()
            .filter(|merchant| self.served_by(*merchant, service_enterprise, now_ms))
            .collect()
    }

    /// Whose item this is, by item number; `platform` may be `NO_INDEX`.
    pub fn owner_of_item(&self, platform: u32, item_no: &str, time_ms: u64) -> Resolved {
        self.relations
            .longest(RelationKind::Item, platform, item_no, time_ms)
    }

    /// Whose shop sold it, by order number.
    pub fn owner_of_shop(&self, platform: u32, order_no: &str, time_ms: u64) -> Resolved {
        match platform {
            NO_INDEX => Resolved::Nobody,
            _ => self
                .relations
                .longest(RelationKind::Shop, platform, order_no, time_ms),
        }
    }
}

impl State {
    pub fn register_relations(&mut self, at: &At, event: &RelationsRegistered) {
        for (ordinal, row) in event.relations.iter().enumerate() {
            self.registry.relations.add(row, at.step(ordinal));
        }
    }

    pub fn end_relation(&mut self, at: &At, event: &RelationEnded) {
        let relation = &mut self.registry.relations.relations[event.relation as usize];
        relation.ended_at_ms = at.time_ms;
        relation.last = at.step(0);
    }
}
