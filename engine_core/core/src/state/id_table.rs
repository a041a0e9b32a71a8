//! Ids with eight bytes each: the newest in a hash table, all others in sorted chunks that states can share.

use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use crate::ids::Id;

/// Bytes of an id with its value, as chunks and snapshots hold them: id 16 ‖ value 8, big-endian.
pub const ROW_BYTES: usize = 24;

/// Ids that stay in the hash table before they are sorted into chunks.
const RECENT_MAX: usize = 1 << 17;
/// Rows of one chunk: what is sorted in anew at a time.
const CHUNK_ROWS: usize = 1 << 18;

type Row = [u8; ROW_BYTES];

/// Rows in ascending order of ids.
#[derive(Clone)]
struct Chunk {
    last: Id,
    rows: Arc<Vec<Row>>,
}

/// Values by id. Ids come nearly in order of time, so that most new ones lie behind all chunks.
#[derive(Default)]
pub struct IdTable {
    /// Their ranges ascend and do not overlap.
    chunks: Vec<Chunk>,
    recent: Vec<Row>,
    /// Places in `recent`.
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
    sorted: usize,
}

fn row(id: Id, value: u64) -> Row {
    let mut row = [0; ROW_BYTES];
    row[..16].copy_from_slice(&id.0);
    row[16..].copy_from_slice(&value.to_be_bytes());
    row
}

fn id_of(row: &Row) -> Id {
    let mut id = [0; 16];
    id.copy_from_slice(&row[..16]);
    Id(id)
}

