//! What goes wrong in a run: power loss at any change of the disk, lies of the disk, no room, and the way back.

use whampoa_core::ids::LogKey;
use whampoa_core::journal::storage::{Lie, Storage};
use whampoa_core::journal::{Fault, Step};
use whampoa_core::pipeline::{Core, Options, Place, Submission};
use whampoa_core::rejection::Rejection;
use whampoa_core::seeded::Random;
use whampoa_core::state::State;

use crate::machine::{LOG, LOG_KEY, Machine, Sent};

/// Small, so that a run begins several.
const SEGMENT_BYTES: u64 = 96 << 10;
/// Changes of the disk within which a power loss that was ordered comes.
const CHANGES_MAX: usize = 40;

impl Machine {
    /// Opens what is on the disk.
    pub fn open(&mut self) -> Result<(), Fault> {
        let mut keys = Random::new(self.disk.changes());
        let place = Place {
            journal: self.disk.folder("journal"),
            private: self.disk.folder("private"),
            random: Box::new(move |bytes| {
                keys.fill(bytes);
                Ok(())
            }),
            log_key: LogKey(LOG_KEY),
        };
        let options = Options {
            log: LOG.to_owned(),
            segment_bytes: SEGMENT_BYTES,
            accept_loss: false,
            snapshot_rows: 0,
        };
        self.core = Some(Core::open_stepped(place, options)?);
        Ok(())
    }

    /// Between two requests: some of what waits is written, now and then something goes wrong.
    pub fn disturb(&mut self) {
        if !self.is_hostile {
            self.flush();
            return;
        }
        for _ in 0..self.random.below(3) {
            if !self.write_some() {
                self.recover();
            }
        }
        match self.random.below(400) {
            0..=3 => {
                let changes = 1 + self.random.below(CHANGES_MAX) as u64;
                self.disk.power_off_in(changes);
            }
            8 => self.recover(),
            10..=11 => {
                let room = self.random.below(2 * SEGMENT_BYTES as usize) as u64;
                let used = self.disk.used();
                self.disk.limit(Some(used + room));
            }
            12 => self.restart_cleanly(),
            13..=15 => self.now_ms += 1 + self.random.next() % (30 * 3_600_000),
            16..=18 => self.now_ms -= self.random.next() % 600_000,
            _ => {}
        }
    }

    /// The disk tells of a write that it is done, and it is not where it should be.
    pub fn lie(&mut self) {
        let lie = match self.random.below(3) {
            0 => Lie::Lost,
            _ => Lie::Misdirected(self.random.between(-60, 60)),
        };
        self.disk.lie_in(1 + self.random.below(12) as u64, lie);
    }

    /// Writes one group; false when the power went off.
    fn write_some(&mut self) -> bool {
        if self.is_over {
            return true;
        }
        let is_on = self.step().is_some();
        if is_on {
            self.collect();
        }
        is_on
    }

    /// Writes all that waits.
    pub fn flush(&mut self) {
        while !self.in_flight.is_empty() && !self.is_over {
            match self.step() {
                Some(Step::Wrote | Step::Idle) => self.collect(),
                Some(Step::NoRoom) => {
                    self.collect();
                    self.disk.limit(None);
                }
                None => self.recover(),
            }
        }
    }

    /// Writes one group; `None` when the power went off, which not every call that it hits says.
    fn step(&self) -> Option<Step> {
        let step = self.core.as_ref().expect("it is open").step().ok()?;
        (!self.disk.is_off()).then_some(step)
    }

    /// What was refused for want of room is taken once there is some; reads go on in between.
    pub fn make_room(&mut self) {
        let core = self.core.as_ref().expect("it is open");
        assert!(!core.journal().has_room());
        assert_eq!(
            core.status(false).map(|it| it.accepting_writes).ok(),
            Some(false)
        );
        self.disk.limit(None);
        while !self.core.as_ref().expect("it is open").journal().has_room() {
            if !self.write_some() {
                self.recover();
            }
            if self.is_over {
                return;
            }
        }
    }

