//! A file of a backup or of a restored directory while it grows: written in blocks, synced in small parts, summed.

use super::sums::Sums;
use super::{BLOCK, UNSYNCED_MAX};
use crate::journal::Fault;
use crate::journal::storage::Storage;

/// A file of the target that grows.
pub struct Sink<'a> {
    storage: &'a dyn Storage,
    pub name: String,
    pub sums: Sums,
    buffer: Vec<u8>,
    unsynced: u64,
}

impl<'a> Sink<'a> {
    pub fn new(storage: &'a dyn Storage, name: &str, sums: Sums) -> Self {
        Self {
            storage,
            name: name.to_owned(),
            sums,
            buffer: Vec::new(),
            unsynced: 0,
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.sums.update(bytes);
        self.buffer.extend_from_slice(bytes);
        match self.buffer.len() as u64 >= BLOCK {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let at = self.sums.bytes() - self.buffer.len() as u64;
        self.storage.write_at(&self.name, at, &self.buffer)?;
        self.unsynced += self.buffer.len() as u64;
        self.buffer.clear();
        match self.unsynced >= UNSYNCED_MAX {
            true => self.sync(),
            false => Ok(()),
        }
    }

    fn sync(&mut self) -> Result<(), Fault> {
        self.unsynced = 0;
        Ok(self.storage.sync(&self.name)?)
    }

    pub fn finish(mut self) -> Result<Sums, Fault> {
        self.flush()?;
        self.sync()?;
        Ok(self.sums)
    }
}

/// Cuts a file of the target to the bytes that count.
pub fn cut(storage: &dyn Storage, name: &str, bytes: u64) -> Result<(), Fault> {
    if storage.length(name)? > bytes {
        storage.set_length(name, bytes)?;
    }
    Ok(())
}
