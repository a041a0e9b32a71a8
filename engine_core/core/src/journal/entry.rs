//! Entries as bytes: sealed once with salts and hashes, read back without copying (docs/formats.md, "Entry").

use sha2::{Digest, Sha256};

use crate::evidence::hash::{Hash, leaf_hash, root_of};

pub const HEADER_BYTES: usize = 118;
pub const SALT_BYTES: usize = 16;
pub const ROWS_MAX: usize = 8_192;
pub const BODY_BYTES_MAX: usize = 16 << 20;
/// Field that lists the row sections.
pub const FIELD_ROW_DIRECTORY: u16 = 1;
/// Bit of a field's kind: the value is kept apart, the entry holds a commitment.
pub const KIND_PRIVATE: u8 = 0x80;
const KIND_LIST: u8 = 5;
/// Flag of an entry that is not the last of its operation.
pub const FLAG_CONTINUES: u64 = 1;

/// One field before sealing.
#[derive(Clone, Debug)]
pub struct Field {
    pub id: u16,
    pub kind: u8,
    pub value: Vec<u8>,
    /// Set for a private field: under whose key it is kept.
    pub subject: Option<[u8; 16]>,
}

/// Rows of one kind before sealing, without salts.
#[derive(Clone, Debug)]
pub struct RowSection {
    pub kind: u16,
    pub width: u16,
    pub rows: Vec<u8>,
}

/// An entry before it has a place in the log.
#[derive(Clone, Debug)]
pub struct EntryDraft {
    pub event_type: u8,
    pub schema: u16,
    pub actor: u32,
    pub time_ms: u64,
    pub case_id: [u8; 16],
    pub prev_of_case: u64,
    pub flags: u64,
    /// Ascending ids above 1.
    pub fields: Vec<Field>,
    pub row_sections: Vec<RowSection>,
}

/// A private value with its salt, on its way to the private store.
#[derive(Clone, Debug)]
pub struct PrivateValue {
    pub field: u16,
    pub subject: [u8; 16],
    pub value: Vec<u8>,
    pub salt: [u8; 16],
}

/// An entry with its place, as it is written.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub index: u64,
    pub bytes: Vec<u8>,
    /// RFC 6962 leaf hash of the header: the next entry carries it.
    pub link: Hash,
    pub rows: u64,
    /// More entries of the same operation follow.
    pub continues: bool,
    pub private: Vec<PrivateValue>,
}

impl Sealed {
    /// Bytes it holds in memory while it waits for the disk.
    pub fn weight(&self) -> usize {
        self.bytes.len()
            + self
                .private
                .iter()
                .map(|part| part.value.len())
                .sum::<usize>()
    }
}

/// Keystream of salts: SHA-256 of seed and counter, two salts a block.
struct Salts {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    is_half_used: bool,
}

impl Salts {
    fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            counter: 0,
            block: [0; 32],
            is_half_used: false,
        }
    }

    fn next(&mut self) -> [u8; SALT_BYTES] {
        if self.is_half_used {
            self.is_half_used = false;
            return self.block[16..].try_into().expect("half of 32 bytes");
        }
        let mut hasher = Sha256::new_with_prefix(self.seed);
        hasher.update(self.counter.to_be_bytes());
        self.block = hasher.finalize().into();
        self.counter += 1;
        self.is_half_used = true;
        self.block[..16].try_into().expect("half of 32 bytes")
    }
}

