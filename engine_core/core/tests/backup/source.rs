//! A log that grows as an engine makes it grow: operations of several entries, several in a frame, private parts first.

use whampoa_core::event::Draft;
use whampoa_core::event::registry::ActorAdmitted;
use whampoa_core::ids::Id;
use whampoa_core::journal::entry::{Field, Sealed, seal};
use whampoa_core::journal::storage::MemoryStorage;
use whampoa_core::journal::{Config, Journal};
use whampoa_core::pipeline::seal::entry_draft;
use whampoa_core::private::PrivateStore;

use whampoa_core::seeded::Random;

pub const SEGMENT_BYTES: u64 = 64 << 10;
pub const FIELD: u16 = 0x1000;

#[derive(Default)]
pub struct Source {
    pub journal: MemoryStorage,
    pub private: MemoryStorage,
    /// Every entry so far, and whether it has a private part.
    pub entries: Vec<(Vec<u8>, bool)>,
    /// Entries up to each end of an operation.
    pub ends: Vec<u64>,
    pub link: [u8; 32],
    pub log: &'static str,
    pub open: Option<(Journal, PrivateStore)>,
}

impl Source {
    pub fn new() -> Self {
        Self {
            log: "whampoa-1",
            ..Self::default()
        }
    }

    pub fn config(&self) -> Config {
        Config {
            log: self.log.into(),
            segment_bytes: SEGMENT_BYTES,
            accept_loss: false,
        }
    }

    pub fn open(&mut self) -> &(Journal, PrivateStore) {
        if self.open.is_none() {
            let (journal, recovery) =
                Journal::open_stepped(self.journal.clone(), self.config()).unwrap();
            let random = Box::new(|bytes: &mut [u8]| {
                bytes.fill(7);
                Ok(())
            });
            let private = PrivateStore::open(self.private.clone(), random).unwrap();
            assert_eq!(recovery.entries, self.entries.len() as u64);
            self.open = Some((journal, private));
        }
        self.open.as_ref().unwrap()
    }

    /// Stops well: the footer is written.
    pub fn close(&mut self) {
        if let Some((journal, _)) = self.open.take() {
            journal.close().unwrap();
        }
    }

    /// The process is gone; nothing more is written.
    pub fn kill(&mut self) {
        if let Some((journal, private)) = self.open.take() {
            std::mem::forget(journal);
            drop(private);
        }
    }

    /// Seals the next entry without writing it.
    pub fn sealed(&mut self, random: &mut Random, continues: bool) -> Sealed {
        let index = self.entries.len() as u64;
        let name = format!("{index} {}", "x".repeat(random.below(700)));
        let mut draft = Draft::first(Id::ZERO, ActorAdmitted { identity: name });
        draft.continues = continues;
        let mut entry = entry_draft(&draft, 0, 1_700_000_000_000 + index, None);
        let is_private = random.one_in(2);
        if is_private {
            entry.fields.push(Field {
                id: FIELD,
                kind: 1,
                value: format!("secret of {index}").into_bytes(),
                subject: Some([random.below(5) as u8 + 1; 16]),
            });
        }
        let sealed = seal(entry, index, self.link, [random.next() as u8; 32]);
        self.link = sealed.link;
        self.entries.push((sealed.bytes.clone(), is_private));
        if !continues {
            self.ends.push(index + 1);
        }
        sealed
    }

    fn write(&mut self, sealed: Vec<Sealed>) {
        let (journal, private) = self.open();
        private.put(&sealed).unwrap();
        journal.append(sealed).unwrap();
    }

    /// Operations of one to four entries in frames of one to five operations, until there are `entries` more.
    pub fn grow(&mut self, random: &mut Random, entries: usize) {
        self.open();
        let until = self.entries.len() + entries;
        while self.entries.len() < until {
            for _ in 0..=random.below(5) {
                let last = if random.one_in(3) { random.below(4) } else { 0 };
                let group = (0..=last)
                    .map(|at| self.sealed(random, at < last))
                    .collect();
                self.write(group);
                if random.one_in(6) {
                    self.step();
                }
            }
            self.step();
        }
    }

    /// Entries of an operation whose end does not come.
    pub fn begin_operation(&mut self, random: &mut Random) {
        self.open();
        let group = (0..3).map(|_| self.sealed(random, true)).collect();
        self.write(group);
        self.step();
    }

    pub fn step(&mut self) {
        self.open().0.step().unwrap();
    }

    /// Reads back all that a restored place has, and says up to where.
    pub fn check(&self, place: &crate::place::Place, entries: u64) {
        let (journal, recovery) =
            Journal::open_stepped(place.journal.clone(), self.config()).unwrap();
        assert_eq!(
            (recovery.entries, recovery.dropped, &recovery.cut),
            (entries, 0, &None)
        );
        let mut seen = 0;
        journal
            .scan(0, &mut |index, bytes| {
                assert_eq!(bytes, self.entries[index as usize].0);
                seen += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, entries);
        std::mem::forget(journal);
        let random = Box::new(|_: &mut [u8]| Ok(()));
        let store = PrivateStore::open(place.private.clone(), random).unwrap();
        for (index, (_, is_private)) in self.entries.iter().enumerate() {
            let found = store.open_field(index as u64, FIELD).unwrap();
            let expected = *is_private && (index as u64) < entries;
            assert_eq!(
                found.map(|(value, _)| value),
                expected.then(|| format!("secret of {index}").into_bytes()),
                "private part of entry {index}"
            );
        }
    }
}
