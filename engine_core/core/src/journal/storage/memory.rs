//! Files in memory under a disk that fails to order: power loss, lost names, torn, lost and misdirected writes, no room.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Storage;
use crate::journal::frame::UNIT;

/// A write of which the disk says that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Nothing reaches the medium.
    Lost,
    /// The bytes land so many units behind their place, or before it, in the same file.
    Misdirected(i64),
}

/// One folder of a disk; clones and other folders are handles of the same disk.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    disk: Arc<Mutex<Disk>>,
    /// What the names of its files begin with on the disk.
    folder: String,
}

#[derive(Default)]
struct Disk {
    files: Vec<MemoryFile>,
    /// Places in `files`, as a running process sees them.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names since the folder was synced.
    renamed: Vec<(String, Option<usize>)>,
    /// Calls so far that change something.
    changes: u64,
    off_at: Option<u64>,
    is_off: bool,
    capacity: Option<u64>,
    lie: Option<(u64, Lie)>,
    /// A lie was told.
    has_lied: bool,
}

#[derive(Default)]
struct MemoryFile {
    bytes: Vec<u8>,
    durable_length: usize,
    /// What the medium holds where something else was written since the last sync, by unit.
    dirty: BTreeMap<usize, Vec<u8>>,
}

impl MemoryFile {
    /// Remembers what is durable of the units that a change touches.
    fn touch(&mut self, start: usize, end: usize) {
        for unit in start / UNIT..end.div_ceil(UNIT) {
            let (from, until) = (unit * UNIT, (unit + 1) * UNIT);
            let bytes = &self.bytes;
            self.dirty.entry(unit).or_insert_with(|| {
                let mut held = vec![0; UNIT];
                let known = bytes.get(from..until.min(bytes.len())).unwrap_or_default();
                held[..known.len()].copy_from_slice(known);
                held
            });
        }
    }

    fn resize(&mut self, length: usize) {
        self.touch(length.min(self.bytes.len()), length.max(self.bytes.len()));
        self.bytes.resize(length, 0);
    }

    fn write(&mut self, start: usize, bytes: &[u8]) {
        let end = start + bytes.len();
        if end > self.bytes.len() {
            self.resize(end);
        }
        self.touch(start, end);
        self.bytes[start..end].copy_from_slice(bytes);
    }

    fn lose(&mut self, keep: &mut dyn FnMut(u64) -> bool) {
        if self.bytes.len() != self.durable_length && !keep(u64::MAX) {
            self.bytes.resize(self.durable_length, 0);
        }
        for (unit, held) in std::mem::take(&mut self.dirty) {
            let (from, until) = (unit * UNIT, ((unit + 1) * UNIT).min(self.bytes.len()));
            if from < until && self.bytes[from..until] != held[..until - from] && !keep(unit as u64)
            {
                self.bytes[from..until].copy_from_slice(&held[..until - from]);
            }
        }
        self.durable_length = self.bytes.len();
    }
}