    /// The power is lost, and comes back: nothing acknowledged is lost, and what is left is what was there (laws 9 and 10).
    pub fn recover(&mut self) {
        self.core = None;
        self.tally.power_losses += 1;
        loop {
            // Everything survives, nothing, or any part of it.
            let kept = self.random.below(3);
            let random = &mut self.random;
            self.disk.lose_power(|_| match kept {
                0 => true,
                1 => false,
                _ => random.one_in(2),
            });
            if self.is_hostile && self.random.one_in(5) {
                self.disk.power_off_in(1 + self.random.below(30) as u64);
            }
            match self.open() {
                Ok(()) => break,
                Err(_) if self.disk.is_off() => self.tally.power_losses_at_start += 1,
                Err(fault) if self.disk.has_lied() => {
                    let is_located = matches!(fault, Fault::Rotten { .. });
                    assert!(is_located, "a fault without a place: {fault}");
                    self.tally.lies_found += 1;
                    self.is_over = true;
                    return;
                }
                Err(fault) => panic!("law 9: the journal cannot be opened: {fault}"),
            }
        }
        self.compare_with_disk();
        self.send_again();
    }

    fn compare_with_disk(&mut self) {
        let core = self.core.as_ref().expect("it is open");
        let durable = core.journal().durable();
        let mut found = Vec::new();
        let scanned = core.journal().scan(0, &mut |_, bytes| {
            found.push(bytes.to_vec());
            Ok(())
        });
        if scanned.is_err() && self.disk.is_off() {
            return self.recover();
        }
        scanned.expect("what was opened can be read");
        assert_eq!(found.len() as u64, durable);
        assert!(
            found.len() <= self.entries.len(),
            "entries came from nowhere"
        );
        assert!(
            found[..] == self.entries[..found.len()],
            "law 9: the journal is another one"
        );
        if durable < self.acknowledged {
            let (kept, told) = (durable, self.acknowledged);
            assert!(
                self.disk.has_lied(),
                "law 9: {kept} of {told} acknowledged entries are left"
            );
            self.tally.lies_lost += 1;
            self.is_over = true;
            return;
        }
        self.auditor.restarted(&found);
        let lost = self.entries.len() - found.len();
        self.tally.entries_lost += lost as u64;
        if lost > 0 {
            self.entries.clear();
            self.state = State::default();
            found.iter().for_each(|bytes| drop(self.learn(bytes)));
            self.tally.entries -= found.len() as u64;
        }
        let state = &self.state;
        self.replies
            .retain(|id, _| state.requests.get(*id).is_some());
        self.compare_states();
    }

    /// Law 10: the state that decisions are made on is the one that the bytes of the entries give.
    pub fn compare_states(&self) {
        let core = self.core.as_ref();
        // It ends with the first fault of the disk.
        if let Some(running) = core.and_then(|core| core.with_state(State::hash)) {
            self.auditor.replayed(running, self.state.hash());
        }
    }

    /// Partners send again what was not answered, and some of what was.
    fn send_again(&mut self) {
        let unanswered = std::mem::take(&mut self.in_flight);
        let unanswered = unanswered.into_values().map(|sent: Sent| sent.submission);
        self.pending = unanswered
            .chain(std::mem::take(&mut self.pending))
            .collect();
        for _ in 0..self.random.below(4) {
            if let Some(answered) = self.random.pick(&self.answered) {
                self.pending.push_back(answered.clone());
            }
        }
        while let Some(next) = self.pending.front().cloned() {
            self.tally.sent_again += 1;
            let next = Submission {
                now_ms: self.now_ms,
                ..next
            };
            match self.decide(&next) {
                // What is left is sent after that recovery.
                None => return self.recover(),
                Some(_) if self.is_over => return,
                Some(Err(refusal)) if refusal.code == Rejection::NoRoom => self.make_room(),
                Some(_) => drop(self.pending.pop_front()),
            }
        }
    }

    /// A clean stop and a start: nothing is lost, and nothing is reported.
    pub fn restart_cleanly(&mut self) {
        self.flush();
        if self.is_over {
            return;
        }
        let core = self.core.take().expect("it is open");
        if core.close().is_err() {
            return self.recover();
        }
        drop(core);
        match self.open() {
            Ok(()) => {
                self.tally.clean_starts += 1;
                self.compare_with_disk();
            }
            Err(_) => self.recover(),
        }
    }

    /// Starts with the private parts of every subject gone.
    pub fn forget_private_parts(&mut self) {
        self.core = None;
        let private = self.disk.folder("private");
        for name in private.names().expect("the power is on") {
            private.remove(&name).expect("the power is on");
        }
        self.open().expect("a start needs no private part");
    }
}
