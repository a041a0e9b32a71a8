//! `engine._core.Disk`: a disk in memory that fails to order, for simulations.

use pyo3::prelude::*;
use whampoa_core::ids::LogKey;
use whampoa_core::journal::storage::MemoryStorage;
use whampoa_core::pipeline::Place;
use whampoa_core::seeded::Random;

#[pyclass(frozen, module = "engine._core")]
pub struct Disk {
    storage: MemoryStorage,
    seed: u64,
}

#[pymethods]
impl Disk {
    #[new]
    fn new(seed: u64) -> Self {
        Self {
            storage: MemoryStorage::default(),
            seed,
        }
    }

    /// The power goes off at the n-th change from now on; every call fails from then on.
    fn power_off_in(&self, changes: u64) {
        self.storage.power_off_in(changes);
    }

    fn is_off(&self) -> bool {
        self.storage.is_off()
    }

    /// Loses what was not synced, as the seed says, and is on again. No core may be open on it any more.
    fn lose_power(&self, seed: u64) {
        let mut random = Random::new(seed);
        self.storage.lose_power(|_| random.one_in(2));
    }

    /// Bytes that all files may have together; none: as many as they want.
    #[pyo3(signature = (capacity))]
    fn limit(&self, capacity: Option<u64>) {
        self.storage.limit(capacity);
    }

    /// Changes so far.
    fn changes(&self) -> u64 {
        self.storage.changes()
    }
}

impl Disk {
    /// Journal and private parts of the one log on this disk; its keys come from the seed.
    pub fn place(&self) -> Place<MemoryStorage, MemoryStorage> {
        let mut random = Random::new(self.seed ^ self.storage.changes());
        Place {
            journal: self.storage.folder("journal"),
            private: self.storage.folder("private"),
            random: Box::new(move |bytes| {
                random.fill(bytes);
                Ok(())
            }),
            log_key: LogKey([self.seed as u8; 32]),
        }
    }
}
