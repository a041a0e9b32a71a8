//! Column batches: per table the columns, each a list of values; later rows replace earlier ones of the same key.

use std::collections::BTreeMap;

/// One value of a projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}
impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Integer(value as i64)
    }
}
impl From<u32> for Cell {
    fn from(value: u32) -> Self {
        Self::Integer(i64::from(value))
    }
}
impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<crate::ids::Id> for Cell {
    fn from(value: crate::ids::Id) -> Self {
        Self::Bytes(value.0.to_vec())
    }
}

/// Rows of one table, column by column.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TableBatch {
    pub columns: Vec<&'static str>,
    pub values: Vec<Vec<Cell>>,
}

/// Rows of all tables.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batches {
    pub tables: BTreeMap<&'static str, TableBatch>,
}

impl Batches {
    /// Adds one row: the first cells are the table's key. Every row of a table names the same columns.
    pub fn row<const N: usize>(&mut self, table: &'static str, cells: [(&'static str, Cell); N]) {
        let batch = self.tables.entry(table).or_default();
        if batch.columns.is_empty() {
            batch.columns = cells.iter().map(|(name, _)| *name).collect();
            batch.values = vec![Vec::new(); N];
        }
        for (column, (_, cell)) in batch.values.iter_mut().zip(cells) {
            column.push(cell);
        }
    }
}
