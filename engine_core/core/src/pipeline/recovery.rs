//! Opening a data directory: the journal's tail rules, then replay by `evolve` alone.

use std::fs;
use std::io::{Read, Write};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::replay::{Entry, Replay, ahead};
use super::snapshot::{Snapshot, Snapshots, Taken};
use crate::ids::LogKey;
use crate::journal::storage::{FileStorage, Storage};
use crate::journal::view::EntryView;
use crate::journal::{Base, Config, Fault, Journal, Recovery};
use crate::private::{PrivateStore, Random, machine_random};
use crate::state::State;

/// How to open.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the log.
    pub log: String,
    pub segment_bytes: u64,
    pub accept_loss: bool,
    /// Rows after which a snapshot is made again; 0: none are made or read.
    pub snapshot_rows: u64,
}

impl Default for Options {
    fn default() -> Self {
        let Config {
            log,
            segment_bytes,
            accept_loss,
        } = Config::default();
        Self {
            log,
            segment_bytes,
            accept_loss,
            snapshot_rows: SNAPSHOT_ROWS,
        }
    }
}

/// As many as replay in well under a second.
const SNAPSHOT_ROWS: u64 = 2_000_000;

/// A data directory, replayed.
pub struct Opened {
    pub state: State,
    pub journal: Arc<Journal>,
    pub private: Arc<PrivateStore>,
    pub log_key: LogKey,
    /// Leaf hash of the newest entry.
    pub link: [u8; 32],
    /// The snapshot that it began with.
    pub snapshot: Option<Arc<Snapshot>>,
    /// What recovery did, as JSON.
    pub report: String,
}

/// Where a log lives.
pub struct Place<J, P> {
    pub journal: J,
    pub private: P,
    /// Where the keys of private parts come from.
    pub random: Box<Random>,
    pub log_key: LogKey,
}

/// The parts of a data directory.
pub fn place(dir: &Path) -> Result<Place<FileStorage, FileStorage>, Fault> {
    Ok(Place {
        journal: FileStorage::open(&dir.join("journal"))?,
        private: FileStorage::open(&dir.join("private"))?,
        random: machine_random()?,
        log_key: log_key(&dir.join("keys"))?,
    })
}

/// Opens the journal and the private parts, and replays what no snapshot holds. `is_stepped`: without threads.
pub fn open(
    place: Place<impl Storage + 'static, impl Storage + 'static>,
    snapshots: Option<&Snapshots>,
    options: &Options,
    is_stepped: bool,
) -> Result<Opened, Fault> {
    let start = Instant::now();
    let (mut taken, mut state) = (Taken::default(), State::default());
    // Who accepts a loss wants to see all of it: then every frame is read.
    if let Some(snapshots) = snapshots.filter(|_| !options.accept_loss) {
        taken = snapshots.newest(u64::MAX, &mut |snapshot| {
            snapshot.base().check(&place.journal, &options.log)?;
            state = snapshot.frozen.thaw()?;
            Ok(())
        });
    }
    let snapshot = taken.snapshot.map(Arc::new);
    let loading = start.elapsed();
    let base = snapshot.as_ref().map(|snapshot| snapshot.base());
    let replayed = replay(place.journal, options, is_stepped, base.as_ref(), state)?;
    let private = PrivateStore::open(place.private, place.random)?;
    let report = Report {
        snapshot: snapshot.as_deref(),
        passed_over: &taken.passed_over,
        seconds: [
            start.elapsed(),
            loading,
            replayed.reading,
            replayed.applying,
        ],
        private_damaged: private.damaged,
    };
    let report = report.to_json(&replayed);
    Ok(Opened {
        state: replayed.state,
        link: replayed.recovered.link,
        journal: Arc::new(replayed.journal),
        private: Arc::new(private),
        log_key: place.log_key,
        snapshot,
        report,
    })
}

/// What a start tells of itself.
struct Report<'a> {
    snapshot: Option<&'a Snapshot>,
    passed_over: &'a [(String, String)],
    /// In all, for the snapshot, reading and checking frames, applying entries; the last two at once.
    seconds: [Duration; 4],
    private_damaged: u64,
}

impl Report<'_> {
    fn to_json(&self, replayed: &Replayed) -> String {
        let [all, loading, reading, applying] = self.seconds.map(|time| time.as_secs_f64());
        let index = self.snapshot.map_or("null".to_owned(), |snapshot| {
            (snapshot.entries - 1).to_string()
        });
        let passed_over: Vec<String> = self
            .passed_over
            .iter()
            .map(|(file, why)| format!("{{\"file\":{file:?},\"why\":{why:?}}}"))
            .collect();
        format!(
            "{{\"entries\":{},\"rows\":{},\"seconds\":{all:.3},\"snapshot_index\":{index},\"snapshot_seconds\":{loading:.3},\
             \"read_seconds\":{reading:.3},\"replay_seconds\":{applying:.3},\"snapshots_passed_over\":[{}],\"cut\":{},\
             \"private_damaged\":{}}}",
            replayed.state.next_index,
            replayed.state.rows,
            passed_over.join(","),
            replayed.recovered.to_json(),
            self.private_damaged,
        )
    }
}

/// What the walk over the journal gave.
struct Replayed {
    journal: Journal,
    recovered: Recovery,
    state: State,
    reading: Duration,
    applying: Duration,
}

/// One pass over the journal: this thread applies what another one reads and checks; without threads both are this one.
fn replay(
    storage: impl Storage + 'static,
    options: &Options,
    is_stepped: bool,
    base: Option<&Base<'_>>,
    state: State,
) -> Result<Replayed, Fault> {
    let config = Config {
        log: options.log.clone(),
        segment_bytes: options.segment_bytes,
        accept_loss: options.accept_loss,
    };
    let start = Instant::now();
    let mut replay = Replay::new(state);
    let (opened, waited) = if is_stepped {
        let opened = Journal::open_walked(storage, config, true, base, &mut |view, link| {
            replay.take(Entry::read(view, link)?);
            Ok(())
        });
        (opened, replay.spent)
    } else {
        let (mut ahead, entries) = ahead();
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let visit = &mut |view: &EntryView<'_>, link| {
                    ahead.push(Entry::read(view, link)?);
                    Ok(())
                };
                let opened = Journal::open_walked(storage, config, false, base, visit);
                ahead.flush();
                (opened, ahead.waited)
            });
            let entries = entries.iter().flatten();
            entries.for_each(|entry| replay.take(entry));
            reader.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    };
    let reading = start.elapsed().saturating_sub(waited);
    let (journal, recovered) = opened?;
    Ok(Replayed {
        journal,
        recovered,
        applying: replay.spent,
        state: replay.state,
        reading,
    })
}

/// The key under which business keys are digested; made once, kept beside the other keys.
fn log_key(keys: &Path) -> Result<LogKey, Fault> {
    let path = keys.join("log.key");
    if let Ok(bytes) = fs::read(&path) {
        let key = bytes
            .try_into()
            .map_err(|_| std::io::Error::other("keys/log.key is not 32 bytes"))?;
        return Ok(LogKey(key));
    }
    let mut key = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    fs::create_dir_all(keys)?;
    // Whole when it has its name: a start that was killed leaves no half of a key.
    let beside = keys.join("log.key.new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    fs::File::open(keys)?.sync_all()?;
    Ok(LogKey(key))
}
