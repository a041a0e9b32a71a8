//! Request ids and what they were answered with (law 8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Table;
use crate::event::At;
use crate::ids::Id;

/// The entries that answered one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub sha256: [u8; 32],
    pub method: u16,
    pub first_index: u64,
    pub last_index: u64,
    /// False while entries of the group are still to come.
    pub is_complete: bool,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Requests {
    answers: BTreeMap<Id, Answer>,
}

impl Requests {
    pub fn get(&self, request_id: Id) -> Option<&Answer> {
        self.answers.get(&request_id)
    }

    pub fn mark(&mut self, at: &At) {
        let Some(mark) = at.request else { return };
        let answer = self.answers.entry(mark.request_id).or_insert(Answer {
            sha256: mark.sha256,
            method: mark.method,
            first_index: at.index,
            last_index: at.index,
            is_complete: false,
        });
        answer.last_index = at.index;
        answer.is_complete = !at.continues;
    }
}

impl Table for Requests {
    fn digest(&self, hasher: &mut Sha256) {
        for (id, answer) in &self.answers {
            hasher.update(id.0);
            hasher.update(answer.sha256);
            hasher.update(answer.first_index.to_be_bytes());
            hasher.update(answer.last_index.to_be_bytes());
        }
    }
}
