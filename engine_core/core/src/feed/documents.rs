//! Documents for the Single Window gateway: what it forwards to customs, as received.

use prost::Message;

use crate::contract::whampoa::customs::v1::DocumentType;
use crate::contract::whampoa::feed::v1::feed_row::Item;
use crate::contract::whampoa::feed::v1::{DocumentItem, FeedRow};
use crate::decide::customs::is_reply;
use crate::event::codec::FIRST_PRIVATE_ROW_FIELD;
use crate::event::customs::DocumentSecret;
use crate::event::{At, Event};
use crate::projection::Private;

/// Every document of an entry that customs does not know yet: replies came from there.
pub fn documents(at: &At, event: &Event, private: &dyn Private) -> Vec<FeedRow> {
    let Event::DocumentsRecorded(event) = event else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    for (ordinal, row) in event.documents.iter().enumerate() {
        let doc_type = DocumentType::try_from(i32::from(row.doc_type)).unwrap_or_default();
        if is_reply(doc_type)
            || matches!(
                doc_type,
                DocumentType::AggregationResult | DocumentType::FormatFailure
            )
        {
            continue;
        }
        let opened = private.open(at.index, FIRST_PRIVATE_ROW_FIELD + ordinal as u16);
        let secret = opened.and_then(|bytes| DocumentSecret::decode(bytes.as_slice()).ok());
        let secret = secret.unwrap_or_default();
        let item = DocumentItem {
            document_id: row.document_id.0.to_vec(),
            r#type: doc_type.into(),
            received: secret.received,
            transmitter_code: secret.transmitter_code,
            key: row.key.0.to_vec(),
        };
        rows.push(FeedRow {
            row: ordinal as u32,
            item: Some(Item::Document(item)),
        });
    }
    rows
}
