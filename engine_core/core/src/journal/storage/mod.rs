//! Where files of the core live: a trait over named files with explicit durability; a folder, or memory that fails to order.

mod file;
mod memory;

use std::io;

pub use file::FileStorage;
pub use memory::{Lie, MemoryStorage};

/// Bytes of zeros written at a time when a file is made.
const ZEROS: usize = 1 << 20;
/// A file under its temporary name was never finished: it holds nothing.
const UNFINISHED: &str = ".new";

/// Named files of one folder. Nothing is durable before `sync` (bytes and length of a file) or `sync_folder` (names).
pub trait Storage: Send + Sync {
    /// Names of all files, sorted, unfinished ones included.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Makes an empty file; one of that name is emptied.
    fn create(&self, name: &str) -> io::Result<()>;
    /// Gives a file another name; a file that had it is gone.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns once all names are durable.
    fn sync_folder(&self) -> io::Result<()>;
    fn length(&self, name: &str) -> io::Result<u64>;
    /// Cuts a file, or makes it longer with zeros.
    fn set_length(&self, name: &str, length: u64) -> io::Result<()>;
    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// Writes, and makes the file longer where needed.
    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns once all that was written to the file is durable.
    fn sync(&self, name: &str) -> io::Result<()>;

    /// Names of all finished files, sorted.
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = self.names()?;
        names.retain(|name| !name.ends_with(UNFINISHED));
        Ok(names)
    }

    /// Makes a file of `length` zero bytes, written and durable under its name, or not there at all.
    fn create_zeroed(&self, name: &str, length: u64) -> io::Result<()> {
        let unfinished = format!("{name}{UNFINISHED}");
        self.create(&unfinished)?;
        let zeros = vec![0; ZEROS.min(length as usize)];
        let mut at = 0;
        while at < length {
            let part = zeros.len().min((length - at) as usize);
            self.write_at(&unfinished, at, &zeros[..part])?;
            at += part as u64;
        }
        self.sync(&unfinished)?;
        self.place(&unfinished, name)
    }

    /// Gives a file another name, durably.
    fn place(&self, from: &str, to: &str) -> io::Result<()> {
        self.rename(from, to)?;
        self.sync_folder()
    }

    /// Makes an empty file, durable under its name, unless there is one.
    fn ensure(&self, name: &str) -> io::Result<()> {
        if !self.names()?.iter().any(|one| one == name) {
            self.create(name)?;
        }
        self.sync_folder()
    }
}
