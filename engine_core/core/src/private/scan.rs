//! Finds the records of a file of private parts, past those that rotted, up to a torn tail.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};

use super::{HEAD_BYTES, Place, Places};
use crate::journal::Fault;
use crate::journal::storage::Storage;

/// What a file holds.
pub struct Found {
    pub places: Places,
    /// Where the next record goes: behind the last whole one.
    pub end: u64,
    /// Where stretches between whole records begin that are none.
    pub damaged: Vec<u64>,
}

/// No record is longer: a request has at most 32 MiB.
const RECORD_BYTES_MAX: u64 = 64 << 20;
/// How far behind a rotten record the next whole one is looked for.
const SEARCH_BYTES_MAX: u64 = 2 * RECORD_BYTES_MAX;

/// Bytes that are read ahead.
const READ_BYTES: u64 = 1 << 20;

/// Finds all records.
pub fn scan(storage: &dyn Storage, name: &str) -> Result<Found, Fault> {
    let mut places = BTreeMap::new();
    let (end, damaged) = records(storage, name, 0, &mut |offset, record| {
        let length = record.len() as u32;
        places.insert(name_of(record), Place { offset, length });
        Ok(())
    })?;
    Ok(Found {
        places,
        end,
        damaged,
    })
}

/// A whole record and where it stands.
pub type Visit<'a> = dyn FnMut(u64, &[u8]) -> Result<(), Fault> + 'a;

/// Reads a file once from a place on, one record in memory at a time. The place behind the last whole record, and where
/// stretches between whole records begin that are none.
pub fn records(
    storage: &dyn Storage,
    name: &str,
    from: u64,
    visit: &mut Visit<'_>,
) -> Result<(u64, Vec<u64>), Fault> {
    let length = storage.length(name)?;
    let values = Values {
        storage,
        name,
        length,
    };
    let (mut end, mut damaged, mut at) = (from, Vec::new(), from);
    while at < length {
        at = run(values, at, &mut end, visit)?;
        let Some(next) = search(values, at)? else {
            break;
        };
        damaged.push(at);
        at = next;
    }
    Ok((end, damaged))
}

/// Takes whole records from `at` on; where the first that is none begins.
fn run(
    values: Values<'_>,
    mut at: u64,
    end: &mut u64,
    visit: &mut Visit<'_>,
) -> Result<u64, Fault> {
    let length = values.length;
    let ahead = (length - at).min(READ_BYTES) as usize;
    let mut reader = BufReader::with_capacity(ahead, Section { values, at });
    let mut record = Vec::new();
    while at < length {
        record.resize(HEAD_BYTES, 0);
        if length - at < HEAD_BYTES as u64 {
            break;
        }
        reader.read_exact(&mut record)?;
        let Some(size) = size_of(&record, length - at) else {
            break;
        };
        record.resize(size, 0);
        reader.read_exact(&mut record[HEAD_BYTES..])?;
        if !is_whole(&record) {
            break;
        }
        visit(at, &record)?;
        at += size as u64;
        *end = at;
    }
    Ok(at)
}

/// The next whole record behind one that is none; `None` when there is no other.
fn search(values: Values<'_>, at: u64) -> io::Result<Option<u64>> {
    if at >= values.length {
        return Ok(None);
    }
    let count = (values.length - at).min(SEARCH_BYTES_MAX) as usize;
    let window = values.storage.read_at(values.name, at, count)?;
    for start in 1..window.len() {
        let rest = &window[start..];
        // An index has 48 bits. Where ciphertext rotted, one place in 64 names a length that fits: without a second
        // look, summing up what follows each of them would take hours.
        let size = match rest.get(8..10) {
            Some([0, 0]) => size_of(rest, rest.len() as u64),
            _ => None,
        };
        if size.is_some_and(|size| is_whole(&rest[..size])) {
            return Ok(Some(at + start as u64));
        }
    }
    Ok(None)
}

/// Length that a head names, when a record of it may stand in what is left.
fn size_of(head: &[u8], left: u64) -> Option<usize> {
    let size = u32::from_be_bytes(head.get(..4)?.try_into().ok()?);
    let fits = u64::from(size) <= left.min(RECORD_BYTES_MAX) && size as usize > HEAD_BYTES;
    fits.then_some(size as usize)
}

fn is_whole(record: &[u8]) -> bool {
    crc32c::crc32c(&record[8..]).to_be_bytes() == record[4..8]
}

/// Index of the entry and id of the field.
pub fn name_of(record: &[u8]) -> (u64, u16) {
    let index = record[8..16]
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte));
    (index, u16::from_be_bytes([record[16], record[17]]))
}

/// The file of private parts.
#[derive(Clone, Copy)]
struct Values<'a> {
    storage: &'a dyn Storage,
    name: &'a str,
    length: u64,
}

/// A file from a place on.
struct Section<'a> {
    values: Values<'a>,
    at: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.values.length - self.at;
        let count = into.len().min(left as usize);
        let bytes = self
            .values
            .storage
            .read_at(self.values.name, self.at, count)?;
        into[..count].copy_from_slice(&bytes);
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::journal::storage::MemoryStorage;
    use crate::seeded::Random;

    /// A whole record of so many bytes; the scan does not open it.
    fn record(index: u64, length: usize, random: &mut Random) -> Vec<u8> {
        let mut record = vec![0; length];
        random.fill(&mut record[18..]);
        record[..4].copy_from_slice(&(length as u32).to_be_bytes());
        record[8..16].copy_from_slice(&index.to_be_bytes());
        let crc = crc32c::crc32c(&record[8..]);
        record[4..8].copy_from_slice(&crc.to_be_bytes());
        record
    }

    #[test]
    fn what_follows_a_large_rotten_record_is_found_soon() {
        let mut random = Random::new(1);
        let mut file = record(0, 4 << 20, &mut random);
        file[100] ^= 1;
        let next = file.len() as u64;
        (1..9).for_each(|index| file.extend(record(index, 4 << 20, &mut random)));
        let storage = MemoryStorage::default();
        storage.create("values").unwrap();
        storage.write_at("values", 0, &file).unwrap();
        let start = Instant::now();
        let found = scan(&storage, "values").unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(found.places.len(), 8);
        assert_eq!(
            found.places[&(1, found.places.keys().next().unwrap().1)].offset,
            next
        );
    }
}
