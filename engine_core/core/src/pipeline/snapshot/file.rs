//! One snapshot as a file: a head, frames, links, transfers, the rest of the state, and a sum over all.

use std::sync::Arc;

use super::Snapshot;
use crate::event::codec::Wire;
use crate::evidence::hash::Hash;
use crate::journal::storage::Storage;
use crate::journal::{Fault, FramePlace};
use crate::state::id_table::ROW_BYTES;
use crate::state::snapshot::{CODE, Frozen};

const MAGIC: [u8; 4] = *b"WSS1";
const FRAME_BYTES: usize = 36;
const LINK_BYTES: usize = 32;
const SUM_BYTES: usize = 4;
/// Head without the name of the log.
const HEAD_BYTES: usize = 4 + 32 + 5 * 8 + 2 * 32 + 1;
/// Transfers read in one go: they stay in memory as these parts.
const TRANSFERS_AT_ONCE: usize = 1 << 18;
/// Written bytes are made durable in parts, so that the journal's syncs do not wait behind all of them.
const SYNC_BYTES: usize = 32 << 20;

/// What stands at the start of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    log: String,
    entries: u64,
    rows: u64,
    frames: u64,
    transfers: u64,
    body: u64,
    pub link: Hash,
    state_hash: Hash,
}

impl Head {
    fn of(snapshot: &Snapshot, log: &str, body: usize) -> Self {
        let parts = snapshot.frozen.transfers.iter();
        Self {
            log: log.to_owned(),
            entries: snapshot.entries,
            rows: snapshot.rows,
            frames: snapshot.frames.len() as u64,
            transfers: parts.map(|part| part.len() as u64).sum(),
            body: body as u64,
            link: snapshot.link(),
            state_hash: snapshot.state_hash,
        }
    }

    /// magic 4 ‖ code 32 ‖ entries 8 ‖ rows 8 ‖ frames 8 ‖ transfers 8 ‖ body 8 ‖ link 32 ‖ state hash 32 ‖ name length 1 ‖ name.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [&MAGIC[..], &CODE].concat();
        for number in [
            self.entries,
            self.rows,
            self.frames,
            self.transfers,
            self.body,
        ] {
            number.put(&mut bytes);
        }
        bytes.extend_from_slice(&self.link);
        bytes.extend_from_slice(&self.state_hash);
        bytes.push(self.log.len() as u8);
        bytes.extend_from_slice(self.log.as_bytes());
        bytes
    }

    fn length(&self) -> usize {
        HEAD_BYTES + self.log.len()
    }

    /// Bytes of the whole file.
    fn file_bytes(&self) -> Option<u64> {
        let head = (self.length() + SUM_BYTES) as u64;
        [
            self.frames.checked_mul(FRAME_BYTES as u64)?,
            self.entries.checked_mul(LINK_BYTES as u64)?,
            self.transfers.checked_mul(ROW_BYTES as u64)?,
            self.body,
        ]
        .into_iter()
        .try_fold(head, u64::checked_add)
    }
}

/// Reads a file in order and sums what it reads.
struct Reader<'a> {
    storage: &'a dyn Storage,
    name: &'a str,
    at: u64,
    sum: u32,
}

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Result<Vec<u8>, String> {
        let bytes = self
            .storage
            .read_at(self.name, self.at, length)
            .map_err(|fault| fault.to_string())?;
        self.at += length as u64;
        self.sum = crc32c::crc32c_append(self.sum, &bytes);
        Ok(bytes)
    }

    fn head(&mut self) -> Result<Head, String> {
        let bytes = self.take(HEAD_BYTES)?;
        if bytes[..4] != MAGIC {
            return Err("no such format".into());
        }
        if bytes[4..36] != CODE {
            return Err("another release wrote it".into());
        }
        let number = |at: usize| u64::get(&bytes[36 + 8 * at..]).unwrap_or_default();
        let hash = |at: usize| Hash::get(&bytes[at..]).unwrap_or_default();
        let log = self.take(usize::from(bytes[HEAD_BYTES - 1]))?;
        Ok(Head {
            log: String::from_utf8(log).map_err(|_| "the name of its log is no text")?,
            entries: number(0),
            rows: number(1),
            frames: number(2),
            transfers: number(3),
            body: number(4),
            link: hash(76),
            state_hash: hash(108),
        })
    }
}

