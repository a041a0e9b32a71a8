//! Identities that have asked for something, in order of appearance.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::registry::ActorAdmitted;
use crate::state::{Map, in_order};
use crate::state::{State, Table};

/// Actor index by identity (the certificate's SPIFFE URI).
#[derive(Default, Serialize, Deserialize)]
pub struct Actors {
    identities: Vec<String>,
    #[serde(serialize_with = "in_order")]
    by_identity: Map<String, u32>,
}

impl Actors {
    pub fn index_of(&self, identity: &str) -> Option<u32> {
        self.by_identity.get(identity).copied()
    }

    pub fn identity(&self, index: u32) -> Option<&str> {
        self.identities.get(index as usize).map(String::as_str)
    }
}

impl State {
    pub fn admit_actor(&mut self, event: &ActorAdmitted) {
        let index = self.actors.identities.len() as u32;
        self.actors
            .by_identity
            .insert(event.identity.clone(), index);
        self.actors.identities.push(event.identity.clone());
    }
}

impl Table for Actors {
    fn digest(&self, hasher: &mut Sha256) {
        for identity in &self.identities {
            hasher.update((identity.len() as u32).to_be_bytes());
            hasher.update(identity.as_bytes());
        }
    }
}
