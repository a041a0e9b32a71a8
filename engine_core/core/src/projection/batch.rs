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
#[derive(Debug, PartialEq, Eq)]
pub struct TableBatch {
    pub table: &'static str,
    pub columns: Vec<&'static str>,
    pub values: Vec<Vec<Cell>>,
}

/// Rows of all tables, in the order in which they are to be applied.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batches {
    pub tables: Vec<TableBatch>,
    /// Place of the newest batch of each table.
    newest: BTreeMap<&'static str, usize>,
}

impl Batches {
    /// Adds one row: the first cells are the table's key. A row that names other columns than the one before it leaves
    /// the columns it does not name as they are.
    pub fn row<const N: usize>(&mut self, table: &'static str, cells: [(&'static str, Cell); N]) {
        let names = || cells.iter().map(|(name, _)| *name);
        let newest = self.newest.get(table).copied();
        let known = newest.filter(|at| self.tables[*at].columns.iter().copied().eq(names()));
        let at = known.unwrap_or_else(|| {
            self.tables.push(TableBatch {
                table,
                columns: names().collect(),
                values: vec![Vec::new(); N],
            });
            self.newest.insert(table, self.tables.len() - 1);
            self.tables.len() - 1
        });
        for (column, (_, cell)) in self.tables[at].values.iter_mut().zip(cells) {
            column.push(cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_other_columns_keep_their_order() {
        let mut batches = Batches::default();
        batches.row("t", [("id", 1_u32.into()), ("a", 2_u32.into())]);
        batches.row("t", [("id", 2_u32.into()), ("a", 3_u32.into())]);
        batches.row("t", [("id", 1_u32.into()), ("b", 4_u32.into())]);
        batches.row("u", [("id", 1_u32.into())]);
        batches.row("t", [("id", 1_u32.into()), ("a", 5_u32.into())]);
        let shape: Vec<(&str, usize)> = batches
            .tables
            .iter()
            .map(|batch| (batch.table, batch.values[0].len()))
            .collect();
        assert_eq!(shape, [("t", 2), ("t", 1), ("u", 1), ("t", 1)]);
    }
}
