//! How entries are laid out: rows and fields, written and read by one table per entry kind.

pub use super::value::{Text, Wire};
use crate::ids::Id;

/// Bytes of an entry that are not what its kind says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry of kind {kind}: {what}")]
pub struct CodecFault {
    pub kind: u8,
    pub what: String,
}

/// Bytes kept encrypted apart from the entry; the entry holds a salted commitment and the length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// As decided: the value, and the party or subject under whose key it is kept.
    Open { value: Vec<u8>, subject: Id },
    /// As read from the journal alone.
    Sealed,
}

/// One field of an entry on its way to the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldOut {
    pub id: u16,
    pub kind: u8,
    pub value: Vec<u8>,
    /// Set for a private field: whose key encrypts it.
    pub secret_of: Option<Id>,
}

/// Rows of one kind on their way to the journal, without salts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionOut {
    pub kind: u16,
    pub width: u16,
    pub rows: Vec<u8>,
}

/// What an entry is written into: fields in ascending id, then row sections in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer {
    pub fields: Vec<FieldOut>,
    pub sections: Vec<SectionOut>,
}

/// Kinds of fields (docs/formats.md).
pub const KIND_BYTES: u8 = 1;
pub const KIND_TEXT: u8 = 2;
pub const KIND_FIXED: u8 = 3;
pub const KIND_LIST: u8 = 5;

/// First field id of the private parts that belong to the rows of a section, one per row.
pub const FIRST_PRIVATE_ROW_FIELD: u16 = 0x1000;

impl Writer {
    pub fn field<T: FieldValue>(&mut self, id: u16, value: &T) {
        self.fields.push(FieldOut {
            id,
            kind: T::KIND,
            value: value.to_field(),
            secret_of: None,
        });
    }

    pub fn secret(&mut self, id: u16, secret: &Secret) {
        if let Secret::Open { value, subject } = secret {
            let (kind, value) = (KIND_BYTES, value.clone());
            self.fields.push(FieldOut {
                id,
                kind,
                value,
                secret_of: Some(*subject),
            });
        }
    }

    pub fn rows<R: Row>(&mut self, rows: &[R]) {
        if rows.is_empty() {
            return;
        }
        let mut bytes = Vec::with_capacity(rows.len() * R::WIDTH);
        rows.iter().for_each(|row| row.put(&mut bytes));
        self.sections.push(SectionOut {
            kind: R::KIND,
            width: R::WIDTH as u16,
            rows: bytes,
        });
    }
}

/// What an entry is read from: the journal's view of it, or a `Writer` in tests.
pub trait Source {
    /// A public field's value.
    fn field(&self, id: u16) -> Option<&[u8]>;
    /// How many private fields have ids from `first` on, contiguous.
    fn secrets_from(&self, first: u16) -> usize;
    /// The rows of a kind: bytes, stride (salt included) and count.
    fn rows(&self, kind: u16) -> Option<(&[u8], usize, usize)>;
}

impl Source for Writer {
    fn field(&self, id: u16) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|field| field.id == id && field.secret_of.is_none())
            .map(|field| &field.value[..])
    }

    fn secrets_from(&self, first: u16) -> usize {
        self.fields
            .iter()
            .filter(|field| field.id >= first && field.secret_of.is_some())
            .count()
    }

    fn rows(&self, kind: u16) -> Option<(&[u8], usize, usize)> {
        let section = self.sections.iter().find(|section| section.kind == kind)?;
        let stride = usize::from(section.width);
        Some((&section.rows, stride, section.rows.len() / stride))
    }
}

/// A value that can stand in a field.
pub trait FieldValue: Sized {
    const KIND: u8;
    fn to_field(&self) -> Vec<u8>;
    fn from_field(bytes: &[u8]) -> Option<Self>;
    /// Width and kind of the value, for docs/formats.md.
    fn describe_field() -> String;
}

impl<T: Wire> FieldValue for T {
    const KIND: u8 = KIND_FIXED;
    fn to_field(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(T::WIDTH);
        self.put(&mut out);
        out
    }
    fn from_field(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == T::WIDTH).then(|| T::get(bytes)).flatten()
    }
    fn describe_field() -> String {
        format!("{}: {}", T::WIDTH, T::describe())
    }
}

impl FieldValue for String {
    const KIND: u8 = KIND_TEXT;
    fn to_field(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
    fn from_field(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.to_vec()).ok()
    }
    fn describe_field() -> String {
        "text".to_owned()
    }
}

/// Value bytes of a packed list between two stuffing bytes: no 512-byte unit of a frame may be all zeros, whatever the
/// values are.
const LIST_RUN: usize = 256;
const STUFFING: u8 = 0xa5;

