//! Opening a data directory: the journal's tail rules, then replay by `evolve` alone.

use std::fs;
use std::io::{Read, Write};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::replay::{Entry, Replay, ahead};
use crate::ids::LogKey;
use crate::journal::storage::{FileStorage, Storage};
use crate::journal::{Config, Fault, Journal, Recovery};
use crate::private::{PrivateStore, Random, machine_random};
use crate::state::State;

/// How to open.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the log.
    pub log: String,
    pub segment_bytes: u64,
    pub accept_loss: bool,
}

/// A data directory, replayed.
pub struct Opened {
    pub state: State,
    pub journal: Arc<Journal>,
    pub private: Arc<PrivateStore>,
    pub log_key: LogKey,
    /// Leaf hash of the newest entry.
    pub link: [u8; 32],
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

/// Opens the journal and the private parts, and replays. `is_stepped`: without threads.
pub fn open(
    place: Place<impl Storage + 'static, impl Storage + 'static>,
    options: &Options,
    is_stepped: bool,
) -> Result<Opened, Fault> {
    let start = Instant::now();
    let (journal, recovered, replayed) = replay(place.journal, options, is_stepped)?;
    let private = PrivateStore::open(place.private, place.random)?;
    let state = replayed.state;
    let report = format!(
        "{{\"entries\":{},\"rows\":{},\"seconds\":{:.3},\"read_seconds\":{:.3},\"replay_seconds\":{:.3},\"cut\":{},\
         \"private_damaged\":{}}}",
        state.next_index,
        state.rows,
        start.elapsed().as_secs_f64(),
        replayed.reading.as_secs_f64(),
        replayed.applying.as_secs_f64(),
        recovered.to_json(),
        private.damaged,
    );
    Ok(Opened {
        state,
        link: recovered.link,
        journal: Arc::new(journal),
        private: Arc::new(private),
        log_key: place.log_key,
        report,
    })
}

/// What the walk over the journal gave.
struct Replayed {
    state: State,
    reading: Duration,
    applying: Duration,
}

/// One pass over the journal: this thread applies what another one reads and checks; without threads both are this one.
fn replay(
    storage: impl Storage + 'static,
    options: &Options,
    is_stepped: bool,
) -> Result<(Journal, Recovery, Replayed), Fault> {
    let config = Config {
        log: options.log.clone(),
        segment_bytes: options.segment_bytes,
        accept_loss: options.accept_loss,
    };
    let start = Instant::now();
    let mut replay = Replay::new(State::default());
    let (opened, waited) = if is_stepped {
        let opened = Journal::open_walked(storage, config, true, None, &mut |view, link| {
            replay.take(Entry::read(view, link)?);
            Ok(())
        });
        (opened, replay.spent)
    } else {
        let (mut ahead, entries) = ahead();
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let opened =
                    Journal::open_walked(storage, config, false, None, &mut |view, link| {
                        ahead.push(Entry::read(view, link)?);
                        Ok(())
                    });
                ahead.flush();
                (opened, ahead.waited)
            });
            entries
                .iter()
                .flatten()
                .for_each(|entry| replay.take(entry));
            reader.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    };
    let reading = start.elapsed().saturating_sub(waited);
    let (journal, recovered) = opened?;
    let replayed = Replayed {
        applying: replay.spent,
        state: replay.state,
        reading,
    };
    Ok((journal, recovered, replayed))
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
