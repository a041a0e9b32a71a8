//! The files of private parts as a backup sees them: how far they go, and what of an entry is there.

use std::collections::HashMap;

use super::scan::{name_of, records};
use super::{KEYS, NONCE_AT, SUBJECT_AT, VALUES, read_keys};
use crate::journal::Fault;
use crate::journal::storage::Storage;

/// Bytes of both files that whole records take, and the places in them where something rotted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub values: u64,
    pub keys: u64,
    pub damaged: u64,
}

/// How far the records of entries below `entries` go, from a place on where a record begins.
pub fn extent(storage: &dyn Storage, from: u64, entries: u64) -> Result<Extent, Fault> {
    let (mut values, mut newest) = (from, from);
    // Behind the last one that is wanted a record may be on its way.
    let (_, damaged) = records(storage, VALUES, from, &mut |offset, record| {
        if name_of(record).0 < entries {
            (newest, values) = (offset, offset + record.len() as u64);
        }
        Ok(())
    })?;
    let keys = read_keys(storage)?;
    let rotten = damaged.iter().filter(|at| **at < newest).count() + keys.rotten.len();
    Ok(Extent {
        values,
        keys: keys.end,
        damaged: rotten as u64,
    })
}

/// Shows the records of entries below `entries`.
pub fn each(
    storage: &dyn Storage,
    entries: u64,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    records(
        storage,
        VALUES,
        0,
        &mut |_, record| match name_of(record).0 < entries {
            true => visit(record),
            false => Ok(()),
        },
    )?;
    Ok(())
}

/// Whether a private part can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Present,
    /// Its subject's key was dropped.
    Erased,
    Missing,
}

/// What the files hold, by entry and field.
#[derive(Default)]
pub struct Held(HashMap<(u64, u16), Presence>);

impl Held {
    /// Reads both files; a file that is not there holds nothing.
    pub fn read(storage: &dyn Storage) -> Result<Self, Fault> {
        let names = storage.names()?;
        let has = |name: &str| names.iter().any(|one| one == name);
        if !has(VALUES) || !has(KEYS) {
            return Ok(Self::default());
        }
        let keys = read_keys(storage)?.keys;
        let mut held = HashMap::new();
        records(storage, VALUES, 0, &mut |_, record| {
            let key = keys.get(&record[SUBJECT_AT..NONCE_AT]);
            let presence = match key {
                None => Presence::Missing,
                Some(key) if *key == [0; 32] => Presence::Erased,
                Some(_) => Presence::Present,
            };
            held.insert(name_of(record), presence);
            Ok(())
        })?;
        Ok(Self(held))
    }

    pub fn of(&self, index: u64, field: u16) -> Presence {
        let found = self.0.get(&(index, field));
        found.copied().unwrap_or(Presence::Missing)
    }
}
