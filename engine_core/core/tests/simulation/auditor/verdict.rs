//! What the model says of a request before it sees the reply: refused by a rule, or accepted with certain contents.

use prost::Message;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::event::{At, Event};
use whampoa_core::ids::Id;

use super::request;

/// Why the model would not accept.
#[derive(Debug)]
pub enum No {
    /// A rule, and the field it names.
    Refused(Rejection, String),
    /// The model does not know the rules of this.
    Unjudged,
}

/// What an accepted request has to look like.
pub type Check = Box<dyn FnOnce(&Told<'_>)>;
pub type Verdict = Result<Check, No>;

/// Entries and reply of an accepted request.
pub struct Told<'a> {
    pub entries: &'a [(At, Event)],
    pub reply: &'a [u8],
}

impl Told<'_> {
    pub fn reply<M: Message + Default>(&self) -> M {
        M::decode(self.reply).expect("a reply is its message")
    }

    /// The entry of a request that makes only one.
    pub fn only(&self) -> &Event {
        assert_eq!(self.entries.len(), 1, "one entry was expected");
        &self.entries[0].1
    }
}

pub fn accepts(check: impl FnOnce(&Told<'_>) + 'static) -> Verdict {
    Ok(Box::new(check))
}

pub fn refuses<T>(code: Rejection, field: impl Into<String>) -> Result<T, No> {
    Err(No::Refused(code, field.into()))
}

pub fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, No> {
    M::decode(bytes).map_err(|_| No::Refused(Rejection::MalformedRequest, "request".to_owned()))
}

/// An id in a field; `FIELD_INVALID` when it is none.
pub fn id_in(bytes: &[u8], field: &str) -> Result<Id, No> {
    request::id(bytes).ok_or_else(|| No::Refused(Rejection::FieldInvalid, field.to_owned()))
}

/// Money of a request: above zero, at most 2^53.
pub fn positive(amount: i64, field: &str) -> Result<i64, No> {
    match amount {
        ..=0 => refuses(Rejection::InvalidAmount, field),
        amount if amount > 1 << 53 => refuses(Rejection::AmountOverflow, field),
        amount => Ok(amount),
    }
}

/// Compares an expectation with what came.
#[macro_export]
macro_rules! same {
    ($got:expr, $expected:expr, $($what:tt)+) => {
        match (&$got, &$expected) {
            (got, expected) => assert!(
                got == expected,
                "{}: {got:?} was told, the model expects {expected:?}", format!($($what)+)
            ),
        }
    };
}