impl MemoryStorage {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another folder of the same disk.
    pub fn folder(&self, name: &str) -> Self {
        Self {
            disk: Arc::clone(&self.disk),
            folder: format!("{name}/"),
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// Loses what was not synced; of the unsynced units, lengths and names those for which `keep` says so survive. The
    /// power is on again afterwards.
    pub fn lose_power(&self, mut keep: impl FnMut(u64) -> bool) {
        let mut disk = self.disk();
        let disk = &mut *disk;
        for (name, file) in std::mem::take(&mut disk.renamed) {
            if keep(u64::MAX) {
                change(&mut disk.durable_names, name, file);
            }
        }
        disk.names = disk.durable_names.clone();
        for file in &mut disk.files {
            file.lose(&mut keep);
        }
        (disk.is_off, disk.off_at) = (false, None);
    }

    /// The power goes off at the n-th change from now on: that one may reach the medium or not, later calls fail.
    pub fn power_off_in(&self, changes: u64) {
        let mut disk = self.disk();
        disk.off_at = Some(disk.changes + changes);
    }

    pub fn is_off(&self) -> bool {
        self.disk().is_off
    }

    /// The first write of bytes from the n-th change on is told as done and is not.
    pub fn lie_in(&self, changes: u64, lie: Lie) {
        let mut disk = self.disk();
        disk.lie = Some((disk.changes + changes, lie));
    }

    /// True when a lie was told: what it hit may be gone for ever.
    pub fn has_lied(&self) -> bool {
        self.disk().has_lied
    }

    /// Bytes that all files may have together; none: as many as they want.
    pub fn limit(&self, capacity: Option<u64>) {
        self.disk().capacity = capacity;
    }

    /// Bytes of all files.
    pub fn used(&self) -> u64 {
        self.disk().used()
    }

    /// Calls so far that changed something.
    pub fn changes(&self) -> u64 {
        self.disk().changes
    }

    /// Changes one byte, as rot does.
    pub fn flip(&self, name: &str, offset: usize, mask: u8) {
        self.with(name, |file| file.bytes[offset] ^= mask);
    }

    /// Cuts a file, as an external hand does.
    pub fn truncate(&self, name: &str, length: usize) {
        self.with(name, |file| {
            file.bytes.truncate(length);
            file.durable_length = file.bytes.len();
            file.dirty.clear();
        });
    }

    fn with(&self, name: &str, act: impl FnOnce(&mut MemoryFile)) {
        let mut disk = self.disk();
        if let Some(at) = disk.names.get(&self.path(name)).copied() {
            act(&mut disk.files[at]);
        }
    }
}

fn change(names: &mut BTreeMap<String, usize>, name: String, file: Option<usize>) {
    match file {
        Some(file) => names.insert(name, file),
        None => names.remove(&name),
    };
}

impl Disk {
    fn is_on(&self) -> io::Result<()> {
        match self.is_off {
            false => Ok(()),
            true => Err(io::Error::other("the power is off")),
        }
    }

    /// Counts a change; true when the power goes off with it.
    fn count(&mut self) -> io::Result<bool> {
        self.is_on()?;
        self.changes += 1;
        self.is_off = self.off_at.is_some_and(|at| self.changes >= at);
        Ok(self.is_off)
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, name.to_owned());
        self.names.get(name).copied().ok_or_else(missing)
    }

    fn name(&mut self, name: String, file: Option<usize>) {
        self.renamed.push((name.clone(), file));
        change(&mut self.names, name, file);
    }

    fn used(&self) -> u64 {
        let lengths = self
            .names
            .values()
            .map(|at| self.files[*at].bytes.len() as u64);
        lengths.sum()
    }

    fn has_room(&self, grown: usize) -> io::Result<()> {
        match self.capacity {
            Some(capacity) if grown > 0 && self.used() + grown as u64 > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }

    /// Where a write lands, or nowhere.
    fn landing(&mut self, length: usize, start: usize, count: usize) -> Option<usize> {
        let Some((_, lie)) = self.lie.take_if(|(at, _)| *at <= self.changes) else {
            return Some(start);
        };
        self.has_lied = true;
        match lie {
            Lie::Lost => None,
            Lie::Misdirected(units) => {
                let most = (length.saturating_sub(count) / UNIT * UNIT) as i64;
                let there = start as i64 + units * UNIT as i64;
                Some(there.clamp(0, most.max(0)) as usize)
            }
        }
    }
}

/// The error of the call with which the power went off.
fn went_off(is_off: bool) -> io::Result<()> {
    match is_off {
        false => Ok(()),
        true => Err(io::Error::other("the power went off")),
    }
}

impl Storage for MemoryStorage {
    fn names(&self) -> io::Result<Vec<String>> {
        let disk = self.disk();
        disk.is_on()?;
        let names = disk.names.keys();
        let of = |name: &String| name.strip_prefix(&self.folder).map(str::to_owned);
        Ok(names.filter_map(of).collect())
    }

    fn create(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let is_off = disk.count()?;
        disk.files.push(MemoryFile::default());
        let file = disk.files.len() - 1;
        disk.name(self.path(name), Some(file));
        went_off(is_off)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let is_off = disk.count()?;
        let file = disk.find(&self.path(from))?;
        disk.name(self.path(to), Some(file));
        disk.name(self.path(from), None);
        went_off(is_off)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let is_off = disk.count()?;
        disk.find(&self.path(name))?;
        disk.name(self.path(name), None);
        went_off(is_off)
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut disk = self.disk();
        let is_off = disk.count()?;
        went_off(is_off)?;
        let disk = &mut *disk;
        let here = |renamed: &mut (String, Option<usize>)| renamed.0.starts_with(&self.folder);
        for (name, file) in disk.renamed.extract_if(.., here) {
            change(&mut disk.durable_names, name, file);
        }
        Ok(())
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        let disk = self.disk();
        disk.is_on()?;
        Ok(disk.files[disk.find(&self.path(name))?].bytes.len() as u64)
    }

    fn set_length(&self, name: &str, length: u64) -> io::Result<()> {
        let mut disk = self.disk();
        let is_off = disk.count()?;
        let file = disk.find(&self.path(name))?;
        let grown = (length as usize).saturating_sub(disk.files[file].bytes.len());
        disk.has_room(grown)?;
        disk.files[file].resize(length as usize);
        went_off(is_off)
    }

    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let disk = self.disk();
        disk.is_on()?;
        let (file, start) = (&disk.files[disk.find(&self.path(name))?], offset as usize);
        let part = file.bytes.get(start..start + length);
        part.map(<[u8]>::to_vec)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        let is_off = disk.count()?;
        let (file, start) = (disk.find(&self.path(name))?, offset as usize);
        let length = disk.files[file].bytes.len();
        disk.has_room((start + bytes.len()).saturating_sub(length))?;
        if let Some(start) = disk.landing(length, start, bytes.len()) {
            disk.files[file].write(start, bytes);
        }
        went_off(is_off)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let is_off = disk.count()?;
        went_off(is_off)?;
        let file = disk.find(&self.path(name))?;
        let file = &mut disk.files[file];
        file.dirty.clear();
        file.durable_length = file.bytes.len();
        Ok(())
    }
}