/// A packed list: u16 width, then the values, with a stuffing byte after every full run of them.
impl<T: Wire> FieldValue for Vec<T> {
    const KIND: u8 = KIND_LIST;
    fn to_field(&self) -> Vec<u8> {
        let mut values = Vec::with_capacity(self.len() * T::WIDTH);
        self.iter().for_each(|value| value.put(&mut values));
        let mut out = Vec::with_capacity(2 + values.len() + values.len() / LIST_RUN);
        (T::WIDTH as u16).put(&mut out);
        for run in values.chunks(LIST_RUN) {
            out.extend_from_slice(run);
            if run.len() == LIST_RUN {
                out.push(STUFFING);
            }
        }
        out
    }
    fn from_field(bytes: &[u8]) -> Option<Self> {
        let stuffed = bytes.get(2..)?;
        let mut values = Vec::with_capacity(stuffed.len());
        for run in stuffed.chunks(LIST_RUN + 1) {
            match run.get(LIST_RUN) {
                Some(&STUFFING) => values.extend_from_slice(&run[..LIST_RUN]),
                Some(_) => return None,
                None if run.len() == LIST_RUN => return None,
                None => values.extend_from_slice(run),
            }
        }
        if usize::from(u16::get(bytes)?) != T::WIDTH || !values.len().is_multiple_of(T::WIDTH) {
            return None;
        }
        values.chunks_exact(T::WIDTH).map(T::get).collect()
    }
    fn describe_field() -> String {
        format!("list of {}: {}", T::WIDTH, T::describe())
    }
}

/// One column of a row, or one field of an entry, as docs/formats.md tells it.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub width: usize,
    pub describe: fn() -> String,
    /// What the source says of it: its doc attributes, each closed by a zero byte.
    pub meaning: &'static str,
}

/// One field of an entry kind.
#[derive(Clone, Copy, Debug)]
pub struct FieldColumn {
    pub id: u16,
    pub name: &'static str,
    pub describe: fn() -> String,
    pub meaning: &'static str,
}

impl FieldColumn {
    pub const fn private(id: u16, name: &'static str) -> Self {
        Self {
            id,
            name,
            describe: || "private".to_owned(),
            meaning: "",
        }
    }
}

/// A fixed record; its salt is added by the journal.
pub trait Row: Sized {
    const KIND: u16;
    const NAME: &'static str;
    const WIDTH: usize;
    const LAYOUT: &'static [Column];
    /// What the source says of the row: its doc attributes, each closed by a zero byte.
    const MEANING: &'static str;
    fn put(&self, out: &mut Vec<u8>);
    fn get(bytes: &[u8]) -> Option<Self>;
}

/// Reads one required field.
pub fn read_field<T: FieldValue>(
    source: &dyn Source,
    entry: u8,
    id: u16,
    name: &str,
) -> Result<T, CodecFault> {
    source
        .field(id)
        .and_then(T::from_field)
        .ok_or_else(|| CodecFault {
            kind: entry,
            what: format!("field {id} ({name}) is missing or no such value"),
        })
}

/// Reads all rows of a kind; none when the section is absent.
pub fn read_rows<R: Row>(source: &dyn Source, entry: u8) -> Result<Vec<R>, CodecFault> {
    let Some((bytes, stride, count)) = source.rows(R::KIND) else {
        return Ok(Vec::new());
    };
    let fault = |what: String| CodecFault { kind: entry, what };
    if stride < R::WIDTH {
        return Err(fault(format!(
            "rows of kind {} are {stride} bytes wide, not {}",
            R::KIND,
            R::WIDTH
        )));
    }
    let row = |at: usize| {
        R::get(&bytes[at * stride..]).ok_or_else(|| fault(format!("row {at} of {}", R::NAME)))
    };
    (0..count).map(row).collect()
}

/// Declares a row: `row! { /// doc  Name = kind { column: type, … } }`.
macro_rules! row {
    ($(#[$meta:meta])* $name:ident = $kind:literal { $($(#[$column_meta:meta])* $column:ident : $t:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name { $($(#[$column_meta])* pub $column: $t),* }

        impl $crate::event::codec::Row for $name {
            const KIND: u16 = $kind;
            const NAME: &'static str = stringify!($name);
            const WIDTH: usize = 0 $(+ <$t as $crate::event::codec::Wire>::WIDTH)*;
            const LAYOUT: &'static [$crate::event::codec::Column] = &[$($crate::event::codec::Column {
                name: stringify!($column),
                width: <$t as $crate::event::codec::Wire>::WIDTH,
                describe: <$t as $crate::event::codec::Wire>::describe,
                meaning: concat!($(stringify!($column_meta), "\0",)* ""),
            }),*];
            const MEANING: &'static str = concat!($(stringify!($meta), "\0",)* "");
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::event::codec::Wire::put(&self.$column, out);)*
            }
            #[allow(unused_assignments)]
            fn get(mut bytes: &[u8]) -> Option<Self> {
                $(
                    let $column = <$t as $crate::event::codec::Wire>::get(bytes)?;
                    bytes = bytes.get(<$t as $crate::event::codec::Wire>::WIDTH..)?;
                )*
                Some(Self { $($column),* })
            }
        }
    };
}
pub(crate) use row;

