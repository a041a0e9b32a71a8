//! Backups on disk: which files of a data directory are in one, who may write it, and a restore that appears at once or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::copy::{self, Copied, copy};
use super::manifest::{CONFIG, Hex, LOG_KEY, Manifest};
use super::restore::{self, Report, plan, write};
use super::{Folders, Progress, refused};
use crate::journal::Fault;
use crate::journal::storage::FileStorage;

const JOURNAL: &str = "journal";
const PRIVATE: &str = "private";
/// What a restore under way makes under the temporary name.
const RESTORED: [&str; 4] = [JOURNAL, PRIVATE, CONFIG, "keys"];
/// Nobody else reads what holds keys.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Copies what is new of a data directory, whether its engine runs or not.
pub fn back_up(
    dir: &Path,
    target: &Path,
    options: &copy::Options,
    progress: &mut Progress<'_>,
) -> Result<Copied, Fault> {
    if !dir.join(JOURNAL).is_dir() {
        return refused(format!("{} holds no journal", dir.display()));
    }
    make_folder(target)?;
    let _held = hold(target, FlockOperation::NonBlockingLockExclusive)?;
    let root = FileStorage::read_only(target);
    // Nothing is made in a folder that is something else.
    named(target, Manifest::read(&root))?;
    for folder in [JOURNAL, PRIVATE] {
        make_folder(&target.join(folder))?;
    }
    let mut small = Vec::new();
    if dir.join(CONFIG).exists() {
        small.push((CONFIG, fs::read(dir.join(CONFIG))?));
    }
    if options.with_private {
        small.push((LOG_KEY, read_key(dir)?));
    }
    let (from_journal, from_private) = (folder(dir, JOURNAL), private_of(dir));
    let (journal, private) = (folder(target, JOURNAL), folder(target, PRIVATE));
    let source = Folders {
        root: &root,
        journal: &from_journal,
        private: &from_private,
    };
    let target = Folders {
        root: &root,
        journal: &journal,
        private: &private,
    };
    copy(&source, &small, &target, options, progress)
}

/// Makes `dir` out of a backup; it is there when the report is ok, and not before.
pub fn bring_back(
    backup: &Path,
    dir: &Path,
    options: &restore::Options,
    progress: &mut Progress<'_>,
) -> Result<Report, Fault> {
    check_free(dir)?;
    if !backup.is_dir() {
        return refused(format!("{} is no folder", backup.display()));
    }
    let _held = hold(backup, FlockOperation::NonBlockingLockShared)?;
    let root = FileStorage::read_only(backup);
    let (journal, private) = (folder(backup, JOURNAL), private_of(backup));
    let from = Folders {
        root: &root,
        journal: &journal,
        private: &private,
    };
    let (manifest, mut report) = named(backup, plan(&from, options, progress))?;
    if !report.ok {
        return Ok(report);
    }
    let unfinished = unfinished(dir)?;
    clear(&unfinished)?;
    make_folder(&unfinished)?;
    let written = fill(&unfinished, &from, backup, &manifest, &mut report, progress);
    if written.is_err() || !(report.ok || options.accept_loss) {
        clear(&unfinished)?;
        return written.map(|()| report);
    }
    fs::rename(&unfinished, dir)?;
    sync_folder(parent(dir))?;
    Ok(report)
}

fn fill(
    unfinished: &Path,
    from: &Folders<'_>,
    backup: &Path,
    manifest: &Manifest,
    report: &mut Report,
    progress: &mut Progress<'_>,
) -> Result<(), Fault> {
    for folder in [JOURNAL, PRIVATE, "keys"] {
        make_folder(&unfinished.join(folder))?;
    }
    let root = FileStorage::read_only(unfinished);
    let (journal, private) = (folder(unfinished, JOURNAL), folder(unfinished, PRIVATE));
    let into = Folders {
        root: &root,
        journal: &journal,
        private: &private,
    };
    write(from, &into, manifest, report, progress)?;
    for small in &manifest.small {
        // One that is missing or damaged was told, and its loss accepted.
        let bytes = fs::read(backup.join(&small.kept_as)).unwrap_or_default();
        if RESTORED.iter().any(|known| small.file.starts_with(known))
            && Hex::of(&bytes) == small.sha256
        {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(FILE_MODE);
            let mut file = options.open(unfinished.join(&small.file))?;
            file.write_all(&bytes)?;
            file.sync_all()?;
        }
    }
    sync_folder(&unfinished.join("keys"))?;
    sync_folder(unfinished)
}

fn folder(dir: &Path, name: &str) -> FileStorage {
    FileStorage::read_only(&dir.join(name))
}

/// Private parts may be gone with their folder; any empty folder stands for them then.
fn private_of(dir: &Path) -> FileStorage {
    match dir.join(PRIVATE).is_dir() {
        true => folder(dir, PRIVATE),
        false => FileStorage::read_only(dir),
    }
}

fn read_key(dir: &Path) -> Result<Vec<u8>, Fault> {
    let path = dir.join(LOG_KEY);
    fs::read(&path).map_err(|fault| Fault::Malformed {
        what: format!(
            "{}: {fault}; without it new documents would not match old ones (--without-private leaves it out)",
            path.display()
        ),
    })
}

/// Refuses to write into what is there.
fn check_free(dir: &Path) -> Result<(), Fault> {
    if dir.join(JOURNAL).exists() {
        return refused(format!(
            "{} already holds a journal; restore into another directory",
            dir.display()
        ));
    }
    let is_free = !dir.exists() || (dir.is_dir() && fs::read_dir(dir)?.next().is_none());
    match is_free {
        true => Ok(()),
        false => refused(format!("{} is not empty", dir.display())),
    }
}

/// Where the directory grows before it gets its name.
fn unfinished(dir: &Path) -> Result<PathBuf, Fault> {
    let Some(name) = dir.file_name() else {
        return refused(format!("{} names no directory", dir.display()));
    };
    let mut name = name.to_owned();
    name.push(".restoring");
    Ok(parent(dir).join(name))
}

/// Removes what a restore that was interrupted left.
fn clear(unfinished: &Path) -> Result<(), Fault> {
    if !unfinished.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(unfinished)? {
        let name = entry?.file_name();
        if !RESTORED.iter().any(|known| name == *known) {
            return refused(format!(
                "{} is in the way and was not made by a restore",
                unfinished.display()
            ));
        }
    }
    Ok(fs::remove_dir_all(unfinished)?)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn make_folder(path: &Path) -> Result<(), Fault> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(FOLDER_MODE).create(path)?;
    sync_folder(parent(path))
}

fn sync_folder(path: &Path) -> Result<(), Fault> {
    Ok(File::open(path)?.sync_all()?)
}

/// Keeps a backup from being written by two, or while it is read.
fn hold(path: &Path, operation: FlockOperation) -> Result<File, Fault> {
    let folder = File::open(path)?;
    match flock(&folder, operation) {
        Ok(()) => Ok(folder),
        Err(_) => refused(format!(
            "{} is in use by another backup or restore",
            path.display()
        )),
    }
}

fn named<T>(path: &Path, result: Result<T, Fault>) -> Result<T, Fault> {
    result.map_err(|fault| Fault::Malformed {
        what: format!("{}: {fault}", path.display()),
    })
}
