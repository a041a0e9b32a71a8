//! Replies to documents, disputes, returns and closings, from their entries alone.

use prost::Message;

use super::position;
use crate::contract::whampoa::customs::v1::{
    CloseTradeResponse, DocumentResult, ReportReturnResponse, SettleDisputeResponse,
    SubmitDocumentsResponse,
};
use crate::decide::Method;
use crate::event::customs::DocumentsRecorded;
use crate::event::{At, Event};
use crate::rejection::{Refusal, Rejection};

pub fn reply(log: &str, method: Method, entries: &[(At, Event)]) -> Vec<u8> {
    let position = entries.first().and_then(|(at, _)| position(log, at));
    match method {
        Method::SubmitDocuments => {
            let recorded = entries.iter().filter_map(|(_, event)| match event {
                Event::DocumentsRecorded(event) => Some(event),
                _ => None,
            });
            let mut response = SubmitDocumentsResponse {
                position,
                ..Default::default()
            };
            for event in recorded {
                response.accepted += event.documents.len() as u32;
                exceptions(event, &mut response.exceptions);
            }
            response
                .exceptions
                .sort_by_key(|exception| exception.ordinal);
            response.encode_to_vec()
        }
        Method::ReportReturn => {
            let clawback = entries.iter().find_map(|(_, event)| match event {
                Event::ReturnReported(event) => Some(event.clawback_minor),
                _ => None,
            });
            let clawback_minor = clawback.unwrap_or(0);
            ReportReturnResponse {
                position,
                refusal: None,
                clawback_minor,
            }
            .encode_to_vec()
        }
        Method::CloseTrade => CloseTradeResponse {
            position,
            refusal: None,
        }
        .encode_to_vec(),
        _ => SettleDisputeResponse {
            position,
            refusal: None,
        }
        .encode_to_vec(),
    }
}

/// Documents that were refused, by number and field (values are private and not told again), or known before.
fn exceptions(event: &DocumentsRecorded, out: &mut Vec<DocumentResult>) {
    for ((ordinal, code), field) in event.refused.iter().zip(event.refused_fields.split('\n')) {
        let code = Rejection::try_from(i32::from(*code)).unwrap_or(Rejection::Unspecified);
        let refusal = Some(Refusal::new(code, field, "").to_proto());
        out.push(DocumentResult {
            ordinal: u32::from(*ordinal),
            refusal,
            row: 0,
            repeated: false,
        });
    }
    for (ordinal, step) in &event.repeated {
        let row = u32::from(step.row);
        out.push(DocumentResult {
            ordinal: u32::from(*ordinal),
            refusal: None,
            row,
            repeated: true,
        });
    }
}
