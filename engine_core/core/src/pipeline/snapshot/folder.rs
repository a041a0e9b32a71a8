//! The folder of snapshots: the newest that is good is read, the newest two are kept.

use std::path::Path;

use super::{Snapshot, file};
use crate::journal::Fault;
use crate::journal::storage::{FileStorage, Storage};

const KEPT: usize = 2;

/// The snapshots of one log.
pub struct Snapshots {
    storage: Box<dyn Storage>,
    log: String,
}

/// What was found for a start.
#[derive(Default)]
pub struct Taken {
    pub snapshot: Option<Snapshot>,
    /// Files that are no good, and why.
    pub passed_over: Vec<(String, String)>,
}

fn name(entries: u64) -> String {
    format!("{entries:020}.ws")
}

fn entries_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".ws")?;
    digits.parse().ok().filter(|_| digits.len() == 20)
}

impl Snapshots {
    pub fn open(folder: &Path, log: &str) -> Result<Self, Fault> {
        Ok(Self::new(FileStorage::open(folder)?, log))
    }

    pub fn new(storage: impl Storage + 'static, log: &str) -> Self {
        Self {
            storage: Box::new(storage),
            log: log.to_owned(),
        }
    }

    /// Entries of the snapshots there are, the newest first.
    pub fn list(&self) -> Result<Vec<u64>, Fault> {
        let names = self.storage.list()?;
        Ok(names
            .iter()
            .rev()
            .filter_map(|name| entries_of(name))
            .collect())
    }

    /// The newest snapshot of at most so many entries that is whole and that `check` takes. Nothing that is wrong with one
    /// is a fault: the journal holds all of it.
    pub fn newest(
        &self,
        entries_max: u64,
        check: &mut dyn FnMut(&Snapshot) -> Result<(), String>,
    ) -> Taken {
        let mut taken = Taken::default();
        let listed = self.list().unwrap_or_default();
        for entries in listed.into_iter().filter(|entries| *entries <= entries_max) {
            let name = name(entries);
            let read = file::read(&*self.storage, &name, &self.log).and_then(|snapshot| {
                match snapshot.entries == entries {
                    true => check(&snapshot).map(|()| snapshot),
                    false => Err("its name is of another one".into()),
                }
            });
            match read {
                Ok(snapshot) => {
                    taken.snapshot = Some(snapshot);
                    break;
                }
                Err(why) => taken.passed_over.push((name, why)),
            }
        }
        taken
    }

    /// Writes a snapshot, durably under its name or not at all; keeps the one before it and removes all others: those that
    /// claim to be newer are not of this journal.
    pub fn write(&self, snapshot: &Snapshot) -> Result<(), Fault> {
        let name = name(snapshot.entries);
        let unfinished = format!("{name}.new");
        let written = file::write(&*self.storage, &unfinished, &self.log, snapshot)
            .and_then(|()| Ok(self.storage.place(&unfinished, &name)?));
        if written.is_err() {
            // On a full disk its bytes are wanted elsewhere.
            drop(self.storage.remove(&unfinished));
            return written;
        }
        let older = self
            .list()?
            .into_iter()
            .filter(|one| *one <= snapshot.entries);
        let kept: Vec<u64> = older.take(KEPT).collect();
        for file in self.storage.names()? {
            if entries_of(&file).is_none_or(|entries| !kept.contains(&entries)) {
                self.storage.remove(&file)?;
            }
        }
        Ok(self.storage.sync_folder()?)
    }
}
