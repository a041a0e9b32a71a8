//! A bounds-checked view of a column message: scalars and packed fixed-width columns, nothing copied.

use super::{Fields, Value, strict};
use crate::rejection::{Refusal, Rejection, refuse};

/// Highest field number of a column message.
const FIELDS_MAX: usize = 16;

/// The fields of one column message.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    scalars: [u64; FIELDS_MAX],
    slices: [&'a [u8]; FIELDS_MAX],
}

impl<'a> Columns<'a> {
    /// Reads the level of a message that `strict::check` let through. A column in several pieces is refused: reading
    /// only the last would lose rows.
    pub fn parse(message: &str, bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut columns = Self {
            scalars: [0; FIELDS_MAX],
            slices: [&[]; FIELDS_MAX],
        };
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next_field()? {
            let at = field.number as usize;
            if at >= FIELDS_MAX {
                return refuse(
                    Rejection::UnknownField,
                    format!("#{at}"),
                    format!("at byte {}", field.offset),
                );
            }
            match field.value {
                Value::Varint(value) => columns.scalars[at] = value,
                Value::Bytes(_) if !columns.slices[at].is_empty() => {
                    return refuse(
                        Rejection::ColumnLengthMismatch,
                        strict::field_name(message, field.number),
                        "column in several pieces",
                    );
                }
                Value::Bytes(value) => columns.slices[at] = value,
                _ => {
                    return refuse(
                        Rejection::ColumnLengthMismatch,
                        strict::field_name(message, field.number),
                        "column is not packed",
                    );
                }
            }
        }
        Ok(columns)
    }

    pub fn scalar(&self, field: usize) -> u64 {
        self.scalars[field]
    }

    pub fn bytes(&self, field: usize) -> &'a [u8] {
        self.slices[field]
    }

    /// A required column of `rows` values of 8 bytes.
    pub fn fixed64(&self, field: usize, name: &str, rows: usize) -> Result<Column64<'a>, Refusal> {
        self.sized(field, name, rows, 8).map(Column64)
    }

    /// The same, or `None` when the column is absent.
    pub fn optional64(
        &self,
        field: usize,
        name: &str,
        rows: usize,
    ) -> Result<Option<Column64<'a>>, Refusal> {
        if self.slices[field].is_empty() {
            return Ok(None);
        }
        self.fixed64(field, name, rows).map(Some)
    }

    /// A required column of `rows` values of 4 bytes.
    pub fn fixed32(&self, field: usize, name: &str, rows: usize) -> Result<Column32<'a>, Refusal> {
        self.sized(field, name, rows, 4).map(Column32)
    }

    fn sized(
        &self,
        field: usize,
        name: &str,
        rows: usize,
        width: usize,
    ) -> Result<&'a [u8], Refusal> {
        let slice = self.slices[field];
        if slice.len() != rows * width {
            let got = format!("{} bytes for {rows} rows", slice.len());
            return refuse(Rejection::ColumnLengthMismatch, name, got);
        }
        Ok(slice)
    }
}

/// A column of little-endian 64-bit values.
#[derive(Clone, Copy, Debug)]
pub struct Column64<'a>(&'a [u8]);

impl Column64<'_> {
    pub fn get(&self, row: usize) -> u64 {
        u64::from_le_bytes(self.0[row * 8..row * 8 + 8].try_into().expect("8 bytes"))
    }
}

/// A column of little-endian 32-bit values.
#[derive(Clone, Copy, Debug)]
pub struct Column32<'a>(&'a [u8]);

impl Column32<'_> {
    pub fn get(&self, row: usize) -> u32 {
        u32::from_le_bytes(self.0[row * 4..row * 4 + 4].try_into().expect("4 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::contract::whampoa::ledger::v1::SubmitTransfersRequest;

    const MESSAGE: &str = "whampoa.ledger.v1.SubmitTransfersRequest";

    fn request(rows: u64) -> SubmitTransfersRequest {
        SubmitTransfersRequest {
            row_count: rows as u32,
            id_high: (0..rows).collect(),
            debit_account: (0..rows as u32).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn columns_agree_with_the_generated_type() {
        let bytes = request(100).encode_to_vec();
        let columns = Columns::parse(MESSAGE, &bytes).unwrap();
        assert_eq!(columns.scalar(2), 100);
        let (high, debit) = (
            columns.fixed64(3, "id_high", 100).unwrap(),
            columns.fixed32(5, "debit_account", 100).unwrap(),
        );
        assert!((0..100).all(|row| high.get(row) == row as u64 && debit.get(row) == row as u32));
    }

    #[test]
    fn short_split_and_unpacked_columns_are_refused() {
        let bytes = request(3).encode_to_vec();
        let columns = Columns::parse(MESSAGE, &bytes).unwrap();
        assert_eq!(
            columns.fixed64(3, "id_high", 4).unwrap_err().code,
            Rejection::ColumnLengthMismatch
        );
        let split = [bytes.clone(), bytes].concat();
        assert_eq!(
            Columns::parse(MESSAGE, &split).unwrap_err().field,
            "id_high"
        );
        let unpacked = [0x19, 1, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            Columns::parse(MESSAGE, &unpacked).unwrap_err().code,
            Rejection::ColumnLengthMismatch
        );
    }
}