/// Reads the snapshot of a log from a file; otherwise why it is no good.
pub(super) fn read(storage: &dyn Storage, name: &str, log: &str) -> Result<Snapshot, String> {
    let mut reader = Reader {
        storage,
        name,
        at: 0,
        sum: 0,
    };
    let head = reader.head()?;
    if head.log != log {
        return Err(format!("it is of log {:?}", head.log));
    }
    let length = storage.length(name).map_err(|fault| fault.to_string())?;
    if head.file_bytes() != Some(length) {
        return Err("its length is not what its head says".into());
    }
    let frames = reader.take(head.frames as usize * FRAME_BYTES)?;
    let links = reader.take(head.entries as usize * LINK_BYTES)?;
    let (mut transfers, mut left) = (Vec::new(), head.transfers as usize);
    while left > 0 {
        let count = left.min(TRANSFERS_AT_ONCE);
        let rows = reader.take(count * ROW_BYTES)?;
        transfers.push(Arc::new(rows.as_chunks().0.to_vec()));
        left -= count;
    }
    let mut body = reader.take(head.body as usize)?;
    let computed = reader.sum.to_be_bytes();
    if reader.take(SUM_BYTES)? != computed {
        return Err("its sum does not fit".into());
    }
    let (tree, rest) = postcard::take_from_bytes(&body).map_err(|fault| fault.to_string())?;
    body.drain(..body.len() - rest.len());
    let frames: Option<Vec<FramePlace>> = frames.chunks_exact(FRAME_BYTES).map(frame).collect();
    let snapshot = Snapshot {
        entries: head.entries,
        rows: head.rows,
        state_hash: head.state_hash,
        frames: frames.ok_or("a frame is cut")?,
        links: links.as_chunks().0.to_vec(),
        tree,
        frozen: Frozen { transfers, body },
    };
    match snapshot.link() == head.link {
        true => Ok(snapshot),
        false => Err("its links are not those of its head".into()),
    }
}

/// first index 8 ‖ entries 4 ‖ segment 8 ‖ offset 8 ‖ length with padding 8.
fn frame(bytes: &[u8]) -> Option<FramePlace> {
    Some(FramePlace {
        first_index: u64::get(bytes)?,
        entries: u32::get(bytes.get(8..)?)?,
        segment: u64::get(bytes.get(12..)?)?,
        offset: u64::get(bytes.get(20..)?)?,
        padded: u64::get(bytes.get(28..)?)?,
    })
}

/// Writes a file in order, sums what it writes, and syncs as it goes.
struct Writer<'a> {
    storage: &'a dyn Storage,
    name: &'a str,
    at: u64,
    sum: u32,
    unsynced: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.storage.write_at(self.name, self.at, bytes)?;
        self.at += bytes.len() as u64;
        self.sum = crc32c::crc32c_append(self.sum, bytes);
        self.unsynced += bytes.len();
        if self.unsynced >= SYNC_BYTES {
            self.storage.sync(self.name)?;
            self.unsynced = 0;
        }
        Ok(())
    }
}

/// Writes a snapshot into a new file and makes its bytes durable.
pub(super) fn write(
    storage: &dyn Storage,
    name: &str,
    log: &str,
    snapshot: &Snapshot,
) -> Result<(), Fault> {
    storage.create(name)?;
    let tree = postcard::to_stdvec(&snapshot.tree).map_err(std::io::Error::other)?;
    let head = Head::of(snapshot, log, tree.len() + snapshot.frozen.body.len());
    let mut writer = Writer {
        storage,
        name,
        at: 0,
        sum: 0,
        unsynced: 0,
    };
    writer.put(&head.to_bytes())?;
    let mut frames = Vec::with_capacity(snapshot.frames.len() * FRAME_BYTES);
    for place in &snapshot.frames {
        place.first_index.put(&mut frames);
        place.entries.put(&mut frames);
        place.segment.put(&mut frames);
        place.offset.put(&mut frames);
        place.padded.put(&mut frames);
    }
    writer.put(&frames)?;
    writer.put(snapshot.links.as_flattened())?;
    for part in &snapshot.frozen.transfers {
        writer.put(part.as_flattened())?;
    }
    writer.put(&tree)?;
    writer.put(&snapshot.frozen.body)?;
    let sum = writer.sum.to_be_bytes();
    writer.put(&sum)?;
    Ok(storage.sync(name)?)
}
