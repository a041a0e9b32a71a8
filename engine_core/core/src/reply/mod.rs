//! Replies: a pure function of the entries of a request, so that the same request gets the same reply for ever (law 8).

pub mod customs;
pub mod money;
pub mod registry;
pub mod tax;

use crate::contract::whampoa::money::v1::Position;
use crate::decide::Method;
use crate::event::{At, Event};
use crate::rejection::Refusal;

/// Bytes of the reply to a request that produced `entries` (at least one, in order).
pub fn reply(log: &str, method: Method, entries: &[(At, Event)]) -> Vec<u8> {
    use Method as M;
    match method {
        M::RegisterParties
        | M::RegisterRelations
        | M::EndRelation
        | M::RegisterGrants
        | M::RevokeGrant
        | M::SetPayee => registry::reply(log, method, entries),
        M::SubmitDocuments | M::SettleDispute | M::ReportReturn | M::CloseTrade => {
            customs::reply(log, method, entries)
        }
        M::LoadRefundRates | M::SubmitInvoices | M::RegisterZoneGoods | M::LabelItems => {
            tax::reply(log, method, entries)
        }
        _ => money::reply(log, method, entries),
    }
}

/// Bytes of the reply to a request that was refused: every response has `refusal` as field 2.
pub fn refused(refusal: &Refusal) -> Vec<u8> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Refused {
        #[prost(message, optional, tag = "2")]
        refusal: Option<crate::contract::whampoa::money::v1::Refusal>,
    }
    prost::Message::encode_to_vec(&Refused {
        refusal: Some(refusal.to_proto()),
    })
}

/// Position of row 0 of an entry.
pub fn position(log: &str, at: &At) -> Option<Position> {
    Some(Position {
        log: log.to_owned(),
        index: at.index,
        row: 0,
    })
}
