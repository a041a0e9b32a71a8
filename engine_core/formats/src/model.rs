//! The one table of the CEB export messages: elements in schema order, with their kinds and occurrence.

mod aggregation;
mod envelope;
pub mod former;
mod identity;
mod list;
mod meaning;
mod order;
mod refund;
pub mod signature;
mod transport;

pub use envelope::{
    DATA, ENVELOPE_VERSION, EXTEND, MAX_RECEIVERS, RECEIVER, SUBSCRIBE, TRANS_INFO, TRANSFER,
};
pub use identity::{Identity, identity};
pub use meaning::Meaning;

/// Namespace of every CEB element; the prefix is free.
pub const CEB_NS: &str = "http://www.chinaport.gov.cn/ceb";
/// Namespace of the W3C signature.
pub const DS_NS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Payload elements per message.
pub const MAX_PAYLOADS: u32 = 100;
/// Third parties that a message may name.
pub const MAX_SUBSCRIBERS: u32 = 5;

/// What a field's text must look like; lengths are in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text with its blanks kept: least and greatest length.
    Text(u16, u16),
    /// Text measured after its blanks are collapsed: least and greatest length.
    Token(u16, u16),
    /// Text of exactly so many characters.
    Exact(u16),
    /// Decimal of at most 19 digits, at most 5 of them after the point.
    Decimal,
    /// 32-bit integer of at most so many digits.
    Int(u8),
    /// Date and time with dashes and colons, as XML Schema writes them.
    DateTime,
    /// Base64, decoded by who reads it.
    Base64,
    /// Any well-formed content, not looked into.
    Any,
}

/// One leaf element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    pub name: &'static str,
    pub kind: Kind,
    pub meaning: Meaning,
    pub required: bool,
    /// What an empty element stands for, where the schema declares a default.
    pub default: Option<&'static str>,
    /// Whether the default is the only value allowed.
    pub fixed: bool,
}

/// The repeated rows under a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    pub name: &'static str,
    pub min: u32,
    /// `u32::MAX` stands for unbounded.
    pub max: u32,
    pub fields: &'static [FieldSpec],
}

/// One message: a root, its repeated payload element, and the payload's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    pub number: u16,
    pub root: &'static str,
    pub payload: &'static str,
    /// Name of the head inside the payload; `None` when the payload holds its fields directly.
    pub head: Option<&'static str>,
    pub fields: &'static [FieldSpec],
    pub body: Option<Body>,
    /// Upstream messages carry transfer, subscribers, signature and extension after the payload.
    pub enveloped: bool,
}

impl Message {
    /// Whether the prose of the standard asks for a signature that the schema leaves optional.
    #[must_use]
    pub const fn wants_signature(&self) -> bool {
        matches!(self.number, 509 | 603 | 605 | 607 | 701)
    }
}

static TABLES: [&[Message]; 5] = [
    order::MESSAGES,
    transport::MESSAGES,
    list::MESSAGES,
    aggregation::MESSAGES,
    refund::MESSAGES,
];

/// Every message of the table.
pub fn messages() -> impl Iterator<Item = &'static Message> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The message with this number.
#[must_use]
pub fn by_number(number: u16) -> Option<&'static Message> {
    messages().find(|message| message.number == number)
}

/// The message with this root element.
#[must_use]
pub fn by_root(root: &str) -> Option<&'static Message> {
    messages().find(|message| message.root == root)
}

/// A required field.
const fn r(name: &'static str, kind: Kind) -> FieldSpec {
    FieldSpec {
        name,
        kind,
        meaning: meaning::of(name),
        required: true,
        default: None,
        fixed: false,
    }
}

/// An optional field.
const fn o(name: &'static str, kind: Kind) -> FieldSpec {
    FieldSpec {
        name,
        kind,
        meaning: meaning::of(name),
        required: false,
        default: None,
        fixed: false,
    }
}

/// A required field whose empty element stands for a default.
const fn d(name: &'static str, kind: Kind, default: &'static str) -> FieldSpec {
    FieldSpec {
        name,
        kind,
        meaning: meaning::of(name),
        required: true,
        default: Some(default),
        fixed: false,
    }
}

/// A required field with only one value allowed.
const fn x(name: &'static str, kind: Kind, only: &'static str) -> FieldSpec {
    FieldSpec {
        name,
        kind,
        meaning: meaning::of(name),
        required: true,
        default: Some(only),
        fixed: true,
    }
}