fn value_of(row: &Row) -> u64 {
    row[16..]
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Ids compare as numbers, which is faster than byte by byte.
fn number_of(row: &Row) -> u128 {
    u128::from_be_bytes(id_of(row).0)
}

impl IdTable {
    pub fn len(&self) -> usize {
        self.sorted + self.recent.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, id: Id) -> Option<u64> {
        if let Some(at) = self.recent_place(id) {
            return Some(value_of(&self.recent[at]));
        }
        let (chunk, at) = self.chunk_place(id)?;
        Some(value_of(&self.chunks[chunk].rows[at]))
    }

    fn recent_place(&self, id: Id) -> Option<usize> {
        let is_it = |at: &u32| id_of(&self.recent[*at as usize]) == id;
        let place = self.places.find(self.hasher.hash_one(id), is_it)?;
        Some(*place as usize)
    }

    fn chunk_place(&self, id: Id) -> Option<(usize, usize)> {
        // Most ids asked for are new ones.
        self.chunks.last().filter(|chunk| id <= chunk.last)?;
        let chunk = self.chunks.partition_point(|chunk| chunk.last < id);
        let number = u128::from_be_bytes(id.0);
        let rows = &self.chunks[chunk].rows;
        let at = rows.binary_search_by_key(&number, number_of).ok()?;
        Some((chunk, at))
    }

    /// Gives an id a value; one that it had is gone.
    pub fn insert(&mut self, id: Id, value: u64) {
        if let Some(at) = self.recent_place(id) {
            self.recent[at] = row(id, value);
        } else if let Some((chunk, at)) = self.chunk_place(id) {
            Arc::make_mut(&mut self.chunks[chunk].rows)[at] = row(id, value);
        } else {
            self.add(id, value);
        }
    }

    fn add(&mut self, id: Id, value: u64) {
        let Self {
            recent,
            places,
            hasher,
            ..
        } = self;
        places.insert_unique(hasher.hash_one(id), recent.len() as u32, |at| {
            hasher.hash_one(id_of(&recent[*at as usize]))
        });
        recent.push(row(id, value));
        if recent.len() == RECENT_MAX {
            self.sort_in();
        }
    }

    /// Sorts the recent ids into the chunks; a chunk into whose range none falls stays as it is, and shared.
    fn sort_in(&mut self) {
        self.recent.sort_unstable_by_key(number_of);
        self.places.clear();
        self.sorted += self.recent.len();
        let mut rest = &self.recent[..];
        let mut chunks = Vec::with_capacity(self.chunks.len() + 1);
        for chunk in self.chunks.drain(..) {
            let (of_chunk, behind) =
                rest.split_at(rest.partition_point(|row| id_of(row) <= chunk.last));
            rest = behind;
            match of_chunk {
                [] => chunks.push(chunk),
                _ => chunks.extend(chunks_of(merged(&chunk.rows, of_chunk))),
            }
        }
        chunks.extend(chunks_of(rest.to_vec()));
        self.chunks = chunks;
        self.recent.clear();
    }

    /// All rows in ascending order of ids, in parts; they stay as they are when the table goes on.
    pub fn freeze(&self) -> Vec<Arc<Vec<Row>>> {
        let mut copy = Self {
            chunks: self.chunks.clone(),
            recent: self.recent.clone(),
            sorted: self.sorted,
            ..Self::default()
        };
        copy.sort_in();
        copy.chunks.into_iter().map(|chunk| chunk.rows).collect()
    }

    /// The table of such parts; `None` when their ids do not ascend.
    pub fn thaw(parts: Vec<Arc<Vec<Row>>>) -> Option<Self> {
        let mut table = Self::default();
        for rows in parts {
            let before = table.chunks.last().map(|chunk| chunk.last);
            let (first, last) = (id_of(rows.first()?), id_of(rows.last()?));
            let ascends = rows
                .windows(2)
                .all(|pair| number_of(&pair[0]) < number_of(&pair[1]));
            if !ascends || before.is_some_and(|before| before >= first) {
                return None;
            }
            table.sorted += rows.len();
            table.chunks.push(Chunk { last, rows });
        }
        Some(table)
    }
}

fn merged(one: &[Row], other: &[Row]) -> Vec<Row> {
    let mut rows = Vec::with_capacity(one.len() + other.len());
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    while let (Some(left), Some(right)) = (one.peek(), other.peek()) {
        let next = match number_of(left) <= number_of(right) {
            true => one.next(),
            false => other.next(),
        };
        rows.extend(next);
    }
    rows.extend(one.chain(other));
    rows
}

/// Sorted rows as chunks of a size.
fn chunks_of(mut rows: Vec<Row>) -> impl Iterator<Item = Chunk> {
    let parts = rows.len().div_ceil(CHUNK_ROWS);
    let mut chunks: Vec<Chunk> = Vec::with_capacity(parts);
    for part in (0..parts).rev() {
        let rows = match part {
            0 => std::mem::take(&mut rows),
            _ => rows.split_off(part * CHUNK_ROWS),
        };
        if let Some(last) = rows.last() {
            chunks.push(Chunk {
                last: id_of(last),
                rows: Arc::new(rows),
            });
        }
    }
    chunks.into_iter().rev()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Ids of which some lie far behind the others.
    fn ids(count: u64) -> impl Iterator<Item = Id> {
        (0..count).map(|at| {
            let mixed = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let time = 1_000_000 + at / 100 - if at % 97 == 0 { mixed % 900_000 } else { 0 };
            Id::from_halves(time << 16 | at & 0xffff, mixed)
        })
    }

    #[test]
    fn it_finds_what_a_map_finds_also_when_thawed() {
        let count = 3 * RECENT_MAX as u64 + 1_000;
        let (mut table, mut map) = (IdTable::default(), BTreeMap::new());
        for (at, id) in ids(count).enumerate() {
            table.insert(id, at as u64);
            map.insert(id, at as u64);
        }
        for id in [ids(1).last(), ids(count).last()].into_iter().flatten() {
            table.insert(id, u64::MAX);
            map.insert(id, u64::MAX);
        }
        assert!(table.chunks.len() > 1);
        let frozen = table.freeze();
        let rows: Vec<(Id, u64)> = frozen
            .iter()
            .flat_map(|part| part.iter().map(|row| (id_of(row), value_of(row))))
            .collect();
        assert!(
            rows.iter()
                .copied()
                .eq(map.iter().map(|(id, value)| (*id, *value)))
        );
        let thawed = IdTable::thaw(frozen).unwrap();
        for table in [&table, &thawed] {
            assert_eq!(table.len(), map.len());
            for (id, value) in map.iter().step_by(7) {
                assert_eq!(table.get(*id), Some(*value));
                let mut near = *id;
                near.0[15] ^= 1;
                assert_eq!(table.get(near), map.get(&near).copied());
            }
        }
    }

    #[test]
    fn parts_that_do_not_ascend_are_refused() {
        let part = |ids: &[u64]| {
            let rows = ids
                .iter()
                .map(|at| row(Id::from_halves(*at, 0), 1))
                .collect();
            Arc::new(rows)
        };
        assert!(IdTable::thaw(vec![part(&[1, 2]), part(&[3])]).is_some());
        for bad in [
            vec![part(&[2, 1])],
            vec![part(&[1, 1])],
            vec![part(&[1]), part(&[1])],
            vec![part(&[])],
        ] {
            assert!(IdTable::thaw(bad).is_none());
        }
    }
}