/// Gives an entry its place: header, salts, commitments, payload root, link.
pub fn seal(draft: EntryDraft, index: u64, prev_link: Hash, seed: [u8; 32]) -> Sealed {
    let mut salts = Salts::new(seed);
    let rows: usize = draft.row_sections.iter().map(RowSection::count).sum();
    let size: usize = draft
        .row_sections
        .iter()
        .map(|section| section.rows.len())
        .sum();
    let mut bytes = Vec::with_capacity(HEADER_BYTES + size + rows * SALT_BYTES + 1024);
    bytes.resize(HEADER_BYTES, 0);
    bytes.extend_from_slice(&(draft.fields.len() as u16 + 1).to_be_bytes());
    let mut leaves = Vec::with_capacity(draft.fields.len() + 1 + rows);
    let mut private = Vec::new();
    let directory = directory(&draft.row_sections);
    put_field(
        &mut bytes,
        &mut leaves,
        FIELD_ROW_DIRECTORY,
        KIND_LIST,
        &directory,
        salts.next(),
    );
    for field in draft.fields {
        let salt = salts.next();
        match field.subject {
            None => put_field(
                &mut bytes,
                &mut leaves,
                field.id,
                field.kind,
                &field.value,
                salt,
            ),
            Some(subject) => {
                put_commitment(&mut bytes, &mut leaves, &field, &salt);
                private.push(PrivateValue {
                    field: field.id,
                    subject,
                    value: field.value,
                    salt,
                });
            }
        }
    }
    for section in &draft.row_sections {
        for row in section.rows.chunks_exact(usize::from(section.width)) {
            let start = bytes.len();
            bytes.extend_from_slice(row);
            bytes.extend_from_slice(&salts.next());
            leaves.push(leaf_hash(&bytes[start..]));
        }
    }
    let root = root_of(leaves);
    let header = &mut bytes[..HEADER_BYTES];
    header[0] = 1;
    header[1] = draft.event_type;
    header[2..4].copy_from_slice(&draft.schema.to_be_bytes());
    header[4..8].copy_from_slice(&draft.actor.to_be_bytes());
    header[8..16].copy_from_slice(&index.to_be_bytes());
    header[16..24].copy_from_slice(&draft.time_ms.to_be_bytes());
    header[24..56].copy_from_slice(&prev_link);
    header[56..72].copy_from_slice(&draft.case_id);
    header[72..78].copy_from_slice(&draft.prev_of_case.to_be_bytes()[2..]);
    header[78..110].copy_from_slice(&root);
    header[110..118].copy_from_slice(&draft.flags.to_be_bytes());
    let link = leaf_hash(&bytes[..HEADER_BYTES]);
    Sealed {
        index,
        bytes,
        link,
        rows: rows as u64,
        continues: draft.flags & FLAG_CONTINUES != 0,
        private,
    }
}

impl RowSection {
    fn count(&self) -> usize {
        self.rows.len() / usize::from(self.width)
    }
}

/// Packed list of (kind u16, width with salt u16, count u32).
fn directory(sections: &[RowSection]) -> Vec<u8> {
    let mut value = 8_u16.to_be_bytes().to_vec();
    for section in sections {
        value.extend(section.kind.to_be_bytes());
        value.extend((section.width + SALT_BYTES as u16).to_be_bytes());
        value.extend((section.count() as u32).to_be_bytes());
    }
    value
}

fn put_field(
    bytes: &mut Vec<u8>,
    leaves: &mut Vec<Hash>,
    id: u16,
    kind: u8,
    value: &[u8],
    salt: [u8; 16],
) {
    let start = bytes.len();
    put_field_head(bytes, id, kind, value.len());
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(&salt);
    leaves.push(leaf_hash(&bytes[start..]));
}

fn put_commitment(bytes: &mut Vec<u8>, leaves: &mut Vec<Hash>, field: &Field, salt: &[u8; 16]) {
    let start = bytes.len();
    let kind = field.kind | KIND_PRIVATE;
    put_field_head(bytes, field.id, kind, field.value.len());
    bytes.extend_from_slice(&commitment(field.id, kind, &field.value, salt));
    leaves.push(leaf_hash(&bytes[start..]));
}

fn put_field_head(bytes: &mut Vec<u8>, id: u16, kind: u8, length: usize) {
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(&(length as u32).to_be_bytes());
}

/// SHA-256(0x00 ‖ id ‖ kind ‖ length ‖ value ‖ salt): opens with value and salt.
pub fn commitment(id: u16, kind: u8, value: &[u8], salt: &[u8; 16]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(id.to_be_bytes());
    hasher.update([kind]);
    hasher.update((value.len() as u32).to_be_bytes());
    hasher.update(value);
    hasher.update(salt);
    hasher.finalize().into()
}