/// Declares an entry kind: fields with ids from 10 up, secrets, one private part per row, and row sections in order.
/// `entry! { Name = kind { 10 field: type, … } secrets { 40 name, … } per_row { name } rows { section: Row, … } }`
macro_rules! entry {
    ($(#[$meta:meta])* $name:ident = $kind:literal
        { $($(#[$field_meta:meta])* $id:literal $field:ident : $t:ty),* $(,)? }
        $(secrets { $($secret_id:literal $secret:ident),* $(,)? })?
        $(per_row { $per_row:ident })?
        $(rows { $($section:ident : $row:ty),* $(,)? })?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $t,)*
            $($(pub $secret: $crate::event::codec::Secret,)*)?
            $(pub $per_row: Vec<$crate::event::codec::Secret>,)?
            $($(pub $section: Vec<$row>,)*)?
        }

        impl $crate::event::EntryKind for $name {
            const KIND: u8 = $kind;
            const NAME: &'static str = stringify!($name);
            const MEANING: &'static str = concat!($(stringify!($meta), "\0",)* "");
            const FIELDS: &'static [$crate::event::codec::FieldColumn] = &[
                $($crate::event::codec::FieldColumn {
                    id: $id,
                    name: stringify!($field),
                    describe: <$t as $crate::event::codec::FieldValue>::describe_field,
                    meaning: concat!($(stringify!($field_meta), "\0",)* ""),
                },)*
                $($($crate::event::codec::FieldColumn::private($secret_id, stringify!($secret)),)*)?
                $($crate::event::codec::FieldColumn::private(
                    $crate::event::codec::FIRST_PRIVATE_ROW_FIELD,
                    stringify!($per_row),
                ),)?
            ];
            const SECTIONS: &'static [(&'static str, u16)] = &[
                $($((stringify!($section), <$row as $crate::event::codec::Row>::KIND),)*)?
            ];
            fn write(&self, writer: &mut $crate::event::codec::Writer) {
                let _ = &writer;
                $(writer.field($id, &self.$field);)*
                $($(writer.secret($secret_id, &self.$secret);)*)?
                $(for (at, secret) in self.$per_row.iter().enumerate() {
                    writer.secret($crate::event::codec::FIRST_PRIVATE_ROW_FIELD + at as u16, secret);
                })?
                $($(writer.rows(&self.$section);)*)?
            }
            fn read(source: &dyn $crate::event::codec::Source) -> Result<Self, $crate::event::codec::CodecFault> {
                let _ = &source;
                Ok(Self {
                    $($field: $crate::event::codec::read_field(source, $kind, $id, stringify!($field))?,)*
                    $($($secret: $crate::event::codec::Secret::Sealed,)*)?
                    $($per_row: vec![
                        $crate::event::codec::Secret::Sealed;
                        source.secrets_from($crate::event::codec::FIRST_PRIVATE_ROW_FIELD)
                    ],)?
                    $($($section: $crate::event::codec::read_rows(source, $kind)?,)*)?
                })
            }
        }
    };
}
pub(crate) use entry;

/// Declares a closed set of codes that stand in one byte.
macro_rules! code {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $value:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[repr(u8)]
        pub enum $name { $($(#[$variant_meta])* $variant = $value),* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($value => Some(Self::$variant),)* _ => None }
            }
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),* }
            }
        }

        impl $crate::event::codec::Wire for $name {
            const WIDTH: usize = 1;
            fn put(&self, out: &mut Vec<u8>) { out.push(*self as u8); }
            fn get(bytes: &[u8]) -> Option<Self> { Self::from_code(*bytes.first()?) }
            fn describe() -> String {
                let names: Vec<String> =
                    Self::ALL.iter().map(|code| format!("{} {}", *code as u8, code.name())).collect();
                names.join(", ")
            }
        }
    };
}
pub(crate) use code;

#[cfg(test)]
mod tests {
    use super::{FieldValue, LIST_RUN};

    #[test]
    fn a_list_of_zeros_has_no_unit_of_zeros() {
        for count in [0, 1, 127, 128, 129, 255, 256, 1_000, 8_192] {
            let zeros = vec![0_u16; count];
            let field = zeros.to_field();
            let longest = field.split(|byte| *byte != 0).map(<[u8]>::len).max();
            assert!(longest.unwrap_or(0) <= LIST_RUN, "{count}");
            assert_eq!(Vec::<u16>::from_field(&field), Some(zeros));
        }
    }

    #[test]
    fn a_list_with_another_stuffing_is_refused() {
        let mut field = vec![7_u16; 300].to_field();
        field[2 + LIST_RUN] ^= 1;
        assert_eq!(Vec::<u16>::from_field(&field), None);
        let whole = vec![7_u16; 128].to_field();
        assert_eq!(Vec::<u16>::from_field(&whole[..whole.len() - 1]), None);
    }
}
