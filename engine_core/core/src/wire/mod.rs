//! Requests as bytes: what protobuf lets through silently is refused here, and columns are read without copying.

pub mod columns;
pub mod strict;

use crate::rejection::{Refusal, Rejection, refuse};

/// One field of a message on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub number: u32,
    pub value: Value<'a>,
    /// Byte offset of the field's tag.
    pub offset: usize,
}

/// The value of a field by wire type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// Walks the fields of one message level.
pub struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next field; `Ok(None)` at the end.
    pub fn next_field(&mut self) -> Result<Option<Field<'a>>, Refusal> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let offset = self.at;
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0);
        let Some(number) = number else {
            return self.malformed("field number");
        };
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.take_array()?)),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take_array()?)),
            _ => return self.malformed("wire type"),
        };
        Ok(Some(Field {
            number,
            value,
            offset,
        }))
    }

    fn varint(&mut self) -> Result<u64, Refusal> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some(byte) = self.bytes.get(self.at) else {
                return self.malformed("truncated bytes");
            };
            self.at += 1;
            let low = u64::from(byte & 0x7f);
            if shift == 63 && low > 1 {
                break;
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        self.malformed("number too long")
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Refusal> {
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| self.at.checked_add(length));
        let Some(slice) = end.and_then(|end| self.bytes.get(self.at..end)) else {
            return self.malformed("truncated bytes");
        };
        self.at += slice.len();
        Ok(slice)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let slice = self.take(N as u64)?;
        Ok(slice.try_into().expect("take returns the length asked for"))
    }

    fn malformed<T>(&self, what: &str) -> Result<T, Refusal> {
        refuse(
            Rejection::MalformedRequest,
            "request",
            format!("{what} at byte {}", self.at),
        )
    }
}
