//! Where segments live: a trait over named files, a folder on disk, and memory for tests and simulation.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Named files with explicit durability.
pub trait Storage: Send + Sync {
    /// Names of all files, sorted.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes a file of `length` zero bytes, written and durable under its name.
    fn create_zeroed(&self, name: &str, length: u64) -> io::Result<()>;
    /// Gives a file another name, durably.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn length(&self, name: &str) -> io::Result<u64>;
    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns once all that was written to the file is durable.
    fn sync(&self, name: &str) -> io::Result<()>;
}

/// A folder. Files stay open once used.
pub struct FileStorage {
    folder: PathBuf,
    open: Mutex<BTreeMap<String, Arc<File>>>,
}

/// Bytes of zeros written at a time when a file is made.
const ZEROS: usize = 1 << 20;

impl FileStorage {
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            open: Mutex::default(),
        })
    }

    /// The same folder, never written: for checks.
    pub fn read_only(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            open: Mutex::default(),
        }
    }

    fn file(&self, name: &str) -> io::Result<Arc<File>> {
        let mut open = lock(&self.open);
        if let Some(file) = open.get(name) {
            return Ok(Arc::clone(file));
        }
        let path = self.folder.join(name);
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .or_else(|_| File::open(&path))?;
        let file = Arc::new(file);
        open.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storage for FileStorage {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // A file under its temporary name was never finished: it holds nothing.
            if !name.ends_with(".new") {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn create_zeroed(&self, name: &str, length: u64) -> io::Result<()> {
        let temporary = self.folder.join(format!("{name}.new"));
        let file = File::create(&temporary)?;
        let zeros = vec![0; ZEROS];
        let mut at = 0;
        while at < length {
            let part = zeros.len().min((length - at) as usize);
            file.write_all_at(&zeros[..part], at)?;
            at += part as u64;
        }
        file.sync_all()?;
        fs::rename(&temporary, self.folder.join(name))?;
        // A file of this name that was open before is another one now.
        lock(&self.open).remove(name);
        File::open(&self.folder)?.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let file = lock(&self.open).remove(from);
        fs::rename(self.folder.join(from), self.folder.join(to))?;
        if let Some(file) = file {
            lock(&self.open).insert(to.to_owned(), file);
        }
        File::open(&self.folder)?.sync_all()
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        Ok(self.file(name)?.metadata()?.len())
    }

    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file(name)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(name)?.write_all_at(bytes, offset)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()
    }
}

/// Files in memory. What was not synced can be thrown away, as power loss does.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    files: Arc<Mutex<BTreeMap<String, MemoryFile>>>,
}

#[derive(Clone, Default)]
struct MemoryFile {
    durable: Vec<u8>,
    written: Vec<u8>,
}

impl MemoryStorage {
    /// Loses what was not synced; of the unsynced units those for which `keep` says so survive.
    pub fn lose_power(&self, mut keep: impl FnMut(u64) -> bool) {
        for file in lock(&self.files).values_mut() {
            for (at, unit) in file.written.chunks(super::frame::UNIT).enumerate() {
                let start = at * super::frame::UNIT;
                if file.durable[start..start + unit.len()] != *unit && keep(at as u64) {
                    file.durable[start..start + unit.len()].copy_from_slice(unit);
                }
            }
            file.written = file.durable.clone();
        }
    }

    /// Changes one byte, as rot does.
    pub fn flip(&self, name: &str, offset: usize, mask: u8) {
        if let Some(file) = lock(&self.files).get_mut(name) {
            file.written[offset] ^= mask;
            file.durable[offset] ^= mask;
        }
    }

    /// Cuts a file, as an external hand does.
    pub fn truncate(&self, name: &str, length: usize) {
        if let Some(file) = lock(&self.files).get_mut(name) {
            file.written.truncate(length);
            file.durable.truncate(length);
        }
    }

    fn with<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut MemoryFile) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut files = lock(&self.files);
        act(files
            .get_mut(name)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, name.to_owned()))?)
    }
}

impl Storage for MemoryStorage {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(lock(&self.files).keys().cloned().collect())
    }

    fn create_zeroed(&self, name: &str, length: u64) -> io::Result<()> {
        let zeros = vec![0; length as usize];
        lock(&self.files).insert(
            name.to_owned(),
            MemoryFile {
                durable: zeros.clone(),
                written: zeros,
            },
        );
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = lock(&self.files);
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        self.with(name, |file| Ok(file.written.len() as u64))
    }

    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let start = offset as usize;
        self.with(name, |file| {
            let part = file.written.get(start..start + length);
            part.map(<[u8]>::to_vec)
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        })
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = offset as usize;
        self.with(name, |file| {
            let part = file.written.get_mut(start..start + bytes.len());
            part.ok_or(io::ErrorKind::StorageFull)?
                .copy_from_slice(bytes);
            Ok(())
        })
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.with(name, |file| {
            file.durable = file.written.clone();
            Ok(())
        })
    }
}
