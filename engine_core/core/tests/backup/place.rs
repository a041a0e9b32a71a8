//! Where a backup, or a directory restored from one, lives in a test.

use whampoa_core::backup::copy::{Copied, Options, copy};
use whampoa_core::backup::restore::{self, Report};
use whampoa_core::backup::{Folders, manifest};
use whampoa_core::journal::Fault;
use whampoa_core::journal::storage::{MemoryStorage, Storage};

use crate::source::Source;
use whampoa_core::seeded::Random;

pub const LOG_KEY: &[u8] = b"the key of the log, 32 bytes long";

#[derive(Clone, Default)]
pub struct Place {
    pub root: MemoryStorage,
    pub journal: MemoryStorage,
    pub private: MemoryStorage,
}

pub fn options() -> Options {
    Options {
        with_private: true,
        with_laws: true,
        time_ms: 1_700_000_000_000,
        checkpoint_bytes: 100 << 10,
    }
}

/// The one line of a failure.
pub fn line<T>(result: Result<T, Fault>) -> String {
    match result {
        Ok(_) => panic!("it has to fail"),
        Err(fault) => fault.to_string(),
    }
}

impl Place {
    pub fn folders(&self) -> Folders<'_> {
        Folders {
            root: &self.root,
            journal: &self.journal,
            private: &self.private,
        }
    }

    pub fn back_up_with(
        &self,
        source: &Source,
        options: &Options,
        key: &[u8],
    ) -> Result<Copied, Fault> {
        let from = Folders {
            root: &self.root,
            journal: &source.journal,
            private: &source.private,
        };
        let small = [
            ("config.toml", b"[engine]\n".to_vec()),
            ("keys/log.key", key.to_vec()),
        ];
        copy(&from, &small, &self.folders(), options, &mut |_, _, _| {
            Ok(())
        })
    }

    pub fn back_up(&self, source: &Source) -> Result<Copied, Fault> {
        self.back_up_with(source, &options(), LOG_KEY)
    }

    pub fn manifest(&self) -> manifest::Manifest {
        manifest::Manifest::read(&self.root).unwrap().unwrap()
    }

    pub fn plan(&self, until: Option<u64>, accept_loss: bool) -> Report {
        let options = restore::Options { until, accept_loss };
        restore::plan(&self.folders(), &options, &mut |_, _, _| Ok(()))
            .unwrap()
            .1
    }

    /// Restores into a new place.
    pub fn restore(&self, until: Option<u64>, accept_loss: bool) -> (Place, Report) {
        let options = restore::Options { until, accept_loss };
        let progress = &mut |_: &str, _, _| Ok(());
        let (manifest, mut report) = restore::plan(&self.folders(), &options, progress).unwrap();
        let into = Self::default();
        if report.ok {
            restore::write(
                &self.folders(),
                &into.folders(),
                &manifest,
                &mut report,
                progress,
            )
            .unwrap();
        }
        (into, report)
    }

    pub fn disks(&self) -> [&MemoryStorage; 3] {
        [&self.root, &self.journal, &self.private]
    }

    /// Power loss on every disk; of what was not synced some survives.
    pub fn lose_power(&self, random: &mut Random) {
        for disk in self.disks() {
            disk.lose_power(|_| random.one_in(2));
        }
    }

    /// Every file with its bytes.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        for (folder, disk) in ["root", "journal", "private"].iter().zip(self.disks()) {
            for name in disk.names().unwrap() {
                let bytes = disk
                    .read_at(&name, 0, disk.length(&name).unwrap() as usize)
                    .unwrap();
                files.push((format!("{folder}/{name}"), bytes));
            }
        }
        files
    }

    /// The same files on disks of their own.
    pub fn copied(&self) -> Self {
        let copy = Self::default();
        for (from, into) in self.disks().iter().zip(copy.disks()) {
            for name in from.names().unwrap() {
                let bytes = from
                    .read_at(&name, 0, from.length(&name).unwrap() as usize)
                    .unwrap();
                into.create(&name).unwrap();
                into.write_at(&name, 0, &bytes).unwrap();
                into.sync(&name).unwrap();
            }
            into.sync_folder().unwrap();
        }
        copy
    }
}
