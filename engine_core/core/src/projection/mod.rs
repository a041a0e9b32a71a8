//! Folds entries into table rows for queries, as column batches. A follower's state stands beside; nothing is written back.

pub mod batch;
pub mod customs;
pub mod money;
pub mod registry;
pub mod tax;

pub use batch::{Batches, Cell};

use crate::event::{At, Event};
use crate::state::State;

/// Opens private parts; `None` when they were erased or are absent.
pub trait Private {
    fn open(&self, index: u64, field: u16) -> Option<Vec<u8>>;
}

/// Adds the rows that an entry changes; `state` is the follower's, after the entry.
pub fn project(state: &State, at: &At, event: &Event, private: &dyn Private, out: &mut Batches) {
    registry::project(state, at, event, private, out);
    customs::project(state, at, event, private, out);
    tax::project(state, at, event, out);
    money::project(state, at, event, out);
}

/// "NotEntrusted" as "not_entrusted".
pub fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
