//! What happened: one struct per entry kind, with the table that lays it out in bytes.

pub mod catalog;
pub mod clearing;
pub mod codec;
pub mod customs;
pub mod forex;
pub mod ledger;
pub mod registry;
pub mod risk;
pub mod tax;
pub mod value;

use crate::ids::{Id, Step};
use codec::{CodecFault, FieldValue, Source, Writer, read_field};

/// Layout of one entry kind.
pub trait EntryKind: Sized {
    const KIND: u8;
    const NAME: &'static str;
    /// What the source says of it: its doc attributes, each closed by a zero byte.
    const MEANING: &'static str;
    const FIELDS: &'static [codec::FieldColumn];
    /// Name and row kind of every section, in order.
    const SECTIONS: &'static [(&'static str, u16)];
    fn write(&self, writer: &mut Writer);
    fn read(source: &dyn Source) -> Result<Self, CodecFault>;
}

/// Version of the layouts below; it stands in the header as payload schema.
pub const SCHEMA: u16 = 1;

/// "No party", "no grant": where an index is optional.
pub const NO_INDEX: u32 = u32::MAX;

/// One entry kind: its fields and the sections of its rows.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub kind: u8,
    pub name: &'static str,
    pub meaning: &'static str,
    pub fields: &'static [codec::FieldColumn],
    pub sections: &'static [(&'static str, u16)],
}

macro_rules! events {
    ($($area:ident :: $name:ident),* $(,)?) => {
        /// Every entry kind.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event { $($name($area::$name)),* }

        /// Every entry kind as docs/formats.md tells it.
        pub const KINDS: &[Kind] = &[$(Kind {
            kind: $area::$name::KIND,
            name: $area::$name::NAME,
            meaning: $area::$name::MEANING,
            fields: $area::$name::FIELDS,
            sections: $area::$name::SECTIONS,
        }),*];

        impl Event {
            pub fn kind(&self) -> u8 {
                match self { $(Self::$name(_) => $area::$name::KIND),* }
            }
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $area::$name::NAME),* }
            }
            pub fn write(&self, writer: &mut Writer) {
                match self { $(Self::$name(event) => event.write(writer)),* }
            }
            pub fn read(kind: u8, source: &dyn Source) -> Result<Self, CodecFault> {
                match kind {
                    $($area::$name::KIND => $area::$name::read(source).map(Self::$name),)*
                    _ => Err(CodecFault { kind, what: "no entry has this kind".into() }),
                }
            }
        }

        $(impl From<$area::$name> for Event {
            fn from(event: $area::$name) -> Self { Self::$name(event) }
        })*
    };
}

events! {
    registry::ActorAdmitted, registry::PartiesRegistered, registry::RelationsRegistered, registry::RelationEnded,
    registry::GrantsRegistered, registry::GrantRevoked, registry::PayeeSet,
    customs::DocumentsRecorded, customs::DisputeSettled, customs::ReturnReported, customs::TradeClosed,
    ledger::AccountsOpened, ledger::TransfersApplied, ledger::AccountClosed,
    forex::RemittanceRecorded, forex::ChargeRecorded, forex::RemittanceRecalled, forex::SuspenseReturned,
    forex::RatePublished, forex::ConversionRequested, forex::ConversionConfirmed, forex::ConversionFailed,
    forex::BopDeclared, forex::BopFeedbackRecorded,
    clearing::Allocated, clearing::DebitConfirmed, clearing::SettlementRecorded, clearing::PayoutsInstructed,
    clearing::ClawbackSettled,
    tax::RefundRatesLoaded, tax::InvoicesRecorded, tax::ZoneGoodsRegistered, tax::ItemsLabelled,
    risk::ReviewDecided, risk::ReviewRulesSet,
}

/// The request that an entry answers; part of every entry but those the engine makes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestMark {
    pub request_id: Id,
    /// SHA-256 of the request bytes.
    pub sha256: [u8; 32],
    /// Number of the method (engine/methods.py and `decide::Method`).
    pub method: u16,
}

const FIELD_REQUEST_ID: u16 = 2;
const FIELD_REQUEST_SHA256: u16 = 3;
const FIELD_METHOD: u16 = 4;

impl RequestMark {
    pub fn write(&self, writer: &mut Writer) {
        writer.field(FIELD_REQUEST_ID, &self.request_id);
        writer.field(FIELD_REQUEST_SHA256, &self.sha256);
        writer.field(FIELD_METHOD, &self.method);
    }

    /// `None` when the entry names no request.
    pub fn read(source: &dyn Source, kind: u8) -> Result<Option<Self>, CodecFault> {
        let Some(id) = source.field(FIELD_REQUEST_ID).and_then(Id::from_field) else {
            return Ok(None);
        };
        Ok(Some(Self {
            request_id: id,
            sha256: read_field(source, kind, FIELD_REQUEST_SHA256, "request_sha256")?,
            method: read_field(source, kind, FIELD_METHOD, "method")?,
        }))
    }
}

/// An entry as decided: what happened, to which case, and who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub event: Event,
    /// The entry's own subject (remittance, conversion, message …).
    pub case_id: Id,
    /// Index of the previous entry of that subject; `Step::NONE.index` for the first.
    pub previous_index: u64,
    /// More entries of the same operation follow.
    pub continues: bool,
}

impl Draft {
    pub fn first(case_id: Id, event: impl Into<Event>) -> Self {
        Self {
            event: event.into(),
            case_id,
            previous_index: Step::NONE.index,
            continues: false,
        }
    }

    pub fn after(previous: Step, case_id: Id, event: impl Into<Event>) -> Self {
        Self {
            previous_index: previous.index,
            ..Self::first(case_id, event)
        }
    }
}

/// Where and when an entry stands, as `evolve` and `reply` see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    pub index: u64,
    pub time_ms: u64,
    pub actor: u32,
    pub case_id: Id,
    pub request: Option<RequestMark>,
    pub continues: bool,
}

impl At {
    /// The step of row `row` of this entry; rows count over all sections in order.
    pub fn step(&self, row: usize) -> Step {
        Step {
            index: self.index,
            row: row as u16,
        }
    }
}
