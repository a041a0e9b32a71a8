//! Reads an entry in place, strictly: every length must add up to the last byte.

use super::Fault;
use super::entry::{
    BODY_BYTES_MAX, FIELD_ROW_DIRECTORY, HEADER_BYTES, KIND_PRIVATE, ROWS_MAX, SALT_BYTES,
};
use crate::evidence::hash::{Hash, leaf_hash, root_of};

/// One stored field.
#[derive(Clone, Copy, Debug)]
pub struct FieldView<'a> {
    pub id: u16,
    pub kind: u8,
    /// The value, or the commitment of a private field.
    pub value: &'a [u8],
    /// The bytes as stored: what the payload leaf hashes.
    pub record: &'a [u8],
}

/// Rows of one kind, salts included.
#[derive(Clone, Copy, Debug)]
pub struct SectionView<'a> {
    pub kind: u16,
    pub width: usize,
    pub rows: &'a [u8],
}

/// An entry of the journal.
#[derive(Clone, Debug)]
pub struct EntryView<'a> {
    header: &'a [u8; HEADER_BYTES],
    fields: Vec<FieldView<'a>>,
    sections: Vec<SectionView<'a>>,
}

fn number<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut value = [0; N];
    value.copy_from_slice(&bytes[..N]);
    value
}

impl<'a> EntryView<'a> {
    /// Reads the whole layout; hashes are not computed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let fault = |what: &str| Fault::Malformed {
            what: format!("entry: {what}"),
        };
        let (header, body) = bytes
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or_else(|| fault("header is cut"))?;
        if header[0] != 1 {
            return Err(fault("unknown version"));
        }
        if body.len() > BODY_BYTES_MAX {
            return Err(fault("body too long"));
        }
        let mut reader = Reader { bytes: body };
        let count = u16::from_be_bytes(number(
            reader.take(2).ok_or_else(|| fault("field count is cut"))?,
        ));
        let mut fields = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            fields.push(reader.field().ok_or_else(|| fault("a field is cut"))?);
        }
        if !fields.windows(2).all(|pair| pair[0].id < pair[1].id) {
            return Err(fault("field ids do not ascend"));
        }
        let directory = fields
            .first()
            .filter(|field| field.id == FIELD_ROW_DIRECTORY);
        let directory = directory.ok_or_else(|| fault("no row directory"))?.value;
        let sections = reader
            .sections(directory)
            .ok_or_else(|| fault("rows do not fit the directory"))?;
        match reader.bytes.is_empty() {
            true => Ok(Self {
                header,
                fields,
                sections,
            }),
            false => Err(fault("bytes behind the rows")),
        }
    }

    pub fn header(&self) -> &'a [u8; HEADER_BYTES] {
        self.header
    }
    pub fn event_type(&self) -> u8 {
        self.header[1]
    }
    pub fn schema(&self) -> u16 {
        u16::from_be_bytes(number(&self.header[2..]))
    }
    pub fn actor(&self) -> u32 {
        u32::from_be_bytes(number(&self.header[4..]))
    }
    pub fn index(&self) -> u64 {
        u64::from_be_bytes(number(&self.header[8..]))
    }
    pub fn time_ms(&self) -> u64 {
        u64::from_be_bytes(number(&self.header[16..]))
    }
    pub fn prev_link(&self) -> Hash {
        number(&self.header[24..])
    }
    pub fn case_id(&self) -> [u8; 16] {
        number(&self.header[56..])
    }
    pub fn prev_of_case(&self) -> u64 {
        let mut wide = [0; 8];
        wide[2..].copy_from_slice(&self.header[72..78]);
        u64::from_be_bytes(wide)
    }
    pub fn payload_root(&self) -> Hash {
        number(&self.header[78..])
    }
    pub fn flags(&self) -> u64 {
        u64::from_be_bytes(number(&self.header[110..]))
    }
    /// Leaf of the log tree and link of the chain.
    pub fn link(&self) -> Hash {
        leaf_hash(self.header)
    }

    pub fn fields(&self) -> &[FieldView<'a>] {
        &self.fields
    }

    /// A public field's value.
    pub fn field(&self, id: u16) -> Option<&'a [u8]> {
        let at = self
            .fields
            .binary_search_by_key(&id, |field| field.id)
            .ok()?;
        Some(self.fields[at])
            .filter(|field| field.kind & KIND_PRIVATE == 0)
            .map(|field| field.value)
    }

    /// Private fields with ids from `first` on.
    pub fn private_fields_from(&self, first: u16) -> usize {
        self.fields
            .iter()
            .filter(|field| field.id >= first && field.kind & KIND_PRIVATE != 0)
            .count()
    }

    /// The rows of a kind: bytes, width with salt, count.
    pub fn rows(&self, kind: u16) -> Option<(&'a [u8], usize, usize)> {
        let section = self.sections.iter().find(|section| section.kind == kind)?;
        Some((
            section.rows,
            section.width,
            section.rows.len() / section.width,
        ))
    }

    pub fn row_count(&self) -> u64 {
        self.sections
            .iter()
            .map(|section| (section.rows.len() / section.width) as u64)
            .sum()
    }

    /// Row `row` counted over all sections: its kind and bytes, salt included.
    pub fn row_at(&self, row: u16) -> Option<(u16, &'a [u8])> {
        let mut at = usize::from(row);
        for section in &self.sections {
            let count = section.rows.len() / section.width;
            if at < count {
                return Some((
                    section.kind,
                    &section.rows[at * section.width..(at + 1) * section.width],
                ));
            }
            at -= count;
        }
        None
    }

    /// Payload leaves: fields in ascending id, then rows.
    pub fn leaves(&self) -> Vec<Hash> {
        let mut leaves: Vec<Hash> = self
            .fields
            .iter()
            .map(|field| leaf_hash(field.record))
            .collect();
        for section in &self.sections {
            leaves.extend(section.rows.chunks_exact(section.width).map(leaf_hash));
        }
        leaves
    }

    pub fn computed_root(&self) -> Hash {
        root_of(self.leaves())
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(head)
    }

    fn field(&mut self) -> Option<FieldView<'a>> {
        let whole = self.bytes;
        let head = self.take(7)?;
        let (id, kind) = (u16::from_be_bytes(number(head)), head[2]);
        let length = u32::from_be_bytes(number(&head[3..])) as usize;
        let value = match kind & KIND_PRIVATE {
            0 => {
                let value = self.take(length)?;
                self.take(SALT_BYTES)?;
                value
            }
            _ => self.take(32)?,
        };
        let record = &whole[..whole.len() - self.bytes.len()];
        Some(FieldView {
            id,
            kind,
            value,
            record,
        })
    }

    fn sections(&mut self, directory: &[u8]) -> Option<Vec<SectionView<'a>>> {
        let entries = directory.strip_prefix(&8_u16.to_be_bytes())?;
        if entries.len() % 8 != 0 {
            return None;
        }
        let (mut sections, mut total) = (Vec::new(), 0);
        for entry in entries.chunks_exact(8) {
            let (kind, width) = (
                u16::from_be_bytes(number(entry)),
                u16::from_be_bytes(number(&entry[2..])),
            );
            let count = u32::from_be_bytes(number(&entry[4..])) as usize;
            total += count;
            if usize::from(width) <= SALT_BYTES || count == 0 || total > ROWS_MAX {
                return None;
            }
            let rows = self.take(usize::from(width) * count)?;
            sections.push(SectionView {
                kind,
                width: usize::from(width),
                rows,
            });
        }
        Some(sections)
    }
}
